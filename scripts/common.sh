# shellcheck shell=bash
# Shared by `run` and `test`: words for a person, root rights, packages, and checks that say what to do.

# Says what is being done. Standard output is kept for results.
say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# Ends with one sentence and the mend.
die() {
    printf 'porthole: %s\n' "$1" >&2
    [[ $# -lt 2 ]] || printf '  mend: %s\n' "$2" >&2
    exit 1
}

as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi; }

# Runs what builds: under `sudo ./run` as the person who called it, who has the tools and owns the folder.
as_caller() {
    if [[ $EUID -eq 0 && -n ${SUDO_USER:-} && ${SUDO_USER:-} != root ]]; then
        sudo --set-home --user="$SUDO_USER" env "PATH=$PATH" "$@"
    else
        "$@"
    fi
}

need_root() {
    [[ $EUID -eq 0 ]] || command -v sudo > /dev/null ||
        die "instances need root: they are mounted, limited and connected by it" "run it as root, or install sudo"
    [[ $EUID -eq 0 ]] || sudo -v || die "sudo does not let you become root" "run it as root"
}

# Finds the person's own tools, which sudo and login shells may hide.
find_tools() {
    local home
    home=$(getent passwd "${SUDO_USER:-$(id -un)}" | cut -d: -f6)
    export PATH="$PATH:$home/.cargo/bin:/usr/local/bin:/usr/sbin:/sbin"
}

is_installed() { [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2> /dev/null) == installed ]]; }

# Installs what is missing of the given kind ("run" or "test").
install_packages() {
    local kind=$1 when names why name missing=()
    command -v dpkg-query apt-get > /dev/null || die "this is neither Debian nor Ubuntu" "use Debian 12 or Ubuntu 24.04"
    while IFS='|' read -r when names why; do
        [[ $when == "$kind" ]] || continue
        for name in $names; do is_installed "$name" && continue 2; done
        missing+=("$names|$why")
    done < <(grep -v '^#' scripts/packages)
    [[ ${#missing[@]} -gt 0 ]] || return 0
    say "Installing system packages"
    need_root
    as_root apt-get update --quiet=2 >&2 || die "the package lists cannot be fetched" "check the network and apt's sources"
    local wanted=()
    for name in "${missing[@]}"; do
        names=${name%%|*}
        printf '  %-28s %s\n' "$names" "${name#*|}" >&2
        wanted+=("$(first_available "$names")")
    done
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --option Dpkg::Use-Pty=0 --yes --no-install-recommends "${wanted[@]}" >&2 ||
        die "some packages cannot be installed: ${wanted[*]}" "apt-get install ${wanted[*]}"
}

first_available() {
    local name
    for name in $1; do
        if apt-cache show "$name" > /dev/null 2>&1; then echo "$name" && return; fi
    done
    echo "${1%% *}"
}

# at_least 1.95 1.100.2: whether the second version is the first or later.
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort --version-sort | head -n 1) == "$1" ]]; }

check_toolchains() {
    local rust node
    rust=$(as_caller cargo --version 2> /dev/null | cut -d' ' -f2) || true
    [[ -n $rust ]] || die "Rust is missing" "install Rust $RUST or later with rustup, or from your distribution where it is new enough"
    at_least "$RUST" "$rust" || die "Rust $rust is too old" "install Rust $RUST or later: rustup update stable"
    node=$(node --version 2> /dev/null | tr -d v) || true
    [[ -n $node ]] || die "Node.js is missing" "install Node.js $NODE or later with npm"
    at_least "$NODE" "$node" || die "Node.js $node is too old" "install Node.js $NODE or later"
    command -v npm > /dev/null || die "npm is missing" "install npm, which comes with Node.js"
}

# check_space FOLDER MIB WHAT
check_space() {
    local folder=$1 free
    until [[ -d $folder ]]; do folder=$(dirname "$folder"); done
    free=$(df --output=avail --block-size=M "$folder" | tail -n 1 | tr -dc 0-9)
    [[ $free -ge $2 ]] || die "$folder has $free MiB free, and $3 needs $2 MiB" "free some space, or choose another folder"
}

check_filesystems() {
    local name
    for name in overlay erofs ext4; do
        grep -qw "$name" /proc/filesystems || as_root modprobe "$name" 2> /dev/null || true
        grep -qw "$name" /proc/filesystems ||
            die "this kernel has no $name filesystem" "use a kernel with it, such as Debian's or Ubuntu's own"
    done
}

RUST=1.95
NODE=20.19

# shellcheck shell=bash
# Builds what runs: web bundle, server, guest agent, images. Each step does nothing where nothing has changed.

# Hash of all that decides what the bundle will hold.
web_hash() {
    find web -type d \( -name node_modules -o -name dist -o -name testdata -o -name test \) -prune -o -type f -print0 |
        sort --zero-terminated | xargs --null sha256sum | sha256sum | cut -d' ' -f1
}

web_modules() {
    local stamp=web/node_modules/.from
    [[ -f $stamp && $(< $stamp) == "$(sha256sum < web/package-lock.json)" ]] && return
    say "Installing the web bundle's tools"
    as_caller npm --prefix web ci --no-audit --no-fund --loglevel=error >&2 ||
        die "npm cannot install the web bundle's tools" "check the network and npm's configuration"
    sha256sum < web/package-lock.json | as_caller tee "$stamp" > /dev/null
}

build_web() {
    local hash stamp=web/node_modules/.bundle
    hash=$(web_hash)
    [[ -f web/dist/viewer/index.html && -f web/dist/console/index.html && -f $stamp && $(< $stamp) == "$hash" ]] && return
    web_modules
    say "Building the web bundle"
    as_caller npm --prefix web run build --silent >&2 || die "the web bundle cannot be built"
    echo "$hash" | as_caller tee "$stamp" > /dev/null
}

# build_binaries PROFILE: target/PROFILE/porthole, and the static porthole-guest beside it.
build_binaries() {
    local profile=$1 flags=(--release --package porthole-server)
    # With the same features as the tests have, or everything they share would be built twice.
    [[ $profile == release ]] || flags=(--workspace --bins --tests)
    [[ -x target/$profile/porthole ]] || say "Building the server and the guest agent, which takes some minutes once"
    as_caller cargo build --locked --quiet "${flags[@]}" >&2 || die "the server cannot be built"
    as_caller scripts/build-guest "$profile" > /dev/null || die "the guest agent cannot be built"
}

# all_images: names of all recipes.
all_images() {
    local name
    for name in images/*/recipe.toml; do basename "$(dirname "$name")"; done
}

# build_images PROFILE IMAGES_DIR NAME...
build_images() {
    local profile=$1 folder=$2
    shift 2
    as_root "target/$profile/porthole" image build --recipes-dir images --images-dir "$folder" "$@" >&2 ||
        die "the images cannot be built"
}

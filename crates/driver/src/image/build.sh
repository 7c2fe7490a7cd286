#!/bin/bash
# Builds one image. Started by build.rs in mount and process namespaces of its own: when this process ends, however it
# ends, the kernel takes every mount and every process of the build with it.
#
#   WORK      folder for everything made here, the image among it as `image`; build.rs left there
#             apt.conf (the host's settings for downloads) and dpkg.conf (what to leave out of packages)
#   BASE      image file to start from, or empty: then SUITE is bootstrapped
#   SUITE     Debian's code name; SOURCES: file with the host's package sources for it, or empty for the tool's own;
#             KEYS: files of keys they name
#   NAME      the image's name; RECIPE: folder of its recipe
#   PACKAGES  names of packages with blanks between
#   VENV      virtual environment, or empty; REQUIREMENTS: file in the recipe's folder
#   CACHE     folder of downloads, kept between builds
#
# Lines that begin with "::" say which stage begins. Standard input is the lock of the images folder: everything started
# here holds it.
set -euo pipefail
umask 022
shopt -s inherit_errexit
exec 9<&0 < /dev/null
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root TMPDIR=/tmp
started="$WORK/started"

bootstrap() {
    echo "::bootstrap"
    mkdir "$root"
    if [[ -n $BASE ]]; then
        mkdir "$WORK/base" "$WORK/upper" "$WORK/overlay"
        mount -t erofs -o ro,loop "$BASE" "$WORK/base"
        mount -t overlay -o "lowerdir=$WORK/base,upperdir=$WORK/upper,workdir=$WORK/overlay" overlay "$root"
    else
        mmdebstrap --mode=root --variant=minbase --include=ca-certificates --aptopt="$WORK/apt.conf" \
            --dpkgopt="$WORK/dpkg.conf" "$SUITE" "$root" ${SOURCES:+"$SOURCES"}
        rm "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
        for key in $KEYS; do [[ -e $root$key ]] || install -D --mode=644 "$key" "$root$key"; done
    fi
}

# Gives everything made during this build the time of the newest file that a package brought: the same packages then give
# the same times, and caches that record the time of a folder stay true.
even_times() {
    local newest
    newest=$(find "$root/usr" -xdev -type f ! -newer "$started" -printf '%T@\n' | sort -n | tail -n 1)
    find "$root" -xdev -newer "$started" -exec touch --no-dereference --date="@${newest%.*}" {} +
}

packages() {
    echo "::packages"
    cp "$WORK/dpkg.conf" "$root/etc/dpkg/dpkg.cfg.d/porthole-build"
    read -ra names <<< "$PACKAGES"
    inside apt-get update
    # Security updates too, for what the base brought.
    inside apt-get -y -o DPkg::Options::=--force-unsafe-io dist-upgrade
    inside apt-get -y -o DPkg::Options::=--force-unsafe-io --no-install-recommends install "${names[@]}"
    inside apt-get autoclean
    rm "$root/etc/dpkg/dpkg.cfg.d/porthole-build"
}

python() {
    if [[ -z $VENV ]]; then return; fi
    echo "::python"
    cp "$RECIPE/$REQUIREMENTS" "$root/run/requirements.txt"
    # The host's certificates: downloads may go through a mirror that only they vouch for.
    if [[ -e ${PIP_CERT:-$bundle} ]]; then mount --bind "$(realpath "${PIP_CERT:-$bundle}")" "$root$bundle"; fi
    inside python3 -m venv "$VENV"
    inside "$VENV/bin/pip" install --no-compile --require-hashes -r /run/requirements.txt
    if mountpoint -q "$root$bundle"; then umount "$root$bundle"; fi
    even_times
    # Some packages carry files of old Pythons, which do not compile and are not needed.
    inside "$VENV/bin/python3" -m compileall -q -j 0 "$VENV/lib" || true
}

setup() {
    echo "::setup"
    if [[ -d $RECIPE/files ]]; then
        tar --create --directory "$RECIPE/files" --owner=0 --group=0 --mode='u=rwX,go=rX' . |
            tar --extract --directory "$root" --no-overwrite-dir --touch
    fi
    if [[ -f $RECIPE/setup ]]; then
        cp "$RECIPE/setup" "$root/run/setup"
        chmod 755 "$root/run/setup"
        even_times
        inside /run/setup
    fi
    inside dpkg-query -W -f '${Package} ${Version}\n' > "$WORK/packages"
    if [[ -n $VENV ]]; then inside "$VENV/bin/pip" freeze >> "$WORK/packages"; fi
    mkdir -p "$root/usr/share/porthole"
    cp "$WORK/packages" "$root/usr/share/porthole/packages"
}

touch --date='-2 seconds' "$started"
bootstrap
lend
packages
python
setup
restore
even_times
echo "::pack"
mkfs.erofs -zlz4 "$WORK/image" "$root" 2>&1
sync "$WORK/image"

#!/bin/bash
# What an image that is being built sees of the host, and the one way to run something inside. Put before build.sh, which
# says what the variables are.
root="$WORK/root"
bundle=/etc/ssl/certs/ca-certificates.crt

# Lends the image what it needs of the host while it is built. Each file made here is one that restore removes.
lend() {
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir "$root/dev/shm" "$root/dev/pts"
    ln -s /proc/self/fd "$root/dev/fd"
    for node in null zero full random urandom tty; do
        touch "$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    for file in /etc/resolv.conf /etc/hosts; do
        [[ -e $root$file ]] || touch "$root$file"
        mount --bind "$(realpath "$file")" "$root$file"
    done
    # One folder an image for apt, which lets nobody else in while it downloads.
    mkdir -p "$CACHE/apt/$NAME/partial" "$CACHE/pip" "$root"/run/{apt,pip}
    mount --bind "$CACHE/apt/$NAME" "$root/run/apt"
    mount --bind "$CACHE/pip" "$root/run/pip"
    { cat "$WORK/apt.conf"; echo 'Dir::Cache::archives "/run/apt";'; } > "$root/run/apt.conf"
    for file in "${PIP_CONFIG_FILE:-}" ~/.config/pip/pip.conf ~/.pip/pip.conf /etc/pip.conf; do
        if [[ -f $file ]]; then cp "$file" "$root/run/pip.conf" && break; fi
    done
    # Services of packages must not start in here.
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
}

restore() {
    rm "$root/usr/sbin/policy-rc.d"
    umount --lazy "$root"/{etc/resolv.conf,etc/hosts,dev,run,tmp,sys,proc}
    rm -f "$root"/etc/{resolv.conf,hosts,hostname,machine-id} "$root"/var/cache/{apt/*.bin,ldconfig/aux-cache}
    rm -rf "${root:?}"/var/lib/apt/lists/* "$root"/{root,home/*}/.cache
    find "$root/var/log" -type f -delete
}

inside() {
    env -u PIP_CERT PIP_CONFIG_FILE=/run/pip.conf PIP_CACHE_DIR=/run/pip PIP_DISABLE_PIP_VERSION_CHECK=1 \
        APT_CONFIG=/run/apt.conf PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@"
}

#!/bin/sh
# First process of an exported virtual computer on a machine of its own: mounts what a system needs, starts the SSH server
# and a login on each console. An init system that is installed takes this file's place.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022

# place TYPE FOLDER OPTIONS: what the initramfs has mounted already stays.
place() {
    mountpoint --quiet "$2" || { mkdir -p "$2" && mount -t "$1" -o "$3" "$1" "$2"; }
}
mount -o remount,rw /
place proc /proc nosuid,nodev,noexec
place sysfs /sys nosuid,nodev,noexec
place devtmpfs /dev nosuid,mode=755
place devpts /dev/pts nosuid,noexec,gid=5,mode=620
place tmpfs /dev/shm nosuid,nodev,mode=1777
place tmpfs /run nosuid,nodev,mode=755
place tmpfs /tmp nosuid,nodev,mode=1777

[ -s /etc/hostname ] && cat /etc/hostname > /proc/sys/kernel/hostname
for link in /sys/class/net/*; do
    [ ! -e "$link" ] || ip link set "${link##*/}" up
done
if [ -x /usr/sbin/sshd ]; then
    mkdir -p /run/sshd
    ssh-keygen -A && /usr/sbin/sshd
fi

# The person has no password: whoever holds the console holds the disk.
person=$(getent passwd 1000 | cut -d: -f1)
console() {
    while :; do
        agetty ${person:+--autologin "$person"} --noclear --keep-baud 115200,38400,9600 "$1" "${TERM:-vt220}" < /dev/null
        # One that cannot be opened would be tried for ever.
        sleep 1
    done
}
for name in $(cat /sys/class/tty/console/active); do
    [ "$name" != tty0 ] || name=tty1
    console "$name" &
done
while :; do wait; sleep 1; done

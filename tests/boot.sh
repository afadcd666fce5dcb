#!/bin/sh
# systemd as process 1 of namespaces of its own, on an overlay of this machine's files that forgets everything.
# usage: unshare --pid --fork --kill-child --mount --cgroup --uts --ipc --net tests/boot.sh PLACE CHECKOUT PYTHON
# PLACE is an empty folder; CHECKOUT and the prefix of PYTHON are seen as /srv/checkout and /srv/python, since they
# may lie in a home folder, which a service does not see. The units of this machine are not started.
set -eu
place=$1
checkout=$2
python=$3
root=$place/root

mount --make-rprivate /
mount -t tmpfs tmpfs "$place"
mkdir "$place/upper" "$place/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$root"

mount -t proc proc "$root/proc"
# What is set there would be set for the whole machine.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
for folder in dev run tmp home root; do
  mount -t tmpfs -o mode=755 tmpfs "$root/$folder"
done
mkdir "$root/dev/shm" "$root/dev/mqueue" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
: >"$root/dev/console"
mount --bind /proc/self/fd/1 "$root/dev/console" 2>/dev/null || true
ln -s /proc/self/fd "$root/dev/fd"

# Alone, also where this machine has others: in those it would make groups of its own outside of ours.
mount -t cgroup2 cgroup "$root/sys/fs/cgroup"

rm -rf "$root/etc/fstab" "$root/etc/systemd/system" "$root/run/systemd" "$root"/usr/lib/systemd/system/*.wants
units=$root/etc/systemd/system
mkdir -p "$units/boot.target.wants" "$root/srv/checkout" "$root/srv/python"
ln -s /usr/lib/systemd/system/systemd-journald.service "$units/boot.target.wants/"
printf '[Unit]\nDescription=Nothing but the manager and its journal\n' >"$units/boot.target"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
mount --rbind "$checkout" "$root/srv/checkout"
mount --rbind "$python" "$root/srv/python"

cd "$root"
mkdir -p old
pivot_root . old
# shellcheck disable=SC2016  # for the inner shell
exec chroot . /usr/bin/env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c '
  umount -l /old
  exec /lib/systemd/systemd --system --unit=boot.target --log-target=journal --show-status=no'

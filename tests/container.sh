#!/bin/sh
# A container without Docker: a root of its own, an overlay of this machine's files that forgets everything.
# usage: unshare --mount tests/container.sh PLACE CHECKOUT PYTHON PHOTOS SCRIPT
# PLACE is an empty folder; PHOTOS is the volume /photos; SCRIPT is run by a shell in there. CHECKOUT and the prefix
# of PYTHON are seen as /srv/checkout and /srv/python, since they may lie in a home folder.
set -eu
place=$1
root=$place/root
mount --make-rprivate /
mount -t tmpfs tmpfs "$place"
mkdir "$place/upper" "$place/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$root"
mkdir -p "$root/srv/checkout" "$root/srv/python" "$root/photos" "$root/models"
mount --rbind "$2" "$root/srv/checkout"
mount --rbind "$3" "$root/srv/python"
mount --rbind "$4" "$root/photos"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
exec chroot "$root" /bin/sh -euc "$5"

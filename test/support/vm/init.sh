#!/bin/busybox sh
# First program of the microVM: a copy-on-write view of the host's root, then guest.sh in it.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/lib/$module" || echo "insmod $module failed"; done < /lib/order

mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose root /host || exec sh -c 'echo "cannot reach the files of the host"; sleep 1'
mount -t tmpfs -o size=90% tmpfs /up
mkdir /up/upper /up/work
mount -t overlay -o lowerdir=/host,upperdir=/up/upper,workdir=/up/work overlay /new
mount -t tmpfs -o mode=755 tmpfs /new/run
mkdir /new/run/parapet-vm
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=none job /new/run/parapet-vm

mount --move /proc /new/proc
mount --move /sys /new/sys
mount --move /dev /new/dev
exec switch_root /new /bin/bash /run/parapet-vm/guest.sh

#!/bin/bash
# Process 1 of the microVM: mounts what a machine has, starts containerd, runs the command, says how it ended.
# The host ends the machine: it kills QEMU once it has the last byte.
. /run/parapet-vm/job.sh
export PATH="$TREE/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root USER=root LANG=C.UTF-8 container=
unset container

mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
ln -sfn /proc/self/fd /dev/fd
for stream in stdin:0 stdout:1 stderr:2; do ln -sfn "/proc/self/fd/${stream#*:}" "/dev/${stream%:*}"; done
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for controller in $(< /sys/fs/cgroup/cgroup.controllers); do echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control; done
mkdir -p /run/lock
chmod 1777 /run/lock
ip link set lo up

# The host's udev is not here, so the ports have no names in /dev.
port() {
  local entry
  for entry in /sys/class/virtio-ports/*; do
    [ "$(< "$entry/name")" = "$1" ] && echo "/dev/${entry##*/}" && return
  done
  echo "no virtio port $1" > /dev/console
  return 1
}
exec 5> "$(port control)"
fail() {
  echo "failed $*" >&5
  sleep 30
}

mkdir -p "/lib/modules/${MODULES##*/}" && mount --bind "$MODULES" "/lib/modules/${MODULES##*/}" || fail "no kernel modules"
for tag in "${!SHARES[@]}"; do
  directory=${SHARES[$tag]}
  mkdir -p "$directory" && mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none "share$tag" "$directory" || fail "cannot mount $directory"
done

# containerd's snapshots are overlays, which the kernel refuses on top of an overlay: they get a file system of their own.
# So do others who keep state there.
for directory in /var/lib/containerd /var/lib/kubelet; do
  mkdir -p "$directory" && mount -t tmpfs -o size=75% tmpfs "$directory"
done
ulimit -n 65536
if [ -n "$CONTAINERD" ]; then
  cat > /run/containerd.toml <<'X'
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
X
  containerd --config /run/containerd.toml > /run/containerd.log 2>&1 < /dev/null 5>&- &
  until ctr --connect-timeout 2s version > /dev/null 2>&1; do
    if ! kill -0 $! 2> /dev/null; then
      fail "containerd ended: $(tail -n 1 /run/containerd.log)"
      break
    fi
    sleep 0.1
  done
fi

# The command gets pipes, not the ports: a port can be opened only once, and programs open /dev/stderr.
exec 3> >(exec cat > "$(port stdout)" 5>&-) 4> >(exec cat > "$(port stderr)" 3>&- 5>&-)
echo ready >&5
(
  cd "$TREE" || exit 125
  exec "${COMMAND[@]}" < /dev/null 1>&3 2>&4 3>&- 4>&- 5>&-
) &
wait $!
status=$?
printf '%s' "$MARK" >&3
printf '%s' "$MARK" >&4
echo "exit $status" >&5
sleep infinity

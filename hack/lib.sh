# shellcheck shell=bash
# Sourced by the scripts of this directory: paths, progress lines, errors.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
# What is expensive to make and may be thrown away: Kubernetes, Debian and PyPI packages, images.
CACHE=${ODIGOS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/odigos}
# What belongs to one run of the local cluster; `hack/cluster down` removes it.
STATE=${ODIGOS_CLUSTER_DIR:-/var/tmp/odigos-cluster}
# Debian's own interpreter, so that a version manager on the PATH changes nothing.
PYTHON=${PYTHON:-/usr/bin/python3}
export CACHE STATE PYTHON

# A Python with the packages that the tests speak gRPC with; hack/setup makes it.
PEER_PACKAGES=(grpcio==1.85.3 protobuf==7.36.2 hpack==4.1.0 opentelemetry-opamp-client==0.5b0)
PEER=$CACHE/peer-$(IFS=-; echo "${PEER_PACKAGES[*]//==/-}")
export PEER

# A .NET runtime for the matrix and the tests of detection, from PyPI, where it is for x86_64 only; hack/setup gets it.
DOTNET=$CACHE/dotnet-8.0.4
export DOTNET

# A Node.js for the tests of its agent where the machine's own is missing or too old; hack/setup gets it.
NODE=$CACHE/nodejs-20.18.0
export NODE

# Progress lines carry the time since the first script of the run began.
export STARTED_NS="${STARTED_NS:-$(date +%s%N)}"

# say TEXT: one line of progress
say() {
  local ms=$((($(date +%s%N) - STARTED_NS) / 1000000))
  printf '%5d.%ds  %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*" >&2
}

# die TEXT...: say what went wrong (further arguments: what to do), and end
die() {
  say "FAILED: $1"
  shift
  local line
  for line in "$@"; do printf '          %s\n' "$line" >&2; done
  exit 1
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds; fails when it does not in time
wait_for() {
  local end=$(($(date +%s) + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 0.1
  done
}

# need_root WHAT: for what namespaces, mounts and package installation need
need_root() {
  [ "$(id -u)" = 0 ] || die "$1 needs root" "run it again with sudo -E"
}

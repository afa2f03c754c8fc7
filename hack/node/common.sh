# shellcheck shell=bash
# Sourced by the scripts of this directory, after ../lib.sh: the addresses of the one-node cluster, and how to enter it.
#
# "The node" is one network and one mount namespace, held by a sleeping process; every daemon is started into them.
# The host keeps no interface, no firewall rule, no listening port and no mount. The process namespace is the host's,
# so that what looks at processes (odiglet, eBPF) sees what it would see on a machine of its own.

export KUBERNETES_VERSION=1.20.2
# Another Kubernetes that was built elsewhere (1.20 and newer; without kube-proxy, the one of 1.20 serves it), and another
# containerd than Debian's (image volumes need 2.1).
BUILT_KUBERNETES=$CACHE/kubernetes-$KUBERNETES_VERSION
KUBERNETES_BIN=${ODIGOS_KUBERNETES_BIN:-$BUILT_KUBERNETES}
[ -z "${ODIGOS_CONTAINERD_BIN:-}" ] || PATH=$ODIGOS_CONTAINERD_BIN:$PATH
GO_VERSION=1.21.13 # the newest Go that the libraries in 1.20's vendor directory build with
export GO_VERSION BUILT_KUBERNETES KUBERNETES_BIN

export NODE=node1 NODE_IP=10.240.0.2 POD_CIDR=10.244.0.0/16 NODE_POD_CIDR=10.244.0.0/24
export SERVICE_CIDR=10.96.0.0/16 API_IP=10.96.0.1 DOMAIN=cluster.local
# In the node's own /run. The kubelet's statistics look for containerd exactly there.
CONTAINERD=/run/containerd/containerd.sock
CGROUP=$(basename "$STATE") # the cgroup below which the pods live
export CONTAINERD CGROUP
export PATH=$PATH:/usr/sbin:/sbin

# holder: the process id of the node's namespaces; fails when there is none.
# A reused process id is told apart by the holder's own name.
holder() {
  local pid words
  pid=$(cat "$STATE/pids/holder" 2>/dev/null) || return 1
  words=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || return 1
  [[ $words == "odigos-cluster-node "* ]] && echo "$pid"
}

not_up() { die "the cluster is not up" "start it: hack/cluster up"; }

# in_node COMMAND...: run it in the node's namespaces, in this directory.
# Not `ip netns exec`: that mounts a new /sys, which hides /sys/fs/cgroup.
in_node() {
  local pid
  pid=$(holder) || not_up
  nsenter -t "$pid" -m -n --wd="$PWD" -- "$@"
}

kubectl_in_node() {
  # its own discovery cache: the default one is keyed by address and would outlive this cluster
  in_node "${KUBECTL:-kubectl}" --kubeconfig "$STATE/kubeconfig" --cache-dir "$STATE/kubectl-cache" "$@"
}

# running NAME: is this daemon alive, and in the node?
running() {
  local pid node
  node=$(holder) && pid=$(cat "$STATE/pids/$1" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/ns/mnt" 2>/dev/null)" = "$(readlink "/proc/$node/ns/mnt")" ] &&
    ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null
}

# start NAME COMMAND...: a daemon in the node; how it was started is kept for restart
start() {
  local name=$1
  shift
  printf '%q ' "$@" >"$STATE/daemons/$name"
  restart "$name"
}

# restart NAME: start a daemon again as it was started first
restart() {
  local pid
  pid=$(holder) || not_up
  # 9 is the lock of `up` and `down`, which no daemon may keep
  setsid nsenter -t "$pid" -m -n -- bash -c "exec $(cat "$STATE/daemons/$1")" \
    >>"$STATE/log/$1.log" 2>&1 </dev/null 9>&- &
  echo $! >"$STATE/pids/$1"
}

# daemon_failed NAME: the end of its log, as the reason of a failure
daemon_failed() {
  tail -n 15 "$STATE/log/$1.log" >&2 2>/dev/null || true
  die "$2" "log: $STATE/log/$1.log" "then start anew: hack/cluster down && hack/cluster up"
}

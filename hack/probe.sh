# shellcheck shell=bash
# Sourced after lib.sh: the project's HTTP server by itself (Tests/HTTPServerProbe), for tools that test servers.

# start_probe ARGS...: builds and starts it; $PROBE is its address
start_probe() {
  "$ROOT/hack/setup" build
  cd "$ROOT" || return
  local log=$CACHE/log/probe.log
  mkdir -p "${log%/*}"
  say "probe: building the server (log: $log)"
  swift build -j 2 --product HTTPServerProbe >"$log" 2>&1 || die "building HTTPServerProbe" "log: $log"
  coproc PROBE_PROCESS { exec .build/debug/HTTPServerProbe "$@"; }
  # shellcheck disable=SC2034 # for those who source this
  read -r -t 20 PROBE <&"${PROBE_PROCESS[0]}" || die "HTTPServerProbe does not start"
  say "probe: $PROBE"
}

stop_probe() {
  local input=${PROBE_PROCESS[1]} id=$PROBE_PROCESS_PID
  exec {input}>&-
  wait "$id" || die "HTTPServerProbe ended with an error" "it must survive whatever a peer does"
}

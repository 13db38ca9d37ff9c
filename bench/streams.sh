#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# streams.sh - ./dev bench streams: a trade on its way to 10,000 WebSockets.
#
# A run directory of its own with what streams need, and no more: nginx with our
# settings, matcherd, streamd.  Arguments go to bench-streams.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${QUANTORA_BUILD_DIR:-$top/build}
where=${QUANTORA_BENCH_DIR:-$top}

run=$(mktemp -d "$where/.bench.XXXXXX")
pids=()
finish() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait
	rm -rf "$run" "${QUANTORA_SOCK_DIR:-$run}"
}
trap finish EXIT
trap 'exit 1' INT TERM

die() {
	printf '%s\n' "$*" >&2
	exit 1
}
free_port() {
	/usr/bin/python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

export QUANTORA_TOP=$top QUANTORA_BUILD_DIR=$build QUANTORA_RUN_DIR=$run \
	QUANTORA_DEMO=0 QUANTORA_IP_RATE=1000000 \
	QUANTORA_IP_CONNECTIONS=60000 QUANTORA_IP_STREAMS=60000
QUANTORA_HTTP_PORT=$(free_port)
QUANTORA_HTTPS_PORT=$(free_port)
export QUANTORA_HTTP_PORT QUANTORA_HTTPS_PORT
# shellcheck source-path=SCRIPTDIR source=../dev.d/build.sh source=../dev.d/stack.sh
. "$top/dev.d/build.sh"
. "$top/dev.d/stack.sh"
# Everything of a stack but its database, and nothing of it runs yet.
stack_database() { :; }
supervise() { :; }
stack_prepare

sock=$QUANTORA_SOCK_DIR conf=$run/conf/quantora.ini
printf '\n[stream]\nconnections = 60000\n' >>"$conf"
# Each stream takes a descriptor here, one in streamd, and two in nginx.
ulimit -n "$(ulimit -Hn)"

# Start it, and wait until FILE says that it answers.
start() {
	local ready=$1
	shift
	"$@" >>"$run/log/bench.log" 2>&1 &
	pids+=("$!")
	for _ in {1..100}; do
		[ ! -e "$ready" ] || return 0
		kill -0 "${pids[-1]}" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 5 "$run/log/bench.log" >&2
	die "$1 did not start."
}
start "$sock/matcher" "$build/quantora-matcherd" -c "$conf"
start "$sock/streamd" "$build/quantora-streamd" -c "$conf"
start "$run/pid/nginx.pid" nginx -p "$run" -c "$run/nginx/quantora.conf" \
	-e "$run/log/nginx.log" -g 'daemon off;'

"$build/bench/bench-streams" -c "$conf" -p "$QUANTORA_HTTP_PORT" "$@"

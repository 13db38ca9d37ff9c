#!/usr/bin/env bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# orders.sh - ./dev bench orders: an order over HTTP against a null handler.
#
# A run directory of its own with what the path of an order has, and no more:
# nginx with our settings, the trade pool, matcherd.  Beside them, behind the
# same nginx, the null handler with as many workers.  Arguments go to
# bench-orders.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${QUANTORA_BUILD_DIR:-$top/build}
workers=${QUANTORA_BENCH_WORKERS:-16}
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
	QUANTORA_IP_CONNECTIONS=60000 QUANTORA_IP_STREAMS=100
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
# The budgets of one user are not what is measured.
printf '\n[rate]\ntrade_second = 0\nbotplatform_minute = 0\nbotplatform_second = 0\n' >>"$conf"
sed -i "s|^\[http\]|[http]\nworkers_trade = $workers|" "$conf"
sed -i "s|upstream trade {|upstream null { server unix:$sock/null; }\n&|" \
	"$run/nginx/quantora.conf"
printf '"POST /null" null;\n' >>"$run/nginx/pools.map"

# Start NAME, and wait until FILE says that it answers.
watch=()
start() {
	local name=$1 ready=$2
	shift 2
	"$@" >>"$run/log/bench.log" 2>&1 &
	pids+=("$!")
	watch+=(-w "$name=$!")
	for _ in {1..100}; do
		[ ! -e "$ready" ] || return 0
		kill -0 "${pids[-1]}" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 5 "$run/log/bench.log" >&2
	die "$1 did not start."
}
start matcher "$sock/matcher" "$build/quantora-matcherd" -c "$conf"
start workers "$sock/trade" "$build/quantora-api" -c "$conf" --pool trade
start null "$sock/null" "$build/bench/bench-null" "$sock/null" "$workers"
start nginx "$run/pid/nginx.pid" nginx -p "$run" -c "$run/nginx/quantora.conf" \
	-e "$run/log/nginx.log" -g 'daemon off;'

"$build/bench/bench-orders" -c "$conf" -p "$QUANTORA_HTTP_PORT" \
	"${watch[@]}" "$@"

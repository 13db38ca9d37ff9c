#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# api.sh - for `make check`: the suite of the API, where its servers are at hand.
set -eu
PATH=$PATH:/usr/sbin
for program in mariadbd redis-server nginx openssl; do
	command -v $program >/dev/null || exit 77
done
/usr/bin/python3 -c 'import pytest, requests, pymysql, websockets' 2>/dev/null || exit 77
QUANTORA_TOP=$(cd "$(dirname "$0")/.." && pwd)
export QUANTORA_TOP QUANTORA_BUILD_DIR="$PWD" QUANTORA_BUILD=0
exec /usr/bin/python3 -B "$QUANTORA_TOP/dev.d/test.py" api

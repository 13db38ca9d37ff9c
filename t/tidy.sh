#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# tidy.sh - what our code never does; prints TAP, or with a folder its findings.
exec /usr/bin/python3 -B "$(dirname "$0")/harness/tidy.py" "$@"

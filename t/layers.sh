#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# layers.sh - who may include what; prints TAP, or with a folder its findings.
exec /usr/bin/python3 -B "$(dirname "$0")/harness/layers.py" "$@"

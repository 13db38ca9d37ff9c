#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# units.sh - the systemd units are sound, and closed; prints TAP.
#
# systemd-analyze judges a unit from 0 (closed) to 10; security.md asks for 1.5 at
# most, for the matcher 0.5.  The edge starts as root for its ports and has no bound.
set -u
cd "$(dirname "$0")/../systemd" || exit 1
command -v systemd-analyze >/dev/null || exit 77
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

check() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/said"
	fi
}

# closed UNIT THRESHOLD (in tenths)
closed() {
	(cd "$tmp" && systemd-analyze security --offline=true --no-pager \
		--threshold="$2" "./$1") >"$tmp/said" 2>&1
}

# The programs need not be installed for a look at the units.
sound() {
	sed -i 's|^\(ExecStart=\)[^ ]*|\1/bin/true|' "$tmp/$1"
	(cd "$tmp" && systemd-analyze verify --man=no "./$1") >"$tmp/said" 2>&1 &&
		! grep -q "^$1\|/$1" "$tmp/said"
}

for template in *.service.in; do
	unit=${template%.in}
	./install.sh fill "$template" >"$tmp/$unit"
	case $unit in
	quantora-nginx.service) ;;
	quantora-matcherd.service) closed "$unit" 5; check $? "$unit is closed" ;;
	*) closed "$unit" 15; check $? "$unit is closed" ;;
	esac
done
# The drop-in, as systemd would put it together.
sed '/^\[Install\]/,$d' "$tmp/quantora-api@.service" | cat - egress.conf \
	>"$tmp/quantora-api@egress.service"
closed quantora-api@egress.service 15
check $? "quantora-api@egress.service is closed"

for unit in "$tmp"/*.service; do
	sound "$(basename "$unit")"
	check $? "$(basename "$unit") is sound"
done

printf '[Service]\nExecStart=/bin/true\n' >"$tmp/open.service"
! closed open.service 15
check $? "an open unit is found"
printf '[Service]\nExecStart=/bin/true\nUser\nNoSuchKey=1\n' >"$tmp/odd.service"
! sound odd.service
check $? "an unsound unit is found"
echo "1..$n"
exit $failed

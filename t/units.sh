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

# Users and folders, made in a small system of their own.
root=$tmp/root
mkdir -p "$root/etc" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d"
printf 'root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nadm:x:4:\nwww-data:x:33:\n' >"$root/etc/group"
cp quantora.sysusers "$root/usr/lib/sysusers.d/quantora.conf"
./install.sh fill quantora.tmpfiles.in >"$root/usr/lib/tmpfiles.d/quantora.conf"
if [ "$(id -u)" = 0 ]; then
	systemd-sysusers --root="$root" quantora.conf >"$tmp/said" 2>&1 &&
		[ "$(grep -c '^quantora-' "$root/etc/passwd")" = 6 ]
	check $? "each daemon gets a user"
	systemd-tmpfiles --root="$root" --create quantora.conf >"$tmp/said" 2>&1 &&
		[ "$(stat -c %a "$root/run/quantora/web")" = 2770 ]
	check $? "the folders are made"
fi

# id FILE NAME: its number in the small system.
id_of() {
	grep "^$2:" "$root/etc/$1" | cut -d: -f3
}

# said KEY UNIT: what the unit says of it, the last time.
said() {
	sed -n "s/^$1=//p" "$tmp/$2" | tail -1
}

# as UNIT COMMAND...: with the rights that systemd would give it, which are those
# of its user and its group, and no more.  It has no groups from the database.
as() {
	local unit=$1 group groups
	shift
	groups=$(id_of group "$(said Group "$unit")")
	for group in $(said SupplementaryGroups "$unit"); do
		groups=$groups,$(id_of group "$group")
	done
	setpriv --reuid "$(id_of passwd "$(said User "$unit")")" \
		--regid "$(id_of group "$(said Group "$unit")")" \
		--groups "$groups" --bounding-set=-all --inh-caps=-all \
		--no-new-privs "$@"
}

# The steps of docs/operations.md, from the users on, in the small system.
steps() {
	systemctl() { :; }
	systemd-sysusers() { command systemd-sysusers --root="$root" quantora.conf; }
	systemd-tmpfiles() { command systemd-tmpfiles --root="$root" "$@" quantora.conf; }
	quantoractl() {
		local secrets=$root/etc/quantora/secrets who
		(
			umask 077
			for who in api settler stream worker migrate auditor; do
				echo "$who" >"$secrets/mysql-$who"
			done
			echo key >"$secrets/jwt/1.key"
			echo key >"$secrets/master.key"
		)
	}
	eval "$(sed -n '/^systemd-sysusers/,/^```/p' ../docs/operations.md | sed '/^```/d')"
}

# reads UNIT SECRET...: can it?
reads() {
	local unit=$1 secret
	shift
	for secret; do
		as "$unit" cat "$root/etc/quantora/secrets/$secret" \
			>"$tmp/said" 2>&1 || return
	done
}

# reads_only UNIT SECRET: that one, and none of the others that there are.
reads_only() {
	local secret found=
	for secret in master.key mysql-api mysql-settler mysql-stream mysql-worker \
		mysql-migrate mysql-auditor; do
		! reads "$1" $secret || found="$found $secret"
	done
	echo "it reads$found" >"$tmp/said"
	[ "$found" = " $2" ]
}

if [ "$(id -u)" = 0 ]; then
	chmod 711 "$tmp"
	steps >"$tmp/said" 2>&1
	check $? "the steps of the installation"
	reads quantora-migrate.service mysql-api mysql-settler mysql-stream \
		mysql-worker mysql-migrate mysql-auditor
	check $? "quantora-migrate reads the passwords of all"
	for pair in settlerd:settler streamd:stream workerd:worker api@:api; do
		reads_only "quantora-${pair%:*}.service" "mysql-${pair#*:}"
		check $? "quantora-${pair%:*} reads its own password alone"
	done
	reads quantora-streamd.service jwt/1.key && reads quantora-api@.service jwt/1.key
	check $? "who checks tokens reads their keys"
	! reads quantora-matcherd.service jwt/1.key &&
		! reads quantora-workerd.service jwt/1.key
	check $? "who does not, does not"
fi

# Who may speak with Redis: workerd and streamd, and no other of ours.
reaches() {
	as "$1" redis-cli -s "$root/run/quantora/redis/redis.sock" ping \
		>"$tmp/said" 2>&1 && grep -q PONG "$tmp/said"
}

if [ "$(id -u)" = 0 ] && type redis-server redis-cli setpriv >/dev/null; then
	REDIS_DIR=$root/run/quantora/redis ./install.sh fill redis.conf.in \
		>"$tmp/redis.conf"
	chmod 644 "$tmp/redis.conf"
	as quantora-redis.service redis-server "$tmp/redis.conf" \
		>"$tmp/redis.log" 2>&1 &
	redis=$!
	until grep -q "ready to accept" "$tmp/redis.log"; do
		kill -0 $redis 2>/dev/null || break
		sleep 0.05
	done
	for unit in quantora-workerd quantora-streamd; do
		reaches $unit.service
		check $? "$unit reaches Redis"
	done
	for unit in quantora-settlerd quantora-matcherd quantora-api@; do
		! reaches $unit.service
		check $? "$unit does not reach Redis"
	done
	# The function is a shell of its own, and Redis its child.
	kill $(pgrep -P $redis) $redis
	wait $redis
	[ "$(sed -n 's/^socket = \(.*redis.*\)/\1/p' quantora.ini.in)" = \
		"$(./install.sh fill redis.conf.in | sed -n 's/^unixsocket //p')" ]
	check $? "the settings name the socket of Redis"
fi

printf '[Service]\nExecStart=/bin/true\n' >"$tmp/open.service"
! closed open.service 15
check $? "an open unit is found"
printf '[Service]\nExecStart=/bin/true\nUser\nNoSuchKey=1\n' >"$tmp/odd.service"
! sound odd.service
check $? "an unsound unit is found"
echo "1..$n"
exit $failed

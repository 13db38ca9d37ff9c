#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# install.sh - puts units, settings and the edge where systemd and nginx look.
#
#   install.sh install|uninstall|fill FILE
#
# `make install` and `make uninstall` call it with sbindir, bindir, sysconfdir,
# pkgdatadir, unitdir, libdir_systemd and DESTDIR in the environment; `fill`
# prints FILE with its @NAMES@ filled in.  Settings that are there already are
# kept; the new ones are put beside them as FILE.new.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${sbindir:=/usr/sbin}" "${bindir:=/usr/bin}" "${sysconfdir:=/etc}"
: "${pkgdatadir:=/usr/share/quantora}" "${DESTDIR:=}"
: "${unitdir:=/usr/lib/systemd/system}" "${libdir_systemd:=/usr/lib}"
etc=$sysconfdir/quantora

# The shared lines where their @NAME@ stands alone, then the rest.
fill() {
	sed -e "/^@HARDENING@\$/{r $here/hardening.inc
d}" -e "/^@ONLY_UNIX@\$/{r $here/only-unix.inc
d}" "$1" | sed \
		-e "s|@sbindir@|$sbindir|g; s|@bindir@|$bindir|g" \
		-e "s|@sysconfdir@|$sysconfdir|g; s|@pkgdatadir@|$pkgdatadir|g" \
		-e "s|@CONF_DIR@|$etc/nginx|g; s|@PAGES_DIR@|$pkgdatadir/nginx|g" \
		-e "s|@TLS_DIR@|$etc/tls|g; s|@TMP_DIR@|/var/lib/quantora/nginx|g" \
		-e "s|@LOG_DIR@|/var/log/quantora|g; s|@PID_FILE@|/run/quantora/nginx.pid|g" \
		-e "s|@REDIS_DIR@|${REDIS_DIR:-/run/quantora/redis}|g" \
		-e "s|@SOCK_DIR@|/run/quantora/web|g; s|@MODULES@|/usr/lib/nginx/modules|g" \
		-e "s|@USER_LINE@|user www-data;|g; s|@LISTEN@|[::]:|g" \
		-e "s|@HTTP_PORT@|80 ipv6only=off|g; s|@HTTPS_PORT@|443 ipv6only=off|g" \
		-e "s|@LISTEN6_HTTPS\{0,1\}@||g" \
		-e "s|@IP_RATE@|100|g; s|@IP_BURST@|200|g" \
		-e "s|@IP_CONNECTIONS@|100|g; s|@IP_STREAMS@|20|g"
}

# put FILE DESTINATION: what we own; keep FILE DESTINATION: what may be changed.
put() {
	if [ "$action" = uninstall ]; then
		rm -f "$DESTDIR$2"
		return
	fi
	mkdir -p "$DESTDIR$(dirname "$2")"
	fill "$1" >"$DESTDIR$2"
	chmod 644 "$DESTDIR$2"
}

keep() {
	if [ "$action" = install ] && [ -e "$DESTDIR$2" ]; then
		put "$1" "$2.new"
	else
		put "$1" "$2"
	fi
	[ "$action" = install ] || rm -f "$DESTDIR$2.new"
}

action=$1
if [ "$action" = fill ]; then
	fill "$2"
	exit
fi
for unit in "$here"/*.service.in; do
	name=$(basename "$unit" .in)
	put "$unit" "$unitdir/$name"
done
put "$here/quantora.target" "$unitdir/quantora.target"
put "$here/egress.conf" "$unitdir/quantora-api@egress.service.d/egress.conf"
put "$here/quantora.sysusers" "$libdir_systemd/sysusers.d/quantora.conf"
put "$here/quantora.tmpfiles.in" "$libdir_systemd/tmpfiles.d/quantora.conf"
keep "$here/quantora.ini.in" "$etc/quantora.ini"
keep "$here/redis.conf.in" "$etc/redis.conf"
for file in "$here"/../nginx/*.conf "$here"/../nginx/*.map; do
	put "$file" "$etc/nginx/$(basename "$file")"
done
keep /dev/null "$etc/nginx/origins.map"
if [ "$action" = uninstall ]; then
	rm -f "$DESTDIR$etc/nginx/pools.map"
	rmdir -p "$DESTDIR$etc/nginx" "$DESTDIR$unitdir/quantora-api@egress.service.d" 2>/dev/null || :
else
	"${builddir:-.}/quantora-api" --nginx-map >"$DESTDIR$etc/nginx/pools.map"
fi

# SPDX-License-Identifier: AGPL-3.0-or-later
#
# packages.sh - what Debian has to provide, installed only where it is missing.

RUN_PACKAGES=(
	mariadb-server-core mariadb-client-core redis-server nginx
	libnginx-mod-http-lua libwebsockets-evlib-uv openssl curl python3
	python3-websockets
	ca-certificates
)
BUILD_PACKAGES=(
	gcc make autoconf automake pkg-config libc6-dev
	libinih-dev libxxhash-dev libzstd-dev libjansson-dev libmariadb-dev libhiredis-dev
	libcurl4-openssl-dev libjwt-dev liboath-dev libsodium-dev libqrencode-dev
	libpng-dev libwebsockets-dev libuv1-dev libmicrohttpd-dev libsystemd-dev libfcgi-dev check
)
TEST_PACKAGES=(
	python3-pytest python3-requests python3-pymysql strace libfaketime
)

# Those of "$@" that are not installed, one a line.
packages_missing() {
	local have
	have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
		sed -n 's/^installed //p') || true
	comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$have")
}

# Run "$@" as root; sudo must not ask.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# A package of a server starts it, and has it started at every boot.  We bring
# our own processes, so for what is installed here both are prevented.
packages_apt_install() {
	local policy=/usr/sbin/policy-rc.d ours= code=0
	if ! as_root test -e $policy; then
		ours=yes
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
	fi
	as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
		apt-get install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 "$@" || code=$?
	[ -z "$ours" ] || as_root rm -f $policy
	return $code
}

packages_keep_off() {
	local service
	for service in "$@"; do
		if [ -d /run/systemd/system ]; then
			as_root systemctl disable --quiet --now "$service" || true
		elif [ -x "/etc/init.d/$service" ]; then
			as_root update-rc.d "$service" disable >/dev/null 2>&1 || true
		fi
	done
}

packages_install() {
	local missing log services=() name
	command -v dpkg-query >/dev/null ||
		die "This is no Debian system: install what configure asks for by hand."
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null ||
		die "Packages are missing, and sudo asks for a password. As root: apt-get install ${missing[*]}"
	echo "Installing ${missing[*]} ..."
	for name in "${missing[@]}"; do
		case $name in
		nginx | redis-server) services+=("$name") ;;
		esac
	done
	log=$(mktemp)
	# The lists of a fresh system are empty, those of an old one outdated.
	packages_apt_install "${missing[@]}" >"$log" 2>&1 ||
		{ as_root apt-get update >"$log" 2>&1 &&
			packages_apt_install "${missing[@]}" >>"$log" 2>&1; } ||
		{ tail -n 5 "$log" >&2; die "apt-get could not install them (see $log)."; }
	rm -f "$log"
	packages_keep_off "${services[@]}"
}

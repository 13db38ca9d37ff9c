# SPDX-License-Identifier: AGPL-3.0-or-later
#
# stack.sh - makes the run directory of a stack.
#
#   conf/ nginx/ log/ pid/   settings, what the daemons say, who they are
#   secrets/                 0600: keys, the passwords of the MySQL accounts, TLS
#   mysql/ redis/ journal/ archive/   the data
#   sock/                    Unix sockets; elsewhere if the path is too long
#
# Everything is made only where it is missing, or from what is there, so that an
# interrupted run is healed by the next one.

# What a stack may be told; also of a benchmark's, which is no ./dev run.
: "${QUANTORA_IP_RATE:=100}" "${QUANTORA_IP_CONNECTIONS:=100}" "${QUANTORA_IP_STREAMS:=20}"
: "${QUANTORA_CORS_ORIGINS:=}" "${QUANTORA_PASSWORD_MIB:=64}"

RUN_DIRS=(conf secrets secrets/tls nginx mysql redis journal archive log pid tmp)
DISK_WANTED_MB=400
DISK_WANTED_AGAIN_MB=64 # when all that is made once is there
LOCK_WAITED_S=60
SOCKET_NAME_BYTES=24 # the longest name in sock/, with what a daemon may append
SOCKET_PATH_BYTES=107

stack_check_settings() {
	local name
	for name in QUANTORA_HTTP_PORT QUANTORA_HTTPS_PORT; do
		[[ ${!name} =~ ^[0-9]{1,5}$ ]] && ((10#${!name} > 0 && 10#${!name} < 65536)) ||
			die "$name is '${!name}', which is no port."
	done
	for name in QUANTORA_IP_RATE QUANTORA_IP_CONNECTIONS QUANTORA_IP_STREAMS; do
		[[ ${!name} =~ ^[1-9][0-9]{0,6}$ ]] || die "$name is '${!name}', which is no number above 0."
	done
	QUANTORA_HTTP_PORT=$((10#$QUANTORA_HTTP_PORT)) # 08000 is 8000
	QUANTORA_HTTPS_PORT=$((10#$QUANTORA_HTTPS_PORT))
	[ "$QUANTORA_HTTP_PORT" != "$QUANTORA_HTTPS_PORT" ] ||
		die "QUANTORA_HTTP_PORT and QUANTORA_HTTPS_PORT are the same."
	[[ $QUANTORA_RUN_DIR =~ ^[A-Za-z0-9/._,+@%=-]+$ ]] ||
		die "The run directory's path has a character that a settings file can't hold: $QUANTORA_RUN_DIR"
}

# Set QUANTORA_SOCK_DIR.  A socket's path has 107 bytes at most, so a long run
# directory has a short one beside it, remembered in sock.path.
stack_sock_dir() {
	local run=$QUANTORA_RUN_DIR note=$QUANTORA_RUN_DIR/sock.path short=
	if ((${#run} + 6 + SOCKET_NAME_BYTES <= SOCKET_PATH_BYTES)); then
		export QUANTORA_SOCK_DIR=$run/sock
		return
	fi
	[ ! -f "$note" ] || short=$(<"$note")
	export QUANTORA_SOCK_DIR=$short
}

stack_make_sock_dir() {
	stack_sock_dir
	# In /tmp anybody may have taken the name meanwhile.
	if [ -z "$QUANTORA_SOCK_DIR" ] || { [[ $QUANTORA_SOCK_DIR == /tmp/* ]] &&
		[[ $QUANTORA_SOCK_DIR != "$QUANTORA_RUN_DIR"/* ]] &&
		! { [ -d "$QUANTORA_SOCK_DIR" ] && [ ! -L "$QUANTORA_SOCK_DIR" ] &&
			[ -O "$QUANTORA_SOCK_DIR" ]; }; }; then
		QUANTORA_SOCK_DIR=$(mktemp -d /tmp/quantora.XXXXXX)
		printf '%s\n' "$QUANTORA_SOCK_DIR" >"$QUANTORA_RUN_DIR/sock.path"
	fi
	mkdir -p "$QUANTORA_SOCK_DIR"
	chmod 700 "$QUANTORA_SOCK_DIR"
}

stack_running() {
	stack_sock_dir
	[ -d "$QUANTORA_RUN_DIR/pid" ] && supervise running
}

# Take the run directory for ourselves; fails if somebody else runs it meanwhile.
# The supervisor inherits the lock and has it until its end.
stack_lock() {
	local waited=0
	mkdir -p "$QUANTORA_RUN_DIR/pid" 2>/dev/null && [ -w "$QUANTORA_RUN_DIR/pid" ] ||
		die "Nothing can be written in $QUANTORA_RUN_DIR: is the disk full, or not yours?"
	exec {QUANTORA_LOCK}>>"$QUANTORA_RUN_DIR/pid/supervisor.lock"
	export QUANTORA_LOCK
	until flock -w 1 "$QUANTORA_LOCK"; do
		! stack_running || return 1
		((++waited < LOCK_WAITED_S)) || die "Another ./dev is at work in $QUANTORA_RUN_DIR."
	done
}

# Write stdin to FILE so that it is there whole or not at all.
stack_write() {
	local file=$1 mode=${2:-644}
	(umask 077 && cat >"$file.new") 2>/dev/null && chmod "$mode" "$file.new" &&
		mv -f "$file.new" "$file" ||
		die "$file could not be written: is the disk full?"
}

# Fill the @NAMES@ of a template.
stack_fill() {
	local text name value
	text=$(<"$1")
	for name in TOP RUN_DIR SOCK_DIR HTTP_PORT HTTPS_PORT DEMO PASSWORD_MIB IP_RATE IP_CONNECTIONS IP_STREAMS IP_BURST \
		PID_FILE LOG_DIR TLS_DIR TMP_DIR PAGES_DIR MODULES USER_LINE LISTEN LISTEN6_HTTP LISTEN6_HTTPS; do
		value=QUANTORA_$name
		text=${text//"@$name@"/"${!value-}"}
	done
	printf '%s\n' "$text"
}

# Keys, and the passwords of MySQL's accounts; that of root is for tests alone.
stack_secrets() {
	local log=$QUANTORA_RUN_DIR/log/secrets.log root=$QUANTORA_RUN_DIR/secrets/mysql-root
	"$QUANTORA_BUILD_DIR/quantoractl" -c "$QUANTORA_RUN_DIR/conf/quantora.ini" \
		secrets init >"$log" 2>&1 || build_failed "The secrets could not be made" "$log"
	[ -s "$root" ] || openssl rand -hex 32 | stack_write "$root" 600
}

stack_certificate() {
	local tls=$QUANTORA_RUN_DIR/secrets/tls
	[ -s "$tls/cert.pem" ] && [ -s "$tls/key.pem" ] &&
		openssl x509 -checkend 86400 -noout -in "$tls/cert.pem" >/dev/null 2>&1 && return
	(umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -days 365 -subj /CN=localhost \
		-addext 'subjectAltName=DNS:localhost,DNS:api.localhost,IP:127.0.0.1,IP:::1' \
		-keyout "$tls/key.pem" -out "$tls/cert.pem" 2>/dev/null) ||
		die "openssl could not make a certificate in $tls."
}

# What MariaDB runs at each start: the account that migrates, which makes those of
# the programs, and one for tests and for emergencies.
stack_accounts_sql() {
	local account password
	for account in migrate root; do
		password=$(<"$QUANTORA_RUN_DIR/secrets/mysql-$account")
		echo "CREATE USER IF NOT EXISTS quantora_$account@localhost;"
		echo "ALTER USER quantora_$account@localhost IDENTIFIED BY '$password';"
	done
	echo "GRANT CREATE USER ON *.* TO quantora_migrate@localhost;"
	echo "GRANT ALL ON quantora.* TO quantora_migrate@localhost WITH GRANT OPTION;"
	echo "GRANT CREATE USER ON *.* TO quantora_migrate@localhost;"
	echo "GRANT ALL ON *.* TO quantora_root@localhost WITH GRANT OPTION;"
}

# An empty data directory takes MariaDB seconds, so it is made once for a build
# and a version of it, and copied from then on.  Prints where it is.
stack_empty_database() {
	local run=$QUANTORA_RUN_DIR log=$QUANTORA_RUN_DIR/log/mysql-install.log
	local place=$QUANTORA_BUILD_DIR empty new lock
	[ -w "$place" ] || place=$run/tmp
	empty=$place/mysql-empty.$({
		mariadbd --version
		id -un
		cat "$QUANTORA_TOP/dev.d/conf/my.cnf.in"
	} | sha256sum | cut -c1-16)
	exec {lock}>"$place/mysql-empty.lock"
	flock "$lock"
	if [ ! -d "$empty" ]; then
		# Another name each time: what was killed half-way may still write in its own.
		rm -rf "$place"/mysql-empty.*/
		new=$(mktemp -d "$empty.XXXXXX")
		mariadb-install-db --defaults-file="$run/conf/my.cnf" --datadir="$new" \
			--user="$(id -un)" --auth-root-authentication-method=socket \
			--auth-root-socket-user="$(id -un)" --skip-test-db --skip-name-resolve \
			--force >"$log" 2>&1 && mv "$new" "$empty" ||
			build_failed "MariaDB could not make its data directory" "$log"
	fi
	exec {lock}>&-
	printf '%s\n' "$empty"
}

stack_database() {
	local run=$QUANTORA_RUN_DIR empty new
	[ -d "$run/mysql/mysql" ] && return
	rm -rf "$run"/mysql.new*
	rmdir "$run/mysql" 2>/dev/null ||
		die "$run/mysql is no data directory of MariaDB: move away what is in it."
	empty=$(stack_empty_database) || exit 1
	new=$(mktemp -d "$run/mysql.new.XXXXXX")
	cp -a "$empty/." "$new" 2>/dev/null && mv "$new" "$run/mysql" ||
		die "MariaDB's data directory could not be made in $run: is the disk full?"
}

stack_settings() {
	local conf=$QUANTORA_RUN_DIR/conf name
	for name in my.cnf redis.conf quantora.ini; do
		stack_fill "$QUANTORA_TOP/dev.d/conf/$name.in" | stack_write "$conf/$name" 600
	done
	for name in HTTP_PORT HTTPS_PORT SOCK_DIR BUILD_DIR DEMO; do
		name=QUANTORA_$name
		printf '%s=%s\n' "$name" "${!name}"
	done | stack_write "$conf/stack.env"
}

stack_nginx() {
	local conf=$QUANTORA_RUN_DIR/nginx file origin
	for file in "$QUANTORA_TOP"/nginx/*.{conf,map}; do
		[[ $file == */quantora.conf ]] || stack_write "$conf/${file##*/}" <"$file"
	done
	"$QUANTORA_BUILD_DIR/quantora-api" --nginx-map | stack_write "$conf/pools.map" ||
		die "$QUANTORA_BUILD_DIR/quantora-api could not list its routes: build it anew."
	for origin in $QUANTORA_CORS_ORIGINS; do
		printf '"%s" "%s";\n' "$origin" "$origin"
	done | stack_write "$conf/origins.map"
	# A worker that root starts would drop to nobody, who can't open our sockets.
	QUANTORA_USER_LINE= QUANTORA_LISTEN6_HTTP= QUANTORA_LISTEN6_HTTPS=
	QUANTORA_MODULES=/usr/lib/nginx/modules QUANTORA_PAGES_DIR=$QUANTORA_TOP/nginx
	QUANTORA_PID_FILE=$QUANTORA_RUN_DIR/pid/nginx.pid QUANTORA_LOG_DIR=$QUANTORA_RUN_DIR/log
	QUANTORA_TLS_DIR=$QUANTORA_RUN_DIR/secrets/tls QUANTORA_TMP_DIR=$QUANTORA_RUN_DIR/tmp
	QUANTORA_LISTEN=127.0.0.1: QUANTORA_IP_BURST=$((2 * QUANTORA_IP_RATE))
	[ "$(id -u)" -ne 0 ] || QUANTORA_USER_LINE="user root;"
	if grep -q ' lo$' /proc/net/if_inet6 2>/dev/null; then
		QUANTORA_LISTEN6_HTTP="listen [::1]:$QUANTORA_HTTP_PORT;"
		QUANTORA_LISTEN6_HTTPS="listen [::1]:$QUANTORA_HTTPS_PORT ssl;"
	fi
	stack_fill "$QUANTORA_TOP/nginx/quantora.conf" | stack_write "$conf/quantora.conf"
}

stack_prepare() {
	local run=$QUANTORA_RUN_DIR dir free_mb wanted_mb=$DISK_WANTED_MB
	mkdir -p "$run" 2>/dev/null && [ -w "$run" ] ||
		die "Nothing can be written in $run: is the disk full, or not yours?"
	for dir in "$run"/*/; do
		[ ! -d "$dir" ] || [ -O "$dir" ] ||
			die "$dir belongs to another user: run as he, or set QUANTORA_RUN_DIR."
	done
	free_mb=$(df -Pm "$run" | awk 'NR == 2 { print $4 }')
	[ ! -d "$run/mysql/mysql" ] || wanted_mb=$DISK_WANTED_AGAIN_MB
	((free_mb >= wanted_mb)) ||
		die "The disk of $run has $free_mb MB free, and $wanted_mb are needed."
	for dir in "${RUN_DIRS[@]}"; do
		mkdir -p "$run/$dir"
	done
	chmod 700 "$run/secrets"
	stack_make_sock_dir
	stack_settings
	stack_secrets
	stack_accounts_sql | stack_write "$run/secrets/accounts.sql" 600
	stack_certificate
	stack_nginx
	# A data directory is never made while an earlier run still has one open.
	supervise sweep
	stack_database
}

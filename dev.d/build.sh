# SPDX-License-Identifier: AGPL-3.0-or-later
#
# build.sh - configure and make, out of the tree, one builder at a time.

# Print a file's end and give up.
build_failed() {
	tail -n 30 "$2" >&2
	die "$1 (see $2)."
}

# Make configure where it is missing.  Once there is a Makefile, make itself
# redoes it when configure.ac or a fragment changes.
build_autoreconf() {
	local log=$QUANTORA_BUILD_DIR/autoreconf.log
	[ -f "$QUANTORA_TOP/configure" ] && [ -f "$QUANTORA_TOP/Makefile.in" ] && return
	(cd "$QUANTORA_TOP" && autoreconf -fi) >"$log" 2>&1 ||
		build_failed "autoreconf failed" "$log"
}

build_configure() {
	local log=$QUANTORA_BUILD_DIR/configure.log
	local options=$QUANTORA_BUILD_DIR/configure.options
	[ -f "$QUANTORA_BUILD_DIR/Makefile" ] && [ -f "$options" ] &&
		[ "$(<"$options")" = "$QUANTORA_CONFIGURE" ] && return
	echo "Configuring in $QUANTORA_BUILD_DIR ..."
	rm -f "$QUANTORA_BUILD_DIR/Makefile" "$options"
	# The options are words, as on a command line.
	# shellcheck disable=SC2086
	(cd "$QUANTORA_BUILD_DIR" && eval '"$QUANTORA_TOP/configure"' $QUANTORA_CONFIGURE) \
		>"$log" 2>&1 || build_failed "configure failed" "$log"
	printf '%s\n' "$QUANTORA_CONFIGURE" >"$options"
}

# Make the targets in "$@", the programs if there are none.
build_make() {
	local log=$QUANTORA_BUILD_DIR/make.log unfinished=$QUANTORA_BUILD_DIR/unfinished
	local again=
	# A build that was killed may leave half a file that looks newer than its
	# source.  If this one fails after such a one, it gets a clean second try.
	[ -e "$unfinished" ] && again=yes
	: >"$unfinished"
	if ! build_make_once "$@"; then
		[ -n "$again" ] || { rm -f "$unfinished"; build_failed "The build failed" "$log"; }
		make -C "$QUANTORA_BUILD_DIR" clean >/dev/null 2>&1 || true
		build_make_once "$@" || build_failed "The build failed" "$log"
	fi
	rm -f "$unfinished"
}

build_make_once() {
	make -C "$QUANTORA_BUILD_DIR" -j"$(nproc)" "$@" \
		>"$QUANTORA_BUILD_DIR/make.log" 2>&1
}

# What is to run without being built now has been built before.
build_check() {
	[ -x "$QUANTORA_BUILD_DIR/quantoractl" ] ||
		die "Nothing is built in $QUANTORA_BUILD_DIR: ./dev build does it."
}

build_all() {
	local lock
	if ! mkdir -p "$QUANTORA_BUILD_DIR" 2>/dev/null ||
		! : >"$QUANTORA_BUILD_DIR/writable"; then
		die "Nothing can be written in $QUANTORA_BUILD_DIR: is the disk full, or not yours?"
	fi
	rm -f "$QUANTORA_BUILD_DIR/writable"
	exec {lock}>"$QUANTORA_TOP/.build.lock"
	flock "$lock"
	build_autoreconf
	build_configure
	build_make "$@"
	exec {lock}>&-
}

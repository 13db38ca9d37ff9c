/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * quantoractl.c - the administrator's and auditor's command line.
 *
 * Finds the row of the command, meets what the row needs, and calls it.  The
 * settings are those of -c FILE, of $QUANTORA_CONF, or of
 * run/conf/quantora.ini when there is such a file.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemons/ctl.h"
#include "domain/core.h"

#define CONF_DEFAULT "run/conf/quantora.ini"

static const struct ctl_command *const tables[] = {
	ctl_config_commands,
	ctl_journal_commands,
	ctl_migrate_commands,
	ctl_secrets_commands,
	ctl_user_commands,
	ctl_audit_commands,
	ctl_market_commands,
	ctl_candles_commands,
	ctl_demo_commands,
	ctl_flow_commands,
	ctl_ledger_commands,
	ctl_positions_commands,
	ctl_state_commands,
	ctl_monitor_commands,
};

/* ---- For the commands ------------------------------------------------------ */

int
ctl_complain(const char *format, ...)
{
	va_list args;

	fputs("quantoractl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CTL_FAILED;
}

int
ctl_failed(struct ctl *ctl, enum status status, const char *what)
{
	const char *reason = ctl->ctx.fault.reason;

	/* The database's own words help an administrator, and only here. */
	if (!reason && ctl->ctx.db && *db_error(ctl->ctx.db))
		reason = db_error(ctl->ctx.db);
	return ctl_complain("%s: %s", what,
		reason ? reason : status_name(status));
}

const char *
ctl_option(int *argc, char **argv, const char *name)
{
	int i, j;

	for (i = 1; i + 1 < *argc; i++) {
		const char *value = argv[i + 1];

		if (strncmp(argv[i], "--", 2) != 0 ||
			strcmp(argv[i] + 2, name) != 0)
			continue;
		for (j = i; j + 2 <= *argc; j++)
			argv[j] = argv[j + 2];
		*argc -= 2;
		return value;
	}
	return NULL;
}

/* ---- config check ---------------------------------------------------------- */

/* Reading the file was the check; that it could be is all there is to say. */
static int
config_check(struct ctl *ctl, int argc, char **argv)
{
	int key;

	(void)argc;
	(void)argv;
	printf("%s: %d settings, all good\n",
		ctl->conf_file ? ctl->conf_file : "the defaults", CONF_N);
	for (key = 0; key < CONF_N; key++)
		printf("  %s = %s\n", conf_rows[key].name,
			conf_text(ctl->conf, (enum conf_key)key));
	return CTL_OK;
}

const struct ctl_command ctl_config_commands[] = {
	{"config", "check", "", "read the settings and print them", 0, 0,
		config_check},
	CTL_END,
};

/* ---- Finding and calling --------------------------------------------------- */

static void
print_row(FILE *out, const struct ctl_command *row)
{
	fprintf(out, "  %s%s%s%s%s\n      %s\n", row->group,
		row->verb ? " " : "", row->verb ? row->verb : "",
		*row->arguments ? " " : "", row->arguments, row->help);
}

/* Of GROUP, or of all with NULL. */
static int
usage(FILE *out, const char *group)
{
	const struct ctl_command *row;
	size_t i;

	fputs("usage: quantoractl [-c FILE] GROUP [VERB] [ARGUMENTS]\n", out);
	for (i = 0; i < N_ELEMENTS(tables); i++)
		for (row = tables[i]; row->group; row++)
			if (!group || strcmp(group, row->group) == 0)
				print_row(out, row);
	return CTL_USAGE;
}

/* The row of these words, and how many of them it took. */
static const struct ctl_command *
find(int argc, char **argv, int *taken)
{
	const struct ctl_command *row;
	size_t i;

	for (i = 0; i < N_ELEMENTS(tables); i++)
		for (row = tables[i]; row->group; row++) {
			if (strcmp(row->group, argv[0]) != 0)
				continue;
			if (row->verb && (argc < 2 ||
				strcmp(row->verb, argv[1]) != 0))
				continue;
			*taken = row->verb ? 2 : 1;
			return row;
		}
	return NULL;
}

static int
meet_needs(struct ctl *ctl, const struct ctl_command *row)
{
	char *reason;
	enum status status;

	if (row->needs & CTL_DB) {
		ctl->ctx.db = db_new_as(ctl->conf, row->account, NULL, &reason);
		if (!ctl->ctx.db)
			return ctl_complain("%s", reason);
		status = db_ping(&ctl->ctx);
		if (status != ST_OK)
			return ctl_failed(ctl, status, "the database");
	}
	if (row->needs & CTL_MATCHER)
		ctl->ctx.core =
			core_new(conf_text(ctl->conf, CONF_SOCKETS_MATCHER));
	return CTL_OK;
}

static int
call(struct ctl *ctl, const struct ctl_command *row, int argc, char **argv)
{
	int code;

	ctl->ctx.arena = arena_new();
	ctl->ctx.now_us = clock_wall_us();
	ctl->ctx.conf = ctl->conf;
	ctl->ctx.request_id = "quantoractl";
	ctl->ctx.remote_address = "";
	code = meet_needs(ctl, row);
	if (code == CTL_OK)
		code = row->run(ctl, argc, argv);
	if (code == CTL_USAGE)
		print_row(stderr, row);
	auth_free(ctl->ctx.auth);
	core_free(ctl->ctx.core);
	db_free(ctl->ctx.db);
	arena_free(ctl->ctx.arena);
	return code;
}

static const char *
conf_file(const char *named)
{
	const char *set = getenv("QUANTORA_CONF");

	if (named)
		return named;
	if (set && *set)
		return set;
	return access(CONF_DEFAULT, F_OK) == 0 ? CONF_DEFAULT : NULL;
}

int
main(int argc, char **argv)
{
	const struct ctl_command *row;
	struct ctl ctl = {0};
	const char *named = NULL;
	struct conf *conf;
	char *reason;
	int taken, code, option;

	log_open("quantoractl", LOG_LEVEL_INFO);
	while ((option = getopt(argc, argv, "+c:h")) != -1) {
		if (option == 'h')
			return usage(stdout, NULL) - CTL_USAGE;
		if (option != 'c')
			return usage(stderr, NULL);
		named = optarg;
	}
	argc -= optind;
	argv += optind;
	if (argc == 0)
		return usage(stderr, NULL);
	row = find(argc, argv, &taken);
	if (!row)
		return usage(stderr, argv[0]);
	ctl.conf_file = conf_file(named);
	conf = conf_load(ctl.conf_file, &reason);
	if (!conf)
		return ctl_complain("%s", reason);
	ctl.conf = conf;
	code = call(&ctl, row, argc - taken + 1, argv + taken - 1);
	conf_free(conf);
	if (fflush(stdout) != 0 || ferror(stdout))
		code = CTL_FAILED;
	return code;
}

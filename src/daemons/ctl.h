/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl.h - the commands of quantoractl.
 *
 *	quantoractl [-c FILE] GROUP [VERB] [ARGUMENTS]
 *
 * Each group is a file, ctl_<group>.c, whose last part is a table of its
 * commands; quantoractl.c lists the tables.  A row states what its command
 * needs, and it is all there before the command is called.
 */
#pragma once

#include <stdio.h>

#include "base/conf.h"
#include "base/ctx.h"
#include "db/db.h"

enum ctl_need {
	CTL_DB = 1,      /* ctl->ctx.db, as ACCOUNT, and it answers */
	CTL_MATCHER = 2  /* ctl->ctx.core; connected when it is first used */
};

struct ctl {
	struct ctx ctx; /* arena, now_us, conf, and what was needed */
	const struct conf *conf;
	const char *conf_file; /* NULL: the defaults alone */
};

struct ctl_command {
	const char *group;
	const char *verb;      /* NULL: the group alone is the command */
	const char *arguments; /* for the usage: "EMAIL --password P" */
	const char *help;      /* one line */
	unsigned needs;        /* enum ctl_need */
	enum db_account account;
	/*
	 * ARGV[0] is the command's last word, its arguments follow, and NULL.
	 * Returns the exit code.
	 */
	int (*run)(struct ctl *ctl, int argc, char **argv);
};

#define CTL_END {0}

/* Exit codes: done; it failed, or a check found something; used wrongly. */
#define CTL_OK 0
#define CTL_FAILED 1
#define CTL_USAGE 2

/* Print "quantoractl: WHAT: why" for the failure STATUS; CTL_FAILED. */
int ctl_failed(struct ctl *ctl, enum status status, const char *what);

/* Print one sentence on stderr; CTL_FAILED. */
int ctl_complain(const char *format, ...) PRINTF_LIKE(1, 2);

/*
 * Take "--NAME VALUE" out of ARGV, wherever it stands.  NULL when it is not
 * there.  What is left over are the positional arguments.
 */
const char *ctl_option(int *argc, char **argv, const char *name);

/* The tables, one a file. */
extern const struct ctl_command ctl_audit_commands[];
extern const struct ctl_command ctl_candles_commands[];
extern const struct ctl_command ctl_config_commands[];
extern const struct ctl_command ctl_demo_commands[];
extern const struct ctl_command ctl_flow_commands[];
extern const struct ctl_command ctl_journal_commands[];
extern const struct ctl_command ctl_migrate_commands[];
extern const struct ctl_command ctl_ledger_commands[];
extern const struct ctl_command ctl_monitor_commands[];
extern const struct ctl_command ctl_market_commands[];
extern const struct ctl_command ctl_positions_commands[];
extern const struct ctl_command ctl_secrets_commands[];
extern const struct ctl_command ctl_state_commands[];
extern const struct ctl_command ctl_user_commands[];

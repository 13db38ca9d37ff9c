/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_state.c - "quantoractl state-hash", "snapshot", "matcher stats": what
 * the matcher says of itself.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "daemons/ctl.h"
#include "domain/core.h"

/* A large book takes a while to hash, and to write. */
#define PATIENCE_US (10 * US_PER_MINUTE)

static int
ask(struct ctl *ctl, enum frame_type question, const char *what)
{
	struct hash_answer answer;
	enum status status =
		core_hash(&ctl->ctx, question, PATIENCE_US, &answer);
	size_t i;

	if (status != ST_OK)
		return ctl_failed(ctl, status, what);
	printf("seq %" PRIu64 " hash ", answer.seq);
	for (i = 0; i < sizeof(answer.hash); i++)
		printf("%02x", answer.hash[i]);
	putchar('\n');
	return CTL_OK;
}

static int
state_hash(struct ctl *ctl, int argc, char **argv)
{
	(void)argv;
	return argc > 1 ? CTL_USAGE
			: ask(ctl, FRAME_STATE_HASH, "no state hash");
}

static int
snapshot(struct ctl *ctl, int argc, char **argv)
{
	(void)argv;
	return argc > 1 ? CTL_USAGE : ask(ctl, FRAME_SNAPSHOT, "no snapshot");
}

static int
stats(struct ctl *ctl, int argc, char **argv)
{
	struct stats_answer s;
	enum status status;
	char started[CLOCK_TEXT_MAX];

	(void)argv;
	if (argc > 1)
		return CTL_USAGE;
	status = core_stats(&ctl->ctx, &s);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "no figures");
	clock_format(s.started_us, 3, started);
	printf("started %s\nseq %" PRIu64 "\ndurable_seq %" PRIu64
	       "\ncommands %" PRIu64 "\nrefused %" PRIu64 "\nguards %" PRIu64
	       "\nbatches %" PRIu64 "\n",
		started, s.seq, s.durable_seq, s.commands, s.refused, s.guards,
		s.batches);
	printf("sync_us_mean %" PRIu64 "\nsync_us_max %" PRIu64 "\n",
		s.batches > 0 ? s.sync_us_total / s.batches : 0, s.sync_us_max);
	printf("open_orders %" PRIu64 "\nusers %" PRIu64 "\ntrades %" PRIu64
	       "\njournal_bytes %" PRIu64 "\nlast_snapshot_seq %" PRIu64
	       "\nconnections %u\ndisk_low %s\n",
		s.open_orders, s.users, s.trades, s.journal_bytes,
		s.last_snapshot_seq, s.connections, s.disk_low ? "yes" : "no");
	return CTL_OK;
}

const struct ctl_command ctl_state_commands[] = {
	{"state-hash", NULL, "", "the state's hash, and after which command",
		CTL_MATCHER, 0, state_hash},
	{"snapshot", NULL, "", "write a snapshot now", CTL_MATCHER, 0, snapshot},
	{"matcher", "stats", "", "the matcher's figures", CTL_MATCHER, 0, stats},
	CTL_END,
};

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_settled.c - asking the settler, for as long as it takes.
 *
 * A settler that is just being started does not answer at all; then MySQL
 * itself is looked at, a few times a second.
 */
#include "daemons/ctl_settled.h"

#include <time.h>

#include "base/clock.h"
#include "domain/core.h"
#include "domain/settled.h"

#define PAUSE_NS 50000000

/* ST_CONFLICT: not yet. */
static enum status
look(struct ctl *ctl, uint64_t seq)
{
	struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t applied_seq;
	int64_t applied_us;

	if (settled_wait(&ctl->ctx, seq) == ST_OK)
		return ST_OK;
	TRY(settled_position(&ctl->ctx, &applied_seq, &applied_us));
	if (applied_seq >= seq)
		return ST_OK;
	nanosleep(&pause, NULL);
	return ST_CONFLICT;
}

enum status
ctl_settled_now(struct ctl *ctl)
{
	int64_t end_us = clock_monotonic_us() + CTL_SETTLED_US;
	struct guard_request nobody = {.user = USER_HOUSE};
	struct guard_answer answer;
	enum status status;

	TRY(core_ask(&ctl->ctx, &nobody, &answer));
	ctl->ctx.settled = settled_new(
		conf_text(ctl->conf, CONF_SOCKETS_SETTLER), NULL, 1);
	do
		status = look(ctl, answer.global_seq);
	while (status == ST_CONFLICT && clock_monotonic_us() < end_us);
	settled_free(ctl->ctx.settled);
	ctl->ctx.settled = NULL;
	if (status == ST_OK)
		ctl->ctx.fault = (struct fault){0};
	return status == ST_CONFLICT
		? fail(&ctl->ctx, ST_UNAVAILABLE, NULL,
			  "the settler is not up to date: does it run?")
		: status;
}

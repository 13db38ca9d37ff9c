/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_job.c - some users a turn.
 */
#include "work/risk_job.h"

#include <sys/param.h>

#include "domain/risk_watch.h"

#define USERS_AT_ONCE 200
/* There are more: soon, but after whatever else is due. */
#define SOON_US INT64_C(1000)

enum status
risk_job(struct ctx *ctx, void *arg, struct turn *turn)
{
	struct risk_round *round = arg;
	struct risk_people people;
	struct risk_turn done;

	if (round->after == 0)
		round->begun_us = turn->now_us;
	TRY(risk_watch_pick(ctx, round->after, USERS_AT_ONCE, &people));
	TRY(risk_watch_look(ctx, &people, &done));
	if (done.raised > 0)
		turn->note = arena_printf(ctx->arena,
			"risk alerts raised count=%u", done.raised);
	if (people.n == USERS_AT_ONCE) {
		round->after = people.users[people.n - 1];
		turn->again_us = SOON_US;
		return ST_OK;
	}
	round->after = 0;
	turn->again_us = MAX(SOON_US,
		RISK_PERIOD_US - (turn->now_us - round->begun_us));
	return ST_OK;
}

enum status
rates_job(struct ctx *ctx, void *arg, struct turn *turn)
{
	unsigned told;

	(void)arg;
	TRY(risk_rates_tell(ctx, &told));
	if (told > 0)
		turn->note = arena_printf(ctx->arena,
			"rates told to the core count=%u", told);
	return ST_OK;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * retention_job.c - some rows a turn.
 */
#include "work/retention_job.h"

#include "domain/retention.h"

/* There is more: soon, but nobody waits for it. */
#define SOON_US INT64_C(200000)

enum status
retention_job(struct ctx *ctx, void *arg, struct turn *turn)
{
	bool more;

	TRY(retention_turn(ctx, arg, &more));
	if (more)
		turn->again_us = SOON_US;
	return ST_OK;
}

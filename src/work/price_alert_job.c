/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * price_alert_job.c - looking at trades, publishing notices.
 */
#include "work/price_alert_job.h"

#include "base/clock.h"
#include "domain/notice.h"
#include "domain/price_alert.h"

#define NOTICES_AT_ONCE 256
#define NOTICES_PRUNED 10000
#define NOTICES_KEPT_US (7 * US_PER_DAY)
#define SOON_US INT64_C(1000)

enum status
price_alert_job(struct ctx *ctx, void *arg, struct turn *turn)
{
	unsigned triggered;
	bool more;

	(void)arg;
	TRY(price_alerts_look(ctx, &triggered, &more));
	if (triggered > 0)
		turn->note = arena_printf(ctx->arena,
			"price alerts triggered count=%u", triggered);
	if (more)
		turn->again_us = SOON_US;
	return ST_OK;
}

enum status
notice_job(struct ctx *ctx, void *arg, struct turn *turn)
{
	struct notice_state *state = arg;
	enum status status;
	size_t n;

	status = notice_publish(ctx, NOTICES_AT_ONCE, &n);
	if (status == ST_UPSTREAM) {
		if (state->failures++ == 0) {
			turn->level = LOG_LEVEL_WARN;
			turn->note = ctx->fault.reason;
		}
		ctx->fault = (struct fault){0};
		return ST_OK;
	}
	TRY(status);
	if (n > 0 && state->failures > 0) {
		turn->note = "notices are published again";
		state->failures = 0;
	}
	if (n == NOTICES_AT_ONCE)
		turn->again_us = SOON_US;
	return ST_OK;
}

enum status
notice_prune_job(struct ctx *ctx, void *arg, struct turn *turn)
{
	(void)arg;
	(void)turn;
	return notice_prune(
		ctx, ctx->now_us - NOTICES_KEPT_US, NOTICES_PRUNED);
}

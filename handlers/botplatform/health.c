/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * health.c - Trading Bot Platform "Health & System": is it alive?
 *
 * "healthy" means that the matcher and the database answer.  It is a 200 in
 * any case: who cannot be reached at all says so by other means.
 */
#include "base/clock.h"
#include "base/conf.h"
#include "db/db.h"
#include "domain/core.h"
#include "handlers/botplatform/edition.h"
#include "http/request.h"

#define API_VERSION "1.0.0" /* of the document */

static const char *
state(struct ctx *ctx)
{
	struct stats_answer stats;
	bool good = core_stats(ctx, &stats) == ST_OK && db_ping(ctx) == ST_OK;

	ctx->fault = (struct fault){0};
	return good ? "healthy" : "unhealthy";
}

static enum status
system_health(struct req *req)
{
	const char *found = state(&req->ctx);
	struct reply *r = req_reply(req);

	reply_text(r, "status", found);
	reply_text(r, "environment",
		conf_text(req->ctx.conf, CONF_HTTP_ENVIRONMENT));
	reply_text(r, "version", API_VERSION);
	return req_done(req);
}

static enum status
api_health(struct req *req)
{
	const char *found = state(&req->ctx);
	struct reply *r = req_reply(req);

	reply_text(r, "status", found);
	reply_time(r, "timestamp",
		req->ctx.now_us - req->ctx.now_us % US_PER_SECOND);
	return req_done(req);
}

/* clang-format off */
const struct route botplatform_health[] = {
	{GET, "/health", system_health, AUTH_NONE, RATE_NONE, POOL_API,
		NO_INPUT},
	{GET, "/api/v1/health", api_health, AUTH_NONE, RATE_NONE, POOL_API,
		NO_INPUT},
	ROUTE_END
};
/* clang-format on */

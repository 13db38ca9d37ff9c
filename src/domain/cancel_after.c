/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * cancel_after.c - the switch as a command, and as the settler wrote it.
 */
#include "domain/cancel_after.h"

#include "auth/session.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/core.h"
#include "domain/settled.h"
#include "json/fields.h"

enum status
cancel_after_set(struct ctx *ctx, int64_t seconds, int64_t *due_us)
{
	struct cmd_cancel_after command = {
		.head = CORE_COMMAND(CANCEL_AFTER, cmd_cancel_after,
			ctx->session->user),
		.after_us = seconds * US_PER_SECOND,
	};
	const struct message *message = NULL;
	const struct record *record;
	struct ev_cancel_after ev;

	TRY(core_command(ctx, &command.head, &record));
	while ((message = core_event(record, message)) != NULL) {
		if (message->type != EV_CANCEL_AFTER)
			continue;
		message_read(message, &ev, sizeof(ev));
		*due_us = ev.due_us == 0 ? TIME_NONE : ev.due_us;
		return ST_OK;
	}
	return fail(ctx, ST_INTERNAL, NULL, "a switch that was not set");
}

static enum status
get(struct ctx *ctx, void *arg)
{
	enum status status = db_one(ctx,
		"SELECT due_at FROM core_cancel_after WHERE user_id = ?",
		DB_IN(db_u64(ctx->session->user)), DB_OUT(db_to_time(arg)));

	if (status != ST_NOT_FOUND)
		return status;
	*(int64_t *)arg = TIME_NONE; /* never set */
	return ST_OK;
}

enum status
cancel_after_get(struct ctx *ctx, int64_t *due_us)
{
	return settled_read(ctx, get, due_us);
}

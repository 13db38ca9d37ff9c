/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * notice.c - reading a notice, and telling its user.
 */
#include "stream/notice.h"

#include "json/fields.h"
#include "stream/hub_state.h"

#define TEXT_MAX 1000

/* As it is sent; "user" is no "user_id", which nobody may give. */
struct notice_in {
	int64_t id;
	int64_t user;
	const char *kind;
	const char *level;
	const char *message;
	const char *symbol;
	int64_t at_us;
	json_t *data;
};

static const struct field notice_fields[] = {
	FIELD_INT(notice_in, id, OPTIONAL, 1, INT64_MAX),
	FIELD_INT(notice_in, user, REQUIRED, 1, USER_MAX),
	FIELD_TEXT(notice_in, kind, REQUIRED, 1, 32),
	FIELD_TEXT(notice_in, level, OPTIONAL, 0, 32),
	FIELD_TEXT(notice_in, message, REQUIRED, 0, TEXT_MAX),
	FIELD_TEXT(notice_in, symbol, OPTIONAL, 0, SYMBOL_MAX - 1),
	FIELD_INT(notice_in, at_us, OPTIONAL, 0, INT64_MAX),
	FIELD_OBJECT(notice_in, data, OPTIONAL),
	FIELD_END,
};
static const struct shape notice_shape = SHAPE(notice_in, notice_fields);

enum status
notice_read(struct ctx *ctx, const char *text, size_t length,
	struct notice *out)
{
	struct fields_given given;
	struct notice_in in;
	json_t *object;

	TRY(json_read(ctx, text, length, &object));
	TRY(json_decode(ctx, &notice_shape, object, &in, &given));
	*out = (struct notice){
		.id = (uint64_t)in.id,
		.user = (uint32_t)in.user,
		.kind = in.kind,
		.level = in.level,
		.message = in.message,
		.symbol = in.symbol,
		.at_us = in.at_us != 0 ? in.at_us : ctx->now_us,
		.data = in.data,
	};
	return ST_OK;
}

static bool
write_notice(const struct spelling *spelling, struct reply *reply,
	const void *arg)
{
	return spelling->notice && spelling->notice(reply, arg);
}

/* Whether it was told a short while ago. */
static bool
is_known(struct hub *hub, const struct notice *notice)
{
	size_t i;

	if (notice->id == 0)
		return false;
	for (i = 0; i < NOTICES_KNOWN; i++)
		if (hub->notices[i] == notice->id)
			return true;
	hub->notices[hub->n_notices++ % NOTICES_KNOWN] = notice->id;
	return false;
}

void
hub_notice(struct hub *hub, const struct notice *notice)
{
	if (is_known(hub, notice))
		return;
	hub_tell(hub, notice->user, OWN_NOTICES, write_notice, notice);
}

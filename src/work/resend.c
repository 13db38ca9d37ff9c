/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * resend.c - the open intents, a few at a time.
 */
#include "work/resend.h"

#include "domain/core.h"
#include "domain/intent.h"

#define BATCH 64
/* There is more: soon, but after whatever else is due. */
#define SOON_US INT64_C(10000)

struct tally {
	unsigned done, refused, open;
	const char *refused_text; /* of the last that was */
};

/* Nothing is counted against an intent while nobody could take it. */
static enum status
matcher_answers(struct ctx *ctx)
{
	struct guard_request nobody = {.user = USER_HOUSE};
	struct guard_answer answer;

	return core_ask(ctx, &nobody, &answer);
}

static void
note_refused(struct ctx *ctx, const struct intent *intent, enum status status,
	struct tally *tally)
{
	char id[IDENT_TEXT_MAX];

	ident_format(intent->id, id);
	tally->refused++;
	tally->refused_text = arena_printf(ctx->arena,
		" intent=%s source=%s reason=\"%s\"", id, intent->source,
		ctx->fault.reason ? ctx->fault.reason : status_name(status));
}

/* ST_OK, or why there is no use in trying the next one. */
static enum status
send_again(struct ctx *ctx, const struct intent *intent, struct tally *tally)
{
	enum status status = intent_send_in_turn(ctx, intent->id);

	if (status == ST_OK) {
		tally->done++;
		return ST_OK;
	}
	if (status == ST_UNAVAILABLE || status == ST_OUTCOME_UNKNOWN ||
		status == ST_INTERNAL) {
		tally->open++;
		return status == ST_UNAVAILABLE ? ST_OK : status;
	}
	note_refused(ctx, intent, status, tally);
	ctx->fault = (struct fault){0};
	return ST_OK;
}

static const char *
note_of(struct ctx *ctx, const struct tally *tally)
{
	if (tally->done + tally->refused + tally->open == 0)
		return NULL;
	return arena_printf(ctx->arena,
		"intents sent again done=%u refused=%u open=%u%s", tally->done,
		tally->refused, tally->open,
		tally->refused_text ? tally->refused_text : "");
}

enum status
resend_intents(struct ctx *ctx, void *arg, struct turn *turn)
{
	struct intent_list due;
	struct tally tally = {0};
	enum status status = ST_OK;
	uint64_t stale;
	size_t i;

	(void)arg;
	TRY(intent_retire(ctx, &stale));
	if (stale > 0) {
		turn->level = LOG_LEVEL_ERROR;
		turn->note = arena_printf(ctx->arena,
			"intents that are too old to be sent wait for an "
			"operator count=%llu",
			(unsigned long long)stale);
		/* The others come at once. */
		turn->again_us = SOON_US;
		return ST_OK;
	}
	TRY(intent_due(ctx, BATCH, &due));
	if (due.n == 0)
		return ST_OK;
	TRY(matcher_answers(ctx));
	for (i = 0; i < due.n && status == ST_OK; i++)
		status = send_again(ctx, &due.intents[i], &tally);
	turn->note = note_of(ctx, &tally);
	if (tally.refused > 0)
		turn->level = LOG_LEVEL_WARN;
	if (due.n == BATCH && tally.open == 0)
		turn->again_us = SOON_US;
	return status;
}

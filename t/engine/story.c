/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * story.c - a record as the sentences that world.h shows.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/decimal.h"

/* A few texts at a time, for the arguments of one printf. */
static const char *
text(int64_t number)
{
	static char texts[8][DECIMAL_TEXT_MAX];
	static unsigned next;
	char *out = texts[next++ % N_ELEMENTS(texts)];

	decimal_format((struct decimal){number}, 0, out);
	return out;
}

static const char *
who(uint32_t user)
{
	static const char *const names[] = {
		"house", "ann", "bob", "cid", "dan", "eve"};

	return user < N_ELEMENTS(names) ? names[user] : "somebody";
}

static const char *
side_name(unsigned side)
{
	return side == SIDE_BUY ? "buy" : side == SIDE_SELL ? "sell" : "?";
}

static const char *
asset_name(unsigned asset)
{
	static const char *const names[] = {"USD", "BTC", "EUR"};

	return asset < N_ELEMENTS(names) ? names[asset] : "?";
}

static const char *
reason_name(const struct ev_order_closed *e)
{
	static const char *const names[] = {
		[CLOSE_NONE] = "none",
		[CLOSE_FILLED] = "filled",
		[CLOSE_USER] = "cancelled",
		[CLOSE_REMAINDER] = "remainder",
		[CLOSE_UNFILLABLE] = "unfillable",
		[CLOSE_SELF_TRADE] = "self-trade",
		[CLOSE_LOCK] = "lock",
		[CLOSE_AMENDED] = "amended",
		[CLOSE_FILL_LIMIT] = "fill-limit",
		[CLOSE_OPERATOR] = "operator",
		[CLOSE_NO_FUNDS] = "no-funds",
		[CLOSE_OCO] = "oco",
		[CLOSE_DEADLINE] = "deadline",
		[CLOSE_RISK] = "risk",
	};
	unsigned filled = e->reason == CLOSE_FILLED ? ORDER_FILLED
						    : ORDER_CANCELLED;

	if (e->status != filled || e->reason >= N_ELEMENTS(names))
		return "wrong-status-for-reason";
	return names[e->reason];
}

static void
tell_waiting(FILE *f, const struct ev_order_opened *e)
{
	static const char *const kinds[] = {[TYPE_STOP_LOSS] = "stop",
		[TYPE_TAKE_PROFIT] = "profit", [TYPE_TRAILING_STOP] = "trail"};
	const char *kind = "?";

	if (e->type < N_ELEMENTS(kinds) && kinds[e->type])
		kind = kinds[e->type];
	fprintf(f, "waiting %s %s %s %s %s", who(e->head.user),
		side_name(e->side), text(e->quantity), kind,
		text(e->stop_price));
	if (e->price != 0)
		fprintf(f, " at %s", text(e->price));
	else
		fprintf(f, " at market");
	fprintf(f, " holds %s\n", text(e->hold));
}

static void
tell_opened(FILE *f, const struct ev_order_opened *e)
{
	if (e->status == ORDER_WAITING) {
		tell_waiting(f, e);
		return;
	}
	fprintf(f, "opened %s %s", who(e->head.user), side_name(e->side));
	if (e->quote_budget != 0)
		fprintf(f, " for %s", text(e->quote_budget));
	else
		fprintf(f, " %s", text(e->quantity));
	if (e->type == TYPE_MARKET)
		fprintf(f, " at market");
	else
		fprintf(f, " at %s", text(e->price));
	fprintf(f, " holds %s\n", text(e->hold));
}

static void
tell_order(FILE *f, const struct message *m)
{
	const void *event = m;

	if (m->type == EV_ORDER_OPENED)
		tell_opened(f, event);
	else if (m->type == EV_ORDER_AMENDED) {
		const struct ev_order_amended *e = event;

		fprintf(f, "amended %s %s %s at %s, %s filled, holds %s%s\n",
			who(m->user), side_name(e->side), text(e->quantity),
			text(e->price), text(e->filled), text(e->hold),
			e->kept_place ? ", kept its place" : "");
	} else if (m->type == EV_ORDER_TRIGGERED) {
		const struct ev_order_triggered *e = event;

		fprintf(f, "triggered %s %s at %s holds %s\n", who(m->user),
			side_name(e->side), text(e->last_price), text(e->hold));
	} else if (m->type == EV_ORDER_CLOSED) {
		const struct ev_order_closed *e = event;

		fprintf(f, "closed %s %s %s %s of %s\n", who(m->user),
			side_name(e->side), reason_name(e), text(e->filled),
			text(e->quantity));
	} else if (m->type == EV_TRADE) {
		const struct ev_trade *e = event;

		fprintf(f, "trade %s at %s: %s made %s, %s took %s\n",
			text(e->quantity), text(e->price), who(e->maker.user),
			text(e->maker.fee), who(e->taker.user),
			text(e->taker.fee));
	} else if (m->type == EV_LEVEL) {
		const struct ev_level *e = event;

		fprintf(f, "level %s %s: %s\n", side_name(e->side),
			text(e->price), text(e->quantity));
	} else
		fprintf(f, "%s\n", event_name(m->type));
}

static void
tell_posting(FILE *f, const struct ev_posting *e)
{
	static const char *const accounts[] = {
		"customer", "fees", "world", "corrections"};

	fprintf(f, "posting %s %s %s, has %s",
		e->account == ACCOUNT_CUSTOMER ? who(e->head.user)
					       : accounts[e->account & 3],
		text(e->amount), asset_name(e->asset),
		text(e->after.available));
	if (e->account == ACCOUNT_CUSTOMER)
		fprintf(f, " and %s held", text(e->after.held));
	fputc('\n', f);
}

static void
tell_risk(FILE *f, const struct ev_risk *e)
{
	if (e->watched)
		fprintf(f, "risk %s %s of %s, %s\n", who(e->head.user),
			text(e->equity), text(e->peak), text(e->day_equity));
	else
		fprintf(f, "risk %s unwatched\n", who(e->head.user));
}

static void
tell(FILE *f, const struct message *m)
{
	static const char *const states[] = {"held", "paid", "released", "?"};
	const void *event = m;

	if (m->type == EV_POSTING)
		tell_posting(f, event);
	else if (m->type == EV_WITHDRAWAL) {
		const struct ev_withdrawal *e = event;

		fprintf(f, "withdrawal of %s %s %s %s\n", who(m->user),
			text(e->amount), asset_name(e->asset),
			states[e->state & 3]);
	} else if (m->type == EV_USER) {
		const struct ev_user *e = event;

		fprintf(f, "user %s%s epoch %u role %u%s%s\n", who(m->user),
			e->created ? " created" : "", e->epoch, e->role,
			e->locked ? " locked" : "",
			e->reduce_only == REDUCE_NO ? ""
				: e->reduce_only == REDUCE_RISK
				? " reduce-only by risk" : " reduce-only");
	} else if (m->type == EV_RISK)
		tell_risk(f, event);
	else if (m->type == EV_CANCEL_AFTER) {
		const struct ev_cancel_after *e = event;

		fprintf(f, "switch %s %s\n", who(m->user),
			e->due_us ? "on" : "off");
	} else if (m->type == EV_ASSET_RATE) {
		const struct ev_asset_rate *e = event;

		fprintf(f, "rate %s %s\n", asset_name(e->asset),
			text(e->rate));
	} else
		tell_order(f, m);
}

void
check_story(struct world *w, const char *want, const char *file, int line)
{
	const struct message *m = record_events(w->record);
	char *got = NULL;
	size_t size;
	FILE *f = open_memstream(&got, &size);
	uint32_t i;

	ck_assert_ptr_nonnull(f);
	ck_assert(record_well_formed(w->record, w->record->length));
	for (i = 0; i < w->record->n_events; i++, m = message_next(m))
		tell(f, m);
	fclose(f);
	ck_assert_msg(strcmp(got, want) == 0,
		"%s:%d (%s): the story is\n%snot\n%s", file, line,
		w->subject->name, got, want);
	free(got);
}

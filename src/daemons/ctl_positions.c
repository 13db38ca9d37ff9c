/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_positions.c - "quantoractl positions verify": are the positions and the
 * candles what the trades say?
 *
 * The trades are read in the order of their ids and added up anew (ctl_fold.h),
 * and what comes out is held against the rows.  Everything is of one snapshot,
 * read as the auditor.
 *
 * Trades of before there were positions are in none.  Each trade has a buyer,
 * so the first that tells of positions opens one: the lowest id of them all.
 * That none is missing at that end "ledger verify" sees, which has the journal.
 *
 * Prints a line for each check; exit code 1 when any found something, with the
 * first of what it found.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemons/ctl.h"
#include "daemons/ctl_fold.h"
#include "wire/message.h"

struct check {
	struct ctx *ctx;
	struct fold *fold;
	uint32_t user;      /* 0: all of them */
	struct ident first; /* of the positions */
	uint64_t trades;

	/* The row in hand. */
	struct fold_trade trade;
	struct fold_position position;
	struct fold_candle candle;
	struct decimal quantity, cost, bought, bought_quote, realised;

	/* What this comparison has found so far, and how many found something.
	 */
	uint64_t seen, found;
	const char *what;
	unsigned wrong;
};

/* ---- The trades ------------------------------------------------------- */

static enum status
take_trade(struct ctx *ctx, void *arg)
{
	struct check *c = arg;
	const struct fold_trade *trade = &c->trade;

	(void)ctx;
	c->trades++;
	if (c->user == 0)
		fold_into_candles(c->fold, trade);
	if (!ident_is_none(c->first) &&
		memcmp(&trade->id, &c->first, sizeof(c->first)) >= 0)
		fold_into_positions(c->fold, trade, c->user);
	return ST_OK;
}

#define TRADES                                                                 \
	"SELECT id, seq, instrument_id, taker_side, maker_user, taker_user, "  \
	"price, quantity, quote, executed_at FROM trades "

static enum status
read_trades(struct check *c)
{
	struct fold_trade *t = &c->trade;
	const struct db_out into[] = {db_to_ident(&t->id), db_to_u64(&t->seq),
		db_to_u16(&t->instrument), db_to_u8(&t->taker_side),
		db_to_u32(&t->maker), db_to_u32(&t->taker), db_to_units(&t->price),
		db_to_units(&t->quantity), db_to_units(&t->quote),
		db_to_time(&t->executed_us), {.target = DB_TO_END}};

	if (c->user == 0)
		return db_each(c->ctx, TRADES "ORDER BY id", DB_NOTHING, into,
			take_trade, c);
	return db_each(c->ctx,
		TRADES "WHERE maker_user = ? UNION " TRADES
		       "WHERE taker_user = ? ORDER BY id",
		DB_IN(db_u64(c->user), db_u64(c->user)), into, take_trade, c);
}

/* ---- Held against the rows -------------------------------------------- */

static void differs(struct check *c, const char *format, ...)
	PRINTF_LIKE(2, 3);

static void
differs(struct check *c, const char *format, ...)
{
	va_list args;

	if (c->found++ > 0)
		return;
	va_start(args, format);
	c->what = arena_vprintf(c->ctx->arena, format, args);
	va_end(args);
}

static void
conclude(struct check *c, const char *name, const char *unit, uint64_t want)
{
	if (c->found == 0 && c->seen != want)
		differs(c,
			"MySQL has %" PRIu64 " %s, the trades tell of %" PRIu64,
			c->seen, unit, want);
	if (c->found == 0) {
		printf("ok     %-34s %" PRIu64 " %s\n", name, c->seen, unit);
	} else {
		c->wrong++;
		printf("WRONG  %-34s %" PRIu64 " %s, %" PRIu64
		       " wrong, the first: %s\n",
			name, c->seen, unit, c->found, c->what);
	}
	c->seen = 0;
	c->found = 0;
}

static const char *
sum_text(struct check *c, __int128 units)
{
	char *text = arena_alloc(c->ctx->arena, DECIMAL_SUM_TEXT_MAX);

	decimal_format_sum(units, 0, text);
	return text;
}

/* For the first difference only: a text for each would fill the memory. */
static void
tell_sums(struct check *c, const char *id, const struct fold_position *want)
{
	const struct fold_position *row = &c->position;

	if (c->found > 0) {
		differs(c, "%s", id);
		return;
	}
	differs(c,
		"%s of user %u has %s for %s, realised %s, and by its trades "
		"%s for %s, realised %s",
		id, row->user, sum_text(c, row->sums.quantity),
		sum_text(c, row->sums.cost), sum_text(c, row->sums.realised),
		sum_text(c, want->sums.quantity), sum_text(c, want->sums.cost),
		sum_text(c, want->sums.realised));
}

static enum status
compare_position(struct ctx *ctx, void *arg)
{
	struct check *c = arg;
	struct fold_position *row = &c->position;
	const struct fold_position *want = fold_find_position(c->fold, row->id);
	char id[IDENT_TEXT_MAX];

	(void)ctx;
	c->seen++;
	row->sums = (struct fold_sums){c->quantity.units, c->cost.units,
		c->bought.units, c->bought_quote.units, c->realised.units};
	ident_format(row->id, id);
	if (!want)
		differs(c, "%s is opened by no trade", id);
	else if (row->user != want->user || row->instrument != want->instrument)
		differs(c, "%s is another's, or of another instrument", id);
	else if (memcmp(&row->sums, &want->sums, sizeof(row->sums)) != 0)
		tell_sums(c, id, want);
	else if (row->opened_us != want->opened_us ||
		row->updated_us != want->updated_us ||
		row->closed_us != want->closed_us || row->seq != want->seq)
		differs(c, "%s has other times than its trades", id);
	return ST_OK;
}

static enum status
compare_positions(struct check *c)
{
	struct fold_position *row = &c->position;

	if (ident_is_none(c->first) && c->trades > 0) {
		puts("-      no trade has told of a position yet");
		return ST_OK;
	}
	TRY(db_each(c->ctx,
		"SELECT id, user_id, instrument_id, quantity, cost, bought, "
		"bought_quote, realised, opened_at, updated_at, closed_at, seq "
		"FROM positions WHERE ? = 0 OR user_id = ?",
		DB_IN(db_u64(c->user), db_u64(c->user)),
		DB_OUT(db_to_ident(&row->id), db_to_u32(&row->user),
			db_to_u16(&row->instrument),
			db_to_decimal(&c->quantity), db_to_decimal(&c->cost),
			db_to_decimal(&c->bought),
			db_to_decimal(&c->bought_quote),
			db_to_decimal(&c->realised),
			db_to_time(&row->opened_us),
			db_to_time(&row->updated_us),
			db_to_time(&row->closed_us), db_to_u64(&row->seq)),
		compare_position, c));
	conclude(c, "positions are what the trades say", "positions",
		fold_positions(c->fold));
	return ST_OK;
}

static enum status
compare_candle(struct ctx *ctx, void *arg)
{
	struct check *c = arg;
	const struct fold_candle *row = &c->candle;
	const struct fold_candle *want =
		fold_find_candle(c->fold, row->instrument, row->minute_us);

	(void)ctx;
	c->seen++;
	if (!want)
		differs(c, "instrument %u has one of a minute without a trade",
			row->instrument);
	else if (row->open != want->open || row->high != want->high ||
		row->low != want->low || row->close != want->close ||
		row->volume != want->volume ||
		row->quote_volume != want->quote_volume ||
		row->trades != want->trades)
		differs(c,
			"instrument %u, %" PRId64 " s since 1970, is not as "
			"its %" PRIu64 " trades make it",
			row->instrument, row->minute_us / US_PER_SECOND,
			want->trades);
	return ST_OK;
}

static enum status
compare_candles(struct check *c)
{
	struct fold_candle *row = &c->candle;

	TRY(db_each(c->ctx,
		"SELECT instrument_id, minute, open, high, low, close, volume, "
		"quote_volume, trades FROM candles_1m",
		DB_NOTHING,
		DB_OUT(db_to_u16(&row->instrument), db_to_time(&row->minute_us),
			db_to_units(&row->open), db_to_units(&row->high),
			db_to_units(&row->low), db_to_units(&row->close),
			db_to_sum(&row->volume), db_to_sum(&row->quote_volume),
			db_to_u64(&row->trades)),
		compare_candle, c));
	conclude(c, "candles are what the trades say", "candles",
		fold_candles(c->fold));
	return ST_OK;
}

/* ---- The command ------------------------------------------------------ */

static enum status
verify_all(struct ctx *ctx, void *arg)
{
	struct check *c = arg;

	fold_clear(c->fold);
	c->trades = 0;
	c->wrong = 0;
	TRY(db_one(ctx, "SELECT MIN(id) FROM positions", DB_NOTHING,
		DB_OUT(db_to_ident(&c->first))));
	TRY(read_trades(c));
	TRY(compare_positions(c));
	return c->user == 0 ? compare_candles(c) : ST_OK;
}

/* A number as the tables have it, or an e-mail address. */
static enum status
find_user(struct ctx *ctx, const char *text, uint32_t *out)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	enum status status;

	if (!*end && number > 0 && number <= USER_MAX) {
		*out = (uint32_t)number;
		return ST_OK;
	}
	status = db_one(ctx,
		"SELECT id FROM users WHERE email_folded = LOWER(?)",
		DB_IN(db_text(text)), DB_OUT(db_to_u32(out)));
	return status == ST_NOT_FOUND
		? fail(ctx, status, NULL, "there is no user %s", text)
		: status;
}

static int
positions_verify(struct ctl *ctl, int argc, char **argv)
{
	const char *user = ctl_option(&argc, argv, "user");
	struct check c = {.ctx = &ctl->ctx};
	enum status status = ST_OK;

	if (argc > 1)
		return CTL_USAGE;
	c.fold = fold_new();
	if (user)
		status = find_user(&ctl->ctx, user, &c.user);
	if (status == ST_OK)
		status = db_snapshot(&ctl->ctx, verify_all, &c);
	fold_free(c.fold);
	if (status != ST_OK)
		return ctl_failed(
			ctl, status, "the positions were not verified");
	if (c.wrong > 0)
		return CTL_FAILED;
	printf("positions: good, by %" PRIu64 " trades\n", c.trades);
	return CTL_OK;
}

const struct ctl_command ctl_positions_commands[] = {
	{"positions", "verify", "[--user EMAIL]",
		"make positions and candles anew from the trades, and compare",
		CTL_DB, DB_AS_AUDITOR, positions_verify},
	CTL_END,
};

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_tally.c - rows as words, their hashes, and the sums of these.
 */
#include "daemons/ctl_tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "db/db.h"
#include "settle/events.h"

#define PLACES 4096
#define WORDS_MAX 40

/* Of one table: the sum of what the journal has, less that of MySQL. */
struct sums {
	uint64_t of[PLACES];
	uint32_t user[PLACES]; /* of the row that came last */
};

struct tally {
	uint64_t key;
	uint64_t seqs_a_place;
	struct sums sums[TALLY_TABLES];
	struct rows open; /* order_row: what was open when its batch ended */
	struct row_index open_index;
	/* The row of MySQL in hand. */
	struct leg_row leg;
	struct trade_row trade;
	struct order_row order;
	const char *client_id;
	uint64_t seen;
};

/* A row, as it is hashed. */
struct words {
	uint64_t of[WORDS_MAX];
	size_t n;
};

struct tally *
tally_new(uint64_t last_seq)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		abort();
	if (getrandom(&tally->key, sizeof(tally->key), 0) !=
		(ssize_t)sizeof(tally->key))
		abort();
	tally->seqs_a_place = last_seq / PLACES + 1;
	rows_init(&tally->open, sizeof(struct order_row));
	row_index_init(&tally->open_index);
	return tally;
}

void
tally_free(struct tally *tally)
{
	if (!tally)
		return;
	free(tally->open.at);
	row_index_done(&tally->open_index);
	free(tally);
}

/* ---- Sums -------------------------------------------------------------- */

static void
add(struct words *words, uint64_t word)
{
	words->of[words->n++] = word;
}

static void
add_ident(struct words *words, struct ident id)
{
	memcpy(&words->of[words->n], id.bytes, sizeof(id.bytes));
	words->n += sizeof(id.bytes) / sizeof(words->of[0]);
}

/* SIGN: 1 for a row of the journal, -1 for one of MySQL. */
static void
count(struct tally *tally, enum tally_table table, size_t place, uint32_t user,
	const struct words *words, int sign)
{
	struct sums *sums = &tally->sums[table];
	uint64_t hash = XXH3_64bits_withSeed(
		words->of, words->n * sizeof(words->of[0]), tally->key);

	sums->of[place] += sign < 0 ? -hash : hash;
	sums->user[place] = user;
}

static size_t
place_of_seq(const struct tally *tally, uint64_t seq)
{
	uint64_t place = seq / tally->seqs_a_place;

	return place < PLACES ? (size_t)place : PLACES - 1;
}

/* ---- Rows -------------------------------------------------------------- */

static void
count_leg(struct tally *tally, const struct leg_row *row, int sign)
{
	struct words words = {.n = 0};

	add(&words, row->seq);
	add(&words, row->leg);
	add(&words, row->account);
	add(&words, row->cause);
	add(&words, row->asset);
	add(&words, row->user);
	add(&words, (uint64_t)row->amount);
	add(&words, (uint64_t)row->balance_after);
	add_ident(&words, row->reference);
	add(&words, (uint64_t)row->posted_us);
	count(tally, TALLY_LEGS, place_of_seq(tally, row->seq), row->user,
		&words, sign);
}

static void
count_trade(struct tally *tally, const struct trade_row *row, int sign)
{
	struct words words = {.n = 0};

	add_ident(&words, row->id);
	add(&words, row->seq);
	add(&words, row->instrument);
	add(&words, row->taker_side);
	add(&words, row->maker_user);
	add(&words, row->taker_user);
	add(&words, (uint64_t)row->price);
	add(&words, (uint64_t)row->quantity);
	add(&words, (uint64_t)row->quote);
	add_ident(&words, row->maker_order);
	add_ident(&words, row->taker_order);
	add(&words, (uint64_t)row->maker_fee);
	add(&words, (uint64_t)row->taker_fee);
	add(&words, (uint64_t)row->executed_us);
	count(tally, TALLY_TRADES, place_of_seq(tally, row->seq),
		row->taker_user, &words, sign);
}

static void
count_order(struct tally *tally, const struct order_row *row, int sign)
{
	/* MySQL has no trail of one of a pair (see kind_of_opened()). */
	bool trails = ident_is_none(row->pair);
	struct words words = {.n = 0};

	add_ident(&words, row->id);
	add(&words, row->user);
	add(&words, row->instrument);
	add(&words, row->side);
	add(&words, row->type);
	add(&words, row->tif);
	add(&words, row->stp);
	add(&words, row->flags);
	add(&words, row->status);
	add(&words, row->reason);
	add(&words, (uint64_t)row->price);
	add(&words, (uint64_t)row->quantity);
	add(&words, (uint64_t)row->quote_budget);
	add(&words, (uint64_t)row->stop_price);
	add(&words, trails ? (uint64_t)row->trail : 0);
	add(&words, trails ? row->trail_rate : 0);
	add_ident(&words, row->pair);
	add(&words, (uint64_t)row->filled);
	add(&words, (uint64_t)row->quote);
	add(&words, (uint64_t)row->fee);
	add(&words, (uint64_t)row->opened_us);
	add(&words, (uint64_t)row->triggered_us);
	add(&words, (uint64_t)row->closed_us);
	add(&words, (uint64_t)row->updated_us);
	add(&words, row->seq);
	/* Nothing stands behind the text's end: rows are zeros at first. */
	memcpy(&words.of[words.n], row->client_id, sizeof(row->client_id));
	words.n += sizeof(row->client_id) / sizeof(words.of[0]);
	count(tally, TALLY_ORDERS, row->user % PLACES, row->user, &words, sign);
}

/* ---- The journal's ----------------------------------------------------- */

static void
keep(int64_t *at, int64_t news)
{
	if (news != ROW_KEEP)
		*at = news;
}

/* The order AT, which an earlier batch opened, after what ROW says of it. */
static void
change(struct order_row *at, const struct order_row *row)
{
	if (row->status != ROW_KEEP_NUMBER) {
		at->status = row->status;
		at->reason = row->reason;
	}
	keep(&at->price, row->price);
	keep(&at->quantity, row->quantity);
	keep(&at->filled, row->filled);
	keep(&at->quote, row->quote);
	keep(&at->fee, row->fee);
	if (row->triggered_us != DB_NO_TIME)
		at->triggered_us = row->triggered_us;
	if (row->closed_us != DB_NO_TIME)
		at->closed_us = row->closed_us;
	at->updated_us = row->updated_us;
	at->seq = row->seq;
}

/* One that has ended is counted; the others wait for what comes. */
static void
take_order(struct tally *tally, const struct order_row *row)
{
	struct order_row *at;
	int is_new;

	if (row->opened && row->closed_us != DB_NO_TIME) {
		count_order(tally, row, 1);
		return;
	}
	at = event_row(&tally->open, &tally->open_index, event_key(row->id),
		&is_new);
	if (is_new)
		*at = *row;
	else
		change(at, row);
}

void
tally_take(struct tally *tally, const struct settle_batch *batch)
{
	size_t i;

	for (i = 0; i < batch->legs.n; i++)
		count_leg(tally, ROWS_AT(&batch->legs, leg_row, i), 1);
	for (i = 0; i < batch->trades.n; i++)
		count_trade(tally, ROWS_AT(&batch->trades, trade_row, i), 1);
	for (i = 0; i < batch->orders.n; i++)
		take_order(tally, ROWS_AT(&batch->orders, order_row, i));
}

/* ---- Those of MySQL ---------------------------------------------------- */

static enum status
see_leg(struct ctx *ctx, void *arg)
{
	struct tally *tally = arg;

	(void)ctx;
	tally->seen++;
	count_leg(tally, &tally->leg, -1);
	return ST_OK;
}

static enum status
see_trade(struct ctx *ctx, void *arg)
{
	struct tally *tally = arg;

	(void)ctx;
	tally->seen++;
	count_trade(tally, &tally->trade, -1);
	return ST_OK;
}

static enum status
see_order(struct ctx *ctx, void *arg)
{
	struct tally *tally = arg;
	char *client_id = tally->order.client_id;

	(void)ctx;
	tally->seen++;
	memset(client_id, 0, sizeof(tally->order.client_id));
	strncpy(client_id, tally->client_id, CLIENT_ID_MAX);
	count_order(tally, &tally->order, -1);
	return ST_OK;
}

static enum status
see_legs(struct ctx *ctx, struct tally *tally)
{
	struct leg_row *row = &tally->leg;

	return db_each(ctx,
		"SELECT seq, leg, account, user_id, asset_id, amount, "
		"balance_after, cause, reference, posted_at FROM ledger",
		DB_NOTHING,
		DB_OUT(db_to_u64(&row->seq), db_to_u16(&row->leg),
			db_to_u8(&row->account), db_to_u32(&row->user),
			db_to_u16(&row->asset), db_to_units(&row->amount),
			db_to_units(&row->balance_after),
			db_to_u8(&row->cause), db_to_ident(&row->reference),
			db_to_time(&row->posted_us)),
		see_leg, tally);
}

static enum status
see_trades(struct ctx *ctx, struct tally *tally)
{
	struct trade_row *row = &tally->trade;

	return db_each(ctx,
		"SELECT id, seq, instrument_id, taker_side, price, quantity, "
		"quote, maker_user, maker_order, maker_fee, taker_user, "
		"taker_order, taker_fee, executed_at FROM trades",
		DB_NOTHING,
		DB_OUT(db_to_ident(&row->id), db_to_u64(&row->seq),
			db_to_u16(&row->instrument),
			db_to_u8(&row->taker_side), db_to_units(&row->price),
			db_to_units(&row->quantity), db_to_units(&row->quote),
			db_to_u32(&row->maker_user),
			db_to_ident(&row->maker_order),
			db_to_units(&row->maker_fee),
			db_to_u32(&row->taker_user),
			db_to_ident(&row->taker_order),
			db_to_units(&row->taker_fee),
			db_to_time(&row->executed_us)),
		see_trade, tally);
}

static enum status
see_orders(struct ctx *ctx, struct tally *tally)
{
	struct order_row *row = &tally->order;

	return db_each(ctx,
		"SELECT id, user_id, instrument_id, side, type, tif, stp, "
		"flags, status, reason, price, quantity, quote_budget, "
		"stop_price, COALESCE(trail, 0), COALESCE(trail_rate, 0), "
		"pair_id, filled, quote, fee, COALESCE(client_id, ''), "
		"opened_at, triggered_at, closed_at, updated_at, seq "
		"FROM orders",
		DB_NOTHING,
		DB_OUT(db_to_ident(&row->id), db_to_u32(&row->user),
			db_to_u16(&row->instrument), db_to_u8(&row->side),
			db_to_u8(&row->type), db_to_u8(&row->tif),
			db_to_u8(&row->stp), db_to_u8(&row->flags),
			db_to_u8(&row->status), db_to_u8(&row->reason),
			db_to_units(&row->price), db_to_units(&row->quantity),
			db_to_units(&row->quote_budget),
			db_to_units(&row->stop_price),
			db_to_units(&row->trail), db_to_u32(&row->trail_rate),
			db_to_ident(&row->pair), db_to_units(&row->filled),
			db_to_units(&row->quote), db_to_units(&row->fee),
			db_to_text(&tally->client_id),
			db_to_time(&row->opened_us),
			db_to_time(&row->triggered_us),
			db_to_time(&row->closed_us),
			db_to_time(&row->updated_us), db_to_u64(&row->seq)),
		see_order, tally);
}

/* What still waits is as it will be in MySQL. */
static void
count_open_orders(struct tally *tally)
{
	size_t i;

	for (i = 0; i < tally->open.n; i++)
		count_order(tally, ROWS_AT(&tally->open, order_row, i), 1);
	tally->open.n = 0;
	row_index_clear(&tally->open_index);
}

static const char *
name_place(struct ctx *ctx, const struct tally *tally, enum tally_table table,
	size_t place)
{
	uint64_t seq = place * tally->seqs_a_place;

	if (table == TALLY_ORDERS)
		return arena_printf(ctx->arena, "of user %" PRIu32,
			tally->sums[table].user[place]);
	if (tally->seqs_a_place == 1)
		return arena_printf(ctx->arena, "sequence %" PRIu64, seq);
	return arena_printf(ctx->arena, "sequences %" PRIu64 " to %" PRIu64,
		seq, seq + tally->seqs_a_place - 1);
}

enum status
tally_compare(struct ctx *ctx, struct tally *tally, enum tally_table table,
	struct tally_difference *out)
{
	static enum status (*const see[])(struct ctx *, struct tally *) = {
		[TALLY_LEGS] = see_legs,
		[TALLY_TRADES] = see_trades,
		[TALLY_ORDERS] = see_orders,
	};
	size_t place;

	count_open_orders(tally);
	tally->seen = 0;
	TRY(see[table](ctx, tally));
	*out = (struct tally_difference){.seen = tally->seen};
	for (place = 0; place < PLACES; place++)
		if (tally->sums[table].of[place] != 0 && out->wrong++ == 0)
			out->first = name_place(ctx, tally, table, place);
	return ST_OK;
}

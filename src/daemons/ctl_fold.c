/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_fold.c - adding up trades.
 */
#include "daemons/ctl_fold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "db/db.h"
#include "settle/row_index.h"
#include "wire/order.h"

/* No position of a user and an instrument is open. */
#define NOTHING UINT32_MAX

struct array {
	void *at;
	uint32_t n, room;
	size_t size;
};

struct fold {
	struct array positions; /* struct fold_position */
	struct array candles;   /* struct fold_candle */
	struct array open;      /* uint32_t: which position, or NOTHING */
	struct row_index position_index; /* by id */
	struct row_index candle_index;   /* by instrument and minute */
	struct row_index open_index;     /* by user and instrument */
};

/* The room for one more, which nothing has been written to. */
static void *
add(struct array *array)
{
	if (array->n == array->room) {
		array->room = array->room ? array->room * 2 : 1024;
		array->at = reallocarray(array->at, array->room, array->size);
		if (!array->at)
			abort();
	}
	return (char *)array->at + array->size * array->n++;
}

static void *
item(const struct array *array, uint32_t i)
{
	assert(i < array->n);
	return (char *)array->at + array->size * i;
}

struct fold *
fold_new(void)
{
	struct fold *fold = calloc(1, sizeof(*fold));

	if (!fold)
		abort();
	fold->positions.size = sizeof(struct fold_position);
	fold->candles.size = sizeof(struct fold_candle);
	fold->open.size = sizeof(uint32_t);
	row_index_init(&fold->position_index);
	row_index_init(&fold->candle_index);
	row_index_init(&fold->open_index);
	return fold;
}

void
fold_free(struct fold *fold)
{
	if (!fold)
		return;
	row_index_done(&fold->position_index);
	row_index_done(&fold->candle_index);
	row_index_done(&fold->open_index);
	free(fold->positions.at);
	free(fold->candles.at);
	free(fold->open.at);
	free(fold);
}

void
fold_clear(struct fold *fold)
{
	fold->positions.n = 0;
	fold->candles.n = 0;
	fold->open.n = 0;
	row_index_clear(&fold->position_index);
	row_index_clear(&fold->candle_index);
	row_index_clear(&fold->open_index);
}

static struct row_key
key_of(struct ident id)
{
	struct row_key key;

	memcpy(&key, id.bytes, sizeof(key));
	return key;
}

/* ---- Positions -------------------------------------------------------- */

/* Sums stay at the largest number rather than overflow; the lowest is none. */
static __int128
bounded(__int128 sum)
{
	if (sum > INT64_MAX)
		return INT64_MAX;
	return sum <= INT64_MIN ? INT64_MIN + 1 : sum;
}

/* Where it is noted which position USER has open of INSTRUMENT. */
static uint32_t *
open_of(struct fold *fold, uint32_t user, uint16_t instrument)
{
	int is_new;
	uint32_t at = row_index_find(&fold->open_index,
		(struct row_key){user, instrument}, fold->open.n, &is_new);

	if (is_new)
		*(uint32_t *)add(&fold->open) = NOTHING;
	return item(&fold->open, at);
}

static uint32_t
open_position(struct fold *fold, const struct fold_trade *t, uint32_t user)
{
	int is_new;
	uint32_t at = row_index_find(&fold->position_index, key_of(t->id),
		fold->positions.n, &is_new);

	assert(is_new); /* a trade has one buyer, and an id of its own */
	*(struct fold_position *)add(&fold->positions) =
		(struct fold_position){.id = t->id,
			.user = user,
			.instrument = t->instrument,
			.opened_us = t->executed_us,
			.closed_us = DB_NO_TIME};
	return at;
}

static void
buy(struct fold *fold, const struct fold_trade *t, uint32_t user)
{
	uint32_t *open = open_of(fold, user, t->instrument);
	struct fold_position *position;
	struct fold_sums *sums;

	if (*open == NOTHING)
		*open = open_position(fold, t, user);
	position = item(&fold->positions, *open);
	sums = &position->sums;
	sums->quantity = bounded(sums->quantity + t->quantity);
	sums->cost = bounded(sums->cost + t->quote);
	sums->bought = bounded(sums->bought + t->quantity);
	sums->bought_quote = bounded(sums->bought_quote + t->quote);
	position->updated_us = t->executed_us;
	position->seq = t->seq;
}

static void
sell(struct fold *fold, const struct fold_trade *t, uint32_t user)
{
	uint32_t *open = open_of(fold, user, t->instrument);
	__int128 sold = t->quantity, product, cost, proceeds;
	struct fold_position *position;
	struct fold_sums *sums;

	if (*open == NOTHING)
		return; /* of coins that came otherwise */
	position = item(&fold->positions, *open);
	sums = &position->sums;
	if (sold > sums->quantity)
		sold = sums->quantity;
	/* The part of the cost that is sold is rounded up. */
	product = sums->cost * sold;
	cost = product / sums->quantity + (product % sums->quantity != 0);
	proceeds = sold * t->price / DECIMAL_ONE;
	sums->quantity -= sold;
	sums->cost -= cost;
	sums->realised = bounded(sums->realised + proceeds - cost);
	position->updated_us = t->executed_us;
	position->seq = t->seq;
	if (sums->quantity == 0) {
		position->closed_us = t->executed_us;
		*open = NOTHING;
	}
}

/* The maker's side first: his order was there before. */
void
fold_into_positions(
	struct fold *fold, const struct fold_trade *trade, uint32_t user)
{
	bool taker_buys = trade->taker_side == SIDE_BUY;

	if (user == 0 || user == trade->maker)
		(taker_buys ? sell : buy)(fold, trade, trade->maker);
	if (user == 0 || user == trade->taker)
		(taker_buys ? buy : sell)(fold, trade, trade->taker);
}

uint32_t
fold_positions(const struct fold *fold)
{
	return fold->positions.n;
}

const struct fold_position *
fold_find_position(const struct fold *fold, struct ident id)
{
	uint32_t at;

	return row_index_has(&fold->position_index, key_of(id), &at)
		? item(&fold->positions, at)
		: NULL;
}

/* ---- Candles ---------------------------------------------------------- */

void
fold_into_candles(struct fold *fold, const struct fold_trade *t)
{
	int64_t minute_us = t->executed_us - t->executed_us % US_PER_MINUTE;
	struct fold_candle *candle;
	int is_new;
	uint32_t at = row_index_find(&fold->candle_index,
		(struct row_key){t->instrument, (uint64_t)minute_us},
		fold->candles.n, &is_new);

	if (is_new)
		*(struct fold_candle *)add(&fold->candles) =
			(struct fold_candle){.instrument = t->instrument,
				.minute_us = minute_us,
				.open = t->price,
				.high = t->price,
				.low = t->price};
	candle = item(&fold->candles, at);
	candle->high = t->price > candle->high ? t->price : candle->high;
	candle->low = t->price < candle->low ? t->price : candle->low;
	candle->close = t->price;
	candle->volume += t->quantity;
	candle->quote_volume += t->quote;
	candle->trades++;
}

uint32_t
fold_candles(const struct fold *fold)
{
	return fold->candles.n;
}

const struct fold_candle *
fold_find_candle(
	const struct fold *fold, uint16_t instrument, int64_t minute_us)
{
	uint32_t at;

	return row_index_has(&fold->candle_index,
		       (struct row_key){instrument, (uint64_t)minute_us}, &at)
		? item(&fold->candles, at)
		: NULL;
}

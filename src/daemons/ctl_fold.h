/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_fold.h - positions and candles out of nothing but trades.
 *
 * A second opinion on what the core keeps (positions) and the settler adds up
 * (candles): the rules of struct position in wire/event.h, written down once
 * more, and sharing no code with those two.
 *
 * A fold owns what it returns.  It has no failures: no memory is the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"

/* All money is in units of 10^-8, all times in microseconds. */
struct fold_trade {
	struct ident id;
	uint64_t seq;
	uint16_t instrument;
	uint8_t taker_side;
	uint32_t maker, taker; /* users */
	int64_t price, quantity, quote;
	int64_t executed_us;
};

struct fold_sums {
	__int128 quantity, cost, bought, bought_quote, realised;
};

struct fold_position {
	struct ident id;
	uint32_t user;
	uint16_t instrument;
	struct fold_sums sums;
	int64_t opened_us, updated_us;
	int64_t closed_us; /* DB_NO_TIME: it is open */
	uint64_t seq;
};

struct fold_candle {
	uint16_t instrument;
	int64_t minute_us;
	int64_t open, high, low, close;
	__int128 volume, quote_volume;
	uint64_t trades;
};

struct fold;

struct fold *fold_new(void);
void fold_free(struct fold *fold);
void fold_clear(struct fold *fold);

/* The trade that follows the last one, by its id, into the candles. */
void fold_into_candles(struct fold *fold, const struct fold_trade *trade);

/*
 * And into the positions of its users; with a USER other than 0, into his
 * alone.
 */
void fold_into_positions(
	struct fold *fold, const struct fold_trade *trade, uint32_t user);

/* How many there are. */
uint32_t fold_positions(const struct fold *fold);
uint32_t fold_candles(const struct fold *fold);

/* NULL: there is none. */
const struct fold_position *fold_find_position(
	const struct fold *fold, struct ident id);
const struct fold_candle *fold_find_candle(
	const struct fold *fold, uint16_t instrument, int64_t minute_us);

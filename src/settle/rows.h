/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rows.h - rows as the settler writes them, one struct for each table.
 *
 * All money is in units of 10^-8, all times in microseconds (see
 * wire/message.h).  Where a batch knows nothing of a column of a row that is
 * already in MySQL, the struct has ROW_KEEP there, and MySQL keeps what it has:
 * no amount is negative in those columns, and no number as high.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ident.h"
#include "db/db.h"
#include "wire/message.h"

#define ROW_KEEP INT64_C(-1)
#define ROW_KEEP_NUMBER 255

struct leg_row {
	uint64_t seq;
	uint16_t leg;
	uint8_t account; /* enum account_kind */
	uint8_t cause;   /* enum command_type; 0: a trade */
	uint16_t asset;
	uint32_t user;
	int64_t amount;
	int64_t balance_after;
	struct ident reference;
	int64_t posted_us;
};

struct trade_row {
	struct ident id;
	uint64_t seq;
	uint16_t instrument;
	uint8_t taker_side;
	uint32_t maker_user, taker_user;
	int64_t price, quantity, quote;
	struct ident maker_order, taker_order;
	int64_t maker_fee, taker_fee;
	int64_t executed_us;
};

struct order_row {
	struct ident id;
	uint32_t user;
	uint16_t instrument;
	uint8_t side, type, tif, stp, flags;
	uint8_t status; /* or ROW_KEEP_NUMBER */
	uint8_t reason;
	bool opened;             /* in this batch: every column is known */
	int64_t price, quantity; /* or ROW_KEEP */
	int64_t quote_budget, stop_price;
	int64_t trail; /* with trail_rate, of a trailing stop */
	uint32_t trail_rate;
	struct ident pair; /* or IDENT_NONE */
	int64_t filled, quote, fee; /* or ROW_KEEP */
	char client_id[CLIENT_ID_MAX + 1];
	int64_t opened_us;
	int64_t triggered_us, closed_us; /* DB_NO_TIME: not, or as before */
	int64_t updated_us;
	uint64_t seq;
};

struct balance_row {
	uint32_t user;
	uint16_t asset;
	int64_t available, held;
	uint64_t seq;
	int64_t updated_us;
};

struct house_row {
	uint8_t account;
	uint16_t asset;
	int64_t balance;
	uint64_t seq;
	int64_t updated_us;
};

struct position_row {
	struct ident id;
	uint32_t user;
	uint16_t instrument;
	bool opened; /* in this batch; else opened_us is not written */
	int64_t quantity, cost, bought, bought_quote, realised;
	int64_t opened_us, updated_us;
	int64_t closed_us; /* DB_NO_TIME: it is open */
	uint64_t seq;
};

/* What the batch adds to a minute. */
struct candle_row {
	uint16_t instrument;
	int64_t minute_us, hour_us, day_us; /* that it begins, and is part of */
	int64_t open, high, low, close;
	__int128 volume, quote_volume;
	uint32_t trades;
};

struct user_row {
	uint32_t user;
	struct ident public_id;
	uint8_t role, locked, reduce_only;
	uint32_t epoch;
	uint64_t seq;
	int64_t updated_us;
};

struct revocation_row {
	struct ident session;
	uint32_t user;
	int64_t expires_us;
	uint64_t seq;
};

struct limit_row {
	uint32_t user;
	uint8_t type;
	uint16_t instrument;
	int64_t value; /* a count is written as a whole number */
	uint64_t seq;
	int64_t updated_us;
};

struct risk_row {
	uint32_t user;
	uint32_t day; /* UTC days since 1970 */
	bool watched;
	int64_t equity, peak, day_equity;
	uint64_t seq;
	int64_t updated_us;
};

/* A dead-man switch. */
struct switch_row {
	uint32_t user;
	int64_t due_us; /* DB_NO_TIME: off */
	uint64_t seq;
	int64_t updated_us;
};

struct withdrawal_row {
	struct ident id;
	uint32_t user;
	uint16_t asset;
	uint8_t state;
	int64_t amount;
	uint64_t seq;
	int64_t updated_us;
};

struct asset_row {
	uint16_t asset;
	char code[ASSET_CODE_MAX];
	uint64_t seq;
};

struct instrument_row {
	uint16_t instrument, base, quote, fee_asset;
	char symbol[SYMBOL_MAX];
	int64_t tick, lot, min_notional;
	uint32_t maker_rate, taker_rate, band_low, band_high, collar;
	uint8_t status;
	uint64_t seq;
	int64_t updated_us;
};

struct reference_row {
	uint16_t instrument;
	int64_t price;
};

struct rate_row {
	uint16_t asset;
	int64_t rate;
};

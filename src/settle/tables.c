/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tables.c - the columns of each table, and what an existing row keeps.
 *
 * VALUES() in an update is old-fashioned to MySQL and the only way of MariaDB.
 */
#include "settle/tables.h"

#include "settle/rows.h"

#define BULK_SAME(name, head, same, tail, type)                                \
	const struct db_bulk bulk_##name = {head, tail, name##_columns,        \
		N_ELEMENTS(name##_columns), sizeof(struct type), same};
#define BULK(name, head, tail, type) BULK_SAME(name, head, NULL, tail, type)

static const struct db_column legs_columns[] = {
	DB_COLUMN(U64, leg_row, seq),
	DB_COLUMN(U64, leg_row, leg),
	DB_COLUMN(U64, leg_row, account),
	DB_COLUMN(U64, leg_row, user),
	DB_COLUMN(U64, leg_row, asset),
	DB_COLUMN(DECIMAL, leg_row, amount),
	DB_COLUMN(DECIMAL, leg_row, balance_after),
	DB_COLUMN(U64, leg_row, cause),
	DB_COLUMN(IDENT, leg_row, reference),
	DB_COLUMN(TIME, leg_row, posted_us),
};
BULK(legs,
	"INSERT INTO ledger (seq, leg, account, user_id, asset_id, amount, "
	"balance_after, cause, reference, posted_at)",
	NULL, leg_row)

static const struct db_column trades_columns[] = {
	DB_COLUMN(IDENT, trade_row, id),
	DB_COLUMN(U64, trade_row, seq),
	DB_COLUMN(U64, trade_row, instrument),
	DB_COLUMN(U64, trade_row, taker_side),
	DB_COLUMN(DECIMAL, trade_row, price),
	DB_COLUMN(DECIMAL, trade_row, quantity),
	DB_COLUMN(DECIMAL, trade_row, quote),
	DB_COLUMN(U64, trade_row, maker_user),
	DB_COLUMN(IDENT, trade_row, maker_order),
	DB_COLUMN(DECIMAL, trade_row, maker_fee),
	DB_COLUMN(U64, trade_row, taker_user),
	DB_COLUMN(IDENT, trade_row, taker_order),
	DB_COLUMN(DECIMAL, trade_row, taker_fee),
	DB_COLUMN(TIME, trade_row, executed_us),
};
BULK(trades,
	"INSERT INTO trades (id, seq, instrument_id, taker_side, price, "
	"quantity, quote, maker_user, maker_order, maker_fee, taker_user, "
	"taker_order, taker_fee, executed_at)",
	NULL, trade_row)

/*
 * What few orders have, the others do not pay for: each column of a row costs
 * both ends, so there is a statement for those that only rest, and one of its
 * own for a trailing stop, and for one of a pair.
 */
#define ORDERS_ALL                                                             \
	DB_COLUMN(IDENT, order_row, id),                                       \
	DB_COLUMN(U64, order_row, user),                                       \
	DB_COLUMN(U64, order_row, instrument),                                 \
	DB_COLUMN(U64, order_row, side),                                       \
	DB_COLUMN(U64, order_row, type),                                       \
	DB_COLUMN(U64, order_row, tif),                                        \
	DB_COLUMN(U64, order_row, stp),                                        \
	DB_COLUMN(U64, order_row, flags),                                      \
	DB_COLUMN(U64, order_row, status),                                     \
	DB_COLUMN(DECIMAL, order_row, price),                                  \
	DB_COLUMN(DECIMAL, order_row, quantity),                               \
	DB_COLUMN(TIME, order_row, opened_us),                                 \
	DB_COLUMN(TIME, order_row, updated_us),                                \
	DB_COLUMN(U64, order_row, seq)
#define ORDERS_ALL_HEAD                                                        \
	"INSERT INTO orders (id, user_id, instrument_id, side, type, tif, "    \
	"stp, flags, status, price, quantity, opened_at, updated_at, seq, "
#define ORDERS_OPENED                                                          \
	ORDERS_ALL,                                                            \
	DB_COLUMN(U64, order_row, reason),                                     \
	DB_COLUMN(DECIMAL, order_row, quote_budget),                           \
	DB_COLUMN(DECIMAL, order_row, stop_price),                             \
	DB_COLUMN(DECIMAL, order_row, filled),                                 \
	DB_COLUMN(DECIMAL, order_row, quote),                                  \
	DB_COLUMN(DECIMAL, order_row, fee),                                    \
	DB_COLUMN(TEXT, order_row, client_id),                                 \
	DB_COLUMN(TIME, order_row, triggered_us),                              \
	DB_COLUMN(TIME, order_row, closed_us)
#define ORDERS_OPENED_HEAD                                                     \
	ORDERS_ALL_HEAD "reason, quote_budget, stop_price, filled, quote, "    \
	"fee, client_id, triggered_at, closed_at"

static const struct db_column orders_resting_columns[] = {
	ORDERS_ALL,
};
BULK_SAME(orders_resting,
	ORDERS_ALL_HEAD "reason, quote_budget, stop_price, filled, quote, fee)",
	", 0, 0, 0, 0, 0, 0", NULL, order_row)

static const struct db_column orders_opened_columns[] = {
	ORDERS_OPENED,
};
BULK(orders_opened, ORDERS_OPENED_HEAD ")", NULL, order_row)

static const struct db_column orders_trailing_columns[] = {
	ORDERS_OPENED,
	DB_COLUMN(DECIMAL, order_row, trail),
	DB_COLUMN(U64, order_row, trail_rate),
};
BULK(orders_trailing, ORDERS_OPENED_HEAD ", trail, trail_rate)", NULL,
	order_row)

static const struct db_column orders_paired_columns[] = {
	ORDERS_OPENED,
	DB_COLUMN(IDENT, order_row, pair),
};
BULK(orders_paired, ORDERS_OPENED_HEAD ", pair_id)", NULL, order_row)

/*
 * Orders of earlier batches.  An insert that must never insert is the quickest
 * way of changing many rows by their key; that each of them was there is seen
 * from the count (mysql_sink.c).  A row that is not there would have zeros
 * where the columns below say nothing, and is rolled back.
 */
#define ORDERS_THERE                                                           \
	DB_COLUMN(IDENT, order_row, id),                                       \
	DB_COLUMN(U64, order_row, user),                                       \
	DB_COLUMN(DECIMAL, order_row, filled),                                 \
	DB_COLUMN(DECIMAL, order_row, quote),                                  \
	DB_COLUMN(DECIMAL, order_row, fee),                                    \
	DB_COLUMN(TIME, order_row, updated_us),                                \
	DB_COLUMN(U64, order_row, seq)
#define ORDERS_THERE_HEAD                                                      \
	"INSERT INTO orders (id, user_id, filled, quote, fee, updated_at, "    \
	"seq, "
#define ORDERS_THERE_REST                                                      \
	"instrument_id, side, type, tif, stp, flags, quote_budget, "           \
	"stop_price, opened_at"
#define ORDERS_THERE_SAME ", 0, 0, 0, 0, 0, 0, 0, 0, '1970-01-01 00:00:00'"

/* It traded, and is still open. */
static const struct db_column orders_filled_columns[] = {
	ORDERS_THERE,
};
BULK_SAME(orders_filled,
	ORDERS_THERE_HEAD ORDERS_THERE_REST ", status, reason, price, quantity)",
	ORDERS_THERE_SAME ", 0, 0, 0, 0",
	"ON DUPLICATE KEY UPDATE filled = VALUES(filled), "
	"quote = VALUES(quote), fee = VALUES(fee), "
	"updated_at = VALUES(updated_at), seq = VALUES(seq)",
	order_row)

/* It ended, as it was when it was opened. */
static const struct db_column orders_ended_columns[] = {
	ORDERS_THERE,
	DB_COLUMN(U64, order_row, status),
	DB_COLUMN(U64, order_row, reason),
	DB_COLUMN(DECIMAL, order_row, quantity),
	DB_COLUMN(TIME, order_row, closed_us),
};
BULK_SAME(orders_ended,
	ORDERS_THERE_HEAD "status, reason, quantity, closed_at, "
	ORDERS_THERE_REST ", price)",
	ORDERS_THERE_SAME ", 0",
	"ON DUPLICATE KEY UPDATE status = VALUES(status), "
	"reason = VALUES(reason), quantity = VALUES(quantity), "
	"filled = VALUES(filled), quote = VALUES(quote), fee = VALUES(fee), "
	"closed_at = VALUES(closed_at), updated_at = VALUES(updated_at), "
	"seq = VALUES(seq)",
	order_row)

/* Anything else. */
static const struct db_column orders_changed_columns[] = {
	ORDERS_THERE,
	DB_COLUMN(U64, order_row, status),
	DB_COLUMN(U64, order_row, reason),
	DB_COLUMN(DECIMAL, order_row, price),
	DB_COLUMN(DECIMAL, order_row, quantity),
	DB_COLUMN(TIME, order_row, triggered_us),
	DB_COLUMN(TIME, order_row, closed_us),
};
#define KEEP(column)                                                           \
	#column " = IF(VALUES(" #column ") < 0, " #column ", VALUES(" #column  \
	"))"
BULK_SAME(orders_changed,
	ORDERS_THERE_HEAD "status, reason, price, quantity, triggered_at, "
	"closed_at, " ORDERS_THERE_REST ")",
	ORDERS_THERE_SAME,
	"ON DUPLICATE KEY UPDATE "
	"reason = IF(VALUES(status) = 255, reason, VALUES(reason)), "
	"status = IF(VALUES(status) = 255, status, VALUES(status)), "
	KEEP(price) ", " KEEP(quantity) ", " KEEP(filled) ", " KEEP(quote) ", "
	KEEP(fee) ", "
	"triggered_at = COALESCE(VALUES(triggered_at), triggered_at), "
	"closed_at = COALESCE(VALUES(closed_at), closed_at), "
	"updated_at = VALUES(updated_at), seq = VALUES(seq)",
	order_row)

static const struct db_column order_names_columns[] = {
	DB_COLUMN(U64, order_row, user),
	DB_COLUMN(TEXT, order_row, client_id),
	DB_COLUMN(IDENT, order_row, id),
};
BULK(order_names, "INSERT INTO order_names (user_id, client_id, order_id)",
	NULL, order_row)

static const struct db_column balances_columns[] = {
	DB_COLUMN(U64, balance_row, user),
	DB_COLUMN(U64, balance_row, asset),
	DB_COLUMN(DECIMAL, balance_row, available),
	DB_COLUMN(DECIMAL, balance_row, held),
	DB_COLUMN(U64, balance_row, seq),
	DB_COLUMN(TIME, balance_row, updated_us),
};
BULK(balances,
	"INSERT INTO balances (user_id, asset_id, available, held, seq, "
	"updated_at)",
	"ON DUPLICATE KEY UPDATE available = VALUES(available), "
	"held = VALUES(held), seq = VALUES(seq), "
	"updated_at = VALUES(updated_at)",
	balance_row)

static const struct db_column houses_columns[] = {
	DB_COLUMN(U64, house_row, account),
	DB_COLUMN(U64, house_row, asset),
	DB_COLUMN(DECIMAL, house_row, balance),
	DB_COLUMN(U64, house_row, seq),
	DB_COLUMN(TIME, house_row, updated_us),
};
BULK(houses,
	"INSERT INTO house_balances (account, asset_id, balance, seq, "
	"updated_at)",
	"ON DUPLICATE KEY UPDATE balance = VALUES(balance), "
	"seq = VALUES(seq), updated_at = VALUES(updated_at)",
	house_row)

/*
 * A minute's row also adds to its hour and its day.  The rows of a batch are in
 * order of time, so the last one closes.
 */
#define CANDLE_COLUMNS(opened)                                                 \
	DB_COLUMN(U64, candle_row, instrument),                                \
		DB_COLUMN(TIME, candle_row, opened),                           \
		DB_COLUMN(DECIMAL, candle_row, open),                          \
		DB_COLUMN(DECIMAL, candle_row, high),                          \
		DB_COLUMN(DECIMAL, candle_row, low),                           \
		DB_COLUMN(DECIMAL, candle_row, close),                         \
		DB_COLUMN(SUM, candle_row, volume),                            \
		DB_COLUMN(SUM, candle_row, quote_volume),                      \
		DB_COLUMN(U64, candle_row, trades)
#define CANDLE_VALUES                                                          \
	"open, high, low, close, volume, quote_volume, trades)"
#define CANDLE_GROWS                                                           \
	"ON DUPLICATE KEY UPDATE high = GREATEST(high, VALUES(high)), "        \
	"low = LEAST(low, VALUES(low)), close = VALUES(close), "               \
	"volume = volume + VALUES(volume), "                                   \
	"quote_volume = quote_volume + VALUES(quote_volume), "                 \
	"trades = trades + VALUES(trades)"

/* As with the orders: one that was not opened here must be there. */
static const struct db_column positions_columns[] = {
	DB_COLUMN(IDENT, position_row, id),
	DB_COLUMN(U64, position_row, user),
	DB_COLUMN(U64, position_row, instrument),
	DB_COLUMN(DECIMAL, position_row, quantity),
	DB_COLUMN(DECIMAL, position_row, cost),
	DB_COLUMN(DECIMAL, position_row, bought),
	DB_COLUMN(DECIMAL, position_row, bought_quote),
	DB_COLUMN(DECIMAL, position_row, realised),
	DB_COLUMN(TIME, position_row, opened_us),
	DB_COLUMN(TIME, position_row, updated_us),
	DB_COLUMN(TIME, position_row, closed_us),
	DB_COLUMN(U64, position_row, seq),
};
BULK(positions,
	"INSERT INTO positions (id, user_id, instrument_id, quantity, cost, "
	"bought, bought_quote, realised, opened_at, updated_at, closed_at, "
	"seq)",
	"ON DUPLICATE KEY UPDATE quantity = VALUES(quantity), "
	"cost = VALUES(cost), bought = VALUES(bought), "
	"bought_quote = VALUES(bought_quote), realised = VALUES(realised), "
	"updated_at = VALUES(updated_at), closed_at = VALUES(closed_at), "
	"seq = VALUES(seq)",
	position_row)

static const struct db_column candles_columns[] = {CANDLE_COLUMNS(minute_us)};
BULK(candles, "INSERT INTO candles_1m (instrument_id, minute, " CANDLE_VALUES,
	CANDLE_GROWS, candle_row)
static const struct db_column hours_columns[] = {CANDLE_COLUMNS(hour_us)};
BULK(hours, "INSERT INTO candles_1h (instrument_id, hour, " CANDLE_VALUES,
	CANDLE_GROWS, candle_row)
static const struct db_column days_columns[] = {CANDLE_COLUMNS(day_us)};
BULK(days, "INSERT INTO candles_1d (instrument_id, day, " CANDLE_VALUES,
	CANDLE_GROWS, candle_row)

static const struct db_column users_columns[] = {
	DB_COLUMN(U64, user_row, user),
	DB_COLUMN(IDENT, user_row, public_id),
	DB_COLUMN(U64, user_row, role),
	DB_COLUMN(U64, user_row, locked),
	DB_COLUMN(U64, user_row, reduce_only),
	DB_COLUMN(U64, user_row, epoch),
	DB_COLUMN(U64, user_row, seq),
	DB_COLUMN(TIME, user_row, updated_us),
};
BULK(users,
	"INSERT INTO core_users (user_id, public_id, role, locked, "
	"reduce_only, epoch, seq, updated_at)",
	"ON DUPLICATE KEY UPDATE role = VALUES(role), locked = VALUES(locked), "
	"reduce_only = VALUES(reduce_only), epoch = VALUES(epoch), "
	"seq = VALUES(seq), updated_at = VALUES(updated_at)",
	user_row)

static const struct db_column revocations_columns[] = {
	DB_COLUMN(IDENT, revocation_row, session),
	DB_COLUMN(U64, revocation_row, user),
	DB_COLUMN(TIME, revocation_row, expires_us),
	DB_COLUMN(U64, revocation_row, seq),
};
BULK(revocations,
	"INSERT INTO core_revocations (session_id, user_id, expires_at, seq)",
	"ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at), "
	"seq = VALUES(seq)",
	revocation_row)

static const struct db_column limits_columns[] = {
	DB_COLUMN(U64, limit_row, user),
	DB_COLUMN(U64, limit_row, type),
	DB_COLUMN(U64, limit_row, instrument),
	DB_COLUMN(DECIMAL, limit_row, value),
	DB_COLUMN(U64, limit_row, seq),
	DB_COLUMN(TIME, limit_row, updated_us),
};
BULK(limits,
	"INSERT INTO core_limits (user_id, type, instrument_id, value, seq, "
	"updated_at)",
	"ON DUPLICATE KEY UPDATE value = VALUES(value), seq = VALUES(seq), "
	"updated_at = VALUES(updated_at)",
	limit_row)

static const struct db_column risks_columns[] = {
	DB_COLUMN(U64, risk_row, user),
	DB_COLUMN(DECIMAL, risk_row, equity),
	DB_COLUMN(DECIMAL, risk_row, peak),
	DB_COLUMN(DECIMAL, risk_row, day_equity),
	DB_COLUMN(U64, risk_row, day),
	DB_COLUMN(U64, risk_row, watched),
	DB_COLUMN(U64, risk_row, seq),
	DB_COLUMN(TIME, risk_row, updated_us),
};
BULK(risks,
	"INSERT INTO core_risk (user_id, equity, peak, day_equity, day, "
	"watched, seq, updated_at)",
	"ON DUPLICATE KEY UPDATE equity = VALUES(equity), "
	"peak = VALUES(peak), day_equity = VALUES(day_equity), "
	"day = VALUES(day), watched = VALUES(watched), seq = VALUES(seq), "
	"updated_at = VALUES(updated_at)",
	risk_row)

static const struct db_column switches_columns[] = {
	DB_COLUMN(U64, switch_row, user),
	DB_COLUMN(TIME, switch_row, due_us),
	DB_COLUMN(U64, switch_row, seq),
	DB_COLUMN(TIME, switch_row, updated_us),
};
BULK(switches,
	"INSERT INTO core_cancel_after (user_id, due_at, seq, updated_at)",
	"ON DUPLICATE KEY UPDATE due_at = VALUES(due_at), seq = VALUES(seq), "
	"updated_at = VALUES(updated_at)",
	switch_row)

static const struct db_column withdrawals_columns[] = {
	DB_COLUMN(IDENT, withdrawal_row, id),
	DB_COLUMN(U64, withdrawal_row, user),
	DB_COLUMN(U64, withdrawal_row, asset),
	DB_COLUMN(DECIMAL, withdrawal_row, amount),
	DB_COLUMN(U64, withdrawal_row, state),
	DB_COLUMN(U64, withdrawal_row, seq),
	DB_COLUMN(TIME, withdrawal_row, updated_us),
};
BULK(withdrawals,
	"INSERT INTO core_withdrawals (public_id, user_id, asset_id, amount, "
	"state, seq, updated_at)",
	"ON DUPLICATE KEY UPDATE state = VALUES(state), seq = VALUES(seq), "
	"updated_at = VALUES(updated_at)",
	withdrawal_row)

static const struct db_column assets_columns[] = {
	DB_COLUMN(U64, asset_row, asset),
	DB_COLUMN(TEXT, asset_row, code),
	DB_COLUMN(U64, asset_row, seq),
};
BULK(assets, "INSERT INTO assets (id, code, seq)",
	"ON DUPLICATE KEY UPDATE code = VALUES(code), seq = VALUES(seq)",
	asset_row)

static const struct db_column instruments_columns[] = {
	DB_COLUMN(U64, instrument_row, instrument),
	DB_COLUMN(TEXT, instrument_row, symbol),
	DB_COLUMN(U64, instrument_row, base),
	DB_COLUMN(U64, instrument_row, quote),
	DB_COLUMN(U64, instrument_row, fee_asset),
	DB_COLUMN(DECIMAL, instrument_row, tick),
	DB_COLUMN(DECIMAL, instrument_row, lot),
	DB_COLUMN(DECIMAL, instrument_row, min_notional),
	DB_COLUMN(U64, instrument_row, maker_rate),
	DB_COLUMN(U64, instrument_row, taker_rate),
	DB_COLUMN(U64, instrument_row, band_low),
	DB_COLUMN(U64, instrument_row, band_high),
	DB_COLUMN(U64, instrument_row, collar),
	DB_COLUMN(U64, instrument_row, status),
	DB_COLUMN(U64, instrument_row, seq),
	DB_COLUMN(TIME, instrument_row, updated_us),
};
BULK(instruments,
	"INSERT INTO instruments (id, symbol, base_id, quote_id, fee_asset_id, "
	"tick, lot, min_notional, maker_rate, taker_rate, band_low, band_high, "
	"collar, status, seq, updated_at)",
	"ON DUPLICATE KEY UPDATE symbol = VALUES(symbol), "
	"fee_asset_id = VALUES(fee_asset_id), tick = VALUES(tick), "
	"lot = VALUES(lot), min_notional = VALUES(min_notional), "
	"maker_rate = VALUES(maker_rate), taker_rate = VALUES(taker_rate), "
	"band_low = VALUES(band_low), band_high = VALUES(band_high), "
	"collar = VALUES(collar), status = VALUES(status), seq = VALUES(seq), "
	"updated_at = VALUES(updated_at)",
	instrument_row)

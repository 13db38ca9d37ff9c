/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tables.h - how the rows of a batch are written.  For mysql_sink.c alone.
 */
#pragma once

#include "db/db.h"

extern const struct db_bulk bulk_legs;
extern const struct db_bulk bulk_trades;
extern const struct db_bulk bulk_orders_resting;
extern const struct db_bulk bulk_orders_opened;
extern const struct db_bulk bulk_orders_trailing;
extern const struct db_bulk bulk_orders_paired;
extern const struct db_bulk bulk_orders_filled;
extern const struct db_bulk bulk_orders_ended;
extern const struct db_bulk bulk_orders_changed;
extern const struct db_bulk bulk_order_names; /* of order_row too */
extern const struct db_bulk bulk_balances;
extern const struct db_bulk bulk_houses;
extern const struct db_bulk bulk_positions;
extern const struct db_bulk bulk_candles;
extern const struct db_bulk bulk_hours; /* of candle_row too, as is this */
extern const struct db_bulk bulk_days;
extern const struct db_bulk bulk_users;
extern const struct db_bulk bulk_revocations;
extern const struct db_bulk bulk_limits;
extern const struct db_bulk bulk_risks;
extern const struct db_bulk bulk_switches;
extern const struct db_bulk bulk_withdrawals;
extern const struct db_bulk bulk_assets;
extern const struct db_bulk bulk_instruments;

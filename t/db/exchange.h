/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * exchange.h - a journal's worth of records, out of the real engine.
 *
 * Users trade at random, from a seed: the same seed gives the same records.
 * All kinds of commands occur, so all kinds of events do.
 */
#pragma once

#include <stdint.h>

#include "engine/engine.h"
#include "wire/record.h"

struct exchange;

struct exchange *exchange_new(unsigned users, uint64_t seed);
/* Commands are stamped from TIME_US on; before the first record. */
void exchange_set_time(struct exchange *exchange, int64_t time_us);
void exchange_free(struct exchange *exchange);

/*
 * The next record; it lives until the next call.  The first ones make assets,
 * instruments and users, and give them money.
 */
const struct record *exchange_next(struct exchange *exchange);

/* How many records that beginning has. */
uint64_t exchange_beginning(const struct exchange *exchange);

const struct engine *exchange_engine(const struct exchange *exchange);
unsigned exchange_users(const struct exchange *exchange);

#define EXCHANGE_ASSETS 3
#define EXCHANGE_INSTRUMENTS 2

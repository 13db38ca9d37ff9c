/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * subject_engine.c - the engine as a subject of tests.
 */
#include "subject.h"


#define IT ((const struct engine *)it)

static void *
create(const struct engine_options *options)
{
	return engine_new(options);
}

static void
destroy(void *it)
{
	engine_free(it);
}

static enum refusal
apply(void *it, int64_t time_us, const struct message *command,
	struct record *out, uint64_t *done_seq)
{
	return engine_apply(it, time_us, command, out, done_seq);
}

static uint64_t
seq(const void *it)
{
	return engine_seq(IT);
}

static int64_t
time_us(const void *it)
{
	return engine_time_us(IT);
}

static struct user_facts
user(const void *it, uint32_t number)
{
	return engine_user(IT, number);
}

static bool
session_revoked(const void *it, struct ident session)
{
	return engine_session_revoked(IT, session);
}

static struct balance
balance(const void *it, uint32_t number, uint16_t asset)
{
	return engine_balance(IT, number, asset);
}

static int64_t
house(const void *it, enum account_kind account, uint16_t asset)
{
	return engine_house(IT, account, asset);
}

static int64_t
deadline_us(const void *it)
{
	return engine_deadline_us(IT);
}

static size_t
depth(const void *it, uint16_t instrument, enum side side,
	struct depth_level *out, size_t max)
{
	return engine_depth(IT, instrument, side, out, max);
}

static const struct instrument_terms *
terms(const void *it, uint16_t instrument)
{
	return engine_terms(IT, instrument);
}

static unsigned
instruments(const void *it)
{
	return engine_instruments(IT);
}

static int64_t
last_price(const void *it, uint16_t instrument)
{
	return engine_last_price(IT, instrument);
}

static uint64_t
open_orders(const void *it)
{
	return engine_open_orders(IT);
}

static uint64_t
users(const void *it)
{
	return engine_users(IT);
}

static uint64_t
trades(const void *it)
{
	return engine_trades(IT);
}

const struct subject subject_engine = {
	.name = "engine",
	.create = create,
	.destroy = destroy,
	.apply = apply,
	.seq = seq,
	.time_us = time_us,
	.user = user,
	.session_revoked = session_revoked,
	.balance = balance,
	.house = house,
	.deadline_us = deadline_us,
	.depth = depth,
	.terms = terms,
	.instruments = instruments,
	.last_price = last_price,
	.open_orders = open_orders,
	.users = users,
	.trades = trades,
};

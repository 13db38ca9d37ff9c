/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_hour.c - an hour of a real stock at its own times, settled, and its
 * positions and candles made anew from the trades.
 *
 * Through a running matcher the hour takes half a minute, and has as many
 * candles (t/api/test_positions_hour.py); here the engine is told what time it
 * is, and there is one for each of its minutes.  Everybody makes and takes, and
 * may trade with himself, so positions are opened and closed all the time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "settle/mysql_sink.h"
#include "t/db/server.h"
#include "t/db/stack.h"
#include "t/harness/suite.h"
#include "work/replay.h"

#define DATA "/../shared/data/orderflow/aapl-2012-06-21-0930-1030.csv.gz"
#define MIDNIGHT_US INT64_C(1340236800000000) /* 2012-06-21, UTC */
#define USERS 40
#define BATCH 5000

/* An order of the file that was taken. */
struct known {
	struct ident order;
	uint32_t user;
	int64_t total;
};

static struct engine *engine;
static struct record *record;
static struct settle_batch *batch;
static struct ctx *ctx;
static struct settle_sink *sink;
static struct row_index index_of; /* of the file's ids in KNOWN */
static struct known *known;
static uint32_t n_known, turn;

static const char *
data_path(void)
{
	static char path[512];
	const char *top = getenv("srcdir");

	snprintf(path, sizeof(path), "%s%s", top ? top : TOP_DIR, DATA);
	return path;
}

static void
write_batch(void)
{
	if (sink->write(sink, batch) != ST_OK) {
		fprintf(stderr, "%s\n", sink->reason(sink));
		abort();
	}
	settle_batch_clear(batch);
}

/* False: it was refused. */
static bool
apply(int64_t time_us, const struct message *command)
{
	uint64_t done_seq;

	if (engine_apply(engine, time_us, command, record, &done_seq) !=
		REFUSED_NONE)
		return false;
	if (settle_batch_add(batch, record) != ST_OK) {
		fprintf(stderr, "%s\n", batch->reason);
		abort();
	}
	if (batch->n_records == BATCH)
		write_batch();
	return true;
}

#define HEAD(sym, type_, user_)                                                \
	{                                                                      \
		.size = sizeof(struct type_), .type = CMD_##sym,               \
		.user = (user_)                                                \
	}
#define MUST(command)                                                          \
	do {                                                                   \
		if (!apply(MIDNIGHT_US, &(command).head))                      \
			abort();                                               \
	} while (0)

static void
make_market(void)
{
	struct cmd_asset_set asset = {
		.head = HEAD(ASSET_SET, cmd_asset_set, 0), .code = "USD"};
	struct cmd_instrument_set instrument = {
		.head = HEAD(INSTRUMENT_SET, cmd_instrument_set, 0),
		.terms = {.base = 1,
			.symbol = "AAPL/USD",
			.tick = DECIMAL_ONE / 100,
			.lot = DECIMAL_ONE,
			.maker_rate = 1000,
			.taker_rate = 2000,
			.collar = 50000}};
	uint32_t user;

	MUST(asset);
	asset.asset = 1;
	memcpy(asset.code, "AAPL", 5);
	MUST(asset);
	MUST(instrument);
	for (user = 1; user <= USERS; user++) {
		struct cmd_user_create create = {
			.head = HEAD(USER_CREATE, cmd_user_create, user),
			.intent = ident_make(MIDNIGHT_US / 1000, 1, user),
			.public_id = ident_make(MIDNIGHT_US / 1000, 2, user)};
		struct cmd_deposit deposit = {
			.head = HEAD(DEPOSIT, cmd_deposit, user),
			.intent = ident_make(MIDNIGHT_US / 1000, 3, user),
			.amount = 1000000000 * DECIMAL_ONE};

		MUST(create);
		MUST(deposit);
		deposit.intent = ident_make(MIDNIGHT_US / 1000, 4, user);
		deposit.asset = 1;
		deposit.amount = 1000000 * DECIMAL_ONE;
		MUST(deposit);
	}
}

static bool
place(int64_t time_us, const struct lobster_message *m, uint8_t side,
	uint8_t tif, uint32_t user)
{
	struct cmd_order_place command = {
		.head = HEAD(ORDER_PLACE, cmd_order_place, user),
		.side = side,
		.tif = tif,
		.stp = STP_NONE,
		.price = m->price * REPLAY_PRICE_UNITS,
		.quantity = m->size * DECIMAL_ONE};

	return apply(time_us, &command.head);
}

static void
play_new(int64_t time_us, const struct lobster_message *m)
{
	uint32_t user = turn++ % USERS + 1;
	struct ev_order_opened opened;
	int is_new;

	if (!place(time_us, m, m->side, TIF_GTC, user))
		return;
	message_read(record_events(record), &opened, sizeof(opened));
	if (opened.head.type != EV_ORDER_OPENED)
		abort();
	row_index_find(&index_of, (struct row_key){m->order, 0}, n_known,
		&is_new);
	if (is_new)
		known[n_known++] = (struct known){opened.order, user,
			m->size * DECIMAL_ONE};
}

static void
play(const struct lobster_message *m)
{
	int64_t time_us = MIDNIGHT_US + m->time_ns / 1000;
	struct known *order;
	uint32_t at;

	if (m->type == LOBSTER_NEW)
		play_new(time_us, m);
	if (m->type == LOBSTER_EXECUTE)
		(void)place(time_us, m, m->side == SIDE_BUY ? SIDE_SELL
							    : SIDE_BUY,
			TIF_IOC, turn++ % USERS + 1);
	if (!row_index_has(&index_of, (struct row_key){m->order, 0}, &at))
		return;
	order = &known[at];
	if (m->type == LOBSTER_DELETE) {
		struct cmd_order_cancel command = {
			.head = HEAD(ORDER_CANCEL, cmd_order_cancel,
				order->user),
			.order = order->order};

		(void)apply(time_us, &command.head);
	} else if (m->type == LOBSTER_PARTIAL) {
		struct cmd_order_amend command = {
			.head = HEAD(ORDER_AMEND, cmd_order_amend, order->user),
			.order = order->order,
			.quantity = order->total - m->size * DECIMAL_ONE};

		if (apply(time_us, &command.head))
			order->total = command.quantity;
	}
}

static void
play_hour(void)
{
	struct lobster_message *messages;
	char *reason;
	size_t i, n;

	if (lobster_read(data_path(), &messages, &n, &reason) != ST_OK) {
		fprintf(stderr, "%s\n", reason);
		abort();
	}
	known = calloc(n, sizeof(*known));
	if (!known)
		abort();
	row_index_init(&index_of);
	for (i = 0; i < n; i++)
		play(&messages[i]);
	free(messages);
	free(known);
	row_index_done(&index_of);
}

static void
make_history(void)
{
	const char *output;

	stack_reset();
	if (stack_ctl("migrate", &output) != 0) {
		fputs(output, stderr);
		abort();
	}
	engine = engine_new(&engine_defaults);
	record = malloc(RECORD_MAX_BYTES);
	batch = settle_batch_new();
	ctx = server_ctx(STACK_DATABASE);
	sink = mysql_sink_new(ctx);
	if (!engine || !record ||
		sink->adopt(sink, ident_random(clock_wall_us())) != ST_OK)
		abort();
	make_market();
	play_hour();
	write_batch();
	mysql_sink_free(sink);
	server_ctx_free(ctx);
	settle_batch_free(batch);
	free(record);
	engine_free(engine);
}

static int64_t
number(const char *sql)
{
	return server_number(STACK_DATABASE, sql);
}

START_TEST(it_was_an_hour)
{
	ck_assert_int_gt(number("SELECT COUNT(*) FROM trades"), 4000);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM candles_1m"), 60);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM candles_1m WHERE minute "
				">= '2012-06-21 09:30:00' AND minute <= "
				"'2012-06-21 10:29:00'"),
		60);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM candles_1h"), 2);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM candles_1d"), 1);
	/* Positions of all kinds, or what follows proves little. */
	ck_assert_int_gt(number("SELECT COUNT(*) FROM positions WHERE "
				"closed_at IS NOT NULL AND realised > 0"),
		100);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM positions WHERE "
				"closed_at IS NOT NULL AND realised < 0"),
		100);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM positions WHERE "
				"closed_at IS NULL AND realised <> 0"),
		0);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM trades WHERE "
				"maker_user = taker_user"),
		0);
}
END_TEST

START_TEST(the_trades_say_the_same)
{
	const char *output;

	ck_assert_msg(
		stack_ctl("positions verify", &output) == 0, "%s", output);
	ck_assert_ptr_nonnull(strstr(output, "60 candles"));
	ck_assert_ptr_nonnull(strstr(output, "positions: good"));
}
END_TEST

START_TEST(one_minute_is_wrong)
{
	const char *output;

	server_sql(STACK_DATABASE,
		"UPDATE candles_1m SET open = open + 0.01 "
		"WHERE minute = '2012-06-21 10:00:00'");
	ck_assert_int_eq(stack_ctl("positions verify", &output), 1);
	ck_assert_ptr_nonnull(strstr(output, "60 candles, 1 wrong"));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("hour");
	TCase *tc = tcase_create("hour");

	if (access(data_path(), R_OK) != 0) {
		fprintf(stderr, "%s is not here\n", data_path());
		exit(77);
	}
	server_start();
	stack_start();
	make_history();
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, it_was_an_hour);
	tcase_add_test(tc, the_trades_say_the_same);
	tcase_add_test(tc, one_minute_is_wrong);
	suite_add_tcase(s, tc);
	return s;
}

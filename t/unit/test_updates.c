/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_updates.c - order updates: their numbers, and that none is missed.
 *
 * Orders are opened, filled and closed by chance.  Listeners come and go by
 * chance, too, each time with the last number that they heard; what they heard
 * over all their lives must be what there was, once each and in order, whether
 * it came live, out of the history or out of the journal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/feed.h"
#include "stream/history.h"
#include "stream/hub_state.h"
#include "stream/order_update.h"
#include "stream/topic.h"
#include "t/harness/suite.h"
#include "t/sim/journal_kit.h"
#include "t/unit/stream_kit.h"
#include "wire/ids.h"

#define USERS 3 /* numbered from 1 */
#define RECORDS 600
#define HEARD_MAX 8192
#define NUMBER_TEXT_MAX 24

static struct kit kit;
static struct disk_sim *sim;
static struct journal *journal;
static struct replay_files files;
static unsigned chance;
static _Alignas(8) char bytes[65536];
static struct record *record;
static char *at;

static const struct ident session = {{1}};

static unsigned
dice(unsigned n)
{
	chance = chance * 1103515245 + 12345;
	return chance / 65536 % n;
}

/* ---- Records ----------------------------------------------------------- */

static void
begin(void *to, uint64_t seq)
{
	struct cmd_tick command = {.head = {sizeof(command), CMD_TICK, 0}};

	record = to;
	at = to;
	*record = (struct record){.seq = seq,
		.time_us = KIT_WALL_US + (int64_t)seq};
	at += sizeof(*record);
	memcpy(at, &command, sizeof(command));
	at += sizeof(command);
}

static void
add(const void *event, size_t size)
{
	memcpy(at, event, size);
	at += size;
	record->n_events++;
}

static size_t
end(void)
{
	record->length = (uint32_t)(at - (char *)record);
	return record->length;
}

static struct ident
order_of(uint32_t user, uint32_t number)
{
	return order_ident(1, 1, number, user);
}

static void
add_opened(uint32_t user, uint32_t number, int64_t quantity)
{
	struct ev_order_opened event = {
		.head = {sizeof(event), EV_ORDER_OPENED, user},
		.order = order_of(user, number),
		.side = SIDE_SELL,
		.quantity = quantity};

	add(&event, sizeof(event));
}

static void
add_trade(uint32_t maker, uint32_t taker, uint32_t number, int64_t left)
{
	struct ev_trade event = {.head = {sizeof(event), EV_TRADE, taker},
		.trade = {{9, (uint8_t)number}},
		.taker_side = SIDE_BUY,
		.price = 7,
		.quantity = 2,
		.maker = {.order = order_of(maker, number),
			.user = maker,
			.fee = 1,
			.filled = 2,
			.quote = 14,
			.fees = 1,
			.left = left},
		.taker = {.order = order_of(taker, number),
			.user = taker,
			.fee = 3,
			.filled = 2,
			.quote = 14,
			.fees = 3,
			.left = left}};

	add(&event, sizeof(event));
}

static void
add_closed(uint32_t user, uint32_t number, enum order_status status,
	enum close_reason reason)
{
	struct ev_order_closed event = {
		.head = {sizeof(event), EV_ORDER_CLOSED, user},
		.order = order_of(user, number),
		.status = (uint8_t)status,
		.reason = (uint8_t)reason,
		.quantity = 2,
		.filled = status == ORDER_FILLED ? 2 : 0,
		.quote = status == ORDER_FILLED ? 14 : 0,
		.fee = 1};

	add(&event, sizeof(event));
}

/* ---- Out of a record --------------------------------------------------- */

/* The end and the fill that was it are one. */
START_TEST(a_last_fill_is_the_end)
{
	struct order_updates all = {.n = 0};
	const struct order_update *row;

	begin(bytes, 5);
	add_opened(2, 1, 2);
	add_trade(1, 2, 1, 0);
	add_closed(1, 1, ORDER_FILLED, CLOSE_FILLED);
	add_closed(2, 1, ORDER_FILLED, CLOSE_FILLED);
	end();
	order_updates_add(&all, record, USER_HOUSE);
	ck_assert_uint_eq(all.n, 3);
	row = all.rows;
	ck_assert_uint_eq(row[0].cause, UPDATE_OPENED);
	ck_assert_uint_eq(row[0].user, 2);
	ck_assert_int_eq(row[0].quantity, 2);
	ck_assert_int_eq(row[0].filled, 0);
	ck_assert_uint_eq(row[1].cause, UPDATE_FILL);
	ck_assert_uint_eq(row[1].user, 1);
	ck_assert(row[1].maker);
	ck_assert_uint_eq(row[1].side, SIDE_SELL);
	ck_assert_uint_eq(row[1].status, ORDER_FILLED);
	ck_assert_uint_eq(row[1].reason, CLOSE_FILLED);
	ck_assert_int_eq(row[1].fill_price, 7);
	ck_assert_int_eq(row[1].fill_quantity, 2);
	ck_assert_int_eq(row[1].fill_fee, 1);
	ck_assert_int_eq(row[1].time_us, KIT_WALL_US + 5);
	ck_assert_uint_eq(row[2].user, 2);
	ck_assert(!row[2].maker);
	ck_assert_uint_eq(row[2].side, SIDE_BUY);
	ck_assert_uint_eq(row[2].status, ORDER_FILLED);
	ck_assert_int_eq(row[2].fill_fee, 3);
	ck_assert_uint_gt(row[0].number, update_number_end(4));
	ck_assert_uint_lt(row[0].number, row[1].number);
	ck_assert_uint_lt(row[1].number, row[2].number);
	ck_assert_uint_le(row[2].number, update_number_end(5));
	order_updates_free(&all);
}
END_TEST

/* What did not end by a fill has an end of its own. */
START_TEST(other_ends_are_told)
{
	static const struct {
		enum order_status status;
		enum close_reason reason;
	} cases[] = {
		{ORDER_CANCELLED, CLOSE_USER},
		{ORDER_CANCELLED, CLOSE_REMAINDER},
		{ORDER_FILLED, CLOSE_AMENDED},
	};
	struct order_updates all = {.n = 0};

	begin(bytes, 1);
	add_trade(1, 2, 1, 5);
	add_closed(2, 1, cases[_i].status, cases[_i].reason);
	end();
	order_updates_add(&all, record, USER_HOUSE);
	ck_assert_uint_eq(all.n, 3);
	ck_assert_uint_eq(all.rows[1].status, ORDER_OPEN);
	ck_assert_int_eq(all.rows[1].quantity, 7);
	ck_assert_uint_eq(all.rows[2].cause, UPDATE_CLOSED);
	ck_assert_uint_eq(all.rows[2].status, cases[_i].status);
	ck_assert_uint_eq(all.rows[2].reason, cases[_i].reason);
	order_updates_free(&all);
}
END_TEST

/* Read for one user, an update has the number that it has among all. */
START_TEST(numbers_are_the_same_for_one)
{
	struct order_updates all = {.n = 0}, own = {.n = 0};
	size_t i, n = 0;
	uint32_t user;

	begin(bytes, 77);
	for (i = 0; i < 20; i++) {
		add_opened(1 + dice(3), (uint32_t)i, 2);
		add_trade(1 + dice(3), 1 + dice(3), (uint32_t)i + 50, 0);
		add_closed(1 + dice(3), (uint32_t)i + 50, ORDER_FILLED,
			CLOSE_FILLED);
		add_closed(1 + dice(3), (uint32_t)i, ORDER_CANCELLED,
			CLOSE_USER);
	}
	end();
	order_updates_add(&all, record, USER_HOUSE);
	for (user = 1; user <= 3; user++) {
		own.n = 0;
		order_updates_add(&own, record, user);
		n = 0;
		for (i = 0; i < all.n; i++) {
			if (all.rows[i].user != user)
				continue;
			ck_assert_uint_lt(n, own.n);
			ck_assert_mem_eq(&own.rows[n++], &all.rows[i],
				sizeof(all.rows[i]));
		}
		ck_assert_uint_eq(n, own.n);
	}
	order_updates_free(&all);
	order_updates_free(&own);
}
END_TEST

/* ---- The history ------------------------------------------------------- */

START_TEST(history_is_what_was_added)
{
	const size_t room = 1 + (size_t)_i * 7;
	struct history *history = history_new(room);
	static struct order_update all[2000];
	uint64_t number = 100, hint, after;
	size_t i, n, from;
	const struct order_update *found;

	chance = (unsigned)_i + 1;
	history_begin(history, number);
	for (n = 0; n < N_ELEMENTS(all); n++) {
		number += 1 + dice(3);
		all[n] = (struct order_update){.number = number,
			.user = 1 + dice(20)};
		history_add(history, &all[n]);
		from = n + 1 > room ? n + 1 - room : 0;
		ck_assert_uint_eq(history_from(history),
			from == 0 ? 100 : all[from - 1].number);
		/* One user, from somewhere on, to the end. */
		after = history_from(history) + dice(4);
		hint = 0;
		for (i = from; i <= n; i++) {
			if (all[i].number <= after ||
				all[i].user != 1 + n % 20)
				continue;
			if (dice(2) == 0) /* from a new connection */
				hint = 0;
			found = history_next(history, all[i].user, after,
				&hint);
			ck_assert_ptr_nonnull(found);
			ck_assert_uint_eq(found->number, all[i].number);
			after = found->number;
		}
		ck_assert_ptr_null(history_next(history,
			1 + (uint32_t)(n % 20), after, &hint));
	}
	history_begin(history, 5);
	hint = 0;
	ck_assert_ptr_null(history_next(history, 1, 5, &hint));
	history_free(history);
}
END_TEST

/* Wherever one who has all of it comes back, few entries are looked at. */
START_TEST(a_search_is_short)
{
	const uint64_t room = 131072, added = room + room / 2;
	struct history *history = history_new(room);
	const struct order_update *found;
	uint64_t number, hint, before, from;

	history_begin(history, 0);
	for (number = 1; number <= added; number++)
		history_add(history,
			&(struct order_update){.number = number, .user = 1});
	from = history_from(history);
	ck_assert_uint_eq(from, added - room);
	for (number = from; number < added; number += 1 + dice(100)) {
		hint = 0;
		before = history_steps(history);
		found = history_next(history, 1, number, &hint);
		ck_assert_ptr_nonnull(found);
		ck_assert_uint_eq(found->number, number + 1);
		ck_assert_uint_le(history_steps(history) - before, 18 * 18);
	}
	history_free(history);
}
END_TEST

/* ---- Coming back ------------------------------------------------------- */

static void
open_journal(void)
{
	struct journal_options options = kit_options();
	struct kit_replay replay;
	struct reason reason;

	sim = disk_sim_new(1);
	kit_replay_init(&replay, NULL, 0);
	ck_assert_int_eq(kit_open(disk_sim_disk(sim), &options, &replay,
				 &journal, &reason),
		ST_OK);
	files = (struct replay_files){.disk = disk_sim_disk(sim),
		.journal = KIT_DIR,
		.archive = KIT_ARCHIVE};
}

static void
close_journal(void)
{
	journal_abandon(journal);
	disk_sim_free(sim);
}

/* A record by chance, in the journal and handed on; its updates into ALL. */
static void
happen(struct order_updates *all)
{
	uint32_t user = 1 + dice(USERS), other = 1 + dice(USERS), i, n;
	uint64_t seq = journal_next_seq(journal);
	size_t capacity;
	void *buffer;

	ck_assert_int_eq(journal_begin(journal, &buffer, &capacity), ST_OK);
	begin(buffer, seq);
	n = dice(4);
	for (i = 0; i < n; i++) {
		if (dice(2) == 0)
			add_opened(user, i, 2);
		add_trade(other, user, i, 0);
		add_closed(user, i, ORDER_FILLED, CLOSE_FILLED);
	}
	memcpy(bytes, buffer, end());
	ck_assert_int_eq(journal_commit(journal, record->length, 1, seq,
				 KIT_WALL_US),
		ST_OK);
	record = (void *)bytes;
	order_updates_add(all, record, USER_HOUSE);
	ck_assert_int_eq(feed_record(kit.hub, record), ST_OK);
}

struct client {
	struct listener listener;
	uint32_t user;
	uint64_t heard[HEARD_MAX];
	size_t n;
};
static struct client clients[6];

static void
come(struct client *client, uint64_t after)
{
	char text[NUMBER_TEXT_MAX];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)after);
	ck_assert_int_eq(kit_join(&kit, &client->listener,
				 &(struct knock){.path = "/updates",
					 .after_seq = text,
					 .token = kit_token(&kit, client->user,
						 1, session, TOKEN_ACCESS,
						 3600 * US_PER_SECOND)}),
		ST_OK);
}

/* What has come to the listener is the client's. */
static void
note(struct client *client)
{
	struct listener *listener = &client->listener;
	size_t i;

	for (i = 0; i < listener->n_numbers; i++) {
		ck_assert_uint_lt(client->n, HEARD_MAX);
		client->heard[client->n++] = listener->numbers[i];
	}
	listener->n_numbers = 0;
}

static void
disturb(void)
{
	struct client *client = &clients[dice(N_ELEMENTS(clients))];

	if (!client->listener.joined)
		come(client, client->n ? client->heard[client->n - 1] : 0);
	else if (dice(3) == 0)
		kit_leave(&client->listener);
	else
		client->listener.stalled = dice(2) == 0;
	if (dice(2) == 0)
		kit_answer(&kit, GUARD_OK);
}

static void
check_heard(const struct client *client, const struct order_updates *all)
{
	size_t i, n = 0;

	for (i = 0; i < all->n; i++) {
		if (all->rows[i].user != client->user)
			continue;
		ck_assert_uint_lt(n, client->n);
		ck_assert_uint_eq(client->heard[n++], all->rows[i].number);
	}
	ck_assert_uint_eq(n, client->n);
}

START_TEST(nothing_is_missed_and_nothing_repeated)
{
	static const size_t rooms[] = {1, 7, 100, 100000};
	struct hub_settings settings = {
		.history_room = rooms[(size_t)_i % N_ELEMENTS(rooms)],
		.journal = &files};
	struct order_updates all = {.n = 0};
	size_t i, n;

	chance = (unsigned)_i + 1;
	open_journal();
	kit_begin_with(&kit, &settings);
	kit_market(&kit, 0, "BTC/USD");
	memset(clients, 0, sizeof(clients));
	for (i = 0; i < N_ELEMENTS(clients); i++)
		clients[i].user = 1 + (uint32_t)i % USERS;
	for (n = 0; n < RECORDS; n++) {
		happen(&all);
		disturb();
		kit_pump(&kit);
		for (i = 0; i < N_ELEMENTS(clients); i++)
			note(&clients[i]);
	}
	for (i = 0; i < N_ELEMENTS(clients); i++) {
		kit_leave(&clients[i].listener);
		come(&clients[i],
			clients[i].n ? clients[i].heard[clients[i].n - 1] : 0);
	}
	kit_answer(&kit, GUARD_OK);
	for (i = 0; i < N_ELEMENTS(clients); i++) {
		note(&clients[i]);
		check_heard(&clients[i], &all);
		ck_assert_uint_eq(clients[i].listener.gaps, 0);
		kit_leave(&clients[i].listener);
	}
	order_updates_free(&all);
	kit_end(&kit);
	close_journal();
}
END_TEST

/* More than an outbox holds is poured as it is taken. */
START_TEST(a_long_absence_does_not_fill_the_outbox)
{
	struct hub_settings settings = {.history_room = _i == 0 ? 1 : 100000,
		.journal = &files};
	struct order_updates all = {.n = 0};
	struct client *client = &clients[0];

	chance = 5;
	open_journal();
	kit_begin_with(&kit, &settings);
	kit_market(&kit, 0, "BTC/USD");
	memset(clients, 0, sizeof(clients));
	client->user = 1;
	while (all.n < 2 * OUTBOX_PARCELS_MAX)
		happen(&all);
	come(client, 0);
	client->listener.stalled = true;
	kit_answer(&kit, GUARD_OK);
	ck_assert_uint_eq(client->listener.subscriber.close_code, 0);
	ck_assert_uint_gt(client->listener.subscriber.outbox.count, 100);
	ck_assert_uint_lt(client->listener.subscriber.outbox.count,
		OUTBOX_PARCELS_MAX / 2);
	client->listener.stalled = false;
	subscriber_stir(&client->listener.subscriber);
	kit_pump(&kit);
	note(client);
	check_heard(client, &all);
	kit_leave(&client->listener);
	order_updates_free(&all);
	kit_end(&kit);
	close_journal();
}
END_TEST

/* A resumption from far away, from nowhere, and from a number never given. */
START_TEST(what_is_not_kept_is_called_a_gap)
{
	struct hub_settings settings = {.history_room = 1,
		.replay_back_max = 10};
	struct order_updates all = {.n = 0};
	struct client *client = &clients[0];
	uint64_t now, after;

	chance = 5;
	open_journal();
	if (_i < 2)
		settings.journal = &files;
	kit_begin_with(&kit, &settings);
	kit_market(&kit, 0, "BTC/USD");
	memset(clients, 0, sizeof(clients));
	client->user = 1;
	while (all.n < 200)
		happen(&all);
	now = update_number_end(kit.hub->seq);
	/* Too long ago; never was; no journal. */
	after = _i == 0 ? 0 : _i == 1 ? now + 1
				      : now - ((uint64_t)1 << 13) * 3;
	come(client, after);
	kit_answer(&kit, GUARD_OK);
	ck_assert_uint_eq(client->listener.gaps, 1);
	ck_assert_uint_eq(client->listener.gap_now, now);
	ck_assert_uint_eq(client->listener.n_numbers, 0);
	/* All behind it follows. */
	while (client->listener.n_numbers == 0) {
		happen(&all);
		kit_pump(&kit);
	}
	ck_assert_uint_gt(client->listener.numbers[0], now);
	kit_leave(&client->listener);
	order_updates_free(&all);
	kit_end(&kit);
	close_journal();
}
END_TEST

static const struct {
	const char *text;
	enum status want;
} numbers[] = {
	{"0", ST_OK},
	{"9007199254740991", ST_OK},
	{"9007199254740992", ST_INVALID},
	{"99999999999999999999999", ST_INVALID},
	{"", ST_INVALID},
	{"-1", ST_INVALID},
	{"1x", ST_INVALID},
	{"1.5", ST_INVALID},
};

START_TEST(numbers_are_read)
{
	struct listener listener;

	kit_begin(&kit);
	kit_market(&kit, 0, "BTC/USD");
	ck_assert_int_eq(kit_join(&kit, &listener,
				 &(struct knock){.path = "/updates",
					 .after_seq = numbers[_i].text,
					 .token = kit_token(&kit, 1, 1, session,
						 TOKEN_ACCESS,
						 US_PER_SECOND)}),
		numbers[_i].want);
	kit_leave(&listener);
	kit_end(&kit);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("updates");
	TCase *all = tcase_create("all");

	tcase_set_timeout(all, 60);
	tcase_add_test(all, a_last_fill_is_the_end);
	tcase_add_loop_test(all, other_ends_are_told, 0, 3);
	tcase_add_test(all, numbers_are_the_same_for_one);
	tcase_add_loop_test(all, history_is_what_was_added, 0, 8);
	tcase_add_test(all, a_search_is_short);
	tcase_add_loop_test(all, nothing_is_missed_and_nothing_repeated, 0, 16);
	tcase_add_loop_test(all, a_long_absence_does_not_fill_the_outbox, 0, 2);
	tcase_add_loop_test(all, what_is_not_kept_is_called_a_gap, 0, 3);
	tcase_add_loop_test(all, numbers_are_read, 0, N_ELEMENTS(numbers));
	suite_add_tcase(s, all);
	return s;
}

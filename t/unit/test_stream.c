/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_stream.c - what is promised to a connection, with time and transport in
 * our own hands.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/hub_state.h"
#include "stream/levels.h"
#include "stream/topic.h"
#include "t/harness/suite.h"
#include "t/unit/stream_kit.h"

#define USER 7
#define OTHER_USER (USER + 4096) /* in the same bucket */

static const struct ident session_a = {{1}};
static const struct ident session_b = {{2}};

static struct kit kit;
static struct topic *btc;

static void
setup(void)
{
	kit_begin(&kit);
	btc = kit_market(&kit, 0, "BTC/USD");
}

static void
teardown(void)
{
	kit_end(&kit);
}

/* The state of BTC/USD with one bid, made by COMMAND. */
static void
show_bid(uint64_t command, int64_t price, int64_t quantity)
{
	struct book_slot slot = btc->shown;

	slot.seq = command;
	slot.n_bids = quantity > 0;
	slot.bids[0] = (struct book_level){price, quantity};
	topic_take(btc, &slot, command);
	topic_show(btc);
	kit_pump(&kit);
}

static void
trade(int64_t quantity)
{
	struct ev_trade told = {.instrument = 0, .quantity = quantity};

	topic_trade(btc, &told, 0);
}

/* ---- Changes of a book ------------------------------------------------- */

START_TEST(levels_are_merged)
{
	static const struct book_level before[] = {
		{90, 1}, {80, 2}, {70, 3}, {60, 4}};
	static const struct book_level now[] = {
		{95, 9}, {90, 1}, {80, 5}, {60, 4}, {50, 6}};
	static const struct book_level want[] = {
		{95, 9}, {80, 5}, {70, 0}, {50, 6}};
	struct book_level got[LEVELS_CHANGED_MAX];
	size_t n = levels_changed(SIDE_BUY, before, 4, now, 5, got);

	ck_assert_uint_eq(n, N_ELEMENTS(want));
	ck_assert_mem_eq(got, want, sizeof(want));
	ck_assert_uint_eq(levels_changed(SIDE_BUY, now, 5, now, 5, got), 0);
	/* All gone, all new, and nothing at all. */
	ck_assert_uint_eq(levels_changed(SIDE_BUY, now, 5, NULL, 0, got), 5);
	ck_assert_int_eq(got[4].price, 50);
	ck_assert_int_eq(got[4].quantity, 0);
	ck_assert_uint_eq(levels_changed(SIDE_BUY, NULL, 0, now, 5, got), 5);
	ck_assert_mem_eq(got, now, sizeof(now));
	ck_assert_uint_eq(levels_changed(SIDE_SELL, NULL, 0, NULL, 0, got), 0);
}
END_TEST

START_TEST(asks_are_ordered_the_other_way)
{
	static const struct book_level before[] = {{10, 1}, {20, 2}};
	static const struct book_level now[] = {{15, 3}, {20, 2}};
	static const struct book_level want[] = {{10, 0}, {15, 3}};
	struct book_level got[LEVELS_CHANGED_MAX];

	ck_assert_uint_eq(levels_changed(SIDE_SELL, before, 2, now, 2, got), 2);
	ck_assert_mem_eq(got, want, sizeof(want));
}
END_TEST

/* ---- The outbox -------------------------------------------------------- */

START_TEST(outbox_keeps_order_and_bounds)
{
	struct parcel *parcels[3] = {parcel_new("a", 1), parcel_new("bb", 2),
		parcel_new("ccc", 3)};
	struct outbox outbox = {.ring = NULL};
	size_t i;

	for (i = 0; i < OUTBOX_PARCELS_MAX; i++)
		ck_assert_int_eq(outbox_add(&outbox, parcels[i % 3]), ST_OK);
	ck_assert_int_eq(outbox_add(&outbox, parcels[0]), ST_TOO_LARGE);
	/* Round the ring: what is dropped makes room, in order. */
	for (i = 0; i < 10000; i++) {
		ck_assert_ptr_eq(outbox_first(&outbox), parcels[i % 3]);
		outbox_drop(&outbox);
		ck_assert_int_eq(outbox_add(&outbox,
					 parcels[(i + OUTBOX_PARCELS_MAX) % 3]),
			ST_OK);
	}
	ck_assert_uint_eq(parcels[0]->owners + parcels[1]->owners +
				  parcels[2]->owners,
		OUTBOX_PARCELS_MAX + 3);
	outbox_clear(&outbox);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(parcels[i]->owners, 1);
		parcel_release(parcels[i]);
	}
	ck_assert_ptr_null(outbox_first(&outbox));
}
END_TEST

START_TEST(outbox_counts_bytes)
{
	static char text[OUTBOX_BYTES_MAX];
	struct parcel *half = parcel_new(text, sizeof(text) / 2);
	struct parcel *one = parcel_new(text, 1);
	struct outbox outbox = {.ring = NULL};

	ck_assert_int_eq(outbox_add(&outbox, half), ST_OK);
	ck_assert_int_eq(outbox_add(&outbox, half), ST_OK);
	ck_assert_int_eq(outbox_add(&outbox, one), ST_TOO_LARGE);
	outbox_drop(&outbox);
	ck_assert_int_eq(outbox_add(&outbox, one), ST_OK);
	outbox_clear(&outbox);
	parcel_release(half);
	parcel_release(one);
}
END_TEST

/* ---- A market ---------------------------------------------------------- */

START_TEST(snapshot_then_changes)
{
	struct listener early, late;

	show_bid(11, 100, 5);
	kit_listen(&kit, &early);
	kit_pump(&kit);
	ck_assert_uint_eq(early.snapshots, 1);
	ck_assert_uint_eq(early.n_bids, 1);
	ck_assert_int_eq(early.bids[0].quantity, 5);
	show_bid(12, 100, 6);
	kit_listen(&kit, &late);
	kit_pump(&kit);
	show_bid(13, 101, 7);
	/* listener.c checks the numbers; both stand where the market does. */
	ck_assert_uint_eq(early.seq, btc->seq);
	ck_assert_uint_eq(late.seq, btc->seq);
	ck_assert_uint_eq(early.updates, 2);
	ck_assert_uint_eq(late.updates, 1);
	ck_assert_int_eq(early.bids[0].price, 101);
	ck_assert_mem_eq(early.bids, late.bids, sizeof(early.bids[0]));
	/* A state that looks the same is no message. */
	show_bid(14, 101, 7);
	ck_assert_uint_eq(late.updates, 1);
	kit_leave(&early);
	kit_leave(&late);
}
END_TEST

START_TEST(a_message_is_written_once)
{
	struct listener all[20];
	struct parcel *parcel;
	size_t i;

	for (i = 0; i < N_ELEMENTS(all); i++) {
		kit_listen(&kit, &all[i]);
		kit_pump(&kit);
		all[i].stalled = true;
	}
	trade(3);
	parcel = outbox_first(&all[0].subscriber.outbox);
	ck_assert_uint_eq(parcel->owners, N_ELEMENTS(all));
	for (i = 0; i < N_ELEMENTS(all); i++) {
		ck_assert_ptr_eq(outbox_first(&all[i].subscriber.outbox),
			parcel);
		kit_leave(&all[i]);
	}
}
END_TEST

START_TEST(numbers_never_go_back)
{
	uint64_t seq;

	show_bid(11, 100, 5);
	show_bid(12, 100, 6);
	seq = btc->seq;
	ck_assert_uint_le(seq, 12);
	/* Started again: the same book, and whoever comes now gets it. */
	topic_free(btc);
	kit.hub->topics[0] = NULL;
	btc = kit_market(&kit, 0, "BTC/USD");
	ck_assert_uint_eq(btc->seq, 10); /* what kit_market() says */
	topic_free(btc);
	kit.hub->topics[0] = NULL;
	btc = topic_get(kit.hub, 0);
	show_bid(12, 100, 6);
	ck_assert_uint_ge(btc->seq, seq);
}
END_TEST

START_TEST(changes_have_their_time)
{
	int64_t before_us;

	kit_wait(&kit, US_PER_SECOND);
	before_us = kit.now_us;
	show_bid(11, 100, 5);
	ck_assert_int_eq(btc->not_before_us, before_us + SHOW_EVERY_US);
	/* What is no message does not use up the time. */
	kit_wait(&kit, US_PER_SECOND);
	show_bid(12, 100, 5);
	ck_assert_int_le(btc->not_before_us, kit.now_us);
}
END_TEST

/* Who waits for a newer state hears nothing that is in it already. */
START_TEST(trades_before_the_snapshot_are_in_it)
{
	struct listener first, second;

	kit_listen(&kit, &first);
	kit_pump(&kit);
	btc->dirty = true;
	kit_listen(&kit, &second);
	kit_pump(&kit);
	ck_assert_uint_eq(second.messages, 0);
	trade(1);
	show_bid(11, 100, 5);
	trade(2);
	kit_pump(&kit);
	ck_assert_uint_eq(first.n_trades, 2);
	ck_assert_uint_eq(second.snapshots, 1);
	ck_assert_uint_eq(second.n_trades, 1);
	ck_assert_uint_eq(second.trades[0], 2);
	ck_assert_uint_eq(second.command, 11);
	kit_leave(&first);
	kit_leave(&second);
}
END_TEST

/* A matcher that died while it wrote leaves a slot that can't be read. */
START_TEST(nobody_waits_for_ever)
{
	struct listener listener;

	btc->dirty = true;
	kit_listen(&kit, &listener);
	kit_wait(&kit, WAIT_MAX_US - 100000);
	topic_relent(btc);
	kit_pump(&kit);
	ck_assert_uint_eq(listener.snapshots, 0);
	kit_wait(&kit, 200000);
	topic_relent(btc);
	kit_pump(&kit);
	ck_assert_uint_eq(listener.snapshots, 1);
	ck_assert_uint_eq(btc->n_waiting, 0);
	kit_leave(&listener);
}
END_TEST

START_TEST(who_leaves_waits_no_more)
{
	struct listener listener;

	btc->dirty = true;
	kit_listen(&kit, &listener);
	ck_assert_uint_eq(btc->n_waiting, 1);
	kit_leave(&listener);
	ck_assert_uint_eq(btc->n_waiting, 0);
	show_bid(11, 100, 5);
}
END_TEST

/* ---- Slow readers ------------------------------------------------------ */

START_TEST(a_slow_reader_is_closed_alone)
{
	struct listener slow, quick;
	int64_t i;

	kit_listen(&kit, &slow);
	kit_listen(&kit, &quick);
	kit_pump(&kit);
	slow.stalled = true;
	for (i = 0; i < OUTBOX_PARCELS_MAX; i++) {
		trade(i);
		if (quick.n_trades == KIT_TRADES_MAX)
			quick.n_trades = 0;
		kit_pump(&kit);
	}
	ck_assert_uint_eq(slow.subscriber.close_code, 0);
	trade(i);
	quick.n_trades = 0;
	kit_pump(&kit);
	ck_assert_uint_eq(slow.subscriber.close_code, CLOSE_TRY_AGAIN);
	ck_assert_ptr_nonnull(
		strstr(slow.subscriber.close_reason, "too slow"));
	ck_assert_uint_eq(slow.subscriber.outbox.count, 0);
	ck_assert_uint_eq(quick.subscriber.close_code, 0);
	ck_assert_uint_eq(quick.n_trades, 1);
	/* It is told why, if it reads again in time. */
	slow.stalled = false;
	ck_assert(!slow.closing);
	subscriber_close(&slow.subscriber, CLOSE_POLICY, "another reason");
	kit_wait(&kit, 100000);
	kit_leave(&slow);
	kit_leave(&quick);
}
END_TEST

START_TEST(who_does_not_take_leave_is_hung_up_on)
{
	struct listener slow, other;

	kit_listen(&kit, &slow);
	kit_listen(&kit, &other);
	kit_pump(&kit);
	slow.stalled = true;
	subscriber_close(&slow.subscriber, CLOSE_TRY_AGAIN, "too slow");
	kit_wait(&kit, LEAVE_MAX_US - 100000);
	ck_assert(!slow.aborted);
	kit_wait(&kit, 200000);
	ck_assert(slow.aborted);
	ck_assert(!slow.joined);
	ck_assert_uint_eq(hub_connections(kit.hub), 1);
	kit_leave(&other);
}
END_TEST

START_TEST(closing_is_said_once)
{
	struct listener listener;

	kit_listen(&kit, &listener);
	trade(1);
	subscriber_close(&listener.subscriber, CLOSE_POLICY, "first");
	subscriber_close(&listener.subscriber, CLOSE_TRY_AGAIN, "second");
	trade(2);
	kit_pump(&kit);
	ck_assert(listener.closing);
	ck_assert_str_eq(listener.subscriber.close_reason, "first");
	ck_assert_uint_eq(listener.messages, 0);
	kit_pump(&kit);
	kit_leave(&listener);
}
END_TEST

/* ---- Signs of life ----------------------------------------------------- */

START_TEST(pings_come_each_five_seconds)
{
	struct listener listener;
	unsigned i;

	kit_listen(&kit, &listener);
	for (i = 1; i <= 20; i++) {
		kit_wait(&kit, PING_EVERY_US - 100000);
		ck_assert_uint_eq(listener.pings, i - 1);
		kit_wait(&kit, 100000);
		ck_assert_uint_eq(listener.pings, i);
		hub_heard(&listener.subscriber);
	}
	ck_assert_uint_eq(listener.subscriber.close_code, 0);
	kit_leave(&listener);
}
END_TEST

START_TEST(silence_ends_a_connection)
{
	struct listener silent, pong, talker;
	unsigned i;

	kit_listen(&kit, &silent);
	kit_listen(&kit, &pong);
	kit_listen(&kit, &talker);
	for (i = 0; i < 149; i++) {
		kit_wait(&kit, 100000);
		if (i % 50 == 0) {
			hub_heard(&pong.subscriber);
			hub_said(&talker.subscriber, "hello", 5);
		}
	}
	ck_assert_uint_eq(silent.subscriber.close_code, 0);
	kit_wait(&kit, 100000);
	ck_assert(silent.closing);
	ck_assert(silent.subscriber.deserted);
	ck_assert_uint_eq(pong.subscriber.close_code, 0);
	ck_assert_uint_eq(talker.subscriber.close_code, 0);
	kit_leave(&silent);
	kit_leave(&pong);
	kit_leave(&talker);
}
END_TEST

START_TEST(too_many_messages)
{
	struct listener listener;
	unsigned i;

	kit_listen(&kit, &listener);
	for (i = 0; i < SAID_MAX; i++)
		hub_said(&listener.subscriber, "x", 1);
	ck_assert_uint_eq(listener.subscriber.close_code, 0);
	kit_wait(&kit, SAID_WINDOW_US);
	for (i = 0; i < SAID_MAX; i++)
		hub_said(&listener.subscriber, "x", 1);
	ck_assert_uint_eq(listener.subscriber.close_code, 0);
	hub_said(&listener.subscriber, "x", 1);
	ck_assert_uint_eq(listener.subscriber.close_code, CLOSE_POLICY);
	kit_leave(&listener);
}
END_TEST

START_TEST(all_are_closed_at_the_end)
{
	struct listener all[3];
	size_t i;

	for (i = 0; i < N_ELEMENTS(all); i++)
		kit_listen(&kit, &all[i]);
	hub_close_all(kit.hub, CLOSE_GOING_AWAY, "the end");
	kit_pump(&kit);
	for (i = 0; i < N_ELEMENTS(all); i++) {
		ck_assert(all[i].closing);
		ck_assert_uint_eq(all[i].subscriber.close_code,
			CLOSE_GOING_AWAY);
		kit_leave(&all[i]);
	}
	ck_assert_uint_eq(hub_connections(kit.hub), 0);
}
END_TEST

/* ---- Users ------------------------------------------------------------- */

START_TEST(the_core_is_asked_first)
{
	struct listener listener;

	ck_assert_int_eq(kit_join_as(&kit, &listener, USER, session_a), ST_OK);
	ck_assert_uint_eq(kit.n_asked, 1);
	ck_assert_uint_eq(kit.questions[0].user, USER);
	ck_assert_uint_eq(kit.questions[0].epoch, 1);
	ck_assert(ident_equal(kit.questions[0].session, session_a));
	trade(1);
	kit_pump(&kit);
	ck_assert_uint_eq(listener.messages, 0);
	kit_answer(&kit, GUARD_OK);
	ck_assert_str_eq(listener.last, "WELCOME");
	trade(2);
	kit_pump(&kit);
	ck_assert_uint_eq(listener.n_trades, 1);
	/* An answer that nobody waits for is nobody's. */
	hub_answered(kit.hub, listener.subscriber.number, GUARD_REVOKED);
	hub_answered(kit.hub, 999999, GUARD_REVOKED);
	ck_assert_uint_eq(listener.subscriber.close_code, 0);
	kit_leave(&listener);
}
END_TEST

static const struct {
	uint32_t verdict;
	const char *reason;
} verdicts[] = {
	{GUARD_REVOKED, "the session has ended"},
	{GUARD_LOCKED, "the account is locked"},
};

START_TEST(the_core_may_refuse)
{
	struct listener listener;

	ck_assert_int_eq(kit_join_as(&kit, &listener, USER, session_a), ST_OK);
	kit_answer(&kit, verdicts[_i].verdict);
	ck_assert(listener.closing);
	ck_assert_uint_eq(listener.subscriber.close_code, CLOSE_POLICY);
	ck_assert_str_eq(listener.subscriber.close_reason, verdicts[_i].reason);
	kit_leave(&listener);
}
END_TEST

START_TEST(open_questions_are_asked_again)
{
	struct listener first, second;

	ck_assert_int_eq(kit_join_as(&kit, &first, USER, session_a), ST_OK);
	ck_assert_int_eq(kit_join_as(&kit, &second, USER, session_b), ST_OK);
	kit.n_asked = 0; /* the connection broke */
	kit_leave(&first);
	hub_ask_again(kit.hub);
	ck_assert_uint_eq(kit.n_asked, 1);
	ck_assert_uint_eq(kit.asked[0], second.subscriber.number);
	kit_answer(&kit, GUARD_OK);
	ck_assert_str_eq(second.last, "WELCOME");
	kit_leave(&second);
}
END_TEST

START_TEST(limbo_ends_after_five_seconds)
{
	struct listener silent, asked, shown;
	const char *token;

	ck_assert_int_eq(
		kit_join(&kit, &silent, &(struct knock){.path = "/say"}),
		ST_OK);
	ck_assert_int_eq(kit_join_as(&kit, &asked, USER, session_a), ST_OK);
	ck_assert_int_eq(
		kit_join(&kit, &shown, &(struct knock){.path = "/say"}), ST_OK);
	kit.n_asked = 0; /* no answer comes to this one */
	token = kit_token(&kit, USER, 1, session_b, TOKEN_ACCESS,
		60 * US_PER_SECOND);
	ck_assert_int_eq(subscriber_present(&shown.subscriber, token,
				 strlen(token)),
		ST_OK);
	kit_answer(&kit, GUARD_OK);
	kit_wait(&kit, LIMBO_MAX_US - 100000);
	ck_assert_uint_eq(silent.subscriber.close_code, 0);
	kit_wait(&kit, 100000);
	ck_assert_uint_eq(silent.subscriber.close_code, CLOSE_POLICY);
	ck_assert_str_eq(silent.subscriber.close_reason,
		"no token came in time");
	ck_assert_uint_eq(asked.subscriber.close_code, CLOSE_TRY_AGAIN);
	ck_assert_uint_eq(shown.subscriber.close_code, 0);
	kit_leave(&silent);
	kit_leave(&asked);
	kit_leave(&shown);
}
END_TEST

START_TEST(a_token_may_be_the_first_message)
{
	struct listener listener;
	char said[TOKEN_TEXT_MAX + 16];
	int n;

	ck_assert_int_eq(
		kit_join(&kit, &listener, &(struct knock){.path = "/say"}),
		ST_OK);
	hub_said(&listener.subscriber, "token rubbish", 13);
	kit_pump(&kit);
	ck_assert_str_eq(listener.last, "UNAUTHENTICATED");
	n = snprintf(said, sizeof(said), "token %s",
		kit_token(&kit, USER, 1, session_a, TOKEN_STREAM,
			US_PER_SECOND));
	hub_said(&listener.subscriber, said, (size_t)n);
	kit_pump(&kit);
	ck_assert_str_eq(listener.last, "UNAUTHENTICATED"); /* another use */
	n = snprintf(said, sizeof(said), "token %s",
		kit_token(&kit, USER, 1, session_a, TOKEN_ACCESS,
			60 * US_PER_SECOND));
	hub_said(&listener.subscriber, said, (size_t)n);
	kit_pump(&kit);
	ck_assert_str_eq(listener.last, "OK");
	/* What comes before the answer waits for it. */
	hub_said(&listener.subscriber, "follow BTC-USD", 14);
	hub_said(&listener.subscriber, said, (size_t)n);
	kit_pump(&kit);
	ck_assert_uint_eq(listener.messages, 3);
	kit_answer(&kit, GUARD_OK);
	ck_assert_uint_eq(listener.subscriber.n_seats, 1);
	ck_assert_str_eq(listener.last, "OK");
	ck_assert(listener.subscriber.renewing);
	kit_answer(&kit, GUARD_OK);
	ck_assert(!listener.subscriber.renewing);
	kit_wait(&kit, 2 * LIMBO_MAX_US);
	ck_assert_uint_eq(listener.subscriber.close_code, 0);
	kit_leave(&listener);
}
END_TEST

START_TEST(a_token_expires)
{
	struct listener listener;

	ck_assert_int_eq(kit_join_as(&kit, &listener, USER, session_a), ST_OK);
	kit_answer(&kit, GUARD_OK);
	while (kit.now_us < 59 * US_PER_SECOND) {
		kit_wait(&kit, US_PER_SECOND);
		hub_heard(&listener.subscriber);
	}
	ck_assert_uint_eq(listener.subscriber.close_code, 0);
	kit_wait(&kit, 2 * US_PER_SECOND);
	ck_assert(listener.closing);
	ck_assert_str_eq(listener.subscriber.close_reason,
		"the token has expired");
	kit_leave(&listener);
}
END_TEST

static void
count(void *number)
{
	++*(unsigned *)number;
}

/* What dismissals take is given back, though nobody says anything. */
START_TEST(a_tick_forgets_what_was_written)
{
	unsigned forgotten = 0;

	arena_own(kit.hub->said, &forgotten, count);
	hub_tick(kit.hub);
	ck_assert_uint_eq(forgotten, 1);
}
END_TEST

START_TEST(a_user_has_twenty)
{
	struct listener all[USER_CONNECTIONS_MAX + 1], other;
	const char *token;
	size_t i;

	for (i = 0; i < USER_CONNECTIONS_MAX; i++)
		ck_assert_int_eq(kit_join_as(&kit, &all[i], USER, session_a),
			ST_OK);
	ck_assert_int_eq(kit_join_as(&kit, &all[i], USER, session_b),
		ST_RATE_LIMITED);
	ck_assert_int_eq(kit_join_as(&kit, &other, OTHER_USER, session_a),
		ST_OK);
	kit_leave(&other);
	/* It is the same by a first message. */
	ck_assert_int_eq(
		kit_join(&kit, &other, &(struct knock){.path = "/say"}), ST_OK);
	token = kit_token(&kit, USER, 1, session_a, TOKEN_ACCESS,
		US_PER_SECOND);
	ck_assert_int_eq(subscriber_present(&other.subscriber, token,
				 strlen(token)),
		ST_RATE_LIMITED);
	kit_leave(&all[0]);
	token = kit_token(&kit, USER, 1, session_a, TOKEN_ACCESS,
		US_PER_SECOND);
	ck_assert_int_eq(subscriber_present(&other.subscriber, token,
				 strlen(token)),
		ST_OK);
	kit_leave(&other);
	for (i = 1; i < USER_CONNECTIONS_MAX; i++)
		kit_leave(&all[i]);
}
END_TEST

START_TEST(an_ended_session_closes_its_connections)
{
	struct listener ended, mine, others, asked;

	ck_assert_int_eq(kit_join_as(&kit, &ended, USER, session_a), ST_OK);
	ck_assert_int_eq(kit_join_as(&kit, &mine, USER, session_b), ST_OK);
	ck_assert_int_eq(kit_join_as(&kit, &others, OTHER_USER, session_a),
		ST_OK);
	kit_answer(&kit, GUARD_OK);
	/* The end overtakes the core's answer. */
	ck_assert_int_eq(kit_join_as(&kit, &asked, USER, session_a), ST_OK);
	hub_session_ended(kit.hub, USER, session_a);
	kit_answer(&kit, GUARD_OK);
	ck_assert(ended.closing);
	ck_assert(asked.closing);
	ck_assert_uint_eq(asked.messages, 0);
	ck_assert_uint_eq(mine.subscriber.close_code, 0);
	ck_assert_uint_eq(others.subscriber.close_code, 0);
	hub_session_ended(kit.hub, 12345, session_b);
	kit_leave(&ended);
	kit_leave(&mine);
	kit_leave(&others);
	kit_leave(&asked);
}
END_TEST

static const struct {
	struct ev_user now;
	const char *reason; /* NULL: it stays */
} changes[] = {
	{{.head.user = USER, .epoch = 1, .role = 1}, NULL},
	{{.head.user = USER, .epoch = 2}, "the session has ended"},
	{{.head.user = USER, .epoch = 1, .locked = 1}, "the account is locked"},
	{{.head.user = USER, .epoch = 2, .locked = 1}, "the account is locked"},
	{{.head.user = OTHER_USER, .epoch = 9, .locked = 1}, NULL},
};

START_TEST(a_change_of_the_user_closes_his_connections)
{
	struct listener listener;

	ck_assert_int_eq(kit_join_as(&kit, &listener, USER, session_a), ST_OK);
	kit_answer(&kit, GUARD_OK);
	hub_user(kit.hub, &changes[_i].now);
	kit_pump(&kit);
	ck_assert_int_eq(listener.closing, changes[_i].reason != NULL);
	if (changes[_i].reason)
		ck_assert_str_eq(listener.subscriber.close_reason,
			changes[_i].reason);
	kit_leave(&listener);
}
END_TEST

/* ---- Asking for markets ------------------------------------------------ */

static const char *
ask_for(struct listener *listener, const char *text)
{
	hub_said(&listener->subscriber, text, strlen(text));
	kit_pump(&kit);
	return listener->last;
}

START_TEST(markets_are_followed_by_name)
{
	struct listener listener;

	kit_market(&kit, 3, "ETH/USDT");
	ck_assert_int_eq(
		kit_join(&kit, &listener, &(struct knock){.path = "/say"}),
		ST_OK);
	ck_assert_str_eq(ask_for(&listener, "follow eth-usdt"), "OK");
	ck_assert_uint_eq(listener.snapshots, 1);
	ck_assert_str_eq(ask_for(&listener, "follow ETHUSDT"), "CONFLICT");
	ck_assert_str_eq(ask_for(&listener, "follow DOGE/USD"), "INVALID");
	ck_assert_str_eq(ask_for(&listener, "unfollow BTC/USD"), "CONFLICT");
	ck_assert_str_eq(ask_for(&listener, "unfollow ETH/USDT"), "OK");
	ck_assert_str_eq(ask_for(&listener, "unfollow ETH/USDT"), "CONFLICT");
	ck_assert_str_eq(ask_for(&listener, "unfollow ?"), "INVALID");
	kit_leave(&listener);
}
END_TEST

START_TEST(markets_followed_are_bounded)
{
	struct listener listener;
	char symbol[16], text[32];
	uint16_t i;

	ck_assert_int_eq(
		kit_join(&kit, &listener, &(struct knock){.path = "/say"}),
		ST_OK);
	for (i = 0; i <= MARKETS_FOLLOWED_MAX; i++) {
		snprintf(symbol, sizeof(symbol), "M%d/USD", i);
		snprintf(text, sizeof(text), "follow %s", symbol);
		kit_market(&kit, (uint16_t)(100 + i), symbol);
		listener.snapshots = 0;
		listener.subscriber.said = 0;
		ck_assert_str_eq(ask_for(&listener, text),
			i < MARKETS_FOLLOWED_MAX ? "OK" : "RISK_LIMIT");
	}
	kit_leave(&listener);
}
END_TEST

static const struct {
	const char *text;
	const char *key; /* NULL: it can be no symbol */
} symbols[] = {
	{"BTC/USD", "BTCUSD"},
	{"btc-usd", "BTCUSD"},
	{"BtcUsd", "BTCUSD"},
	{"", NULL},
	{"/", NULL},
	{"BTC USD", NULL},
	{"BTC\nUSD", NULL},
	{"\xc3\x84/USD", NULL},
	{"ABCDEFGHIJKLMNOPQRSTUVW", "ABCDEFGHIJKLMNOPQRSTUVW"},
	{"ABCDEFGHIJKLMNOPQRSTUVWX", NULL}, /* one too long */
};

START_TEST(symbols_have_a_key)
{
	char key[SYMBOL_MAX] = "";

	ck_assert_int_eq(symbol_key(symbols[_i].text, strlen(symbols[_i].text),
				 key),
		symbols[_i].key != NULL);
	ck_assert_str_eq(key, symbols[_i].key ? symbols[_i].key : "");
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("stream");
	TCase *books = tcase_create("books");
	TCase *life = tcase_create("connections");
	TCase *users = tcase_create("users");
	TCase *asked = tcase_create("markets asked for");

	tcase_add_test(books, levels_are_merged);
	tcase_add_test(books, asks_are_ordered_the_other_way);
	tcase_add_test(books, outbox_keeps_order_and_bounds);
	tcase_add_test(books, outbox_counts_bytes);
	tcase_add_checked_fixture(life, setup, teardown);
	tcase_add_test(life, snapshot_then_changes);
	tcase_add_test(life, a_message_is_written_once);
	tcase_add_test(life, numbers_never_go_back);
	tcase_add_test(life, changes_have_their_time);
	tcase_add_test(life, trades_before_the_snapshot_are_in_it);
	tcase_add_test(life, nobody_waits_for_ever);
	tcase_add_test(life, who_leaves_waits_no_more);
	tcase_add_test(life, a_slow_reader_is_closed_alone);
	tcase_add_test(life, who_does_not_take_leave_is_hung_up_on);
	tcase_add_test(life, closing_is_said_once);
	tcase_add_test(life, pings_come_each_five_seconds);
	tcase_add_test(life, silence_ends_a_connection);
	tcase_add_test(life, too_many_messages);
	tcase_add_test(life, all_are_closed_at_the_end);
	tcase_add_checked_fixture(users, setup, teardown);
	tcase_add_test(users, the_core_is_asked_first);
	tcase_add_loop_test(users, the_core_may_refuse, 0,
		N_ELEMENTS(verdicts));
	tcase_add_test(users, open_questions_are_asked_again);
	tcase_add_test(users, limbo_ends_after_five_seconds);
	tcase_add_test(users, a_token_may_be_the_first_message);
	tcase_add_test(users, a_token_expires);
	tcase_add_test(users, a_tick_forgets_what_was_written);
	tcase_add_test(users, a_user_has_twenty);
	tcase_add_test(users, an_ended_session_closes_its_connections);
	tcase_add_loop_test(users, a_change_of_the_user_closes_his_connections,
		0, N_ELEMENTS(changes));
	tcase_add_checked_fixture(asked, setup, teardown);
	tcase_add_test(asked, markets_are_followed_by_name);
	tcase_add_test(asked, markets_followed_are_bounded);
	tcase_add_loop_test(asked, symbols_have_a_key, 0, N_ELEMENTS(symbols));
	suite_add_tcase(s, books);
	suite_add_tcase(s, life);
	suite_add_tcase(s, users);
	suite_add_tcase(s, asked);
	return s;
}

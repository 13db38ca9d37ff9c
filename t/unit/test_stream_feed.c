/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_stream_feed.c - books out of the page and trades out of the journal, in
 * one true order.
 *
 * A small market stands in for the matcher: it changes levels and trades by
 * chance, and publishes as matcherd does: journal, slot, durable sequence,
 * answer.  The feed is stopped and the clock moved between any two of these
 * steps.  A listener that is told of the state after command C must have the
 * very book that the market had then, and all trades up to C and none behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/book_page.h"
#include "stream/feed.h"
#include "stream/hub_state.h"
#include "stream/topic.h"
#include "t/harness/suite.h"
#include "t/sim/journal_kit.h"
#include "t/unit/stream_kit.h"

#define MARKETS 3
#define PRICES 90 /* a side: more than the page shows */
#define COMMANDS 1500
#define LISTENERS 12

struct past {
	struct book_level bids[BOOK_PAGE_LEVELS], asks[BOOK_PAGE_LEVELS];
	size_t n_bids, n_asks;
};

static struct kit kit;
static struct feed *feed;
static struct feed_files files;
static struct disk_sim *sim;
static struct journal *journal;
static struct book_page *page;
static char dir[64], page_path[96];
static unsigned chance;

/* The market's own books: quantity by price, 0 for none. */
static int64_t bids[MARKETS][PRICES], asks[MARKETS][PRICES];
/* What market 0 was after each command, and its trades up to it. */
static struct past *past;
static size_t trades_by[COMMANDS * 4];
static uint64_t trades[COMMANDS * 4];
static size_t n_trades;
static struct book_slot slots[MARKETS];
static uint64_t last_seq;

static unsigned
dice(unsigned n)
{
	chance = chance * 1103515245 + 12345;
	return chance / 65536 % n;
}

/* ---- The market -------------------------------------------------------- */

static void
open_files(void)
{
	struct journal_options options = kit_options();
	struct reason reason;
	struct kit_replay replay;

	sim = disk_sim_new(1);
	kit_replay_init(&replay, NULL, 0);
	ck_assert_int_eq(kit_open(disk_sim_disk(sim), &options, &replay,
				 &journal, &reason),
		ST_OK);
	snprintf(dir, sizeof(dir), "/tmp/stream-feed.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(page_path, sizeof(page_path), "%s/page", dir);
	ck_assert_int_eq(book_page_create(page_path, journal_identity(journal),
				 &page, &reason),
		ST_OK);
	files = (struct feed_files){.disk = disk_sim_disk(sim),
		.journal = KIT_DIR,
		.archive = KIT_ARCHIVE,
		.book_page = page_path,
		.bells = dir,
		.name = "test"};
}

/* The best 50 of each side, as the page has them. */
static void
fill_slot(unsigned market)
{
	struct book_slot *slot = &slots[market];
	int64_t i;

	slot->n_bids = slot->n_asks = 0;
	for (i = PRICES - 1; i >= 0; i--)
		if (bids[market][i] > 0 && slot->n_bids < BOOK_PAGE_LEVELS)
			slot->bids[slot->n_bids++] = (struct book_level){
				1000 + i, bids[market][i]};
	for (i = 0; i < PRICES; i++)
		if (asks[market][i] > 0 && slot->n_asks < BOOK_PAGE_LEVELS)
			slot->asks[slot->n_asks++] = (struct book_level){
				2000 + i, asks[market][i]};
	slot->used = 1;
	slot->terms.instrument = (uint16_t)market;
	snprintf(slot->terms.symbol, sizeof(slot->terms.symbol), "M%u/USD",
		market);
}

static void
remember(uint64_t seq)
{
	struct past *now = &past[seq];

	now->n_bids = slots[0].n_bids;
	now->n_asks = slots[0].n_asks;
	memcpy(now->bids, slots[0].bids, sizeof(now->bids));
	memcpy(now->asks, slots[0].asks, sizeof(now->asks));
	trades_by[seq] = n_trades;
}

/* A record under way. */
struct draft {
	char *at;
	struct record *record;
};

static void
draft_event(struct draft *draft, const void *event, size_t size)
{
	memcpy(draft->at, event, size);
	draft->at += size;
	draft->record->n_events++;
}

static struct draft
draft_begin(void *to, uint64_t seq)
{
	struct cmd_tick command = {.head = {sizeof(command), CMD_TICK, 0}};
	struct draft draft = {to, to};

	*draft.record = (struct record){.seq = seq,
		.time_us = KIT_WALL_US + (int64_t)seq};
	draft.at += sizeof(*draft.record);
	memcpy(draft.at, &command, sizeof(command));
	draft.at += sizeof(command);
	return draft;
}

static size_t
draft_end(struct draft *draft)
{
	draft->record->length =
		(uint32_t)(draft->at - (char *)draft->record);
	return draft->record->length;
}

static void
change_level(struct draft *draft, unsigned market)
{
	struct ev_level level = {.head = {sizeof(level), EV_LEVEL, 0},
		.instrument = (uint16_t)market,
		.side = (uint8_t)dice(2),
		.quantity = dice(3) == 0 ? 0 : 1 + dice(1000)};
	unsigned price = dice(PRICES);

	if (level.side == SIDE_BUY)
		bids[market][price] = level.quantity;
	else
		asks[market][price] = level.quantity;
	level.price = (level.side == SIDE_BUY ? 1000 : 2000) + (int64_t)price;
	draft_event(draft, &level, sizeof(level));
	slots[market].seq = draft->record->seq;
}

static void
make_trade(struct draft *draft, unsigned market)
{
	struct ev_trade trade = {.head = {sizeof(trade), EV_TRADE, 1},
		.instrument = (uint16_t)market,
		.quantity = 1 + dice(1000000),
		.maker.user = 1,
		.taker.user = 2};

	draft_event(draft, &trade, sizeof(trade));
	slots[market].seq = draft->record->seq;
	if (market == 0)
		trades[n_trades++] = (uint64_t)trade.quantity;
}

/* One command, written to TO; returns its length. */
static size_t
make_command(void *to, uint64_t seq)
{
	struct draft draft = draft_begin(to, seq);
	unsigned market = dice(MARKETS), n = 1 + dice(4);

	while (n-- > 0) {
		if (dice(3) == 0)
			make_trade(&draft, market);
		else
			change_level(&draft, market);
	}
	fill_slot(market);
	remember(seq);
	return draft_end(&draft);
}

static void
publish(void)
{
	unsigned i;

	for (i = 0; i < MARKETS; i++)
		book_page_write(page, &slots[i]);
}

/* ---- The listeners ----------------------------------------------------- */

static struct listener listeners[LISTENERS];
static uint64_t answered[LISTENERS]; /* what each knew when he came */

/* Does the listener know what the market was, and no more and no less? */
static void
check(const struct listener *listener, size_t number)
{
	const struct past *then = &past[listener->command];
	size_t from = trades_by[listener->first_command];
	size_t until = trades_by[listener->command];

	if (listener->snapshots == 0)
		return;
	ck_assert_uint_ge(listener->first_command, answered[number]);
	ck_assert_uint_eq(listener->n_bids, then->n_bids);
	ck_assert_uint_eq(listener->n_asks, then->n_asks);
	ck_assert_mem_eq(listener->bids, then->bids,
		then->n_bids * sizeof(then->bids[0]));
	ck_assert_mem_eq(listener->asks, then->asks,
		then->n_asks * sizeof(then->asks[0]));
	/* All trades up to the state came before it, the others after it. */
	ck_assert_uint_eq(listener->trades_before, until - from);
	ck_assert_mem_eq(listener->trades, trades + from,
		listener->n_trades * sizeof(trades[0]));
	ck_assert_uint_le(from + listener->n_trades, n_trades);
}

static void
check_all(void)
{
	size_t i;

	kit_pump(&kit);
	for (i = 0; i < LISTENERS; i++)
		if (listeners[i].joined)
			check(&listeners[i], i);
}

static void
come_or_go(void)
{
	size_t i = dice(LISTENERS);

	if (listeners[i].joined) {
		kit_leave(&listeners[i]);
		return;
	}
	/* Whoever comes may have been answered about all that is durable. */
	answered[i] = slots[0].seq <= book_page_durable_seq(page)
			      ? slots[0].seq
			      : 0;
	ck_assert_int_eq(kit_join(&kit, &listeners[i],
				 &(struct knock){.path = "/open",
					 .symbol = "m0-usd"}),
		ST_OK);
}

static void
pass_time(void)
{
	kit.now_us += dice(4) == 0 ? 100000 : dice(10000);
	hub_time(kit.hub, kit.now_us, KIT_WALL_US + kit.now_us);
}

/* Something happens beside the matcher. */
static void
disturb(void)
{
	enum status status;

	switch (dice(6)) {
	case 0:
		come_or_go();
		break;
	case 1:
		pass_time();
		break;
	case 2:
		feed_show(feed);
		break;
	case 3:
	case 4:
		status = feed_turn(feed, 1 + dice(6));
		ck_assert(status == ST_OK || status == ST_CONFLICT);
		break;
	default:
		break;
	}
	check_all();
}

/* ---- The tests --------------------------------------------------------- */

/* What DRAFT holds becomes the journal's next record, and is durable. */
static void
write_record(struct draft *draft, bool published)
{
	uint64_t seq = draft->record->seq;

	ck_assert_int_eq(journal_commit(journal, draft_end(draft), 1, seq,
				 KIT_WALL_US),
		ST_OK);
	if (published)
		publish();
	last_seq = seq;
	book_page_set_durable(page, seq);
}

static struct draft
next_record(void)
{
	size_t capacity;
	void *buffer;

	ck_assert_int_eq(journal_begin(journal, &buffer, &capacity), ST_OK);
	return draft_begin(buffer, journal_next_seq(journal));
}

/* The first command makes the markets. */
static void
make_markets(void)
{
	struct draft draft = next_record();
	unsigned i;

	for (i = 0; i < MARKETS; i++) {
		fill_slot(i);
		slots[i].seq = draft.record->seq;
	}
	remember(draft.record->seq);
	write_record(&draft, true);
	book_page_ready(page, 1, 1);
}

static void
setup(void)
{
	struct reason reason;

	kit_begin(&kit);
	open_files();
	past = calloc(COMMANDS * 4, sizeof(*past));
	n_trades = 0;
	last_seq = 0;
	chance = 1;
	memset(bids, 0, sizeof(bids));
	memset(asks, 0, sizeof(asks));
	memset(slots, 0, sizeof(slots));
	memset(listeners, 0, sizeof(listeners));
	make_markets();
	ck_assert_msg(feed_open(kit.hub, &files, &feed, &reason) == ST_OK,
		"%s", reason.text);
}

static void
teardown(void)
{
	size_t i;

	for (i = 0; i < LISTENERS; i++)
		kit_leave(&listeners[i]);
	feed_close(feed);
	kit_end(&kit);
	journal_abandon(journal);
	book_page_close(page);
	disk_sim_free(sim);
	unlink(page_path);
	rmdir(dir);
	free(past);
}

/* A batch of commands, with disturbances between all that matcherd does. */
static void
run_batch(void)
{
	uint64_t first = journal_next_seq(journal);
	size_t capacity, used = 0;
	unsigned i, n = 1 + dice(5);
	void *buffer;

	ck_assert_int_eq(journal_begin(journal, &buffer, &capacity), ST_OK);
	for (i = 0; i < n; i++)
		used += make_command((char *)buffer + used, first + i);
	ck_assert_uint_le(used, capacity);
	ck_assert_int_eq(journal_commit(journal, used, n, first,
				 KIT_WALL_US + (int64_t)first),
		ST_OK);
	disturb();
	publish();
	disturb();
	last_seq = first + n - 1;
	book_page_set_durable(page, last_seq);
	disturb();
}

static void
settle(void)
{
	enum status status;
	unsigned i;

	for (i = 0; i < 20; i++) {
		while ((status = feed_turn(feed, 100)) == ST_CONFLICT)
			;
		ck_assert_int_eq(status, ST_OK);
		kit.now_us += SHOW_EVERY_US;
		hub_time(kit.hub, kit.now_us, KIT_WALL_US + kit.now_us);
	}
	check_all();
}

/* In the end everybody stands where the page does. */
static void
check_settled(void)
{
	const struct listener *listener;
	size_t i;

	ck_assert_uint_eq(feed_seq(feed), last_seq);
	for (i = 0; i < LISTENERS; i++) {
		listener = &listeners[i];
		if (!listener->joined)
			continue;
		ck_assert_uint_eq(listener->snapshots, 1);
		ck_assert_uint_eq(listener->n_bids, slots[0].n_bids);
		ck_assert_mem_eq(listener->bids, slots[0].bids,
			slots[0].n_bids * sizeof(slots[0].bids[0]));
		ck_assert_mem_eq(listener->asks, slots[0].asks,
			slots[0].n_asks * sizeof(slots[0].asks[0]));
		ck_assert_uint_eq(listener->n_trades,
			n_trades - trades_by[listener->first_command]);
	}
}

START_TEST(books_and_trades_in_their_order)
{
	chance = (unsigned)_i + 1;
	while (journal_next_seq(journal) < COMMANDS)
		run_batch();
	settle();
	check_settled();
}
END_TEST

/* While a state waits for the journal, the trades behind it do not pass it. */
START_TEST(a_state_waits_for_its_trades)
{
	struct listener *listener = &listeners[0];

	ck_assert_int_eq(kit_join(&kit, listener,
				 &(struct knock){.path = "/open",
					 .symbol = "M0/USD"}),
		ST_OK);
	settle();
	ck_assert_uint_eq(listener->snapshots, 1);
	chance = 77;
	while (n_trades < 8 || last_seq < 12)
		run_batch();
	hub_time(kit.hub, kit.now_us += SHOW_EVERY_US, KIT_WALL_US);
	feed_show(feed);
	while (feed_turn(feed, 1) == ST_CONFLICT)
		check_all();
	settle();
	check_settled();
}
END_TEST

START_TEST(ten_changes_a_second_at_most)
{
	struct listener *listener = &listeners[0];
	unsigned i, before;

	ck_assert_int_eq(kit_join(&kit, listener,
				 &(struct knock){.path = "/open",
					 .symbol = "M0/USD"}),
		ST_OK);
	settle();
	before = listener->updates;
	/* A second of a busy market, a batch each millisecond. */
	for (i = 0; i < 1000; i++) {
		struct draft draft = next_record();

		change_level(&draft, 0);
		fill_slot(0);
		remember(draft.record->seq);
		write_record(&draft, true);
		kit.now_us += 1000;
		hub_time(kit.hub, kit.now_us, KIT_WALL_US + kit.now_us);
		ck_assert_int_eq(feed_turn(feed, 100), ST_OK);
		check_all();
	}
	ck_assert_uint_ge(listener->updates - before, 9);
	ck_assert_uint_le(listener->updates - before, 11);
	settle();
	check_settled();
}
END_TEST

/* A quiet market's change is shown at once. */
START_TEST(the_first_change_waits_for_nothing)
{
	struct listener *listener = &listeners[0];
	struct draft draft = next_record();

	ck_assert_int_eq(kit_join(&kit, listener,
				 &(struct knock){.path = "/open",
					 .symbol = "M0/USD"}),
		ST_OK);
	kit_pump(&kit);
	ck_assert_uint_eq(listener->snapshots, 1);
	while (slots[0].n_bids == 0) {
		change_level(&draft, 0);
		fill_slot(0);
	}
	remember(draft.record->seq);
	write_record(&draft, true);
	ck_assert_int_eq(feed_turn(feed, 100), ST_OK);
	check_all();
	ck_assert_uint_eq(listener->updates, 1);
	ck_assert_int_eq(feed_due_us(feed), INT64_MAX);
}
END_TEST

START_TEST(an_unknown_event_halts)
{
	struct ev_level odd = {.head = {sizeof(odd), EV_END, 0}};
	struct draft draft = next_record();

	draft_event(&draft, &odd, sizeof(odd));
	write_record(&draft, false);
	ck_assert_int_eq(feed_turn(feed, 100), ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(feed_reason(feed), "record 2 "));
}
END_TEST

START_TEST(another_journal_halts)
{
	struct book_page *other;
	struct reason reason;

	ck_assert_int_eq(feed_look(feed), ST_OK);
	ck_assert_int_eq(book_page_create(page_path, ident_make(9, 9, 9),
				 &other, &reason),
		ST_OK);
	ck_assert_int_eq(feed_look(feed), ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(feed_reason(feed), page_path));
	book_page_close(other);
}
END_TEST

START_TEST(the_matcher_is_waited_for)
{
	struct feed_files nowhere = files;
	struct feed *none = NULL;
	struct reason reason;

	nowhere.name = "other";
	nowhere.book_page = "/nowhere/page";
	ck_assert_int_eq(feed_open(kit.hub, &nowhere, &none, &reason),
		ST_UNAVAILABLE);
	nowhere.book_page = page_path;
	nowhere.journal = "/empty";
	ck_assert_int_eq(feed_open(kit.hub, &nowhere, &none, &reason),
		ST_UNAVAILABLE);
	ck_assert_ptr_null(none);
	kit.hub->page = page; /* feed_close() took it away */
}
END_TEST

/* ---- What is a user's own ---------------------------------------------- */

static _Alignas(8) char record_bytes[4096];

static void
hand_on(const void *event, size_t size)
{
	struct draft draft = draft_begin(record_bytes, 1);

	draft_event(&draft, event, size);
	draft_end(&draft);
	ck_assert_int_eq(feed_record(kit.hub, draft.record), ST_OK);
	kit_pump(&kit);
}

static const struct ident session_a = {{1}}, session_b = {{2}};

static void
join_as(struct listener *listener, uint32_t user)
{
	ck_assert_int_eq(kit_join(&kit, listener,
				 &(struct knock){.path = "/own/M0/USD",
					 .token = kit_token(&kit, user, 1,
						 session_a, TOKEN_ACCESS,
						 60 * US_PER_SECOND)}),
		ST_OK);
	kit_answer(&kit, GUARD_OK);
	listener->messages = 0;
}

START_TEST(own_events_go_to_their_user)
{
	struct listener *maker = &listeners[0], *taker = &listeners[1];
	struct listener *again = &listeners[2], *other = &listeners[3];
	struct ev_trade trade = {.head = {sizeof(trade), EV_TRADE, 2},
		.maker.user = 1,
		.taker.user = 2};
	struct ev_order_closed closed = {
		.head = {sizeof(closed), EV_ORDER_CLOSED, 2}};
	struct ev_posting posting = {
		.head = {sizeof(posting), EV_POSTING, 1}};

	join_as(maker, 1);
	join_as(taker, 2);
	join_as(again, 2);
	join_as(other, 3);
	hand_on(&trade, sizeof(trade));
	/* The market's trade, and the order's; for balances there is none. */
	ck_assert_uint_eq(maker->messages, 2);
	ck_assert_uint_eq(taker->messages, 2);
	ck_assert_uint_eq(again->messages, 2);
	ck_assert_uint_eq(other->messages, 1);
	ck_assert_str_eq(maker->last,
		"{\"type\":\"own\",\"event\":\"TRADE\",\"user\":1,\"kind\":1,"
		"\"symbol\":\"M0/USD\"}");
	hand_on(&closed, sizeof(closed));
	ck_assert_uint_eq(maker->messages, 2);
	ck_assert_uint_eq(taker->messages, 4); /* for orders and balances */
	ck_assert_str_eq(again->last,
		"{\"type\":\"own\",\"event\":\"ORDER_CLOSED\",\"user\":2,"
		"\"kind\":4,\"symbol\":\"M0/USD\"}");
	hand_on(&posting, sizeof(posting));
	ck_assert_uint_eq(maker->messages, 3);
	ck_assert_str_eq(maker->last,
		"{\"type\":\"own\",\"event\":\"POSTING\",\"user\":1,\"kind\":4,"
		"\"symbol\":null}");
	ck_assert_uint_eq(other->messages, 1);
}
END_TEST

/* A trade with oneself is one message to each connection, not two. */
START_TEST(a_trade_with_oneself_is_told_once)
{
	struct ev_trade trade = {.head = {sizeof(trade), EV_TRADE, 1},
		.instrument = 1,
		.maker.user = 1,
		.taker.user = 1};

	join_as(&listeners[0], 1);
	hand_on(&trade, sizeof(trade));
	ck_assert_uint_eq(listeners[0].messages, 1);
}
END_TEST

START_TEST(who_is_not_good_yet_hears_nothing)
{
	struct ev_posting posting = {
		.head = {sizeof(posting), EV_POSTING, 1}};

	ck_assert_int_eq(kit_join(&kit, &listeners[0],
				 &(struct knock){.path = "/own/M0/USD",
					 .token = kit_token(&kit, 1, 1,
						 session_a, TOKEN_ACCESS,
						 US_PER_SECOND)}),
		ST_OK);
	hand_on(&posting, sizeof(posting));
	ck_assert_uint_eq(listeners[0].messages, 0);
}
END_TEST

START_TEST(the_journal_ends_sessions)
{
	struct ev_session_revoked ended = {
		.head = {sizeof(ended), EV_SESSION_REVOKED, 1},
		.session = session_b};
	struct ev_user user = {.head = {sizeof(user), EV_USER, 1}, .epoch = 1};

	join_as(&listeners[0], 1);
	hand_on(&ended, sizeof(ended));
	hand_on(&user, sizeof(user));
	ck_assert(!listeners[0].closing);
	ended.session = session_a;
	hand_on(&ended, sizeof(ended));
	ck_assert(listeners[0].closing);
	join_as(&listeners[1], 1);
	user.epoch = 2;
	hand_on(&user, sizeof(user));
	ck_assert(listeners[1].closing);
}
END_TEST

START_TEST(a_new_market_appears)
{
	struct ev_instrument set = {
		.head = {sizeof(set), EV_INSTRUMENT, 0},
		.terms = {.instrument = 9}};
	struct book_slot slot = {.seq = 2, .used = 1,
		.terms = {.instrument = 9, .symbol = "NEW/USD"}};

	ck_assert_ptr_null(topic_find(kit.hub, "NEW/USD", 7));
	hand_on(&set, sizeof(set));
	feed_show(feed); /* the page does not have it yet */
	ck_assert_ptr_null(topic_find(kit.hub, "NEW/USD", 7));
	ck_assert_int_lt(feed_due_us(feed), INT64_MAX);
	ck_assert(!topic_is_coming(kit.hub, "new-usd", 7));
	book_page_write(page, &slot);
	ck_assert(topic_is_coming(kit.hub, "new-usd", 7));
	kit_wait(&kit, US_PER_SECOND);
	feed_show(feed);
	/* Shown once the journal has been read up to its command. */
	ck_assert_ptr_null(topic_find(kit.hub, "NEW/USD", 7));
	run_batch();
	settle();
	ck_assert_ptr_nonnull(topic_find(kit.hub, "NEW/USD", 7));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("stream feed");
	TCase *order = tcase_create("order");
	TCase *own = tcase_create("own");

	tcase_set_timeout(order, 60);
	tcase_add_checked_fixture(order, setup, teardown);
	tcase_add_loop_test(order, books_and_trades_in_their_order, 0, 12);
	tcase_add_test(order, a_state_waits_for_its_trades);
	tcase_add_test(order, ten_changes_a_second_at_most);
	tcase_add_test(order, the_first_change_waits_for_nothing);
	tcase_add_test(order, an_unknown_event_halts);
	tcase_add_test(order, another_journal_halts);
	tcase_add_test(order, the_matcher_is_waited_for);
	tcase_add_checked_fixture(own, setup, teardown);
	tcase_add_test(own, own_events_go_to_their_user);
	tcase_add_test(own, a_trade_with_oneself_is_told_once);
	tcase_add_test(own, who_is_not_good_yet_hears_nothing);
	tcase_add_test(own, the_journal_ends_sessions);
	tcase_add_test(own, a_new_market_appears);
	suite_add_tcase(s, order);
	suite_add_tcase(s, own);
	return s;
}

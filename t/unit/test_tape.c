/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_tape.c - trades in short, and notices.
 */
#include <string.h>

#include "base/clock.h"
#include "stream/hub_state.h"
#include "stream/topic.h"
#include "t/harness/suite.h"
#include "t/unit/stream_kit.h"

static struct kit kit;

static const struct ident session = {{1}};

static void
join_now(struct listener *listener, uint32_t user)
{
	ck_assert_int_eq(kit_join(&kit, listener,
				 &(struct knock){.path = "/updates",
					 .token = kit_token(&kit, user, 1,
						 session, TOKEN_ACCESS,
						 3600 * US_PER_SECOND)}),
		ST_OK);
	kit_answer(&kit, GUARD_OK);
}

START_TEST(trades_are_merged_under_load)
{
	struct ev_trade trade = {.head = {sizeof(trade), EV_TRADE, 9},
		.price = 3,
		.quantity = 5};
	struct listener listener;
	struct topic *topic;
	uint64_t volume = 0;
	unsigned i;

	kit_begin(&kit);
	topic = kit_market(&kit, 0, "BTC/USD");
	join_now(&listener, 1);
	for (i = 0; i < TAPE_BURST + 90; i++)
		topic_trade(topic, &trade, KIT_WALL_US);
	kit_pump(&kit);
	/* A burst as they come, then nothing before its time. */
	ck_assert_uint_eq(listener.n_ticks, TAPE_BURST);
	ck_assert_int_eq(tape_due_us(topic), kit.now_us + TAPE_EVERY_US);
	tape_show(topic);
	kit_pump(&kit);
	ck_assert_uint_eq(listener.n_ticks, TAPE_BURST);
	kit.now_us += TAPE_EVERY_US;
	hub_time(kit.hub, kit.now_us, KIT_WALL_US + kit.now_us);
	tape_show(topic);
	kit_pump(&kit);
	ck_assert_uint_eq(listener.n_ticks, TAPE_BURST + 1);
	ck_assert_int_eq(tape_due_us(topic), INT64_MAX);
	for (i = 0; i < listener.n_ticks; i++)
		volume += listener.ticks[i];
	ck_assert_uint_eq(volume, 5 * (TAPE_BURST + 90));
	/* What waits when the sum would overflow is as much as can be said. */
	trade.quantity = INT64_MAX;
	for (i = 0; i < 3; i++)
		topic_trade(topic, &trade, KIT_WALL_US);
	ck_assert_int_eq(topic->tape.volume, INT64_MAX);
	kit_leave(&listener);
	kit_end(&kit);
}
END_TEST

static const struct {
	const char *text;
	enum status want;
} notices[] = {
	{"{\"user\":1,\"kind\":\"risk_alert\",\"message\":\"m\","
	 "\"level\":\"warning\",\"symbol\":null,\"at_us\":1750000000000000,"
	 "\"data\":{\"value\":1.50}}",
		ST_OK},
	{"{\"user\":1,\"kind\":\"risk_alert\",\"message\":\"m\"}", ST_OK},
	{"{\"id\":0,\"user\":1,\"kind\":\"a\",\"message\":\"m\"}", ST_INVALID},
	{"{\"user\":0,\"kind\":\"risk_alert\",\"message\":\"m\"}", ST_INVALID},
	{"{\"user\":268435456,\"kind\":\"a\",\"message\":\"m\"}", ST_INVALID},
	{"{\"kind\":\"risk_alert\",\"message\":\"m\"}", ST_INVALID},
	{"{\"user\":1,\"message\":\"m\"}", ST_INVALID},
	{"{\"user\":1,\"kind\":\"risk_alert\"}", ST_INVALID},
	{"[1]", ST_INVALID},
	{"{\"user\":1", ST_MALFORMED},
	{"", ST_MALFORMED},
};

START_TEST(notices_are_read)
{
	struct ctx ctx = {.arena = arena_new(), .now_us = KIT_WALL_US};
	struct notice notice;

	ck_assert_int_eq(notice_read(&ctx, notices[_i].text,
				 strlen(notices[_i].text), &notice),
		notices[_i].want);
	if (notices[_i].want == ST_OK) {
		ck_assert_uint_eq(notice.user, 1);
		ck_assert_str_eq(notice.kind, "risk_alert");
		ck_assert_int_eq(notice.at_us, KIT_WALL_US);
	}
	arena_free(ctx.arena);
}
END_TEST

START_TEST(notices_go_to_their_user)
{
	struct ctx ctx = {.arena = arena_new()};
	struct listener mine, his;
	struct notice notice;

	kit_begin(&kit);
	kit_market(&kit, 0, "BTC/USD");
	join_now(&mine, 1);
	join_now(&his, 2);
	ck_assert_int_eq(notice_read(&ctx, notices[0].text,
				 strlen(notices[0].text), &notice),
		ST_OK);
	hub_notice(kit.hub, &notice);
	kit_pump(&kit);
	ck_assert_str_eq(mine.last,
		"{\"type\":\"risk_alert\",\"data\":{\"value\":1.50}}");
	ck_assert_uint_eq(his.messages, 0);
	/* One without an id is told again; with one it is told once. */
	hub_notice(kit.hub, &notice);
	kit_pump(&kit);
	ck_assert_uint_eq(mine.messages, 2);
	for (notice.id = 1; notice.id <= 2; notice.id++) {
		hub_notice(kit.hub, &notice);
		hub_notice(kit.hub, &notice);
	}
	kit_pump(&kit);
	ck_assert_uint_eq(mine.messages, 4);
	kit_leave(&mine);
	kit_leave(&his);
	kit_end(&kit);
	arena_free(ctx.arena);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("tape");
	TCase *all = tcase_create("all");

	tcase_add_test(all, trades_are_merged_under_load);
	tcase_add_loop_test(all, notices_are_read, 0, N_ELEMENTS(notices));
	tcase_add_test(all, notices_go_to_their_user);
	suite_add_tcase(s, all);
	return s;
}

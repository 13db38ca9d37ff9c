/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_once.c - what is remembered so that it is done once: intents and
 * client order ids.
 */
#include "world.h"

#include "base/decimal.h"

#define HOUR_MS (INT64_C(3600) * 1000)

/* ---- Intents ------------------------------------------------------------- */

START_TEST(an_intent_is_done_once)
{
	struct world *w = world_new(_i);
	struct ident id = intent_at(w, 0, 1);
	uint64_t seq;

	DONE(deposit(w, ANN, EUR, 5, id));
	ck_assert_uint_eq(w->done_seq, 0);
	seq = w->subject->seq(w->it);
	DONE(deposit(w, ANN, EUR, 5, id));
	ck_assert_uint_eq(w->done_seq, seq);
	ck_assert_uint_eq(w->subject->seq(w->it), seq);
	HAS(w, ANN, EUR, "0.00000005", "0");

	/* Another request may not use it. */
	REFUSED(INTENT_OTHER, deposit(w, BOB, EUR, 5, id));
	REFUSED(INTENT_OTHER, deposit(w, ANN, EUR, 6, id));
	REFUSED(INTENT_OTHER, withdraw(w, ANN, EUR, 5, id));
	/* What was refused has not used it. */
	id = intent_at(w, 0, 2);
	REFUSED(BAD_AMOUNT, deposit(w, ANN, EUR, 0, id));
	DONE(deposit(w, ANN, EUR, 5, id));
	/* It is looked at before anything else. */
	REFUSED(INTENT_OTHER, deposit(w, NOBODY, 99, -1, id));
	world_free(w);
}
END_TEST

START_TEST(an_intent_has_a_time)
{
	struct world *w = world_new(_i);
	struct ident id = intent_at(w, 0, 1), bad = id;

	bad.bytes[6] = 0x4f; /* version 4 */
	REFUSED(BAD_COMMAND, deposit(w, ANN, EUR, 5, bad));
	REFUSED(BAD_COMMAND,
		deposit(w, ANN, EUR, 5, intent_at(w, HOUR_MS + 2, 1)));
	DONE(deposit(w, ANN, EUR, 5, intent_at(w, HOUR_MS, 1)));
	REFUSED(INTENT_OLD,
		deposit(w, ANN, EUR, 5, intent_at(w, -24 * HOUR_MS, 1)));
	DONE(deposit(w, ANN, EUR, 5, intent_at(w, -24 * HOUR_MS + 2, 1)));

	DONE(deposit(w, ANN, EUR, 5, id));
	w->now += MEMORY_US - 2000;
	DONE(deposit(w, ANN, EUR, 5, id));
	ck_assert_uint_ne(w->done_seq, 0);
	/* Forgotten, it is too old to be believed. */
	REFUSED(INTENT_OLD, deposit(w, ANN, EUR, 5, id));
	HAS(w, ANN, EUR, "0.00000015", "0");
	world_free(w);
}
END_TEST

START_TEST(an_intent_crowded_out_is_too_old)
{
	static const struct engine_options options = {
		.users = 64,
		.orders = 64,
		.client_ids = 16,
		.client_ids_user = 16,
		.intents = 16,
		.sessions = 16,
		.withdrawals = 16,
		.limits = 1024,
		.open_orders_user = 16,
	};
	struct world *w = world_with(_i, &options);
	struct ident ids[18], late = intent_at(w, 0, 99);
	int i;

	for (i = 0; i < 18; i++) {
		ids[i] = intent_at(w, 0, (uint16_t)i);
		DONE(deposit(w, ANN, EUR, 1, ids[i]));
	}
	/* The first two are gone; who asks again must not get it again. */
	REFUSED(INTENT_OLD, deposit(w, ANN, EUR, 1, ids[0]));
	REFUSED(INTENT_OLD, deposit(w, ANN, EUR, 1, ids[1]));
	DONE(deposit(w, ANN, EUR, 1, ids[2]));
	ck_assert_uint_ne(w->done_seq, 0);
	/* Nor is another believed that is not younger than those. */
	REFUSED(INTENT_OLD, deposit(w, ANN, EUR, 1, late));
	HAS(w, ANN, EUR, "0.00000018", "0");
	world_free(w);
}
END_TEST

/* The same when it was dated ahead of the command that it came with. */
START_TEST(an_intent_dated_ahead_is_done_once_too)
{
	static const struct engine_options options = {
		.users = 64,
		.orders = 64,
		.client_ids = 16,
		.client_ids_user = 16,
		.intents = 16,
		.sessions = 16,
		.withdrawals = 16,
		.limits = 1024,
		.open_orders_user = 16,
	};
	struct world *w = world_with(_i, &options);
	struct ident ahead = intent_at(w, 1000, 1);
	int i;

	DONE(deposit(w, ANN, EUR, 1, ahead));
	for (i = 0; i < 16; i++)
		DONE(deposit(w, ANN, EUR, 1, intent_at(w, 0, (uint16_t)i)));
	REFUSED(INTENT_OLD, deposit(w, ANN, EUR, 1, ahead));
	world_free(w);
}
END_TEST

/* It is remembered until it is too old to be believed. */
START_TEST(an_intent_dated_ahead_is_remembered_longer)
{
	struct world *w = world_new(_i);
	struct ident ahead = intent_at(w, HOUR_MS - 10, 1);
	struct ident held = intent_at(w, HOUR_MS - 10, 2);

	DONE(deposit(w, ANN, EUR, 5, ahead));
	DONE(withdraw(w, ANN, EUR, 1, held));
	w->now += MEMORY_US + 60 * 1000000;
	DONE(deposit(w, ANN, EUR, 5, ahead));
	ck_assert_uint_ne(w->done_seq, 0);
	DONE(withdraw(w, ANN, EUR, 1, held));
	ck_assert_uint_ne(w->done_seq, 0);
	w->now += HOUR_MS * 1000;
	REFUSED(INTENT_OLD, deposit(w, ANN, EUR, 5, ahead));
	REFUSED(INTENT_OLD, withdraw(w, ANN, EUR, 1, held));
	HAS(w, ANN, EUR, "0.00000004", "0.00000001");
	world_free(w);
}
END_TEST

/* ---- Client order ids ---------------------------------------------------- */

START_TEST(a_client_id_places_one_order)
{
	struct world *w = world_new(_i);
	const struct ev_order_opened *opened;
	uint64_t seq;

	PLACED(w, ANN, SIDE_BUY, "1", "100", .client_id = "my-1");
	opened = event(w, EV_ORDER_OPENED, 0);
	ck_assert_uint_eq(opened->head.size, sizeof(*opened));
	ck_assert_uint_eq(opened->client_id_length, 4);
	ck_assert_mem_eq(opened->client_id, "my-1", 5);
	seq = w->subject->seq(w->it);
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .client_id = "my-1"));
	ck_assert_uint_eq(w->done_seq, seq);
	HAS(w, ANN, USD, "9899.8", "100.2");
	REFUSED(OTHER_TERMS,
		PLACE(w, ANN, SIDE_BUY, "1", "101", .client_id = "my-1"));
	REFUSED(OTHER_TERMS, PLACE(w, ANN, SIDE_BUY, "1", "100",
		.stp = STP_NONE, .client_id = "my-1"));
	/* Another user's, or another case, is another. */
	DONE(PLACE(w, BOB, SIDE_BUY, "1", "100", .client_id = "my-1"));
	ck_assert_uint_eq(w->done_seq, 0);
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .client_id = "My-1"));
	ck_assert_uint_eq(w->done_seq, 0);
	/* Without one, every order is a new one, and its event is short. */
	PLACED(w, ANN, SIDE_BUY, "1", "100");
	opened = event(w, EV_ORDER_OPENED, 0);
	ck_assert_uint_eq(opened->head.size, ORDER_OPENED_SHORT);
	world_free(w);
}
END_TEST

START_TEST(a_client_id_outlives_its_order)
{
	struct world *w = world_new(_i);
	uint64_t seq;

	PLACED(w, ANN, SIDE_BUY, "1", "100", .client_id = "a");
	seq = w->subject->seq(w->it);
	REFUSED(UNKNOWN_ORDER, cancel_client(w, BOB, "a"));
	REFUSED(UNKNOWN_ORDER, cancel_client(w, ANN, "b"));
	REFUSED(UNKNOWN_ORDER, cancel_client(w, ANN, ""));
	DONE(cancel_client(w, ANN, "a"));
	STORY(w, "closed ann buy cancelled 0 of 1\n"
		 "level buy 100: 0\n");
	REFUSED(ORDER_ENDED, cancel_client(w, ANN, "a"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .client_id = "a"));
	ck_assert_uint_eq(w->done_seq, seq);
	ck_assert_uint_eq(w->subject->open_orders(w->it), 0);
	/* Even where the order would not be accepted any more. */
	w->terms.status = MARKET_HALTED;
	DONE(set_terms(w));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .client_id = "a"));
	ck_assert_uint_eq(w->done_seq, seq);
	w->terms.status = MARKET_TRADING;
	DONE(set_terms(w));

	w->now += MEMORY_US;
	REFUSED(UNKNOWN_ORDER, cancel_client(w, ANN, "a"));
	DONE(PLACE(w, ANN, SIDE_BUY, "2", "100", .client_id = "a"));
	ck_assert_uint_eq(w->done_seq, 0);
	world_free(w);
}
END_TEST

START_TEST(a_client_id_is_visible_text)
{
	struct world *w = world_new(_i);
	struct cmd_order_place c = {
		.side = SIDE_BUY,
		.price = units("100"),
		.quantity = units("1"),
		.client_id_length = 3,
		.client_id = "a c",
	};
	char longest[CLIENT_ID_MAX + 1];

	REFUSED(BAD_CLIENT_ID, apply(w, CMD_ORDER_PLACE, ANN, &c, sizeof(c)));
	c.client_id[1] = (char)0x7f;
	REFUSED(BAD_CLIENT_ID, apply(w, CMD_ORDER_PLACE, ANN, &c, sizeof(c)));
	c.client_id[1] = (char)0xc3;
	REFUSED(BAD_CLIENT_ID, apply(w, CMD_ORDER_PLACE, ANN, &c, sizeof(c)));
	c.client_id_length = CLIENT_ID_MAX + 1;
	REFUSED(BAD_CLIENT_ID, apply(w, CMD_ORDER_PLACE, ANN, &c, sizeof(c)));
	/* A message may be shorter, but not than what it says. */
	c.client_id_length = 8;
	memcpy(c.client_id, "12345678", 8);
	REFUSED(BAD_CLIENT_ID, apply(w, CMD_ORDER_PLACE, ANN, &c,
		ORDER_PLACE_SHORT + 8));
	c.client_id_length = 7;
	DONE(apply(w, CMD_ORDER_PLACE, ANN, &c, ORDER_PLACE_SHORT + 8));
	DONE(apply(w, CMD_ORDER_PLACE, ANN, &c, sizeof(c)));
	ck_assert_uint_ne(w->done_seq, 0);

	memset(longest, '~', CLIENT_ID_MAX);
	longest[CLIENT_ID_MAX] = '\0';
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .client_id = longest));
	DONE(cancel_client(w, ANN, longest));
	world_free(w);
}
END_TEST

/* The terms are what is asked for, not the bytes it comes in. */
START_TEST(the_same_terms_in_other_bytes)
{
	struct world *w = world_new(_i);
	struct cmd_order_place c = {
		.side = SIDE_BUY,
		.price = units("100"),
		.quantity = units("1"),
		.client_id_length = 1,
		.client_id = "a",
	};

	DONE(apply(w, CMD_ORDER_PLACE, ANN, &c, sizeof(c)));
	c.client_id[1] = 'b'; /* behind its end */
	DONE(apply(w, CMD_ORDER_PLACE, ANN, &c, sizeof(c)));
	ck_assert_uint_ne(w->done_seq, 0);
	c.spare = 1;
	DONE(apply(w, CMD_ORDER_PLACE, ANN, &c, sizeof(c)));
	ck_assert_uint_ne(w->done_seq, 0);
	world_free(w);
}
END_TEST

START_TEST(a_cancel_may_be_short_too)
{
	struct world *w = world_new(_i);
	struct cmd_order_cancel c = {
		.client_id_length = 7,
		.client_id = "1234567",
	};

	PLACED(w, ANN, SIDE_BUY, "1", "100", .client_id = "1234567");
	DONE(apply(w, CMD_ORDER_CANCEL, ANN, &c, ORDER_CANCEL_SHORT + 8));
	REFUSED(UNKNOWN_ORDER,
		apply(w, CMD_ORDER_CANCEL, ANN, &c, ORDER_CANCEL_SHORT));
	world_free(w);
}
END_TEST

START_TEST(client_ids_are_bounded)
{
	static const struct engine_options options = {
		.users = 64,
		.orders = 64,
		.client_ids = 16,
		.client_ids_user = 3,
		.intents = 16,
		.sessions = 16,
		.withdrawals = 16,
		.limits = 1024,
		.open_orders_user = 16,
	};
	struct world *w = world_with(_i, &options);
	char id[2] = "a";
	int i;

	DONE(PLACE(w, BOB, SIDE_BUY, "1", "90", .client_id = "bobs"));
	for (i = 0; i < 20; i++) {
		id[0] = (char)('a' + i);
		DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .tif = TIF_IOC,
			.client_id = id));
	}
	/* Of Ann the last three; she cannot crowd Bob out. */
	REFUSED(UNKNOWN_ORDER, cancel_client(w, ANN, "q"));
	REFUSED(ORDER_ENDED, cancel_client(w, ANN, "r"));
	DONE(cancel_client(w, BOB, "bobs"));
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: done once");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(an_intent_is_done_once);
	RULE(an_intent_has_a_time);
	RULE(an_intent_crowded_out_is_too_old);
	RULE(an_intent_dated_ahead_is_done_once_too);
	RULE(an_intent_dated_ahead_is_remembered_longer);
	RULE(a_client_id_places_one_order);
	RULE(a_client_id_outlives_its_order);
	RULE(a_client_id_is_visible_text);
	RULE(the_same_terms_in_other_bytes);
	RULE(a_cancel_may_be_short_too);
	RULE(client_ids_are_bounded);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

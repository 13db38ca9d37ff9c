/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_house.c - users, locks and sessions; deposits and withdrawals.
 */
#include "world.h"

#include "base/decimal.h"

#define HOUR_US (INT64_C(3600) * 1000000)

/* ---- Users --------------------------------------------------------------- */

START_TEST(a_user_is_made_once)
{
	struct world *w = world_empty(_i, NULL);
	struct cmd_user_create c = {.role = ROLE_OPERATOR};
	struct user_facts facts;

	DONE(apply(w, CMD_USER_CREATE, ANN, &c, sizeof(c)));
	STORY(w, "user ann created epoch 1 role 1\n");
	REFUSED(USER_EXISTS, apply(w, CMD_USER_CREATE, ANN, &c, sizeof(c)));
	facts = w->subject->user(w->it, ANN);
	ck_assert(facts.exists);
	ck_assert_uint_eq(facts.epoch, 1);
	ck_assert_uint_eq(facts.role, ROLE_OPERATOR);
	ck_assert_uint_eq(facts.last_seq, 1);
	ck_assert(!w->subject->user(w->it, BOB).exists);
	ck_assert_uint_eq(w->subject->users(w->it), 1);

	/* The house is none, and the numbers end. */
	REFUSED(FULL, apply(w, CMD_USER_CREATE, USER_HOUSE, &c, sizeof(c)));
	REFUSED(FULL, apply(w, CMD_USER_CREATE, 64, &c, sizeof(c)));
	REFUSED(FULL, apply(w, CMD_USER_CREATE, USER_MAX + 2, &c, sizeof(c)));
	c.role = ROLE_ADMIN + 1;
	REFUSED(BAD_COMMAND, apply(w, CMD_USER_CREATE, BOB, &c, sizeof(c)));
	world_free(w);
}
END_TEST

START_TEST(a_lock_cancels_and_ends_sessions)
{
	struct world *w = world_new(_i);
	struct ident id;

	PLACED(w, ANN, SIDE_BUY, "1", "90");
	id = PLACED(w, ANN, SIDE_SELL, "1", "110");
	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_LOCK, .locked = 1}));
	STORY(w, "user ann epoch 2 role 0 locked\n"
		 "closed ann sell lock 0 of 1\n"
		 "level sell 110: 0\n"
		 "closed ann buy lock 0 of 1\n"
		 "level buy 90: 0\n");
	HAS(w, ANN, USD, "10000", "0");
	REFUSED(USER_LOCKED, PLACE(w, ANN, SIDE_BUY, "1", "90"));
	REFUSED(USER_LOCKED, amend(w, ANN, id, "2", NULL));
	REFUSED(USER_LOCKED, withdraw(w, ANN, USD, 5, intent_at(w, 0, 1)));
	/* Money may come in, and cancelling is always allowed. */
	DONE(deposit(w, ANN, USD, 5, IDENT_NONE));
	REFUSED(ORDER_ENDED, cancel(w, ANN, id));
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));

	/* Unlocking does not end sessions. */
	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_LOCK, .locked = 0}));
	STORY(w, "user ann epoch 2 role 0\n");
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "90"));
	world_free(w);
}
END_TEST

START_TEST(what_ends_sessions_does_so_once)
{
	struct world *w = world_new(_i);

	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_LOCK | USER_CHANGE_ROLE |
			USER_CHANGE_EPOCH,
		.locked = 7,
		.role = ROLE_ADMIN}));
	STORY(w, "user ann epoch 2 role 2 locked\n");
	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_REDUCE, .reduce_only = 9}));
	STORY(w, "user ann epoch 2 role 2 locked reduce-only\n");
	ck_assert_uint_eq(w->subject->user(w->it, ANN).locked, 1);
	ck_assert_uint_eq(w->subject->user(w->it, ANN).reduce_only, 1);

	REFUSED(UNKNOWN_USER, user_set(w, NOBODY, (struct cmd_user_set){
		.change = USER_CHANGE_EPOCH}));
	REFUSED(BAD_COMMAND, user_set(w, ANN, (struct cmd_user_set){
		.change = 0}));
	REFUSED(BAD_COMMAND, user_set(w, ANN, (struct cmd_user_set){
		.change = 16 | USER_CHANGE_EPOCH}));
	REFUSED(BAD_COMMAND, user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_ROLE, .role = 3}));
	/* A role that is not to be set is not looked at. */
	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_EPOCH, .role = 3}));
	world_free(w);
}
END_TEST

START_TEST(reduce_only_may_not_buy)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "2", "100");

	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_REDUCE, .reduce_only = 1}));
	/* What rests stays, and may get smaller, but not more or dearer. */
	REFUSED(REDUCE_ONLY, PLACE(w, ANN, SIDE_BUY, "1", "100"));
	REFUSED(REDUCE_ONLY, PLACE(w, ANN, SIDE_BUY, .budget = "1"));
	REFUSED(REDUCE_ONLY, amend(w, ANN, id, "3", NULL));
	REFUSED(REDUCE_ONLY, amend(w, ANN, id, NULL, "99"));
	DONE(amend(w, ANN, id, "1", NULL));
	DONE(PLACE(w, ANN, SIDE_SELL, "1", "110"));
	world_free(w);
}
END_TEST

static enum refusal
revoke(struct world *w, uint32_t user, struct ident session, int64_t for_us)
{
	return APPLY(w, CMD_SESSION_REVOKE, user,
		(struct cmd_session_revoke){
			.session = session,
			.expires_us = w->now + for_us,
		});
}

START_TEST(a_session_is_revoked)
{
	struct world *w = world_new(_i);
	struct ident a = intent_at(w, 0, 1), b = intent_at(w, 0, 2);

	DONE(revoke(w, ANN, a, 2 * HOUR_US));
	ck_assert(w->subject->session_revoked(w->it, a));
	ck_assert(!w->subject->session_revoked(w->it, b));
	REFUSED(UNKNOWN_USER, revoke(w, NOBODY, a, HOUR_US));
	REFUSED(BAD_COMMAND, revoke(w, ANN, IDENT_NONE, HOUR_US));
	/* Longer than any token lives is a mistake. */
	REFUSED(BAD_COMMAND, revoke(w, ANN, b, 367 * 24 * HOUR_US));
	world_free(w);
}
END_TEST

/* Revoked twice, it stays so until the later of the two is over. */
START_TEST(a_session_is_revoked_again)
{
	struct world *w = world_new(_i);
	struct ident a = intent_at(w, 0, 1);

	DONE(revoke(w, ANN, a, HOUR_US));
	DONE(revoke(w, ANN, a, 4 * HOUR_US));
	w->now += 2 * HOUR_US;
	DONE(revoke(w, ANN, intent_at(w, 0, 2), 4 * HOUR_US));
	ck_assert(w->subject->session_revoked(w->it, a));
	world_free(w);
}
END_TEST

START_TEST(the_last_record_of_a_user)
{
	struct world *w = world_new(_i);
	uint64_t before = w->subject->user(w->it, CID).last_seq;

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, BOB, SIDE_BUY, "1", "100");
	/* The maker's too, although the command is the taker's. */
	ck_assert_uint_eq(w->subject->user(w->it, ANN).last_seq,
		w->subject->seq(w->it));
	ck_assert_uint_eq(w->subject->user(w->it, BOB).last_seq,
		w->subject->seq(w->it));
	ck_assert_uint_eq(w->subject->user(w->it, CID).last_seq, before);
	/* A command of his without an event; a refused one is none. */
	DONE(cancel_every(w, CID, INSTRUMENT_ANY, SIDE_BOTH, false));
	ck_assert_uint_eq(w->subject->user(w->it, CID).last_seq,
		w->subject->seq(w->it));
	before = w->subject->seq(w->it);
	REFUSED(BAD_QUANTITY, PLACE(w, ANN, SIDE_BUY, "0", "1"));
	ck_assert_uint_eq(w->subject->seq(w->it), before);
	world_free(w);
}
END_TEST

/* ---- Money --------------------------------------------------------------- */

START_TEST(money_comes_from_the_world)
{
	struct world *w = world_new(_i);

	DONE(deposit(w, ANN, EUR, units("5"), IDENT_NONE));
	STORY(w, "posting ann 5 EUR, has 5 and 0 held\n"
		 "posting world -5 EUR, has -5\n");
	DONE(correct(w, ANN, EUR, units("-2")));
	STORY(w, "posting ann -2 EUR, has 3 and 0 held\n"
		 "posting corrections 2 EUR, has 2\n");
	DONE(correct(w, BOB, EUR, units("1")));
	STORY(w, "posting bob 1 EUR, has 1 and 0 held\n"
		 "posting corrections -1 EUR, has 1\n");

	REFUSED(UNKNOWN_USER, deposit(w, NOBODY, EUR, 1, IDENT_NONE));
	REFUSED(UNKNOWN_USER, deposit(w, USER_HOUSE, EUR, 1, IDENT_NONE));
	REFUSED(UNKNOWN_ASSET, deposit(w, ANN, 9, 1, IDENT_NONE));
	REFUSED(BAD_AMOUNT, deposit(w, ANN, EUR, 0, IDENT_NONE));
	REFUSED(BAD_AMOUNT, deposit(w, ANN, EUR, -1, IDENT_NONE));
	REFUSED(NO_FUNDS, correct(w, ANN, EUR, units("-3.00000001")));
	REFUSED(BAD_AMOUNT, correct(w, ANN, EUR, 0));
	REFUSED(BAD_AMOUNT, correct(w, ANN, EUR, INT64_MIN));
	world_free(w);
}
END_TEST

START_TEST(a_withdrawal_is_held_then_paid)
{
	struct world *w = world_new(_i);
	struct ident id = intent_at(w, 0, 1);
	const struct ev_posting *posting;

	DONE(withdraw(w, ANN, BTC, units("10"), id));
	STORY(w, "withdrawal of ann 10 BTC held\n"
		 "posting ann 0 BTC, has 90 and 10 held\n");
	posting = event(w, EV_POSTING, 0);
	ck_assert(ident_equal(posting->reference, id));
	/* What is held cannot be sold. */
	REFUSED(NO_FUNDS, PLACE(w, ANN, SIDE_SELL, "90.001", "100"));
	DONE(withdraw_end(w, CMD_WITHDRAW_PAY, ANN, id, intent_at(w, 0, 2)));
	STORY(w, "withdrawal of ann 10 BTC paid\n"
		 "posting ann -10 BTC, has 90 and 0 held\n"
		 "posting world 10 BTC, has -390\n");
	posting = event(w, EV_POSTING, 1);
	ck_assert(ident_equal(posting->reference, id));
	world_free(w);
}
END_TEST

START_TEST(the_first_decision_wins)
{
	struct world *w = world_new(_i);
	struct ident id = intent_at(w, 0, 1), pay = intent_at(w, 0, 2);

	DONE(withdraw(w, ANN, USD, units("10"), id));
	REFUSED(UNKNOWN_WITHDRAWAL,
		withdraw_end(w, CMD_WITHDRAW_PAY, BOB, id, pay));
	REFUSED(UNKNOWN_USER,
		withdraw_end(w, CMD_WITHDRAW_PAY, NOBODY, id, pay));
	DONE(withdraw_end(w, CMD_WITHDRAW_RELEASE, ANN, id, IDENT_NONE));
	STORY(w, "withdrawal of ann 10 USD released\n"
		 "posting ann 0 USD, has 10000 and 0 held\n");
	REFUSED(WITHDRAWAL_DECIDED,
		withdraw_end(w, CMD_WITHDRAW_PAY, ANN, id, pay));
	REFUSED(WITHDRAWAL_DECIDED,
		withdraw_end(w, CMD_WITHDRAW_RELEASE, ANN, id, IDENT_NONE));
	REFUSED(UNKNOWN_WITHDRAWAL, withdraw_end(w, CMD_WITHDRAW_PAY, ANN,
		intent_at(w, 0, 3), IDENT_NONE));
	HAS(w, ANN, USD, "10000", "0");

	/* Nor can the same be asked for again: it is the same request. */
	DONE(withdraw(w, ANN, USD, units("10"), id));
	ck_assert_uint_ne(w->done_seq, 0);
	HAS(w, ANN, USD, "10000", "0");
	world_free(w);
}
END_TEST

START_TEST(a_withdrawal_needs_money_and_a_name)
{
	struct world *w = world_new(_i);
	struct ident id = intent_at(w, 0, 1);

	REFUSED(BAD_COMMAND, withdraw(w, NOBODY, USD, 1, IDENT_NONE));
	REFUSED(UNKNOWN_USER, withdraw(w, NOBODY, USD, 1, id));
	REFUSED(UNKNOWN_ASSET, withdraw(w, ANN, 9, 1, id));
	REFUSED(BAD_AMOUNT, withdraw(w, ANN, USD, 0, id));
	REFUSED(NO_FUNDS, withdraw(w, ANN, USD, units("10000") + 1, id));
	DONE(withdraw(w, ANN, USD, units("10000"), id));
	REFUSED(NO_FUNDS, PLACE(w, ANN, SIDE_BUY, "0.001", "0.01"));
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: the house");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(a_user_is_made_once);
	RULE(a_lock_cancels_and_ends_sessions);
	RULE(what_ends_sessions_does_so_once);
	RULE(reduce_only_may_not_buy);
	RULE(a_session_is_revoked);
	RULE(a_session_is_revoked_again);
	RULE(the_last_record_of_a_user);
	RULE(money_comes_from_the_world);
	RULE(a_withdrawal_is_held_then_paid);
	RULE(the_first_decision_wins);
	RULE(a_withdrawal_needs_money_and_a_name);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

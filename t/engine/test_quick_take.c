/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_quick_take.c - orders that trade at once, by both ways of the engine.
 *
 * What a taker can meet is gone through in order: every arrangement of plain
 * makers, own ones and ones of a pair; and what is at the limits of a fill.
 */
#include <string.h>

#include "base/decimal.h"
#include "twins.h"
#include "wire/command.h"

static const struct engine_options options = {
	.users = 16,
	.orders = 4096,
	.client_ids = 16,
	.client_ids_user = 16,
	.intents = 16,
	.sessions = 16,
	.withdrawals = 16,
	.limits = 64,
	.open_orders_user = 4000,
};

/* ---- One market, user by user -------------------------------------------- */

enum { TAKER = 1, MAKER, OTHER, HELPER, ALL_USERS };
enum { MONEY, COIN };

struct market {
	struct twins t;
	int64_t now;
	const struct record *record; /* of the last command */
	struct instrument_terms terms;
};

/* It must be applied. */
static void
give(struct market *m, const union stream_command *command)
{
	enum refusal refusal;

	m->record = twins_apply(&m->t, m->now += 1000, command, &refusal);
	ck_assert_msg(m->record != NULL, "step %llu: %s",
		(unsigned long long)m->t.step, refusal_row(refusal)->name);
}

static void
apply(struct market *m, uint16_t type, uint32_t user, void *command,
	size_t size)
{
	union stream_command whole;

	memset(&whole, 0, sizeof(whole));
	memcpy(&whole, command, size);
	whole.head = (struct message){(uint16_t)size, type, user};
	give(m, &whole);
}

#define APPLY(m, type, user, ...)                                              \
	apply((m), (type), (user), &(__VA_ARGS__), sizeof(__VA_ARGS__))

struct terms_of_order {
	uint32_t user;
	unsigned side;
	int64_t lots;
	int64_t ticks;
	enum stp stp;
};

static struct ident
place(struct market *m, struct terms_of_order o)
{
	union stream_command command;
	struct cmd_order_place *c = (void *)&command;

	memset(&command, 0, sizeof(command));
	c->head = (struct message){ORDER_PLACE_SHORT, CMD_ORDER_PLACE, o.user};
	c->side = (uint8_t)o.side;
	c->stp = (uint8_t)o.stp;
	c->price = o.ticks * m->terms.tick;
	c->quantity = o.lots * m->terms.lot;
	give(m, &command);
	return ((const struct ev_order_opened *)(const void *)record_events(
			m->record))->order;
}

/* The book is empty again. */
static void
clear(struct market *m)
{
	uint32_t user;

	for (user = TAKER; user < ALL_USERS; user++)
		APPLY(m, CMD_ORDER_CANCEL_ALL, user,
			(struct cmd_order_cancel_all){
				.instrument = INSTRUMENT_ANY,
				.side = SIDE_BOTH,
			});
}

/* One unit of quote is one lot at one tick; both users' fees are not whole. */
static struct instrument_terms
terms_here(void)
{
	return (struct instrument_terms){
		.base = COIN,
		.quote = MONEY,
		.fee_asset = MONEY,
		.symbol = "C/M",
		.tick = DECIMAL_ONE,
		.lot = 1,
		.maker_rate = 1717,
		.taker_rate = 2929,
		.collar = 500000,
	};
}

static void
begin(struct market *m, const struct engine_options *o, uint64_t seed,
	int64_t money, struct instrument_terms terms)
{
	uint32_t user;

	twins_begin(&m->t, o, seed);
	m->now = INT64_C(1750000000) * 1000000;
	m->terms = terms;
	APPLY(m, CMD_ASSET_SET, 0, (struct cmd_asset_set){.code = "USD"});
	APPLY(m, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = COIN, .code = "COIN"});
	APPLY(m, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = terms});
	for (user = TAKER; user < ALL_USERS; user++) {
		APPLY(m, CMD_USER_CREATE, user,
			(struct cmd_user_create){.role = ROLE_USER});
		APPLY(m, CMD_DEPOSIT, user,
			(struct cmd_deposit){.asset = MONEY, .amount = money});
		APPLY(m, CMD_DEPOSIT, user,
			(struct cmd_deposit){.asset = COIN, .amount = money});
		/* The long way once, which makes room for his position. */
		place(m, (struct terms_of_order){user, SIDE_BUY, 1, 1,
				 STP_NONE});
	}
	clear(m);
}

/* By the short way, or at least begun there. */
static void
take(struct market *m, struct terms_of_order o)
{
	(void)place(m, o);
	ck_assert(m->t.was_quick || !m->t.by_hand);
}

static void
pair(struct market *m, uint32_t user, unsigned side, int64_t lots,
	int64_t ticks, int64_t stop_ticks)
{
	APPLY(m, CMD_ORDER_OCO, user,
		(struct cmd_order_oco){
			.side = (uint8_t)side,
			.price = ticks * DECIMAL_ONE,
			.quantity = lots,
			.stop_price = stop_ticks * DECIMAL_ONE,
		});
}

static void
amend(struct market *m, uint32_t user, struct ident order, int64_t lots,
	int64_t ticks)
{
	APPLY(m, CMD_ORDER_AMEND, user,
		(struct cmd_order_amend){
			.order = order,
			.quantity = lots,
			.price = ticks * DECIMAL_ONE,
		});
}

static void
correct(struct market *m, uint32_t user, uint16_t asset, int64_t amount)
{
	APPLY(m, CMD_CORRECTION, user,
		(struct cmd_correction){.asset = asset, .amount = amount});
}

/* How often the last record has an event of TYPE, and the last of them. */
static unsigned
count(const struct market *m, uint16_t type, const void **last)
{
	const struct message *e = record_events(m->record);
	unsigned n = 0;
	uint32_t i;

	for (i = 0; i < m->record->n_events; i++, e = message_next(e))
		if (e->type == type) {
			n++;
			if (last)
				*last = e;
		}
	return n;
}

static enum close_reason
last_end(const struct market *m)
{
	const struct ev_order_closed *e = NULL;

	ck_assert_uint_gt(count(m, EV_ORDER_CLOSED, (const void **)&e), 0);
	return (enum close_reason)e->reason;
}

/* ---- Whom a taker meets -------------------------------------------------- */

enum kind { PLAIN, OWN, PAIRED, KINDS };
#define KINDS_4 (KINDS * KINDS * KINDS * KINDS)

/* Two levels of two makers of two lots each. */
static void
make_book(struct market *m, unsigned side, unsigned kinds)
{
	int64_t away = side == SIDE_SELL ? 1 : -1;
	unsigned i;

	/* So that the last price is between the two of each pair. */
	place(m, (struct terms_of_order){OTHER, side, 1, 100, STP_NONE});
	take(m, (struct terms_of_order){HELPER, !side, 1, 100, STP_NONE});
	for (i = 0; i < 4; i++, kinds /= KINDS) {
		int64_t ticks = 100 + away * (1 + i / 2);

		if (kinds % KINDS == PAIRED)
			pair(m, MAKER, side, 2, ticks, 100 - away);
		else
			place(m, (struct terms_of_order){
				kinds % KINDS == OWN ? TAKER : OTHER, side, 2,
				ticks, STP_TAKER});
	}
}

static void
meet_all(const struct engine_options *o, unsigned side, uint64_t seed)
{
	static const int64_t lots[] = {1, 2, 3, 5, 8, 9};
	int64_t last = side == SIDE_SELL ? 102 : 98;
	unsigned kinds, stp, i;
	struct market m;

	begin(&m, o, seed, INT64_C(1) << 50, terms_here());
	for (kinds = 0; kinds < KINDS_4; kinds++)
		for (stp = STP_TAKER; stp <= STP_NONE; stp++)
			for (i = 0; i < N_ELEMENTS(lots); i++) {
				make_book(&m, side, kinds);
				take(&m, (struct terms_of_order){TAKER, !side,
						 lots[i], last,
						 (enum stp)stp});
				if (m.t.step % 7 == 0)
					twins_compare(&m.t);
				clear(&m);
			}
	twins_end(&m.t);
}

START_TEST(every_arrangement_of_makers)
{
	meet_all(&options, (unsigned)_i % 2, (uint64_t)_i / 2);
}
END_TEST

START_TEST(every_arrangement_when_one_s_own_count)
{
	struct engine_options o = options;

	o.ignore_self_trades = true;
	meet_all(&o, (unsigned)_i % 2, 0);
}
END_TEST

/* The last order of the book goes, and what waits sees the trade. */
START_TEST(stops_see_the_last_order_go)
{
	unsigned side = (unsigned)_i % 2;
	int64_t away = side == SIDE_SELL ? -1 : 1;
	struct market m;

	begin(&m, &options, (uint64_t)_i / 2, INT64_C(1) << 50, terms_here());
	place(&m, (struct terms_of_order){OTHER, !side, 1, 100, STP_NONE});
	take(&m, (struct terms_of_order){TAKER, side, 1, 100, STP_NONE});
	APPLY(&m, CMD_ORDER_PLACE, MAKER, (struct cmd_order_place){
		.side = (uint8_t)side,
		.type = TYPE_STOP_LOSS,
		.price = DECIMAL_ONE * (100 + 9 * away),
		.quantity = 1,
		.stop_price = DECIMAL_ONE * (100 + 5 * away)});
	APPLY(&m, CMD_ORDER_PLACE, HELPER, (struct cmd_order_place){
		.side = (uint8_t)side,
		.type = TYPE_TRAILING_STOP,
		.quantity = 1,
		.trail = DECIMAL_ONE * 8});
	/* The one follows; then both are due. */
	place(&m, (struct terms_of_order){OTHER, !side, 1, 100 - 4 * away,
			 STP_NONE});
	take(&m, (struct terms_of_order){TAKER, side, 1, 100 - 4 * away,
			STP_NONE});
	ck_assert_int_gt(engine_deadline_us(m.t.quick), m.now);
	place(&m, (struct terms_of_order){OTHER, !side, 1, 100 + 5 * away,
			 STP_NONE});
	take(&m, (struct terms_of_order){TAKER, side, 1, 100 + 5 * away,
			STP_NONE});
	ck_assert_int_le(engine_deadline_us(m.t.quick), m.now);
	APPLY(&m, CMD_TICK, 0, (struct cmd_tick){.head = {0, 0, 0}});
	APPLY(&m, CMD_TICK, 0, (struct cmd_tick){.head = {0, 0, 0}});
	ck_assert_uint_eq(count(&m, EV_ORDER_TRIGGERED, NULL), 1);
	twins_end(&m.t);
}
END_TEST

/* ---- What is at its limit ------------------------------------------------ */

/* MAKERS of one lot, so many in a level; then one by WHO, behind them. */
static void
make_many(struct market *m, unsigned side, unsigned makers, unsigned a_level,
	uint32_t who)
{
	int64_t away = side == SIDE_SELL ? 1 : -1;
	unsigned i;

	for (i = 0; i <= makers; i++)
		place(m, (struct terms_of_order){i < makers ? MAKER : who,
				 side, 1, 2000 + away * (i / a_level),
				 STP_NONE});
}

START_TEST(fills_end_at_their_limit)
{
	static const unsigned a_level[] = {1, 7, 100, 5000};
	unsigned side = (unsigned)_i % 2, i, stp;
	int64_t ticks = side == SIDE_SELL ? 4000 : 1;
	struct market m;

	begin(&m, &options, (uint64_t)_i / 2, INT64_C(1) << 50, terms_here());
	for (i = 0; i < N_ELEMENTS(a_level); i++) {
		/* All that may be, and no more. */
		make_many(&m, side, FILLS_MAX, a_level[i], OTHER);
		take(&m, (struct terms_of_order){TAKER, !side, FILLS_MAX, ticks,
				 STP_NONE});
		ck_assert_uint_eq(count(&m, EV_TRADE, NULL), FILLS_MAX);
		ck_assert_int_eq(last_end(&m), CLOSE_FILLED);
		clear(&m);
		make_many(&m, side, FILLS_MAX, a_level[i], OTHER);
		take(&m, (struct terms_of_order){TAKER, !side, FILLS_MAX + 1,
				 ticks, STP_NONE});
		ck_assert_uint_eq(count(&m, EV_TRADE, NULL), FILLS_MAX);
		ck_assert_int_eq(last_end(&m), CLOSE_FILL_LIMIT);
		clear(&m);
		for (stp = STP_TAKER; stp <= STP_NONE; stp++) {
			/* One's own is no fill, unless they trade. */
			make_many(&m, side, FILLS_MAX, a_level[i], TAKER);
			take(&m, (struct terms_of_order){TAKER, !side,
					 FILLS_MAX + 1, ticks, (enum stp)stp});
			ck_assert_uint_eq(count(&m, EV_TRADE, NULL), FILLS_MAX);
			clear(&m);
		}
	}
	twins_end(&m.t);
}
END_TEST

/* The maker of the tests below, who has traded nearly as much as an order can
 * tell of: the money goes round, and he is amended again and again. */
struct veteran {
	unsigned side;
	struct ident order;
	int64_t lots; /* of a fill at 20 ticks, an eighth of what there is */
	int64_t sum;
};

/* HELPER takes LOTS of his, and both get back what they gave. */
static void
trade_with(struct market *m, struct veteran *v, int64_t lots, int64_t ticks)
{
	const struct ev_trade *e = NULL;
	int64_t quote;

	take(m, (struct terms_of_order){HELPER, !v->side, lots, ticks,
			STP_NONE});
	ck_assert_uint_eq(count(m, EV_TRADE, (const void **)&e), 1);
	v->sum = e->maker.quote;
	quote = e->quote;
	correct(m, v->side == SIDE_SELL ? MAKER : HELPER, MONEY, -quote);
	correct(m, v->side == SIDE_SELL ? HELPER : MAKER, MONEY, quote);
	correct(m, v->side == SIDE_SELL ? HELPER : MAKER, COIN, -lots);
	correct(m, v->side == SIDE_SELL ? MAKER : HELPER, COIN, lots);
}

/* Of his order all but so much is left as he has sold at 20 ticks last. */
static struct veteran
begin_veteran(struct market *m, unsigned side, uint64_t seed)
{
	struct instrument_terms terms = terms_here();
	struct veteran v = {.side = side, .lots = INT64_MAX / 8 / 20 - 3};
	int64_t total;
	int i;

	terms.maker_rate = terms.taker_rate = 0;
	begin(m, &options, seed, INT64_MAX / 6, terms);
	APPLY(m, CMD_DEPOSIT, MAKER, (struct cmd_deposit){
		.asset = MONEY, .amount = INT64_MAX / 4});
	v.order = place(m, (struct terms_of_order){MAKER, side, 3 * v.lots, 20,
				   STP_NONE});
	for (i = 0, total = 3; i < 7; i++) {
		trade_with(m, &v, v.lots, 20);
		if (i % 2 != 0) /* one is left, and that all told */
			amend(m, MAKER, v.order,
				(total = total < 7 ? total + 2 : 8) * v.lots,
				20);
	}
	ck_assert(v.sum == 7 * 20 * v.lots);
	return v;
}

START_TEST(a_maker_s_sum_has_an_end)
{
	struct market m;
	struct veteran v = begin_veteran(&m, (unsigned)_i % 2,
		(uint64_t)_i / 2);
	int64_t room;

	amend(&m, MAKER, v.order, 11 * v.lots, 10);
	trade_with(&m, &v, 2 * v.lots, 10);
	room = INT64_MAX - v.sum;
	ck_assert(room > 10 && room / 10 < v.lots);
	/* One before him, and he; and he alone. */
	place(&m, (struct terms_of_order){OTHER, v.side, 1, 10, STP_NONE});
	amend(&m, MAKER, v.order, 11 * v.lots + 1, 10);
	take(&m, (struct terms_of_order){HELPER, !v.side, v.lots, 10, STP_NONE});
	ck_assert_uint_eq(count(&m, EV_TRADE, NULL), 1);
	ck_assert_uint_eq(count(&m, EV_LEVEL, NULL), 1);
	ck_assert_int_eq(last_end(&m), CLOSE_FILL_LIMIT);
	take(&m, (struct terms_of_order){HELPER, !v.side, room / 10 + 1, 10,
			 STP_NONE});
	ck_assert_uint_eq(count(&m, EV_TRADE, NULL), 0);
	ck_assert_uint_eq(count(&m, EV_LEVEL, NULL), 0);
	ck_assert_int_eq(last_end(&m), CLOSE_FILL_LIMIT);
	trade_with(&m, &v, room / 10, 10);
	ck_assert(v.sum > INT64_MAX - 10);
	twins_end(&m.t);
}
END_TEST

/* What he made counts when he takes. */
START_TEST(a_taker_s_sums_have_one_end)
{
	struct market m;
	struct veteran v = begin_veteran(&m, (unsigned)_i % 2,
		(uint64_t)_i / 2);
	const struct ev_trade *e = NULL;

	if (v.side == SIDE_BUY) /* out of the way */
		amend(&m, MAKER, v.order, 11 * v.lots, 9);
	place(&m, (struct terms_of_order){OTHER, !v.side, 2 * v.lots, 10,
			 STP_NONE});
	place(&m, (struct terms_of_order){TAKER, !v.side, 2 * v.lots, 10,
			 STP_NONE});
	amend(&m, MAKER, v.order, 11 * v.lots, 10);
	ck_assert_uint_eq(count(&m, EV_TRADE, (const void **)&e), 1);
	ck_assert(e->taker.quote == 8 * 20 * v.lots);
	ck_assert_int_eq(last_end(&m), CLOSE_FILL_LIMIT);
	twins_end(&m.t);
}
END_TEST

/* A level of more coins than an int64 can say, though each order's can be. */
START_TEST(a_level_may_be_beyond_numbers)
{
	struct instrument_terms terms = terms_here();
	const struct ev_level *level = NULL;
	const int64_t lots = INT64_MAX / DECIMAL_ONE - 1;
	struct market m;
	int i;

	terms.tick = 1;
	terms.lot = DECIMAL_ONE;
	begin(&m, &options, (uint64_t)_i, INT64_C(1) << 50, terms);
	for (i = 0; i < 5; i++) {
		if (i < 3)
			place(&m, (struct terms_of_order){MAKER, SIDE_BUY,
					 lots, 1, STP_NONE});
		else
			take(&m, (struct terms_of_order){TAKER, SIDE_SELL,
					 2000000, 1, STP_NONE});
		ck_assert_uint_eq(count(&m, EV_LEVEL, (const void **)&level), 1);
		ck_assert(level->quantity ==
			(i == 0 ? DECIMAL_ONE * lots : INT64_MAX));
	}
	twins_end(&m.t);
}
END_TEST

/* SELLER's LOTS at a tick to BUYER, by one of them, whose side RESTS, first. */
static void
hand_over(struct market *m, uint32_t seller, uint32_t buyer, unsigned rests,
	int64_t lots)
{
	place(m, (struct terms_of_order){rests == SIDE_SELL ? seller : buyer,
			 rests, lots, 1, STP_NONE});
	take(m, (struct terms_of_order){rests == SIDE_SELL ? buyer : seller,
			!rests, lots, 1, STP_NONE});
}

/* To and fro, until what each has ever bought is more than can be said. */
START_TEST(positions_stay_at_the_largest_number)
{
	const int64_t lots = INT64_MAX / 16;
	struct instrument_terms terms = terms_here();
	const struct ev_trade *e = NULL;
	struct market m;
	unsigned i;

	terms.maker_rate = terms.taker_rate = 0;
	begin(&m, &options, (uint64_t)_i, INT64_MAX / 7, terms);
	/* Something is always left, or a position would begin anew. */
	hand_over(&m, OTHER, HELPER, SIDE_SELL, 1);
	hand_over(&m, OTHER, MAKER, SIDE_SELL, lots + 1);
	for (i = 0; i < 36; i += 2) {
		hand_over(&m, MAKER, HELPER, i / 2 % 2, lots);
		hand_over(&m, HELPER, MAKER, i / 4 % 2, lots);
	}
	hand_over(&m, MAKER, HELPER, SIDE_SELL, lots);
	ck_assert_uint_eq(count(&m, EV_TRADE, (const void **)&e), 1);
	ck_assert(e->maker_position.bought == INT64_MAX);
	ck_assert(e->maker_position.bought_quote == INT64_MAX);
	ck_assert(e->taker_position.bought == INT64_MAX);
	ck_assert(e->taker_position.bought_quote == INT64_MAX);
	twins_end(&m.t);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("engine quick takers");
	TCase *t = tcase_create("takers");

	tcase_add_loop_test(t, every_arrangement_of_makers, 0, 4);
	tcase_add_loop_test(t, every_arrangement_when_one_s_own_count, 0, 2);
	tcase_add_loop_test(t, stops_see_the_last_order_go, 0, 4);
	tcase_add_loop_test(t, fills_end_at_their_limit, 0, 4);
	tcase_add_loop_test(t, a_maker_s_sum_has_an_end, 0, 4);
	tcase_add_loop_test(t, a_taker_s_sums_have_one_end, 0, 4);
	tcase_add_loop_test(t, a_level_may_be_beyond_numbers, 0, 2);
	tcase_add_loop_test(t, positions_stay_at_the_largest_number, 0, 2);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return s;
}

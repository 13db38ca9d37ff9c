/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * demo_market.c - the turns of the demo market.
 */
#include "work/demo_market.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "domain/core.h"
#include "domain/deposit.h"
#include "domain/robot.h"
#include "journal/book_page.h"
#include "work/demo.h"
#include "work/pockets.h"
#include "work/quoting.h"

#define MARKETS_MAX 16

#define LOOK_US US_PER_SECOND       /* at what may have changed meanwhile */
#define WAIT_US US_PER_SECOND       /* for robots, or for instruments */
#define QUOTE_US (3 * US_PER_SECOND) /* a ladder is looked at */
#define TAKE_MIN_US INT64_C(400000) /* between two takers */
#define TAKE_MAX_US INT64_C(1600000)
#define FUND_US (15 * US_PER_SECOND) /* between two deposits, and before one */
#define COMMANDS_SECOND 40

struct demo_market {
	char *path;
	struct book_page *page;
	struct walk walk;
	bool walking; /* from where the market was */
	struct pockets pockets;
	bool robots_found;
	bool clean; /* all that rests of ours is in QUOTES */
	struct quoting quoting[MARKETS_MAX];
	int64_t quote_us[MARKETS_MAX]; /* when it is due */
	int64_t walked_us, looked_us, take_us, fund_us;
	int64_t credit; /* commands that may be sent now, in millionths */
	int64_t credit_us;
};

struct demo_market *
demo_market_new(const char *book_page, uint64_t seed)
{
	struct demo_market *market = calloc(1, sizeof(*market));
	size_t i;

	if (!market)
		abort();
	market->path = strdup(book_page);
	if (!market->path)
		abort();
	walk_init(&market->walk, seed);
	for (i = 0; i < demo_plans_n; i++)
		market->quoting[i].plan = &demo_plans[i];
	return market;
}

void
demo_market_free(struct demo_market *market)
{
	if (!market)
		return;
	if (market->page)
		book_page_close(market->page);
	free(market->path);
	free(market);
}

/* ---- Asking the matcher -------------------------------------------------- */

static void
note_record(struct demo_market *market, const struct record *record)
{
	const struct message *event;
	size_t i;

	for (event = NULL; (event = core_event(record, event)) != NULL;) {
		pockets_event(&market->pockets, event);
		for (i = 0; i < demo_plans_n; i++)
			quoting_event(&market->quoting[i], event);
	}
}

/*
 * Send COMMAND.  ST_OK: it is done, with its record, or *REFUSAL says why
 * not.  Anything else: what became of it is not known, or nobody is there.
 */
static enum status
send_command(struct ctx *ctx, struct demo_market *market,
	const struct message *command, struct core_reply *reply)
{
	struct command_envelope own = {
		.not_after_us = clock_monotonic_us() + CORE_PATIENCE_US};
	enum status status = core_send(ctx->core, &own, command);

	if (status == ST_OK)
		status = core_flush(ctx->core);
	if (status == ST_OK)
		status = core_receive(ctx->core, CORE_PATIENCE_US, reply);
	if (status != ST_OK)
		status = fail(ctx, status, NULL, "the matcher does not answer");
	if (status == ST_OK && refusal_row(reply->refusal)->status ==
		ST_UNAVAILABLE)
		status = core_refused(ctx, reply->refusal);
	market->credit -= PER_MILLION;
	if (status != ST_OK)
		market->clean = false;
	return status;
}

/* ---- Beginning ----------------------------------------------------------- */

static enum status
find_robots(struct ctx *ctx, struct demo_market *market)
{
	struct guard_request ask = {.user = 0};
	struct guard_answer answer;
	unsigned i;

	for (i = 0; i < DEMO_ROBOTS; i++) {
		TRY(robot_find(ctx, demo_robots[i], &ask.user));
		TRY(core_ask(ctx, &ask, &answer));
		if (answer.epoch == 0)
			return ST_NOT_FOUND;
		market->pockets.users[i] = ask.user;
	}
	return ST_OK;
}

static enum status
open_page(struct demo_market *market)
{
	struct reason reason = {""};

	if (market->page)
		return book_page_refresh(market->page);
	return book_page_open(market->path, &market->page, &reason);
}

/* Cancel whatever an earlier life left in the book. */
static enum status
begin_anew(struct ctx *ctx, struct demo_market *market)
{
	unsigned i;

	for (i = 0; i < demo_plans_n; i++)
		quoting_forget(&market->quoting[i]);
	pockets_forget(&market->pockets);
	market->clean = true;
	for (i = 0; i < DEMO_ROBOTS; i++) {
		struct cmd_order_cancel_all cancel = {
			.head = CORE_COMMAND(ORDER_CANCEL_ALL,
				cmd_order_cancel_all,
				market->pockets.users[i]),
			.instrument = INSTRUMENT_ANY,
			.side = SIDE_BOTH,
		};
		struct core_reply reply;

		TRY(send_command(ctx, market, &cancel.head, &reply));
		if (reply.refusal == REFUSED_NONE)
			note_record(market, reply.record);
	}
	return ST_OK;
}

/* How many of the instruments can be traded. */
static unsigned
look_at_page(struct demo_market *market)
{
	struct book_slot slot;
	uint16_t number;
	unsigned open = 0;
	size_t i;

	for (i = 0; i < demo_plans_n; i++) {
		struct quoting *quoting = &market->quoting[i];

		quoting->open = false;
		if (book_page_find(market->page, quoting->plan->symbol,
			    &number) != ST_OK ||
			book_page_read(market->page, number, &slot) != ST_OK)
			continue;
		quoting_look(quoting, &slot);
		if (!quoting->open)
			continue;
		open++;
		pockets_instrument(&market->pockets, &slot.terms);
		/* Drivers that an instrument has for itself go on from it. */
		if (!market->walking && !quoting->plan->drivers.up[1] &&
			!quoting->plan->drivers.down)
			walk_resume(&market->walk,
				quoting->plan->drivers.up[0],
				quoting->reference, quoting->last);
	}
	market->walking |= open > 0;
	return open;
}

/* ---- The maker ----------------------------------------------------------- */

static enum status
take_step(struct ctx *ctx, struct demo_market *market, struct quoting *quoting,
	const struct quoting_step *step)
{
	uint32_t maker = market->pockets.users[DEMO_MAKER];
	struct cmd_order_place place = {
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE, maker},
		.instrument = quoting->terms.instrument,
		.side = (uint8_t)step->side,
		.price = step->price,
		.quantity = step->total,
	};
	struct cmd_order_amend amend = {
		.head = CORE_COMMAND(ORDER_AMEND, cmd_order_amend, maker),
		.order = step->quote->order,
		.price = step->price,
		.quantity = step->total,
	};
	struct cmd_order_cancel cancel = {
		.head = {ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL, maker},
		.order = step->quote->order,
	};
	struct core_reply reply;
	bool poor;

	TRY(send_command(ctx, market,
		step->kind == QUOTING_PLACE       ? &place.head
			: step->kind == QUOTING_AMEND ? &amend.head
						      : &cancel.head,
		&reply));
	if (reply.refusal != REFUSED_NONE) {
		quoting_refused(step, reply.refusal, &poor);
		if (poor)
			pockets_short(&market->pockets, DEMO_MAKER,
				place.instrument, step->side);
		return ST_OK;
	}
	if (step->kind == QUOTING_PLACE)
		quoting_opened(step,
			(const void *)core_event(reply.record, NULL));
	note_record(market, reply.record);
	return ST_OK;
}

static enum status
quote(struct ctx *ctx, struct demo_market *market, struct quoting *quoting)
{
	struct quoting_step step;
	unsigned steps = 0;

	quoting_want(quoting, &market->walk,
		walk_price(&market->walk, &quoting->plan->drivers,
			quoting->reference),
		pockets_lean(&market->pockets, DEMO_MAKER,
			quoting->terms.base));
	while (market->credit >= PER_MILLION && steps++ < QUOTING_STEPS_MAX &&
		quoting_next(quoting, &step))
		TRY(take_step(ctx, market, quoting, &step));
	if (market->credit >= PER_MILLION &&
		walk_random(&market->walk, 3) == 0 &&
		quoting_fidget(quoting, &market->walk, &step))
		TRY(take_step(ctx, market, quoting, &step));
	return ST_OK;
}

static enum status
quote_all(struct ctx *ctx, struct demo_market *market, int64_t now_us)
{
	size_t i;

	for (i = 0; i < demo_plans_n; i++) {
		struct book_slot slot;
		struct quoting *quoting = &market->quoting[i];

		if (!quoting->open || market->quote_us[i] > now_us)
			continue;
		if (market->credit < PER_MILLION)
			break;
		if (book_page_read(market->page, quoting->terms.instrument,
			    &slot) != ST_OK)
			continue;
		quoting_look(quoting, &slot);
		if (quoting->open)
			TRY(quote(ctx, market, quoting));
		/* An unfinished ladder goes on in the next turn. */
		if (market->credit >= PER_MILLION)
			market->quote_us[i] = now_us + QUOTE_US +
				(int64_t)walk_random(&market->walk,
					QUOTE_US / 4);
	}
	return ST_OK;
}

/* ---- The takers ---------------------------------------------------------- */

static struct quoting *
busy_market(struct demo_market *market)
{
	unsigned all = 0, at;
	size_t i;

	for (i = 0; i < demo_plans_n; i++)
		all += market->quoting[i].open ? demo_plans[i].busy : 0;
	if (all == 0)
		return NULL;
	at = (unsigned)walk_random(&market->walk, all);
	for (i = 0; i < demo_plans_n; i++) {
		if (!market->quoting[i].open)
			continue;
		if (at < demo_plans[i].busy)
			return &market->quoting[i];
		at -= demo_plans[i].busy;
	}
	return NULL;
}

/* Who has too much of the base asset rather sells. */
static enum side
choose_side(struct demo_market *market, unsigned robot, uint16_t base)
{
	int64_t lean = pockets_lean(&market->pockets, robot, base);

	return (int64_t)walk_random(&market->walk, 2 * (uint64_t)PER_MILLION) <
			PER_MILLION + lean
		? SIDE_SELL
		: SIDE_BUY;
}

/* A small order that trades at once or not at all. */
static enum status
take(struct ctx *ctx, struct demo_market *market)
{
	unsigned robot = 1 + (unsigned)walk_random(&market->walk,
				     DEMO_ROBOTS - 1);
	struct quoting *quoting = busy_market(market);
	struct cmd_order_place place = {
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE,
			market->pockets.users[robot]},
		.tif = TIF_IOC,
	};
	struct core_reply reply;
	struct book_slot slot;
	int64_t size;

	if (!quoting || book_page_read(market->page,
				quoting->terms.instrument, &slot) != ST_OK)
		return ST_OK;
	quoting_look(quoting, &slot);
	place.instrument = quoting->terms.instrument;
	place.side = (uint8_t)choose_side(market, robot, quoting->terms.base);
	place.price = quoting->best[!place.side];
	if (!quoting->open || place.price == 0)
		return ST_OK;
	size = quoting->plan->size / 1000 *
		(10 + (int64_t)walk_random(&market->walk, 250));
	place.quantity = size - size % quoting->terms.lot;
	if (walk_random(&market->walk, 3) > 0) {
		place.type = TYPE_MARKET;
		place.price = 0;
	}
	TRY(send_command(ctx, market, &place.head, &reply));
	if (reply.refusal == REFUSED_NO_FUNDS)
		pockets_short(&market->pockets, robot, place.instrument,
			place.side);
	if (reply.refusal == REFUSED_NONE)
		note_record(market, reply.record);
	return ST_OK;
}

/* ---- Means --------------------------------------------------------------- */

/* Give what a robot began with. */
static enum status
fund(struct ctx *ctx, struct demo_market *market, struct turn *turn)
{
	unsigned robot;
	uint16_t asset;

	if (!pockets_find_empty(&market->pockets, &robot, &asset))
		return ST_OK;
	market->fund_us = turn->now_us + FUND_US;
	turn->note = arena_printf(ctx->arena,
		"demo market deposits for %s asset=%s", demo_robots[robot],
		market->pockets.codes[asset]);
	return deposit_make(ctx,
		&(struct deposit){
			.user = market->pockets.users[robot],
			.asset = asset,
			.amount = {demo_means(robot,
				market->pockets.codes[asset])},
			.source = DEMO_SOURCE_MORE,
			.reference = ident_random(ctx->now_us),
		},
		NULL);
}

/* ---- The turn ------------------------------------------------------------ */

static void
earn_credit(struct demo_market *market, int64_t now_us)
{
	int64_t most = COMMANDS_SECOND * PER_MILLION;
	int64_t elapsed_us = now_us - market->credit_us;

	if (elapsed_us > US_PER_SECOND)
		elapsed_us = US_PER_SECOND;
	market->credit += elapsed_us * COMMANDS_SECOND;
	if (market->credit > most)
		market->credit = most;
	market->credit_us = now_us;
}

/* Something that it trades with is not there yet. */
static enum status
wait(struct turn *turn, const char *what)
{
	turn->level = LOG_LEVEL_DEBUG;
	turn->note = what;
	turn->again_us = WAIT_US;
	return ST_OK;
}

static enum status
prepare(struct ctx *ctx, struct demo_market *market, struct turn *turn,
	bool *ready)
{
	enum status status;

	*ready = false;
	if (turn->now_us - market->looked_us >= LOOK_US || !market->clean) {
		if (open_page(market) != ST_OK || look_at_page(market) == 0)
			return wait(turn,
				"the demo market waits for instruments");
		market->looked_us = turn->now_us;
	}
	if (!market->robots_found) {
		status = find_robots(ctx, market);
		if (status == ST_NOT_FOUND)
			return wait(turn,
				"the demo market waits for its robots");
		TRY(status);
		market->robots_found = true;
		market->fund_us = turn->now_us + FUND_US;
		turn->note = "the demo market is open";
	}
	if (!market->clean)
		TRY(begin_anew(ctx, market));
	*ready = true;
	return ST_OK;
}

enum status
demo_market_turn(struct ctx *ctx, void *arg, struct turn *turn)
{
	struct demo_market *market = arg;
	int64_t now_us = turn->now_us;
	bool ready;

	TRY(prepare(ctx, market, turn, &ready));
	if (!ready)
		return ST_OK;
	earn_credit(market, now_us);
	walk_pass(&market->walk, now_us - market->walked_us);
	market->walked_us = now_us;
	TRY(quote_all(ctx, market, now_us));
	if (market->take_us <= now_us) {
		market->take_us = now_us + TAKE_MIN_US +
			(int64_t)walk_random(&market->walk,
				TAKE_MAX_US - TAKE_MIN_US);
		TRY(take(ctx, market));
	}
	return market->fund_us <= now_us ? fund(ctx, market, turn) : ST_OK;
}

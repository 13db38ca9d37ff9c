/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * core.c - how fast the engine is, in process: "./dev bench core".
 *
 *   bench-core [--flow FILE] [--lobster FILE]
 *
 * Balances, holds, fees, limits and events are on; self-trade prevention is
 * off, to compare with engines that have no users.  Each line is followed by
 * what a bare ladder does with the same operations in the same run; both must
 * have the same trades, in the same order.
 *
 * Tick and lot are 0.0001, so that a lot at one tick is one unit of the quote
 * asset and the funds for millions of orders fit into an asset's int64.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "bench/flow.h"
#include "bench/ladder.h"
#include "wire/ids.h"

#define GRAIN 10000 /* units of tick and lot */
#define CASH 0
#define ROUNDS 7

struct figures {
	double seconds;
	uint64_t trades;
	uint64_t volume;
	uint64_t hash;
	uint64_t refused;
};

#define COMMAND_WORDS (ORDER_PLACE_SHORT / sizeof(uint64_t))

/* The command of an operation, which in its short form is WORDS alone. */
union command {
	struct message head;
	struct cmd_order_place place;
	struct cmd_order_cancel cancel;
	uint64_t words[COMMAND_WORDS];
};

/* An operation, ready to be sent but for a cancel's order. */
struct ready_op {
	uint64_t words[COMMAND_WORDS];
	uint64_t id; /* the file's, or the dense one */
	uint32_t order;
	int32_t cancels; /* all ones or zeros */
};

_Static_assert(sizeof(struct ready_op) == 64, "a cache line");
_Static_assert(ORDER_CANCEL_SHORT <= ORDER_PLACE_SHORT, "WORDS hold both");
_Static_assert(offsetof(struct cmd_order_cancel, order) == 8 &&
		sizeof(struct ident) == 16,
	"the words of name_order()");

struct bench {
	const struct flow *flow;
	struct engine *engine;
	struct record *out;
	struct ready_op *ops;
	struct ident *orders; /* the engine's ids, by dense id, once placed */
	uint64_t *slots; /* the id of the order that has the slot now */
	struct figures figures;
	int64_t time_us;
};

static void
die(const char *why)
{
	fprintf(stderr, "bench core: %s\n", why);
	exit(1);
}

/* Not inline: the engine is not to be compiled for each kind of command. */
static __attribute__((noinline, noclone)) void
must(struct bench *b, const void *cmd)
{
	uint64_t done;
	enum refusal refusal =
		engine_apply(b->engine, ++b->time_us, cmd, b->out, &done);

	if (refusal != REFUSED_NONE)
		die(refusal_row(refusal)->text);
}

#define HEAD(type, user)                                                       \
	{                                                                      \
		sizeof(struct type), 0, user                                   \
	}

static void
make_markets(struct bench *b)
{
	unsigned i, assets;
	struct cmd_asset_set asset = {.head = HEAD(cmd_asset_set, 0)};
	struct cmd_instrument_set set = {.head = HEAD(cmd_instrument_set, 0)};

	assets = b->flow->instruments + 1;
	if (assets > ASSETS_MAX)
		assets = ASSETS_MAX;
	asset.head.type = CMD_ASSET_SET;
	for (i = 0; i < assets; i++) {
		asset.asset = (uint16_t)i;
		snprintf(asset.code, sizeof(asset.code), "A%u", i);
		must(b, &asset);
	}
	set.head.type = CMD_INSTRUMENT_SET;
	for (i = 0; i < b->flow->instruments; i++) {
		set.terms = (struct instrument_terms){
			.instrument = (uint16_t)i,
			.base = (uint16_t)(1 + i % (assets - 1)),
			.quote = CASH,
			.fee_asset = CASH,
			.tick = GRAIN,
			.lot = GRAIN,
			.maker_rate = 1000,
			.taker_rate = 2000,
			.collar = 50000,
		};
		snprintf(set.terms.symbol, sizeof(set.terms.symbol), "I%u", i);
		must(b, &set);
	}
}

static void
make_users(struct bench *b)
{
	uint32_t user;
	uint16_t asset;
	uint16_t assets = (uint16_t)(b->flow->instruments + 1);

	if (assets > ASSETS_MAX)
		assets = ASSETS_MAX;
	for (user = 1; user <= b->flow->users; user++) {
		struct cmd_user_create create = {
			.head = HEAD(cmd_user_create, user)};

		create.head.type = CMD_USER_CREATE;
		must(b, &create);
		for (asset = 0; asset < assets; asset++) {
			struct cmd_deposit deposit = {
				.head = HEAD(cmd_deposit, user),
				.asset = asset,
				.amount = INT64_MAX / 2 / b->flow->users,
			};

			deposit.head.type = CMD_DEPOSIT;
			must(b, &deposit);
		}
	}
}

static inline void
count_trade(struct bench *b, const struct ev_trade *trade)
{
	struct figures *f = &b->figures;
	uint64_t lots = (uint64_t)trade->quantity / GRAIN;
	uint64_t maker = b->slots[order_ident_slot(trade->maker.order)];
	uint64_t taker = b->slots[order_ident_slot(trade->taker.order)];

	f->trades++;
	f->volume += lots;
	f->hash = (f->hash ^
			  (maker * UINT64_C(0x9E3779B97F4A7C15) +
				  taker * UINT64_C(0xC2B2AE3D27D4EB4F) +
				  (uint64_t)trade->price / GRAIN * 31 + lots)) *
		UINT64_C(0x100000001B3);
}

/* As far ahead as matcherd looks; see matcher_peers.c. */
#define AHEAD 6
#define AHEAD_SOON 3
/* And the client, for what it knows of the orders that it will cancel. */
#define AHEAD_CLIENT 32
#define AHEAD_FLOW 64

/* What can be known of the operations before they are sent. */
static void
make_ready(struct bench *b, const uint64_t *ids)
{
	size_t i;

	b->ops = aligned_alloc(64, (b->flow->n + AHEAD_FLOW) * sizeof(*b->ops));
	if (!b->ops)
		die("out of memory");
	memset(b->ops + b->flow->n, 0, AHEAD_FLOW * sizeof(*b->ops));
	for (i = 0; i < b->flow->n; i++) {
		const struct flow_op *op = &b->flow->ops[i];
		struct ready_op *ready = &b->ops[i];
		union command cmd = {.place = {
			.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE,
				op->user + 1},
			.instrument = op->instrument,
			.side = op->side,
			.price = op->ticks * GRAIN,
			.quantity = op->lots * GRAIN,
		}};

		if (op->cancel)
			cmd = (union command){.cancel.head = {
				ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL,
				op->user + 1}};
		*ready = (struct ready_op){.order = op->order,
			.cancels = -(int32_t)op->cancel,
			.id = ids ? ids[op->order] : op->order};
		memcpy(ready->words, cmd.words, sizeof(cmd.words));
	}
}

/*
 * A cancel learns which order it means, as far as that is known by now.
 * Whether it is a cancel is as good as random, and a wrong guess would cost as
 * much as the rest: so an order learns something as well, which is nothing.
 */
static inline void
name_order(const struct ident *orders, struct ready_op *op)
{
	uint64_t id[2], chosen = (uint64_t)(int64_t)op->cancels;

	memcpy(id, &orders[op->order], sizeof(id));
	op->words[1] |= id[0] & chosen;
	op->words[2] |= id[1] & chosen;
}

/* What the client of an order makes of the answer. */
static inline void
note_order(struct bench *b, const struct ready_op *op,
	const struct record *out)
{
	const struct ev_order_opened *opened;
	const struct message *event = record_events(out);
	uint64_t id[2];
	uint32_t i;

	opened = (const struct ev_order_opened *)(const void *)event;
	/* In two words, as it was written just now. */
	memcpy(&id[0], opened->order.bytes, sizeof(id[0]));
	memcpy(&id[1], opened->order.bytes + 8, sizeof(id[1]));
	memcpy(&b->orders[op->order], id, sizeof(id));
	b->slots[order_ident_slot(opened->order)] = op->id;
	for (i = 1; i < out->n_events; i++) {
		event = message_next(event);
		if (event->type == EV_TRADE)
			count_trade(b, (const void *)event);
	}
}

/* What is timed; a function of its own, for profilers. */
static __attribute__((noinline)) void
run_ops(struct bench *b, size_t from, size_t to)
{
	struct ready_op *op = b->ops + from, *end = b->ops + to;
	struct engine *engine = b->engine;
	struct ident *orders = b->orders;
	struct record *out = b->out;
	int64_t time_us = b->time_us;
	enum hints hints;
	uint64_t done;

	for (; op < end; op++) {
		__builtin_prefetch(op + AHEAD_FLOW);
		__builtin_prefetch(&orders[op[AHEAD_CLIENT].order], 1);
		hints = engine_hints(engine);
		if (hints >= HINTS_FIRST) {
			name_order(orders, op + AHEAD);
			engine_expect(engine, (const void *)(op + AHEAD));
		}
		if (hints >= HINTS_BOTH)
			engine_expect_soon(engine,
				(const void *)(op + AHEAD_SOON));
		/* Its order may have been placed since; or be gone, which is
		 * an answer too. */
		if (op->cancels)
			memcpy(&op->words[1], &orders[op->order],
				sizeof(*orders));
		if (engine_apply(engine, ++time_us, (const void *)op, out,
			    &done) == REFUSED_NONE) {
			if (!op->cancels)
				note_order(b, op, out);
		} else if (!op->cancels) {
			b->figures.refused++;
		}
	}
	b->time_us = time_us;
}

/* Written to now, so that the client's memory is not met while it runs. */
static void
make_orders(struct bench *b, uint32_t slots)
{
	size_t bytes = b->flow->orders * sizeof(*b->orders);

	b->orders = malloc(bytes);
	b->slots = malloc(slots * sizeof(*b->slots));
	if (!b->orders || !b->slots)
		die("out of memory");
	memset(b->orders, 0, bytes);
	memset(b->slots, 0xff, slots * sizeof(*b->slots));
}

/* Orders are told apart by IDS, or, without, by their dense ones. */
static struct figures
measure_engine(const struct flow *flow, const uint64_t *ids)
{
	struct engine_options options = engine_defaults;
	struct bench b = {.flow = flow,
		.time_us = INT64_C(1700000000000000)};
	char why[200];
	int64_t start;

	options.users = flow->users + 2;
	options.orders = flow->orders + 2;
	if (options.orders > SLOT_MAX)
		die("the flow has more orders than the engine has slots");
	options.open_orders_user = UINT32_MAX;
	options.ignore_self_trades = options.touch = true;
	options.client_ids = options.intents = options.sessions = 16;
	b.engine = engine_new(&options);
	b.out = aligned_alloc(64, RECORD_MAX_BYTES);
	if (!b.engine || !b.out)
		die("out of memory");
	make_ready(&b, ids);
	make_orders(&b, options.orders);
	make_markets(&b);
	make_users(&b);
	run_ops(&b, 0, flow->n_warm);
	b.figures = (struct figures){.hash = 0};
	start = clock_monotonic_us();
	run_ops(&b, flow->n_warm, flow->n);
	b.figures.seconds = (double)(clock_monotonic_us() - start) / 1e6;
	if (!engine_sound(b.engine, why, sizeof(why)))
		die(why);
	if (b.figures.refused > 0)
		fprintf(stderr, "bench core: %" PRIu64 " orders refused\n",
			b.figures.refused);
	engine_free(b.engine);
	free(b.out);
	free(b.ops);
	free(b.orders);
	free(b.slots);
	return b.figures;
}

static struct figures
measure_ladder(const struct flow *flow)
{
	struct ladders *ladders = ladders_new(flow->instruments,
		flow->ticks_max, flow->orders);
	struct ladders_count warm, count;
	struct figures f = {.hash = 0};
	int64_t start = 0;
	size_t i;

	for (i = 0; i < flow->n; i++) {
		const struct flow_op *op = &flow->ops[i];

		if (i == flow->n_warm) {
			warm = ladders_count(ladders);
			ladders_reset_hash(ladders);
			start = clock_monotonic_us();
		}
		if (op->cancel)
			(void)ladders_cancel(ladders, op->order);
		else
			ladders_add(ladders, op->instrument, op->order,
				op->side, op->ticks, op->lots);
	}
	f.seconds = (double)(clock_monotonic_us() - start) / 1e6;
	count = ladders_count(ladders);
	f.trades = count.trades - warm.trades;
	f.hash = count.hash;
	ladders_free(ladders);
	return f;
}

/* The same trades, in the same order; the ladder knows dense ids only. */
static void
compare(const struct flow *flow)
{
	struct figures engine = measure_engine(flow, NULL);
	struct figures ladder = measure_ladder(flow);

	if (engine.trades != ladder.trades || engine.hash != ladder.hash)
		die("the engine and the bare ladder trade differently");
}

static int
compare_seconds(const void *a, const void *b)
{
	double x = ((const struct figures *)a)->seconds;
	double y = ((const struct figures *)b)->seconds;

	return x < y ? -1 : x > y;
}

/* The median of a few interleaved rounds, since machines are noisy. */
static void
report(const struct flow *flow)
{
	struct figures engine[ROUNDS], ladder[ROUNDS], *e, *l;
	double ops = (double)(flow->n - flow->n_warm);
	int round;

	compare(flow);
	for (round = 0; round < ROUNDS; round++) {
		engine[round] = measure_engine(flow, flow->ids);
		ladder[round] = measure_ladder(flow);
		if (engine[round].trades != ladder[round].trades ||
			engine[round].hash != engine[0].hash)
			die("the rounds trade differently");
	}
	qsort(engine, ROUNDS, sizeof(*engine), compare_seconds);
	qsort(ladder, ROUNDS, sizeof(*ladder), compare_seconds);
	e = &engine[ROUNDS / 2];
	l = &ladder[ROUNDS / 2];
	printf("workload=%s ops=%.0f seconds=%.3f ops_per_s=%.0f "
	       "trades=%" PRIu64 " volume=%" PRIu64 " hash=%016" PRIx64 " "
	       "ladder_ops_per_s=%.0f of_ladder=%.3f\n",
		flow->name, ops, e->seconds, ops / e->seconds, e->trades,
		e->volume, e->hash, ops / l->seconds, l->seconds / e->seconds);
	fflush(stdout);
}

static void
report_and_free(struct flow *flow)
{
	if (!flow)
		exit(1);
	report(flow);
	flow_free(flow);
}

struct workload {
	const char *name;
	struct flow *(*make)(void);
};

static struct flow *
make_mix1(void)
{
	return flow_mix("mix1", 1, 10000, 2000000);
}

static struct flow *
make_mix100(void)
{
	return flow_mix("mix100", 100, 100000, 2000000);
}

static struct flow *
make_add(void)
{
	return flow_add(1000000);
}

static struct flow *
make_cross(void)
{
	return flow_cross(2000000);
}

static struct flow *
make_cancel(void)
{
	return flow_cancel(1000000);
}

static const struct workload workloads[] = {
	{"mix1", make_mix1},
	{"mix100", make_mix100},
	{"add", make_add},
	{"cross", make_cross},
	{"cancel", make_cancel},
};

static const char usage[] =
	"usage: core [--flow FILE] [--lobster FILE] [--workload NAME]";

int
main(int argc, char **argv)
{
	const char *lobster = NULL, *only = NULL;
	size_t w;
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--flow") == 0) {
			report_and_free(flow_read(argv[i + 1]));
			return 0;
		}
		if (strcmp(argv[i], "--lobster") == 0)
			lobster = argv[i + 1];
		else if (strcmp(argv[i], "--workload") == 0)
			only = argv[i + 1];
		else
			die(usage);
	}
	if (i < argc)
		die(usage);
	for (w = 0; w < N_ELEMENTS(workloads); w++)
		if (!only || strcmp(only, workloads[w].name) == 0)
			report_and_free(workloads[w].make());
	if (lobster && (!only || strcmp(only, "real") == 0))
		report_and_free(flow_lobster(lobster, 10));
	return 0;
}

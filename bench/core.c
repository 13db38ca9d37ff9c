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
	uint64_t hash; /* by the file's ids */
	uint64_t dense_hash; /* by dense ids, to compare with the ladder */
	uint64_t refused;
};

/* The order in a slot of the engine: the file's id, and the dense one. */
struct client_slot {
	uint64_t id;
	uint64_t dense;
};

struct bench {
	const struct flow *flow;
	struct engine *engine;
	struct record *out;
	struct ident *orders; /* the engine's ids, by dense id, once placed */
	struct client_slot *slots; /* by slot: whose it is now */
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

static void
count_trade(struct bench *b, const struct ev_trade *trade)
{
	struct figures *f = &b->figures;
	const struct client_slot *m, *t;
	uint64_t lots = (uint64_t)trade->quantity / GRAIN;
	uint64_t rest = (uint64_t)trade->price / GRAIN * 31 + lots;

	m = &b->slots[order_ident_slot(trade->maker.order)];
	t = &b->slots[order_ident_slot(trade->taker.order)];
	f->trades++;
	f->volume += lots;
	f->hash = (f->hash ^
			  (m->id * UINT64_C(0x9E3779B97F4A7C15) +
				  t->id * UINT64_C(0xC2B2AE3D27D4EB4F) +
				  rest)) *
		UINT64_C(0x100000001B3);
	f->dense_hash = (f->dense_hash ^
				(m->dense * UINT64_C(0x9E3779B97F4A7C15) +
					t->dense * UINT64_C(0xC2B2AE3D27D4EB4F) +
					rest)) *
		UINT64_C(0x100000001B3);
}

/* The command of an operation, short form: any of them fits. */
union command {
	struct message head;
	struct cmd_order_place place;
	struct cmd_order_cancel cancel;
	uint64_t words[ORDER_PLACE_SHORT / sizeof(uint64_t)];
};

_Static_assert(offsetof(struct cmd_order_place, side) == 10 &&
		offsetof(struct cmd_order_place, price) == 16 &&
		offsetof(struct cmd_order_place, quantity) == 24,
	"the words of make_command()");

/*
 * Whether it is an order or a cancel is as good as random, and a wrong guess
 * would cost as much as the rest: so both are made, and one is chosen.  Of an
 * order that is short for limit, good till cancelled.
 */
static inline void
make_command(const struct ident *orders, const struct flow_op *op,
	union command *out)
{
	const uint64_t place = ORDER_PLACE_SHORT |
		(uint64_t)CMD_ORDER_PLACE << 16;
	const uint64_t cancel = ORDER_CANCEL_SHORT |
		(uint64_t)CMD_ORDER_CANCEL << 16;
	uint64_t chosen = -(uint64_t)op->cancel, id[2], kind, price;

	memcpy(id, &orders[op->order], sizeof(id));
	kind = op->instrument | (uint64_t)op->side << 16 |
		(uint64_t)STP_TAKER << 40;
	price = (uint64_t)(op->ticks * GRAIN);
	out->words[0] = (place ^ ((place ^ cancel) & chosen)) |
		(uint64_t)(op->user + 1) << 32;
	out->words[1] = kind ^ ((kind ^ id[0]) & chosen);
	out->words[2] = price ^ ((price ^ id[1]) & chosen);
	out->words[3] = (uint64_t)(op->lots * GRAIN);
	out->words[4] = out->words[5] = 0;
}

/* What the client of an order makes of the answer. */
static inline void
note_order(struct bench *b, const struct flow_op *op, const struct record *out)
{
	const struct ev_order_opened *opened;
	const struct message *event = record_events(out);
	struct client_slot *slot;
	uint32_t i;

	opened = (const struct ev_order_opened *)(const void *)event;
	b->orders[op->order] = opened->order;
	slot = &b->slots[order_ident_slot(opened->order)];
	slot->id = b->flow->ids[op->order];
	slot->dense = op->order;
	for (i = 1; i < out->n_events; i++) {
		event = message_next(event);
		if (event->type == EV_TRADE)
			count_trade(b, (const void *)event);
	}
}

/* As far ahead as matcherd looks; see matcher_peers.c. */
#define AHEAD 12
#define AHEAD_SOON 6
#define RING 16
/* And the client for what it knows of the orders that it will cancel. */
#define AHEAD_CLIENT 32
#define AHEAD_FLOW 64

/* What is timed; a function of its own, for profilers. */
static __attribute__((noinline)) void
run_ops(struct bench *b, size_t from, size_t to)
{
	const struct flow_op *op = b->flow->ops + from;
	const struct flow_op *end = b->flow->ops + to, *next;
	struct engine *engine = b->engine;
	struct ident *orders = b->orders;
	struct record *out = b->out;
	int64_t time_us = b->time_us;
	union command ring[RING], *cmd;
	uint64_t done;

	for (next = op; next < end && next < op + AHEAD; next++)
		make_command(orders, next, &ring[(size_t)(next - op)]);
	for (from = 0; op < end; op++, from++) {
		__builtin_prefetch(op + AHEAD_FLOW); /* may be past the end */
		if (op + AHEAD_CLIENT < end)
			__builtin_prefetch(&orders[op[AHEAD_CLIENT].order], 1);
		if (op + AHEAD < end) {
			cmd = &ring[(from + AHEAD) % RING];
			make_command(orders, op + AHEAD, cmd);
			if (engine_takes_hints(engine)) {
				engine_expect(engine, &cmd->head);
				engine_expect_soon(engine,
					&ring[(from + AHEAD_SOON) % RING].head);
			}
		}
		cmd = &ring[from % RING];
		/* Its order may have been placed since it was made; or be
		 * gone, which is an answer too. */
		if (op->cancel)
			cmd->cancel.order = orders[op->order];
		if (engine_apply(engine, ++time_us, &cmd->head, out, &done) ==
			REFUSED_NONE) {
			if (!op->cancel)
				note_order(b, op, out);
		} else if (!op->cancel) {
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

static struct figures
measure_engine(const struct flow *flow)
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
	f.dense_hash = count.hash;
	ladders_free(ladders);
	return f;
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

	for (round = 0; round < ROUNDS; round++) {
		engine[round] = measure_engine(flow);
		ladder[round] = measure_ladder(flow);
		if (engine[round].trades != ladder[round].trades ||
			engine[round].dense_hash != ladder[round].dense_hash)
			die("the engine and the bare ladder trade differently");
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

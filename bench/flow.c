/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * flow.c - making and reading streams of orders.
 */
#include "bench/flow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ladder.h"
#include "wire/order.h"

#define USERS 1000
#define MID 10000
#define REACH 50

/* xorshift64*: the same numbers everywhere. */
static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static uint32_t
below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((next_random(state) >> 32) * n >> 32);
}

static struct flow *
flow_new(const char *name, size_t ops)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		abort();
	flow->name = name;
	flow->ops = calloc(ops, sizeof(*flow->ops));
	flow->ids = calloc(ops, sizeof(*flow->ids));
	flow->owners = calloc(ops, sizeof(*flow->owners));
	if (!flow->ops || !flow->ids || !flow->owners)
		abort();
	flow->users = USERS;
	flow->instruments = 1;
	flow->ticks_max = 2 * MID;
	return flow;
}

void
flow_free(struct flow *flow)
{
	if (!flow)
		return;
	free(flow->ops);
	free(flow->ids);
	free(flow->owners);
	free(flow);
}

static struct flow_op *
push_add(struct flow *flow, unsigned instrument, int side, int64_t ticks,
	int64_t lots, uint32_t user)
{
	struct flow_op *op = &flow->ops[flow->n++];

	*op = (struct flow_op){.order = flow->orders,
		.instrument = (uint16_t)instrument, .side = (uint8_t)side,
		.ticks = ticks, .lots = lots, .user = user};
	flow->ids[flow->orders] = flow->orders;
	flow->owners[flow->orders] = user;
	flow->orders++;
	return op;
}

static void
push_cancel(struct flow *flow, uint32_t order)
{
	flow->ops[flow->n++] = (struct flow_op){
		.order = order, .cancel = 1, .user = flow->owners[order]};
}

/* The generator's own picture of which orders live, by a bare ladder. */
struct maker {
	struct flow *flow;
	struct ladders *book;
	uint32_t *live; /* candidates; some are gone */
	uint32_t n_live;
	int64_t *mid;
	uint64_t seed;
};

static void
add_near(struct maker *m, unsigned instrument, int through)
{
	int side = (int)below(&m->seed, 2);
	int64_t away = 1 + below(&m->seed, REACH);
	int64_t ticks = m->mid[instrument] +
		(side == SIDE_BUY ? -away : away) * (through ? -1 : 1);
	struct flow_op *op = push_add(m->flow, instrument, side, ticks,
		1 + below(&m->seed, 100), below(&m->seed, USERS));

	ladders_add(m->book, instrument, op->order, side, ticks, op->lots);
	if (ladders_live(m->book, op->order))
		m->live[m->n_live++] = op->order;
}

static void
cancel_one(struct maker *m)
{
	while (m->n_live > 0) {
		uint32_t i = below(&m->seed, m->n_live);
		uint32_t order = m->live[i];

		m->live[i] = m->live[--m->n_live];
		if (!ladders_cancel(m->book, order))
			continue;
		push_cancel(m->flow, order);
		return;
	}
}

struct flow *
flow_mix(const char *name, unsigned instruments, uint32_t live, size_t n)
{
	struct flow *flow = flow_new(name, n + live);
	struct maker m = {.flow = flow, .seed = 42};
	unsigned i;

	flow->instruments = instruments;
	m.book = ladders_new(instruments, flow->ticks_max,
		(uint32_t)(n + live));
	m.live = calloc(n + live, sizeof(*m.live));
	m.mid = calloc(instruments, sizeof(*m.mid));
	if (!m.live || !m.mid)
		abort();
	for (i = 0; i < instruments; i++)
		m.mid[i] = MID;
	while (m.n_live < live)
		add_near(&m, below(&m.seed, instruments), 0);
	flow->n_warm = flow->n;
	while (flow->n < n + live) {
		uint32_t dice = below(&m.seed, 10);
		unsigned at = below(&m.seed, instruments);

		if (dice < 1) {
			m.mid[at] += (int64_t)below(&m.seed, 3) - 1;
			if (m.mid[at] < MID / 2 || m.mid[at] > MID + MID / 2)
				m.mid[at] = MID;
		}
		if (dice < 5)
			add_near(&m, at, 0);
		else if (dice < 9)
			cancel_one(&m);
		else
			add_near(&m, at, 1);
	}
	ladders_free(m.book);
	free(m.live);
	free(m.mid);
	return flow;
}

struct flow *
flow_add(size_t n)
{
	struct flow *flow = flow_new("add", n);
	uint64_t seed = 1;

	while (flow->n < n) {
		int side = (int)below(&seed, 2);
		int64_t away = 1 + below(&seed, 1000);

		push_add(flow, 0, side,
			MID + (side == SIDE_BUY ? -away : away),
			1 + below(&seed, 100), below(&seed, USERS));
	}
	return flow;
}

/* Each order meets the one before it. */
struct flow *
flow_cross(size_t n)
{
	struct flow *flow = flow_new("cross", n);
	uint64_t seed = 2;

	while (flow->n + 1 < n) {
		int64_t lots = 1 + below(&seed, 100);
		int64_t ticks = MID + below(&seed, REACH);

		push_add(flow, 0, SIDE_SELL, ticks, lots,
			below(&seed, USERS / 2));
		push_add(flow, 0, SIDE_BUY, ticks, lots,
			USERS / 2 + below(&seed, USERS / 2));
	}
	return flow;
}

/* All orders of flow_add(), cancelled in random order; only that is timed. */
struct flow *
flow_cancel(size_t n)
{
	struct flow *adds = flow_add(n), *flow = flow_new("cancel", n * 2);
	uint64_t seed = 3;
	uint32_t *order = calloc(n, sizeof(*order));
	size_t i;

	if (!order)
		abort();
	for (i = 0; i < n; i++) {
		flow->ops[i] = adds->ops[i];
		flow->ids[i] = i;
		flow->owners[i] = adds->ops[i].user;
		order[i] = (uint32_t)i;
	}
	flow->n = flow->n_warm = n;
	flow->orders = (uint32_t)n;
	for (i = n; i > 1; i--) {
		uint32_t j = below(&seed, (uint32_t)i), t = order[i - 1];

		order[i - 1] = order[j];
		order[j] = t;
	}
	for (i = 0; i < n; i++)
		push_cancel(flow, order[i]);
	free(order);
	flow_free(adds);
	return flow;
}

/* File ids to dense ids: open addressing, twice as large as it must be. */
struct id_map {
	uint64_t *keys; /* id + 1 */
	uint32_t *values;
	size_t mask;
};

static void
map_init(struct id_map *map, size_t n)
{
	size_t size = 1024;

	while (size < n * 2)
		size *= 2;
	map->keys = calloc(size, sizeof(*map->keys));
	map->values = calloc(size, sizeof(*map->values));
	map->mask = size - 1;
	if (!map->keys || !map->values)
		abort();
}

static void
map_done(struct id_map *map)
{
	free(map->keys);
	free(map->values);
}

static uint32_t *
map_at(struct id_map *map, uint64_t id, int *found)
{
	size_t at = (id * UINT64_C(0x9E3779B97F4A7C15) >> 20) & map->mask;

	while (map->keys[at] != 0 && map->keys[at] != id + 1)
		at = (at + 1) & map->mask;
	*found = map->keys[at] != 0;
	map->keys[at] = id + 1;
	return &map->values[at];
}

static FILE *
open_text(const char *file)
{
	size_t length = strlen(file);
	char command[4096];

	if (length < 3 || strcmp(file + length - 3, ".gz") != 0)
		return fopen(file, "r");
	if (strchr(file, '\'') ||
		snprintf(command, sizeof(command), "exec gzip -dc '%s'",
			file) >= (int)sizeof(command))
		return NULL;
	return popen(command, "r");
}

static size_t
count_lines(FILE *in)
{
	size_t n = 0;
	int c;

	while ((c = getc(in)) != EOF)
		n += c == '\n';
	return n + 1;
}

static size_t
lines_of(const char *file)
{
	FILE *in = open_text(file);
	size_t n;

	if (!in) {
		fprintf(stderr, "%s cannot be read\n", file);
		return 0;
	}
	n = count_lines(in);
	fclose(in);
	return n;
}

static void
note_size(struct flow *flow, const struct flow_op *op)
{
	if (op->ticks > flow->ticks_max)
		flow->ticks_max = op->ticks;
	if (op->instrument >= flow->instruments)
		flow->instruments = op->instrument + 1u;
	if (op->user >= flow->users)
		flow->users = op->user + 1;
}

static int
read_line(struct flow *flow, struct id_map *map, const char *line)
{
	uint64_t id;
	unsigned instrument, user;
	int64_t ticks, lots;
	uint32_t *dense;
	int found;
	char side;

	if (sscanf(line, "C,%" SCNu64, &id) == 1) {
		dense = map_at(map, id, &found);
		if (!found) {
			/* Of an order that never was: a dense id of its own,
			 * and nobody's. */
			*dense = flow->orders;
			flow->owners[flow->orders] = FLOW_NOBODY;
			flow->ids[flow->orders++] = id;
		}
		push_cancel(flow, *dense);
		return 1;
	}
	if (sscanf(line, "A,%u,%" SCNu64 ",%c,%" SCNd64 ",%" SCNd64 ",%u",
		    &instrument, &id, &side, &ticks, &lots, &user) != 6)
		return 0;
	dense = map_at(map, id, &found);
	*dense = flow->orders;
	note_size(flow, push_add(flow, instrument,
				side == 'B' ? SIDE_BUY : SIDE_SELL, ticks,
				lots, user));
	flow->ids[*dense] = id;
	return 1;
}

struct flow *
flow_read(const char *file)
{
	size_t n = lines_of(file), number = 0;
	struct flow *flow;
	struct id_map map;
	char line[256];
	FILE *in;

	if (n == 0 || !(in = open_text(file)))
		return NULL;
	flow = flow_new("flow", n);
	flow->users = 1;
	flow->ticks_max = 1;
	map_init(&map, n);
	while (fgets(line, sizeof(line), in)) {
		number++;
		if (line[0] == '\n' || read_line(flow, &map, line))
			continue;
		fprintf(stderr, "%s: line %zu is no operation\n", file, number);
		flow_free(flow);
		flow = NULL;
		break;
	}
	map_done(&map);
	fclose(in);
	return flow;
}

/* One LOBSTER message; see the contract of flow replay. */
static void
read_message(struct flow *flow, struct id_map *map, const char *line,
	uint64_t offset)
{
	int type, direction, found;
	uint64_t id;
	int64_t lots, price;
	double seconds; /* only to step over it */
	uint32_t *dense;
	int side;

	if (sscanf(line, "%lf,%d,%" SCNu64 ",%" SCNd64 ",%" SCNd64 ",%d",
		    &seconds, &type, &id, &lots, &price, &direction) != 6)
		return;
	side = direction == 1 ? SIDE_BUY : SIDE_SELL;
	if (type == 1) {
		dense = map_at(map, id + offset, &found);
		*dense = flow->orders;
		note_size(flow, push_add(flow, 0, side, price / 100, lots,
					(uint32_t)(id % USERS)));
	} else if (type == 3) {
		dense = map_at(map, id + offset, &found);
		if (found)
			push_cancel(flow, *dense);
	} else if (type == 4) {
		note_size(flow, push_add(flow, 0, !side, price / 100, lots,
					(uint32_t)((id + 7) % USERS)));
	}
}

struct flow *
flow_lobster(const char *file, int times)
{
	size_t n = lines_of(file);
	struct flow *flow;
	struct id_map map;
	char line[256];
	FILE *in;
	int i;

	if (n == 0)
		return NULL;
	flow = flow_new("real", n * (size_t)times);
	map_init(&map, n * (size_t)times);
	for (i = 0; i < times; i++) {
		in = open_text(file);
		if (!in)
			abort();
		while (fgets(line, sizeof(line), in))
			read_message(flow, &map, line,
				(uint64_t)i * UINT64_C(10000000000));
		fclose(in);
	}
	map_done(&map);
	return flow;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_watch.c - some users, one after the other, with what is known of them.
 */
#include "domain/risk_watch.h"

#include <string.h>
#include <sys/param.h>

#include "base/clock.h"
#include "db/db.h"
#include "domain/core.h"
#include "domain/risk_figures.h"

/* Questions under way at once. */
#define CHECKS_MAX 64

/* ---- Who ------------------------------------------------------------------ */

enum status
risk_watch_pick(struct ctx *ctx, uint32_t after, unsigned limit,
	struct risk_people *out)
{
	struct risk_people people = {.n = 0};
	struct db_rows *rows;
	uint32_t user;

	TRY(db_query(ctx,
		"(SELECT DISTINCT user_id FROM risk_limits WHERE enabled = 1 "
		"AND user_id > ? ORDER BY user_id LIMIT ?) UNION "
		"(SELECT DISTINCT user_id FROM core_limits WHERE value > 0 "
		"AND user_id > ? ORDER BY user_id LIMIT ?) UNION "
		"(SELECT user_id FROM core_risk WHERE watched = 1 "
		"AND user_id > ? ORDER BY user_id LIMIT ?) UNION "
		"(SELECT DISTINCT user_id FROM risk_alerts "
		"WHERE resolved_at IS NULL AND user_id > ? "
		"ORDER BY user_id LIMIT ?) ORDER BY user_id LIMIT ?",
		DB_IN(db_u64(after), db_u64(limit), db_u64(after),
			db_u64(limit), db_u64(after), db_u64(limit),
			db_u64(after), db_u64(limit), db_u64(limit)),
		&rows));
	people.users = arena_array(ctx->arena, db_count(rows), sizeof(user));
	while (db_next(rows, DB_OUT(db_to_u32(&user))))
		people.users[people.n++] = user;
	*out = people;
	return ST_OK;
}

/* ---- The core's look ------------------------------------------------------- */

static enum status
take_answers(struct ctx *ctx, size_t n, struct risk_turn *turn)
{
	struct core_reply reply;

	for (; n > 0; n--) {
		TRY(core_receive(ctx->core, CORE_PATIENCE_US, &reply));
		/* That nothing changed is a refusal, and the usual answer. */
		turn->changed += reply.refusal == REFUSED_NONE;
	}
	return ST_OK;
}

static enum status
ask_core(struct ctx *ctx, const struct risk_figures *figures,
	struct risk_turn *turn)
{
	struct command_envelope nobody = {
		.not_after_us = clock_monotonic_us() + CORE_PATIENCE_US};
	size_t i, waiting = 0;

	for (i = 0; i < figures->n_risks; i++) {
		struct cmd_risk_check check = {
			.head = CORE_COMMAND(RISK_CHECK, cmd_risk_check,
				figures->risks[i].user)};

		if (!figures->risks[i].watched)
			continue;
		TRY(core_send(ctx->core, &nobody, &check.head));
		turn->checked++;
		if (++waiting < CHECKS_MAX)
			continue;
		TRY(core_flush(ctx->core));
		TRY(take_answers(ctx, waiting, turn));
		waiting = 0;
	}
	TRY(core_flush(ctx->core));
	return take_answers(ctx, waiting, turn);
}

/* ---- Our own ----------------------------------------------------------------- */

/* Room for one person's usages; the next one's are written over them. */
struct usages {
	struct risk_usage *rows;
	size_t room;
};

/* A user's share of the lists. */
struct person {
	uint32_t user;
	const struct figure_limit *limits;
	const struct figure_bound *bounds;
	const struct figure_position *positions;
	const struct figure_open *open;
	const struct figure_balance *balances;
	const struct figure_risk *risk; /* NULL: never watched */
	const struct risk_active *active;
	size_t n_limits, n_bounds, n_positions, n_open, n_balances, n_active;
};

struct look {
	const struct risk_prices *prices;
	const struct person *person;
	int64_t now_us;
	struct risk_usage *usages;
	size_t n;
};

static int64_t
saturate(__int128 value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* Holds CURRENT against BOUND; what is below all levels is no usage. */
static void
weigh(struct look *look, const struct risk_limit *limit, uint16_t instrument,
	__int128 current)
{
	__int128 percent = (__int128)saturate(current) * 100 * DECIMAL_ONE;
	int64_t bound = limit->value.units;
	enum risk_level level =
		current >= bound ? RISK_BREACH
		: percent >= (__int128)limit->critical.units * bound
			? RISK_CRITICAL
		: percent >= (__int128)limit->warning.units * bound
			? RISK_WARNING
			: RISK_NONE;

	if (level == RISK_NONE)
		return;
	look->usages[look->n++] = (struct risk_usage){
		.limit = limit->id,
		.type = limit->type,
		.instrument = instrument,
		.current = {saturate(current)},
		.bound = limit->value,
		.level = level,
	};
}

/* The position's value with the open buys; in units of the quote asset. */
static __int128
value_of(const struct person *person, const struct risk_price *of)
{
	__int128 value = 0;
	size_t i;

	for (i = 0; i < person->n_positions; i++)
		if (person->positions[i].instrument == of->instrument)
			value += (__int128)person->positions[i].quantity *
				 of->price / DECIMAL_ONE;
	for (i = 0; i < person->n_open; i++)
		if (person->open[i].instrument == of->instrument)
			value += person->open[i].buys;
	return value;
}

static void
weigh_positions(struct look *look, const struct risk_limit *limit)
{
	const struct risk_prices *prices = look->prices;
	size_t i;

	for (i = 0; i < prices->n; i++) {
		const struct risk_price *of = &prices->of[i];
		__int128 value;

		if (limit->instrument != INSTRUMENT_ANY &&
			limit->instrument != of->instrument)
			continue;
		value = value_of(look->person, of);
		if (limit->type == RISK_POSITION_VALUE)
			value = (__int128)saturate(value) *
				(of->quote < ASSETS_MAX
						? prices->rates[of->quote]
						: 0) /
				DECIMAL_ONE;
		weigh(look, limit, of->instrument, value);
	}
}

static int64_t
equity_of(const struct look *look)
{
	const struct person *person = look->person;
	__int128 equity = 0;
	size_t i;

	for (i = 0; i < person->n_balances; i++) {
		const struct figure_balance *balance = &person->balances[i];

		if (balance->asset < ASSETS_MAX)
			equity += balance->total *
				  look->prices->rates[balance->asset] /
				  DECIMAL_ONE;
	}
	return saturate(equity);
}

/* Nothing is lost on a day that the core has not begun yet. */
static __int128
loss_of(const struct figure_risk *risk, int64_t equity, int64_t now_us)
{
	if (risk->day < now_us / US_PER_DAY || equity >= risk->day_equity)
		return 0;
	return (__int128)risk->day_equity - equity;
}

static __int128
drawdown_of(const struct figure_risk *risk, int64_t equity)
{
	if (risk->peak <= 0 || equity >= risk->peak)
		return 0;
	return ((__int128)risk->peak - equity) * DECIMAL_ONE / risk->peak;
}

static void
weigh_equity(struct look *look, const struct risk_limit *limit)
{
	const struct figure_risk *risk = look->person->risk;
	int64_t equity;

	if (!risk || !risk->watched)
		return;
	equity = equity_of(look);
	weigh(look, limit, INSTRUMENT_ANY,
		limit->type == RISK_DAILY_LOSS
			? loss_of(risk, equity, look->now_us)
			: drawdown_of(risk, equity));
}

static void
weigh_orders(struct look *look, const struct risk_limit *limit)
{
	const struct person *person = look->person;
	__int128 orders = 0;
	size_t i;

	for (i = 0; i < person->n_open; i++)
		orders += (__int128)person->open[i].orders * DECIMAL_ONE;
	weigh(look, limit, INSTRUMENT_ANY, orders);
}

static int64_t
bound_of(const struct person *person, uint8_t type)
{
	size_t i;

	for (i = 0; i < person->n_bounds; i++)
		if (person->bounds[i].bound.type == type)
			return person->bounds[i].bound.value;
	return 0;
}

/* The alert that says so; NULL: none does yet. */
static const struct risk_active *
active_reduce_only(const struct person *person)
{
	size_t i;

	for (i = 0; i < person->n_active; i++)
		if (ident_is_none(person->active[i].limit))
			return &person->active[i];
	return NULL;
}

/*
 * Which limit it was is told by the figures with which the core decided; once
 * it is lifted, or not reached any more, by those of the alert.
 */
static void
note_reduce_only(struct look *look)
{
	const struct figure_risk *risk = look->person->risk;
	const struct risk_active *told = active_reduce_only(look->person);
	struct risk_usage usage = {
		.limit = IDENT_NONE,
		.instrument = INSTRUMENT_ANY,
		.level = RISK_BREACH,
	};
	int64_t daily = bound_of(look->person, LIMIT_DAILY_LOSS);
	int64_t most = bound_of(look->person, LIMIT_DRAWDOWN);
	int64_t loss, drawdown;

	if (!risk || risk->reduce_only != REDUCE_RISK)
		return;
	loss = saturate((__int128)risk->day_equity - risk->equity);
	drawdown = saturate(drawdown_of(risk, risk->equity));
	if (daily > 0 && loss >= daily) {
		usage.type = RISK_DAILY_LOSS;
		usage.current.units = loss;
		usage.bound.units = daily;
	} else if (told && (most == 0 || drawdown < most)) {
		usage.current = told->current;
		usage.bound = told->bound;
	} else {
		usage.type = RISK_MAX_DRAWDOWN;
		usage.current.units = drawdown;
		usage.bound.units = most;
	}
	look->usages[look->n++] = usage;
}

static void
weigh_limit(struct look *look, const struct risk_limit *limit)
{
	switch (limit->type) {
	case RISK_POSITION_SIZE:
	case RISK_POSITION_VALUE:
		weigh_positions(look, limit);
		break;
	case RISK_DAILY_LOSS:
	case RISK_MAX_DRAWDOWN:
		weigh_equity(look, limit);
		break;
	case RISK_OPEN_ORDERS:
		weigh_orders(look, limit);
		break;
	case RISK_ORDER_SIZE: /* of each order; none stands */
	case RISK_TYPES:
		break;
	}
}

/* What the core has is what the rows say, or is brought there. */
static enum status
repair(struct ctx *ctx, const struct person *person)
{
	struct risk_limits limits = {.n = 0};
	struct risk_bounds core = {.n = 0};
	size_t i;

	limits.rows = arena_array(ctx->arena, person->n_limits + 1,
		sizeof(*limits.rows));
	for (i = 0; i < person->n_limits; i++)
		limits.rows[limits.n++] = person->limits[i].limit;
	for (i = 0; i < person->n_bounds && core.n < RISK_ROWS_MAX; i++)
		core.rows[core.n++] = person->bounds[i].bound;
	return risk_repair(ctx, person->user, &limits, &core);
}

static enum status
look_at(struct ctx *ctx, const struct risk_prices *prices,
	const struct person *person, struct usages *usages,
	struct risk_turn *turn)
{
	struct look look = {.prices = prices,
		.person = person,
		.now_us = ctx->now_us};
	size_t i, most = person->n_limits * (prices->n + 1) + 1;
	unsigned raised;

	if (most > usages->room) {
		/* What was there stays in the arena: at least double it. */
		usages->room = MAX(most, 2 * usages->room);
		usages->rows = arena_array(ctx->arena, usages->room,
			sizeof(*usages->rows));
	}
	look.usages = usages->rows;
	for (i = 0; i < person->n_limits; i++)
		weigh_limit(&look, &person->limits[i].limit);
	note_reduce_only(&look);
	TRY(risk_alerts_set(ctx, person->user, person->active,
		person->n_active, look.usages, look.n, &raised));
	turn->raised += raised;
	return repair(ctx, person);
}

/* ---- Together ------------------------------------------------------------------ */

/* Where USER's part of a list ends that begins at FROM.  A row's user is its
 * first member. */
static size_t
end_of(const void *rows, size_t size, size_t n, size_t from, uint32_t user)
{
	const char *at = rows;
	uint32_t of;

	for (; from < n; from++) {
		memcpy(&of, at + from * size, sizeof(of));
		if (of != user)
			break;
	}
	return from;
}

/* Take USER's part off the front of a list; rows before it are nobody's. */
#define CUT(figures, at, person, list)                                         \
	do {                                                                   \
		size_t size_ = sizeof(*(figures)->list);                       \
		while ((at)->list < (figures)->n_##list &&                     \
			(figures)->list[(at)->list].user < (person)->user)     \
			(at)->list++;                                          \
		(person)->list = (figures)->list + (at)->list;                 \
		(person)->n_##list = end_of((figures)->list, size_,            \
					     (figures)->n_##list, (at)->list,  \
					     (person)->user) -                 \
				     (at)->list;                               \
		(at)->list += (person)->n_##list;                              \
	} while (0)

struct places {
	size_t limits, bounds, positions, open, balances, active, risks;
};

static void
cut(const struct risk_figures *figures, struct places *at,
	struct person *person)
{
	CUT(figures, at, person, limits);
	CUT(figures, at, person, bounds);
	CUT(figures, at, person, positions);
	CUT(figures, at, person, open);
	CUT(figures, at, person, balances);
	CUT(figures, at, person, active);
	while (at->risks < figures->n_risks &&
		figures->risks[at->risks].user < person->user)
		at->risks++;
	if (at->risks < figures->n_risks &&
		figures->risks[at->risks].user == person->user)
		person->risk = &figures->risks[at->risks];
}

struct reading {
	uint32_t low, high;
	struct risk_figures figures;
};

static enum status
read_tx(struct ctx *ctx, void *arg)
{
	struct reading *reading = arg;

	return risk_figures_read(
		ctx, reading->low, reading->high, &reading->figures);
}

enum status
risk_watch_look(struct ctx *ctx, const struct risk_people *people,
	struct risk_turn *out)
{
	struct risk_prices *prices = arena_alloc(ctx->arena, sizeof(*prices));
	struct places at = {.limits = 0};
	struct usages usages = {.room = 0};
	struct reading reading;
	size_t i;

	*out = (struct risk_turn){0};
	if (people->n == 0)
		return ST_OK;
	reading.low = people->users[0] - 1;
	reading.high = people->users[people->n - 1];
	TRY(risk_prices_read(ctx, prices));
	TRY(db_snapshot(ctx, read_tx, &reading));
	TRY(ask_core(ctx, &reading.figures, out));
	for (i = 0; i < people->n; i++) {
		struct person person = {.user = people->users[i]};

		cut(&reading.figures, &at, &person);
		TRY(look_at(ctx, prices, &person, &usages, out));
	}
	return ST_OK;
}

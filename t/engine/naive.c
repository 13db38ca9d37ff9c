/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive.c - the frame of the naive engine: one command in, one record out.
 */
#include "naive_state.h"

#include <stdlib.h>

#define HOUR_US (INT64_C(3600) * 1000000)

void *
naive_append(void **list, size_t *n, size_t size)
{
	void *element;

	*list = realloc(*list, (*n + 1) * size);
	if (!*list)
		abort();
	element = (char *)*list + *n * size;
	memset(element, 0, size);
	*n += 1;
	return element;
}

void
naive_remove(void *list, size_t *n, size_t size, size_t i)
{
	char *at = (char *)list + i * size;

	assert(i < *n);
	*n -= 1;
	memmove(at, at + size, (*n - i) * size);
}

int64_t
narrow(wide n)
{
	assert(n >= INT64_MIN && n <= INT64_MAX);
	return (int64_t)n;
}

wide
ceil_div(wide a, wide b)
{
	assert(a >= 0 && b > 0);
	return a / b + (a % b != 0);
}

struct naive *
naive_new(const struct engine_options *options)
{
	struct naive *n = calloc(1, sizeof(*n));

	if (!n)
		abort();
	n->instruments = calloc(INSTRUMENTS_MAX, sizeof(*n->instruments));
	if (!n->instruments)
		abort();
	n->options = *options;
	n->forgotten_ms = -1;
	return n;
}

void
naive_free(struct naive *n)
{
	size_t i;

	if (!n)
		return;
	for (i = 0; i < n->n_orders; i++)
		free(n->orders[i]);
	for (i = 0; i < n->n_intents; i++)
		free(n->intents[i].command);
	for (i = 0; i < INSTRUMENTS_MAX; i++) {
		free(n->instruments[i].book[SIDE_BUY]);
		free(n->instruments[i].book[SIDE_SELL]);
	}
	free(n->instruments);
	free(n->users);
	free(n->orders);
	free(n->free_slots);
	free(n->limits);
	free(n->withdrawals);
	free(n->intents);
	free(n->client_ids);
	free(n->sessions);
	free(n);
}

/* ---- The record ---------------------------------------------------------- */

void
begin(struct naive *n, const struct message *command)
{
	n->seq++;
	n->time_us = n->now;
	n->fill = 0;
	n->traded = NULL;
	*n->out = (struct record){
		.length = (uint32_t)(sizeof(*n->out) + command->size),
		.seq = n->seq,
		.time_us = n->now,
	};
	memcpy(n->out + 1, command, command->size);
	touch(n, command->user);
}

void *
emit(struct naive *n, uint16_t type, size_t size, uint32_t user)
{
	struct message *event = (void *)((char *)n->out + n->out->length);

	assert(size % 8 == 0);
	assert(n->out->length + size <= RECORD_MAX_BYTES);
	memset(event, 0, size);
	event->size = (uint16_t)size;
	event->type = type;
	event->user = user;
	n->out->length += (uint32_t)size;
	n->out->n_events++;
	touch(n, user);
	return event;
}

void
touch(struct naive *n, uint32_t user)
{
	struct naive_user *u = find_user(n, user);

	if (u)
		u->last_seq = n->seq;
}

/* ---- Intents ------------------------------------------------------------- */

/* The command's intent; IDENT_NONE where it has none. */
static struct ident
intent_of(const struct message *m)
{
	struct ident id = IDENT_NONE;

	_Static_assert(offsetof(struct cmd_asset_set, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_instrument_set, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_reference_price, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_user_create, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_user_set, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_session_revoke, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_limit_set, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_deposit, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_withdraw_hold, withdrawal) == 8, "");
	_Static_assert(offsetof(struct cmd_withdraw_end, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_correction, intent) == 8, "");
	_Static_assert(offsetof(struct cmd_asset_rate, intent) == 8, "");

	if ((m->type >= CMD_ASSET_SET && m->type <= CMD_CORRECTION) ||
		m->type == CMD_ASSET_RATE)
		memcpy(&id, m + 1, sizeof(id));
	return id;
}

/*
 * An intent is remembered for a day after it was done, or after the time in
 * its own id when that is later: then it is old, and never done again.
 */
static bool
is_over(const struct naive *n, const struct naive_intent *intent)
{
	uint64_t ms, high, low;
	int64_t from = intent->time_us;

	if (ident_split(intent->id, &ms, &high, &low) &&
		(int64_t)ms * 1000 > from)
		from = (int64_t)ms * 1000;
	return from + MEMORY_US <= n->now;
}

struct naive_intent *
find_intent(const struct naive *n, struct ident id)
{
	size_t i;

	for (i = 0; i < n->n_intents; i++)
		if (ident_equal(n->intents[i].id, id) &&
			!is_over(n, &n->intents[i]))
			return &n->intents[i];
	return NULL;
}

static enum refusal
check_intent(struct naive *n, const struct message *m, struct ident id)
{
	const struct naive_intent *before;
	uint64_t ms, low;
	uint64_t high;

	if (ident_is_none(id))
		return REFUSED_NONE;
	if (!ident_split(id, &ms, &high, &low))
		return REFUSED_BAD_COMMAND;
	if ((wide)ms * 1000 > (wide)n->now + HOUR_US)
		return REFUSED_BAD_COMMAND;
	before = find_intent(n, id);
	if (before && before->command->user == m->user &&
		before->command->type == m->type &&
		before->command->size == m->size &&
		memcmp(before->command, m, m->size) == 0) {
		n->done_seq = before->seq;
		return REFUSED_NONE;
	}
	if (before)
		return REFUSED_INTENT_OTHER;
	if ((wide)ms * 1000 <= (wide)n->now - MEMORY_US ||
		(int64_t)ms <= n->forgotten_ms)
		return REFUSED_INTENT_OLD;
	return REFUSED_NONE;
}

static void
forget_oldest_intent(struct naive *n)
{
	free(n->intents[0].command);
	REMOVE(n->intents, n->n_intents, 0);
}

static void
remember_intent(struct naive *n, const struct message *m, struct ident id)
{
	struct naive_intent *intent;
	uint64_t ms, low;
	uint64_t high;

	if (ident_is_none(id))
		return;
	if (n->n_intents == n->options.intents) {
		if (ident_split(n->intents[0].id, &ms, &high, &low) &&
			(int64_t)ms > n->forgotten_ms)
			n->forgotten_ms = (int64_t)ms;
		forget_oldest_intent(n);
	}
	intent = APPEND(n->intents, n->n_intents);
	intent->id = id;
	intent->time_us = n->now;
	intent->seq = n->seq;
	intent->command = malloc(m->size);
	if (!intent->command)
		abort();
	memcpy(intent->command, m, m->size);
}

/* What is over by now; the lists are in the order of their times. */
static void
forget(struct naive *n)
{
	while (n->n_intents > 0 && is_over(n, &n->intents[0]))
		forget_oldest_intent(n);
	while (n->n_client_ids > 0 &&
		n->client_ids[0].time_us + MEMORY_US <= n->now)
		REMOVE(n->client_ids, n->n_client_ids, 0);
	while (n->n_sessions > 0 && n->sessions[0].expires_us <= n->now)
		REMOVE(n->sessions, n->n_sessions, 0);
}

/* ---- Apply --------------------------------------------------------------- */

enum refusal
naive_apply(struct naive *n, int64_t time_us, const struct message *command,
	struct record *out, uint64_t *done_seq)
{
	static enum refusal (*const handlers[])(struct naive *,
		const struct message *) = {
		[CMD_TICK] = do_tick,
		[CMD_ASSET_SET] = do_asset_set,
		[CMD_INSTRUMENT_SET] = do_instrument_set,
		[CMD_REFERENCE_PRICE] = do_reference_price,
		[CMD_USER_CREATE] = do_user_create,
		[CMD_USER_SET] = do_user_set,
		[CMD_SESSION_REVOKE] = do_session_revoke,
		[CMD_LIMIT_SET] = do_limit_set,
		[CMD_DEPOSIT] = do_deposit,
		[CMD_WITHDRAW_HOLD] = do_withdraw_hold,
		[CMD_WITHDRAW_PAY] = do_withdraw_pay,
		[CMD_WITHDRAW_RELEASE] = do_withdraw_release,
		[CMD_CORRECTION] = do_correction,
		[CMD_ORDER_PLACE] = do_order_place,
		[CMD_ORDER_CANCEL] = do_order_cancel,
		[CMD_ORDER_CANCEL_ALL] = do_order_cancel_all,
		[CMD_ORDER_AMEND] = do_order_amend,
		[CMD_ORDER_OCO] = do_order_oco,
		[CMD_CANCEL_AFTER] = do_cancel_after,
		[CMD_RISK_CHECK] = do_risk_check,
		[CMD_ASSET_RATE] = do_asset_rate,
	};
	struct ident intent = intent_of(command);
	enum refusal refused;

	n->now = time_us;
	n->out = out;
	n->done_seq = 0;
	forget(n);
	refused = check_intent(n, command, intent);
	if (!refused && !n->done_seq)
		refused = handlers[command->type](n, command);
	if (!refused && !n->done_seq) {
		remember_intent(n, command, intent);
		trail_stops(n);
	}
	*done_seq = n->done_seq;
	return refused;
}

/* ---- Questions ----------------------------------------------------------- */

struct naive_user *
find_user(const struct naive *n, uint32_t user)
{
	size_t i;

	for (i = 0; i < n->n_users; i++)
		if (n->users[i].number == user)
			return &n->users[i];
	return NULL;
}

struct naive_instrument *
find_instrument(const struct naive *n, uint16_t instrument)
{
	if (instrument >= n->n_instruments)
		return NULL;
	return &n->instruments[instrument];
}

int64_t
find_limit(const struct naive *n, uint32_t user, uint16_t instrument,
	uint8_t type)
{
	size_t i;

	for (i = 0; i < n->n_limits; i++)
		if (n->limits[i].user == user && n->limits[i].type == type &&
			n->limits[i].instrument == instrument)
			return n->limits[i].value;
	return 0;
}

uint64_t
naive_seq(const struct naive *n)
{
	return n->seq;
}

int64_t
naive_time_us(const struct naive *n)
{
	return n->time_us;
}

struct user_facts
naive_user(const struct naive *n, uint32_t user)
{
	const struct naive_user *u = find_user(n, user);

	if (!u)
		return (struct user_facts){.exists = false};
	return (struct user_facts){
		.last_seq = u->last_seq,
		.epoch = u->epoch,
		.role = u->role,
		.locked = u->locked,
		.reduce_only = u->standing.reduce_only,
		.exists = true,
	};
}

bool
naive_session_revoked(const struct naive *n, struct ident session)
{
	size_t i;

	for (i = 0; i < n->n_sessions; i++)
		if (ident_equal(n->sessions[i].id, session) &&
			n->sessions[i].expires_us > n->time_us)
			return true;
	return false;
}

struct balance
naive_balance(const struct naive *n, uint32_t user, uint16_t asset)
{
	const struct naive_user *u = find_user(n, user);

	if (!u || asset >= n->n_assets)
		return (struct balance){0, 0};
	return u->balances[asset];
}

int64_t
naive_house(const struct naive *n, enum account_kind account, uint16_t asset)
{
	return narrow(n->house[account][asset]);
}

size_t
naive_depth(const struct naive *n, uint16_t instrument, enum side side,
	struct depth_level *out, size_t max)
{
	const struct naive_instrument *ins = find_instrument(n, instrument);
	size_t i, levels = 0;
	wide quantity = 0;

	for (i = 0; ins && i < ins->n_book[side]; i++) {
		const struct naive_order *o = ins->book[side][i];

		if (levels == 0 || out[levels - 1].price != o->limit) {
			if (levels == max)
				break;
			out[levels++].price = narrow(o->limit);
			quantity = 0;
		}
		quantity += o->quantity - o->filled;
		out[levels - 1].quantity =
			quantity < INT64_MAX ? (int64_t)quantity : INT64_MAX;
	}
	return levels;
}

const struct instrument_terms *
naive_terms(const struct naive *n, uint16_t instrument)
{
	const struct naive_instrument *ins = find_instrument(n, instrument);

	return ins ? &ins->terms : NULL;
}

unsigned
naive_instruments(const struct naive *n)
{
	return n->n_instruments;
}

int64_t
naive_last_price(const struct naive *n, uint16_t instrument)
{
	const struct naive_instrument *ins = find_instrument(n, instrument);

	return ins ? ins->last_price : 0;
}

int64_t
naive_reference(const struct naive *n, uint16_t instrument)
{
	const struct naive_instrument *ins = find_instrument(n, instrument);

	return ins ? ins->reference_price : 0;
}

uint64_t
naive_open_orders(const struct naive *n)
{
	return n->n_orders;
}

uint64_t
naive_users(const struct naive *n)
{
	return n->n_users;
}

uint64_t
naive_trades(const struct naive *n)
{
	return n->trades;
}

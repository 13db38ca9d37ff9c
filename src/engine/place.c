/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * place.c - accepting a new order.
 */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/lists.h"
#include "engine/place.h"

static bool
client_id_is_good(const struct cmd_order_place *cmd)
{
	size_t i, length = cmd->client_id_length;

	if (length > CLIENT_ID_MAX ||
		offsetof(struct cmd_order_place, client_id) + length >
			cmd->head.size)
		return false;
	for (i = 0; i < length; i++)
		if (cmd->client_id[i] < 0x21 || cmd->client_id[i] > 0x7e)
			return false;
	return true;
}

void
client_key(uint32_t user, const char *id, size_t length, uint64_t key[2])
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(id, length, user);

	key[0] = hash.low64;
	key[1] = hash.high64;
}

/* What "the same terms" means: all that decides what the order does. */
static RARE uint64_t
terms_hash(const struct placing *p)
{
	struct cmd_order_place terms;
	struct cmd_order_oco pair;

	if (p->oco) {
		memcpy(&pair, p->oco, ORDER_OCO_SHORT);
		pair.head = (struct message){0, 0, 0};
		memset(pair.spare, 0, sizeof(pair.spare));
		return XXH3_64bits(&pair, ORDER_OCO_SHORT);
	}
	message_read(&p->cmd->head, &terms, sizeof(terms));
	terms.head = (struct message){0, 0, 0};
	terms.spare = 0;
	terms.client_id_length = 0;
	memset(terms.client_id, 0, sizeof(terms.client_id));
	terms.spare2 = 0;
	return XXH3_64bits(&terms, sizeof(terms));
}

static enum refusal
check_form(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;

	p->user = p->engine->actor;
	if (!p->user)
		return REFUSED_UNKNOWN_USER;
	if (p->user->locked)
		return REFUSED_USER_LOCKED;
	p->terms.instrument = instrument_find(p->engine, cmd->instrument);
	if (!p->terms.instrument)
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (cmd->side > SIDE_SELL)
		return REFUSED_BAD_SIDE;
	if (cmd->type > TYPE_TRAILING_STOP)
		return REFUSED_BAD_TYPE;
	if (cmd->tif > TIF_FOK)
		return REFUSED_BAD_TIF;
	if (cmd->stp > STP_NONE)
		return REFUSED_BAD_STP;
	if ((cmd->flags & ~ORDER_POST_ONLY) != 0 ||
		((cmd->flags & ORDER_POST_ONLY) &&
			(cmd->type != TYPE_LIMIT || cmd->tif != TIF_GTC)))
		return REFUSED_BAD_FLAGS;
	if (has_client_id(cmd) && !client_id_is_good(cmd))
		return REFUSED_BAD_CLIENT_ID;
	return REFUSED_NONE;
}

/* Was it done before?  Then DONE_SEQ says under which sequence. */
static RARE enum refusal
check_memory(const struct placing *p, uint64_t *done_seq)
{
	const struct remembered *entry;
	uint64_t key[2];

	client_key(p->cmd->head.user, p->cmd->client_id,
		p->cmd->client_id_length, key);
	entry = recall_find(&p->engine->client_ids, key, p->engine->now_us);
	if (!entry)
		return REFUSED_NONE;
	if (entry->terms != terms_hash(p))
		return REFUSED_OTHER_TERMS;
	*done_seq = entry->seq;
	return REFUSED_NONE;
}

enum refusal
check_who(struct placing *p, uint64_t *done_seq)
{
	const struct cmd_order_place *cmd = p->cmd;

	TRY_RULE(check_form(p));
	if (has_client_id(cmd)) {
		TRY_RULE(check_memory(p, done_seq));
		if (*done_seq != 0)
			return REFUSED_NONE;
	}
	if (p->terms.instrument->terms.status != MARKET_TRADING)
		return REFUSED_NOT_TRADING;
	if (cmd->side == SIDE_BUY && p->user->reduce_only != REDUCE_NO &&
		reduces_only(p->engine, p->user))
		return REFUSED_REDUCE_ONLY;
	p->terms.side = (enum side)cmd->side;
	p->opposite = &p->terms.instrument->books[cmd->side == SIDE_BUY
			? SIDE_SELL
			: SIDE_BUY];
	return REFUSED_NONE;
}

static enum refusal
check_numbers(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;
	const struct instrument *at = p->terms.instrument;

	switch ((enum order_type)cmd->type) {
	case TYPE_LIMIT:
		TRY_RULE(check_form_limit(p));
		TRY_RULE(check_band(at, cmd->price));
		return value_limit(p);
	case TYPE_MARKET:
		TRY_RULE(check_form_market(p));
		TRY_RULE(check_band(at, cmd->price));
		/* With nobody there it ends unfilled and holds nothing. */
		p->value = cmd->quote_budget;
		return p->opposite->levels == 0 ? REFUSED_NONE
						: value_market(p);
	case TYPE_STOP_LOSS:
	case TYPE_TAKE_PROFIT:
	case TYPE_TRAILING_STOP:
		TRY_RULE(check_form_stop(p));
		TRY_RULE(check_band(at, cmd->price));
		return value_stop(p);
	}
	return REFUSED_BAD_TYPE;
}

/* Is there anything whose value could be too small, or too much? */
static bool
has_value(const struct placing *p)
{
	return p->cmd->type != TYPE_MARKET || p->opposite->levels > 0 ||
		p->cmd->quote_budget != 0;
}

static enum refusal
check_limits(const struct placing *p)
{
	struct exposure buy;

	TRY_RULE(check_value(p->engine, p->user, p->terms.instrument,
		p->value));
	if (p->cmd->side == SIDE_SELL)
		return REFUSED_NONE;
	buy = placing_exposure(p);
	return risk_check(p->engine, &buy);
}

enum refusal
check_open_orders(const struct placing *p, uint32_t n)
{
	int64_t most = p->engine->options.open_orders_user, own;

	own = p->user->limits == NONE
		? 0
		: limit_of(p->engine, p->user, LIMIT_OPEN_ORDERS,
			  INSTRUMENT_ANY);
	if (own != 0 && own < most)
		most = own;
	return (int64_t)p->user->open_orders + n > most ? REFUSED_OPEN_ORDERS
							: REFUSED_NONE;
}

enum refusal
check_available(const struct placing *p, int64_t hold)
{
	const struct instrument_terms *terms = &p->terms.instrument->terms;
	const struct balance *held = balance_of(p->engine, p->user,
		p->terms.side == SIDE_BUY ? terms->quote : terms->base);

	return held->available < hold ? REFUSED_NO_FUNDS : REFUSED_NONE;
}

/* What depends on the book, on his other orders, and on his money. */
static enum refusal
check_state(const struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;

	if (p->stop_ticks != 0 ||
		(cmd->type == TYPE_LIMIT && cmd->tif == TIF_GTC))
		TRY_RULE(check_open_orders(p, 1));
	if ((cmd->flags & ORDER_POST_ONLY) && p->opposite->levels > 0 &&
		crosses(p->terms.side, p->terms.ticks, p->opposite->best))
		return REFUSED_WOULD_TAKE;
	return check_available(p, p->hold);
}

static RARE void
remember(const struct placing *p)
{
	struct engine *engine = p->engine;
	struct recall *ids = &engine->client_ids;
	struct remembered entry = {
		.until_us = engine->now_us + MEMORY_US,
		.seq = engine->seq,
		.terms = terms_hash(p),
		.user = p->cmd->head.user,
		.order = engine->orders[p->slot].id,
	};

	client_key(p->cmd->head.user, p->cmd->client_id,
		p->cmd->client_id_length, entry.key);
	recall_expire(ids, engine->now_us);
	if (p->user->client_ids.count >= engine->options.client_ids_user)
		recall_forget_oldest_of(ids, entry.user);
	else if (recall_full(ids))
		recall_forget_oldest(ids);
	recall_add(ids, &entry);
}

/* What only few orders have is left out of the event of the others. */
static void
emit_opened(const struct placing *p, const struct balance *after)
{
	const struct cmd_order_place *cmd = p->cmd;
	struct engine *engine = p->engine;
	bool whole = has_client_id(cmd) || p->pair != NONE ||
		cmd->type == TYPE_TRAILING_STOP;
	struct ev_order_opened *ev = emit(engine, EV_ORDER_OPENED,
		whole ? sizeof(*ev) : ORDER_OPENED_SHORT, cmd->head.user);

	ev->order = engine->orders[p->slot].id;
	ev->instrument = cmd->instrument;
	ev->side = cmd->side;
	ev->type = cmd->type;
	ev->tif = cmd->tif;
	ev->stp = cmd->stp;
	ev->flags = cmd->flags;
	ev->status = p->stop_ticks != 0 ? ORDER_WAITING : ORDER_OPEN;
	ev->price = cmd->price;
	ev->quantity = cmd->quantity;
	ev->quote_budget = cmd->quote_budget;
	ev->stop_price = p->stop_ticks * p->terms.instrument->terms.tick;
	ev->hold = p->hold;
	ev->after = *after;
	if (!whole)
		return;
	memset((char *)ev + ORDER_OPENED_SHORT, 0,
		sizeof(*ev) - ORDER_OPENED_SHORT);
	if (has_client_id(cmd)) {
		ev->client_id_length = cmd->client_id_length;
		memcpy(ev->client_id, cmd->client_id, cmd->client_id_length);
	}
	if (p->pair != NONE)
		ev->pair = order_ident((uint64_t)engine->now_us / 1000,
			engine->seq, p->pair, cmd->head.user);
	if (cmd->type == TYPE_TRAILING_STOP) {
		ev->trail = p->stop.trail * p->terms.instrument->terms.tick;
		ev->trail_rate = p->stop.trail_rate;
	}
}

enum refusal
take_slot(struct placing *p)
{
	struct engine *engine = p->engine;
	const struct cmd_order_place *cmd = p->cmd;
	const struct instrument *at = p->terms.instrument;

	if (cmd->type == TYPE_TRAILING_STOP &&
		at->trailing[cmd->side].count >= TRAILING_MAX)
		return REFUSED_FULL;
	/* All of it exists from here on: matching never makes room. */
	if (!balance_open(engine, p->user, at->terms.base) ||
		!balance_open(engine, p->user, at->terms.quote) ||
		!position_open(engine, cmd->head.user, cmd->instrument))
		return REFUSED_FULL;
	p->slot = order_take(engine);
	return p->slot == NONE ? REFUSED_FULL : REFUSED_NONE;
}

void
open_order(struct placing *p)
{
	struct engine *engine = p->engine;
	const struct cmd_order_place *cmd = p->cmd;
	const struct instrument_terms *terms = &p->terms.instrument->terms;
	struct order *order = &engine->orders[p->slot];
	bool waits = p->stop_ticks != 0;
	struct balance *held;

	*order = (struct order){
		.id = order_ident((uint64_t)engine->now_us / 1000, engine->seq,
			p->slot, cmd->head.user),
		.ticks = waits ? p->stop_ticks : p->terms.ticks,
		.left = p->terms.lots,
		.hold = p->hold,
		.lots = p->terms.lots,
		.user = cmd->head.user,
		.instrument = cmd->instrument,
		.side = cmd->side,
		.live = LIVE_BOOK,
		.paired = p->pair != NONE,
		.type = cmd->type,
		.acts = cmd->type == TYPE_MARKET ||
				(waits && p->stop.limit == 0)
			? TYPE_MARKET
			: TYPE_LIMIT,
		.budget = cmd->quote_budget,
		.taker_rate = terms->taker_rate,
		.maker_rate = terms->maker_rate,
		.tif = cmd->tif,
		.stp = cmd->stp,
		.flags = cmd->flags,
	};
	if (order->paired)
		engine->stops[p->slot].pair = p->pair;
	held = balance_of(engine, p->user,
		cmd->side == SIDE_BUY ? terms->quote : terms->base);
	held->available -= p->hold;
	held->held += p->hold;
	p->user->last_seq = engine->seq;
	emit_opened(p, held);
	if (has_client_id(cmd))
		remember(p);
	if (!waits)
		return;
	p->stop.pair = p->pair;
	engine->stops[p->slot] = p->stop;
	stop_wait(engine, p->slot);
	order_list(engine, p->slot);
}

enum refusal
apply_order_place(struct engine *engine, const struct cmd_order_place *cmd,
	uint64_t *done_seq)
{
	struct placing p;

	placing_begin(&p, engine, cmd, NULL);
	TRY_RULE(check_who(&p, done_seq));
	if (*done_seq != 0)
		return REFUSED_NONE;
	TRY_RULE(check_numbers(&p));
	if (has_value(&p))
		TRY_RULE(check_limits(&p));
	TRY_RULE(check_state(&p));
	TRY_RULE(take_slot(&p));
	open_order(&p);
	if (p.stop_ticks == 0)
		match(engine, p.slot);
	return REFUSED_NONE;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * place.c - accepting a new order.
 *
 * All checks come before the first change, in an order that is fixed: who,
 * what kind, whether it was done before, the numbers, the market, the limits,
 * and the money last.
 */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/state.h"

/* A new order on its way through the checks. */
struct placing {
	struct engine *engine;
	const struct cmd_order_place *cmd;
	struct user *user;
	struct terms terms;
	const struct ladder *opposite;
	int64_t hold;
	size_t client_id_length;
};

static bool
has_client_id(const struct cmd_order_place *cmd)
{
	return cmd->head.size > ORDER_PLACE_SHORT && cmd->client_id_length > 0;
}

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
static uint64_t
terms_hash(const struct cmd_order_place *cmd)
{
	struct cmd_order_place terms;

	memcpy(&terms, cmd, ORDER_PLACE_SHORT);
	terms.head = (struct message){0, 0, 0};
	terms.spare = 0;
	return XXH3_64bits(&terms, ORDER_PLACE_SHORT);
}

static enum refusal
check_form(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;

	p->user = user_find(p->engine, cmd->head.user);
	if (!p->user)
		return REFUSED_UNKNOWN_USER;
	if (p->user->locked)
		return REFUSED_USER_LOCKED;
	p->terms.instrument = instrument_find(p->engine, cmd->instrument);
	if (!p->terms.instrument)
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (cmd->side > SIDE_SELL)
		return REFUSED_BAD_SIDE;
	if (cmd->type > TYPE_MARKET)
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
static enum refusal
check_memory(const struct placing *p, uint64_t *done_seq)
{
	const struct remembered *entry;
	uint64_t key[2];

	if (!has_client_id(p->cmd))
		return REFUSED_NONE;
	client_key(p->cmd->head.user, p->cmd->client_id,
		p->cmd->client_id_length, key);
	entry = recall_find(&p->engine->client_ids, key, p->engine->now_us);
	if (!entry)
		return REFUSED_NONE;
	if (entry->terms != terms_hash(p->cmd))
		return REFUSED_OTHER_TERMS;
	*done_seq = entry->seq;
	return REFUSED_NONE;
}

static enum refusal
check_limit_numbers(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;
	struct terms *terms = &p->terms;

	if (cmd->quantity <= 0)
		return REFUSED_BAD_QUANTITY;
	if (!divide_exactly(terms->instrument->lot, cmd->quantity,
		    &terms->lots))
		return REFUSED_OFF_LOT;
	if (cmd->quote_budget != 0)
		return REFUSED_BAD_AMOUNT;
	if (cmd->price <= 0)
		return REFUSED_BAD_PRICE;
	if (!divide_exactly(terms->instrument->tick, cmd->price, &terms->ticks))
		return REFUSED_OFF_TICK;
	return REFUSED_NONE;
}

static enum refusal
check_market_numbers(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;

	if (cmd->price != 0)
		return REFUSED_BAD_PRICE;
	if (cmd->quantity < 0 || cmd->quote_budget < 0 ||
		(cmd->quantity == 0 && cmd->quote_budget == 0))
		return REFUSED_BAD_QUANTITY;
	if (cmd->quantity > 0 && cmd->quote_budget > 0)
		return REFUSED_BAD_AMOUNT;
	if (!divide_exactly(p->terms.instrument->lot, cmd->quantity,
		    &p->terms.lots))
		return REFUSED_OFF_LOT;
	return REFUSED_NONE;
}

enum refusal
check_band(const struct instrument *instrument, int64_t price)
{
	const struct instrument_terms *terms = &instrument->terms;
	int64_t around = instrument->last_price != 0 ? instrument->last_price
						     : instrument->reference;
	__int128 scaled = (__int128)price * RATE_SCALE;

	if (terms->band_high == 0)
		return REFUSED_NONE;
	if (around == 0)
		return REFUSED_NO_REFERENCE;
	if (price != 0 &&
		(scaled < (__int128)around * terms->band_low ||
			scaled > (__int128)around * terms->band_high))
		return REFUSED_OUT_OF_BAND;
	return REFUSED_NONE;
}

enum refusal
check_notional(struct terms *terms, uint32_t rate)
{
	int64_t notional, hold;

	if (__builtin_mul_overflow(terms->ticks, terms->lots, &notional) ||
		__builtin_mul_overflow(notional, terms->instrument->unit,
			&notional))
		return REFUSED_TOO_BIG;
	if (terms->side == SIDE_BUY &&
		__builtin_add_overflow(notional,
			ceil_rate((unsigned __int128)(uint64_t)notional * rate),
			&hold))
		return REFUSED_TOO_BIG;
	terms->notional = notional;
	return REFUSED_NONE;
}

enum refusal
check_value(const struct engine *engine, const struct user *user,
	const struct instrument *instrument, __int128 value)
{
	int64_t most;

	if (value < instrument->terms.min_notional)
		return REFUSED_MIN_NOTIONAL;
	if (user->limits == NONE)
		return REFUSED_NONE;
	most = limit_of(engine, user, LIMIT_ORDER_SIZE,
		instrument->terms.instrument);
	return most != 0 && value > most ? REFUSED_ORDER_SIZE : REFUSED_NONE;
}

/* The worst price that a market order may reach. */
static int64_t
collar_ticks(const struct placing *p)
{
	int64_t best = p->opposite->best, ticks;
	uint32_t collar = p->terms.instrument->terms.collar;

	if (p->terms.side == SIDE_BUY) {
		__int128 high = (__int128)best * (RATE_SCALE + collar) /
			RATE_SCALE;

		return high > INT64_MAX ? INT64_MAX : (int64_t)high;
	}
	ticks = (int64_t)(((__int128)best * (RATE_SCALE - collar) + RATE_SCALE -
				  1) /
		RATE_SCALE);
	return ticks < 1 ? 1 : ticks;
}

/* Terms of a market order whose other side is not empty. */
static enum refusal
price_market(struct placing *p, __int128 *value)
{
	const struct cmd_order_place *cmd = p->cmd;
	struct terms *terms = &p->terms;
	const struct instrument *instrument = terms->instrument;
	uint32_t rate = higher_rate(instrument->terms.taker_rate,
		instrument->terms.maker_rate);
	__int128 unit, lots;

	terms->ticks = collar_ticks(p);
	if (cmd->quote_budget == 0) {
		*value = (__int128)p->opposite->best * terms->lots *
			instrument->unit;
		return check_notional(terms, rate);
	}
	*value = cmd->quote_budget;
	if (terms->side == SIDE_BUY) {
		p->hold = cmd->quote_budget;
		return REFUSED_NONE;
	}
	unit = (__int128)terms->ticks * instrument->unit;
	lots = (cmd->quote_budget + unit - 1) / unit;
	if (lots * instrument->terms.lot > INT64_MAX)
		return REFUSED_TOO_BIG;
	p->hold = (int64_t)lots * instrument->terms.lot;
	return REFUSED_NONE;
}

static enum refusal
check_numbers(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;
	struct terms *terms = &p->terms;
	const struct instrument *instrument = terms->instrument;
	bool market = cmd->type == TYPE_MARKET;
	enum refusal refusal = market ? check_market_numbers(p)
				      : check_limit_numbers(p);
	uint32_t rate = higher_rate(instrument->terms.taker_rate,
		instrument->terms.maker_rate);
	__int128 value;

	if (refusal != REFUSED_NONE)
		return refusal;
	if (cmd->stop_price != 0)
		return REFUSED_BAD_STOP_PRICE;
	refusal = check_band(instrument, cmd->price);
	if (refusal != REFUSED_NONE)
		return refusal;
	if (market && p->opposite->levels == 0)
		/* It will end unfilled and holds nothing. */
		return cmd->quote_budget == 0
			? REFUSED_NONE
			: check_value(p->engine, p->user, instrument,
				  cmd->quote_budget);
	if (market) {
		refusal = price_market(p, &value);
	} else {
		refusal = check_notional(terms, rate);
		value = terms->notional;
	}
	if (refusal != REFUSED_NONE)
		return refusal;
	refusal = check_value(p->engine, p->user, instrument, value);
	if (refusal != REFUSED_NONE || (market && cmd->quote_budget != 0))
		return refusal;
	p->hold = terms->side == SIDE_SELL
		? cmd->quantity
		: terms->notional +
			ceil_rate((unsigned __int128)(uint64_t)terms->notional *
				rate);
	return REFUSED_NONE;
}

/* What depends on the book, on his other orders, and on his money. */
static enum refusal
check_state(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;
	const struct instrument_terms *terms = &p->terms.instrument->terms;
	struct engine *engine = p->engine;
	const struct balance *held;
	int64_t most = engine->options.open_orders_user, own;

	if (cmd->type == TYPE_LIMIT && cmd->tif == TIF_GTC) {
		own = p->user->limits == NONE
			? 0
			: limit_of(engine, p->user, LIMIT_OPEN_ORDERS,
				  INSTRUMENT_ANY);
		if (own != 0 && own < most)
			most = own;
		if (p->user->open_orders >= most)
			return REFUSED_OPEN_ORDERS;
	}
	if ((cmd->flags & ORDER_POST_ONLY) && p->opposite->levels > 0 &&
		crosses(p->terms.side, p->terms.ticks, p->opposite->best))
		return REFUSED_WOULD_TAKE;
	held = balance_of(engine, p->user,
		p->terms.side == SIDE_BUY ? terms->quote : terms->base);
	return held->available < p->hold ? REFUSED_NO_FUNDS : REFUSED_NONE;
}

static void
remember(struct placing *p, struct ident order)
{
	struct engine *engine = p->engine;
	struct recall *ids = &engine->client_ids;
	struct remembered entry = {
		.until_us = engine->now_us + MEMORY_US,
		.seq = engine->seq,
		.terms = terms_hash(p->cmd),
		.user = p->cmd->head.user,
		.order = order,
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

static void
emit_opened(struct placing *p, uint32_t slot, const struct balance *after)
{
	const struct cmd_order_place *cmd = p->cmd;
	size_t size = has_client_id(cmd) ? sizeof(struct ev_order_opened)
					 : ORDER_OPENED_SHORT;
	struct ev_order_opened *ev =
		emit(p->engine, EV_ORDER_OPENED, size, cmd->head.user);

	ev->order = order_id(p->engine, slot);
	ev->instrument = cmd->instrument;
	ev->side = cmd->side;
	ev->type = cmd->type;
	ev->tif = cmd->tif;
	ev->stp = cmd->stp;
	ev->flags = cmd->flags;
	ev->status = ORDER_OPEN;
	ev->price = cmd->price;
	ev->quantity = cmd->quantity;
	ev->quote_budget = cmd->quote_budget;
	ev->stop_price = cmd->stop_price;
	ev->hold = p->hold;
	ev->after = *after;
	if (!has_client_id(cmd))
		return;
	memset((char *)ev + ORDER_OPENED_SHORT, 0,
		sizeof(*ev) - ORDER_OPENED_SHORT);
	ev->client_id_length = cmd->client_id_length;
	memcpy(ev->client_id, cmd->client_id, cmd->client_id_length);
}

static enum refusal
open_order(struct placing *p)
{
	struct engine *engine = p->engine;
	const struct cmd_order_place *cmd = p->cmd;
	const struct instrument_terms *terms = &p->terms.instrument->terms;
	struct order *order;
	struct order_more *more;
	struct balance *held;
	uint32_t slot;

	/* Both balances exist from here on: matching never makes room. */
	if (!balance_open(engine, p->user, terms->base) ||
		!balance_open(engine, p->user, terms->quote))
		return REFUSED_FULL;
	slot = order_take(engine, cmd->head.user);
	if (slot == NONE)
		return REFUSED_FULL;
	order = &engine->orders[slot];
	more = &engine->more[slot];
	order->instrument = cmd->instrument;
	order->side = cmd->side;
	order->ticks = p->terms.ticks;
	order->left = p->terms.lots;
	order->hold = p->hold;
	more->lots = p->terms.lots;
	more->budget = cmd->quote_budget;
	more->taker_rate = terms->taker_rate;
	more->maker_rate = terms->maker_rate;
	more->type = cmd->type;
	more->tif = cmd->tif;
	more->stp = cmd->stp;
	more->flags = cmd->flags;
	held = balance_of(engine, p->user,
		cmd->side == SIDE_BUY ? terms->quote : terms->base);
	held->available -= p->hold;
	held->held += p->hold;
	p->user->last_seq = engine->seq;
	emit_opened(p, slot, held);
	if (has_client_id(cmd))
		remember(p, order_id(engine, slot));
	match(engine, slot);
	return REFUSED_NONE;
}

enum refusal
apply_order_place(struct engine *engine, const struct cmd_order_place *cmd,
	uint64_t *done_seq)
{
	struct placing p = {.engine = engine, .cmd = cmd};
	enum refusal refusal = check_form(&p);

	if (refusal != REFUSED_NONE)
		return refusal;
	refusal = check_memory(&p, done_seq);
	if (refusal != REFUSED_NONE || *done_seq != 0)
		return refusal;
	if (p.terms.instrument->terms.status != MARKET_TRADING)
		return REFUSED_NOT_TRADING;
	if (p.user->reduce_only && cmd->side == SIDE_BUY)
		return REFUSED_REDUCE_ONLY;
	p.terms.side = (enum side)cmd->side;
	p.opposite = &p.terms.instrument->books[cmd->side == SIDE_BUY
			? SIDE_SELL
			: SIDE_BUY];
	refusal = check_numbers(&p);
	if (refusal == REFUSED_NONE)
		refusal = check_state(&p);
	if (refusal == REFUSED_NONE)
		refusal = open_order(&p);
	return refusal;
}

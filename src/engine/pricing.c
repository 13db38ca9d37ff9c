/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * pricing.c - the numbers of a new order: are they well formed, and what is
 * it worth and must it hold?
 */
#include <string.h>

#include "engine/place.h"

static enum refusal
check_lots(struct placing *p)
{
	if (p->cmd->quantity <= 0)
		return REFUSED_BAD_QUANTITY;
	if (!divide_exactly(p->terms.instrument->lot, p->cmd->quantity,
		    &p->terms.lots))
		return REFUSED_OFF_LOT;
	return p->cmd->quote_budget != 0 ? REFUSED_BAD_AMOUNT : REFUSED_NONE;
}

struct trail {
	int64_t distance;
	uint32_t rate;
};

/* Zeros in a message that ends before it. */
static struct trail
trail_of(const struct cmd_order_place *cmd)
{
	struct cmd_order_place whole;

	if (__builtin_expect(cmd->head.size <=
			    offsetof(struct cmd_order_place, trail), 1))
		return (struct trail){0, 0};
	message_read(&cmd->head, &whole, sizeof(whole));
	return (struct trail){whole.trail, whole.trail_rate};
}

static enum refusal
check_no_trail(const struct cmd_order_place *cmd)
{
	struct trail trail = trail_of(cmd);

	return trail.distance != 0 || trail.rate != 0 ? REFUSED_BAD_TRAIL
						      : REFUSED_NONE;
}

/* What only a stop has, an order that is none must not have. */
static enum refusal
check_no_stop(const struct cmd_order_place *cmd)
{
	if (cmd->stop_price != 0)
		return REFUSED_BAD_STOP_PRICE;
	return check_no_trail(cmd);
}

enum refusal
check_form_limit(struct placing *p)
{
	TRY_RULE(check_lots(p));
	if (p->cmd->price <= 0)
		return REFUSED_BAD_PRICE;
	if (!divide_exactly(p->terms.instrument->tick, p->cmd->price,
		    &p->terms.ticks))
		return REFUSED_OFF_TICK;
	return check_no_stop(p->cmd);
}

RARE enum refusal
check_form_market(struct placing *p)
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
	return check_no_stop(cmd);
}

/* A trailing stop's distance, and where it begins. */
static enum refusal
check_trail(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;
	const struct instrument *at = p->terms.instrument;
	struct trail trail = trail_of(cmd);
	struct stop *stop = &p->stop;

	if (cmd->stop_price != 0)
		return REFUSED_BAD_STOP_PRICE;
	if ((trail.distance != 0) == (trail.rate != 0) ||
		trail.rate > TRAIL_RATE_MAX ||
		!divide_exactly(at->tick, trail.distance, &stop->trail))
		return REFUSED_BAD_TRAIL;
	if (at->last_price == 0)
		return REFUSED_NO_REFERENCE;
	stop->trail_rate = trail.rate;
	stop->peak = at->last_price;
	p->stop_ticks = trail_ticks((enum side)cmd->side,
		stop->peak / at->terms.tick, stop->trail, stop->trail_rate);
	return p->stop_ticks == 0 || p->stop_ticks > INT64_MAX / at->terms.tick
		? REFUSED_BAD_TRAIL
		: REFUSED_NONE;
}

RARE enum refusal
check_form_stop(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;
	const struct instrument *at = p->terms.instrument;

	p->stop = (struct stop){.limit = 0};
	TRY_RULE(check_lots(p));
	if (cmd->price < 0 ||
		(cmd->price != 0 && cmd->type == TYPE_TRAILING_STOP))
		return REFUSED_BAD_PRICE;
	if (!divide_exactly(at->tick, cmd->price, &p->stop.limit))
		return REFUSED_OFF_TICK;
	if (cmd->type == TYPE_TRAILING_STOP)
		return check_trail(p);
	if (cmd->stop_price <= 0 ||
		!divide_exactly(at->tick, cmd->stop_price, &p->stop_ticks))
		return REFUSED_BAD_STOP_PRICE;
	return check_no_trail(cmd);
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

int64_t
collar_ticks(const struct instrument *instrument, enum side side, int64_t best)
{
	uint32_t collar = instrument->terms.collar;
	int64_t ticks;

	if (side == SIDE_BUY) {
		__int128 high = (__int128)best * (RATE_SCALE + collar) /
			RATE_SCALE;

		return high > INT64_MAX ? INT64_MAX : (int64_t)high;
	}
	ticks = (int64_t)(((__int128)best * (RATE_SCALE - collar) + RATE_SCALE -
				  1) /
		RATE_SCALE);
	return ticks < 1 ? 1 : ticks;
}

static uint32_t
rate_of(const struct instrument *instrument)
{
	return higher_rate(instrument->terms.taker_rate,
		instrument->terms.maker_rate);
}

/* An order of so many lots, reckoned at its ticks. */
static enum refusal
value_lots(struct placing *p)
{
	struct terms *terms = &p->terms;
	uint32_t rate = rate_of(terms->instrument);

	TRY_RULE(check_notional(terms, rate));
	p->hold = terms->side == SIDE_SELL
		? p->cmd->quantity
		: terms->notional +
			ceil_rate((unsigned __int128)(uint64_t)terms->notional *
				rate);
	return REFUSED_NONE;
}

enum refusal
value_limit(struct placing *p)
{
	TRY_RULE(value_lots(p));
	p->value = p->terms.notional;
	return REFUSED_NONE;
}

RARE enum refusal
value_market(struct placing *p)
{
	const struct cmd_order_place *cmd = p->cmd;
	struct terms *terms = &p->terms;
	const struct instrument *instrument = terms->instrument;
	__int128 unit, lots;

	terms->ticks =
		collar_ticks(instrument, terms->side, p->opposite->best);
	if (cmd->quote_budget == 0) {
		p->value = (__int128)p->opposite->best * terms->lots *
			instrument->unit;
		return value_lots(p);
	}
	p->value = cmd->quote_budget;
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

RARE enum refusal
value_stop(struct placing *p)
{
	struct terms *terms = &p->terms;
	const struct stop *stop = &p->stop;

	if (stop->limit != 0)
		terms->ticks = stop->limit;
	else
		terms->ticks = terms->side == SIDE_SELL
			? p->stop_ticks
			: collar_ticks(terms->instrument, SIDE_BUY,
				  p->stop_ticks);
	TRY_RULE(value_lots(p));
	p->value = (__int128)terms->lots *
		(stop->limit != 0 ? stop->limit : p->stop_ticks) *
		terms->instrument->unit;
	return REFUSED_NONE;
}

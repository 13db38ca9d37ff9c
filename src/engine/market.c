/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market.c - assets, instruments and their terms.
 */
#include <string.h>

#include "engine/orders.h"

#define RATE_MAX 100000 /* 10 % */

static bool
is_text(const char *text, size_t size)
{
	return text[0] != '\0' && memchr(text, '\0', size) != NULL;
}

/* Risk is reckoned in the first asset of this code. */
static void
find_account_asset(struct state *state)
{
	uint32_t i;

	for (i = 0; i < state->assets_count; i++)
		if (strcmp(state->assets[i].code, "USD") == 0)
			break;
	state->account_asset = i < state->assets_count ? i : ASSETS_MAX;
}

enum refusal
apply_asset_set(struct engine *engine, const struct cmd_asset_set *cmd)
{
	struct state *state = engine->state;
	struct ev_asset *ev;

	if (cmd->asset > state->assets_count || cmd->asset >= ASSETS_MAX)
		return REFUSED_UNKNOWN_ASSET;
	if (!is_text(cmd->code, sizeof(cmd->code)))
		return REFUSED_BAD_COMMAND;
	if (cmd->asset == state->assets_count)
		state->assets_count++;
	ev = emit(engine, EV_ASSET, sizeof(*ev), USER_HOUSE);
	ev->asset = cmd->asset;
	memset(ev->code, 0, sizeof(ev->code));
	memcpy(ev->code, cmd->code, strlen(cmd->code));
	memset(ev->spare, 0, sizeof(ev->spare));
	memcpy(state->assets[cmd->asset].code, ev->code, sizeof(ev->code));
	find_account_asset(state);
	return REFUSED_NONE;
}

enum refusal
apply_asset_rate(struct engine *engine, const struct cmd_asset_rate *cmd)
{
	struct ev_asset_rate *ev;

	if (cmd->asset >= engine->state->assets_count)
		return REFUSED_UNKNOWN_ASSET;
	if (cmd->rate < 0)
		return REFUSED_BAD_AMOUNT;
	engine->state->assets[cmd->asset].rate = cmd->rate;
	ev = emit(engine, EV_ASSET_RATE, sizeof(*ev), USER_HOUSE);
	ev->asset = cmd->asset;
	memset(ev->spare, 0, sizeof(ev->spare));
	ev->rate = cmd->rate;
	return REFUSED_NONE;
}

static bool
terms_are_sound(const struct state *state, const struct instrument_terms *terms)
{
	int64_t unit;

	return terms->instrument <= state->instruments_count &&
		terms->instrument < INSTRUMENTS_MAX &&
		terms->base != terms->quote &&
		terms->base < state->assets_count &&
		terms->quote < state->assets_count &&
		terms->fee_asset == terms->quote &&
		is_text(terms->symbol, sizeof(terms->symbol)) &&
		terms->tick > 0 && terms->lot > 0 &&
		!__builtin_mul_overflow(terms->tick, terms->lot, &unit) &&
		unit % DECIMAL_ONE == 0 && terms->min_notional >= 0 &&
		terms->maker_rate <= RATE_MAX &&
		terms->taker_rate <= RATE_MAX &&
		terms->band_low <= terms->band_high && terms->collar > 0 &&
		terms->collar < RATE_SCALE && terms->status <= MARKET_DELISTED;
}

/* Whether an instrument may go over from its old terms to the new ones. */
static bool
change_is_sound(const struct instrument *old,
	const struct instrument_terms *terms)
{
	if (terms->base != old->terms.base || terms->quote != old->terms.quote)
		return false;
	if (old->terms.status == MARKET_DELISTED &&
		terms->status != MARKET_DELISTED)
		return false;
	return old->resting + old->waiting_count == 0 ||
		(terms->lot == old->terms.lot &&
			old->terms.tick % terms->tick == 0);
}

/*
 * A finer tick: every price is FACTOR times as many ticks.  Orders are taken
 * out of the old levels and put into the new ones in the same order.
 */
static void
refine_ladder(struct engine *engine, struct ladder *ladder, int64_t factor)
{
	uint32_t first = NONE, last = NONE, slot, next;

	/* Chain all orders through NEXT, best level first. */
	while (ladder->levels > 0) {
		slot = level_of(engine, ladder->best_leaf, ladder->best)->head;
		order_leave(engine, ladder, slot);
		engine->links[slot].next = NONE;
		if (last == NONE)
			first = slot;
		else
			engine->links[last].next = slot;
		last = slot;
	}
	*ladder = (struct ladder){.side = ladder->side};
	for (slot = first; slot != NONE; slot = next) {
		next = engine->links[slot].next;
		engine->orders[slot].ticks *= factor;
		order_join(engine, ladder, slot);
		if (engine->orders[slot].live != LIVE_WAITING)
			continue;
		engine->stops[slot].limit *= factor;
		engine->stops[slot].trail *= factor;
	}
}

static void
refine(struct engine *engine, struct instrument *instrument, int64_t factor)
{
	int side;

	for (side = SIDE_BUY; side <= SIDE_SELL; side++) {
		refine_ladder(engine, &instrument->books[side], factor);
		refine_ladder(engine, &instrument->waiting[side], factor);
	}
}

enum refusal
apply_instrument_set(struct engine *engine,
	const struct cmd_instrument_set *cmd)
{
	struct state *state = engine->state;
	const struct instrument_terms *terms = &cmd->terms;
	struct instrument *instrument;
	struct ev_instrument *ev;
	int64_t factor = 1;
	bool is_new;

	if (!terms_are_sound(state, terms))
		return REFUSED_BAD_TERMS;
	instrument = &state->instruments[terms->instrument];
	is_new = terms->instrument == state->instruments_count;
	if (!is_new && !change_is_sound(instrument, terms))
		return REFUSED_BAD_TERMS;
	if (is_new) {
		instrument->books[SIDE_SELL].side = SIDE_SELL;
		instrument->waiting[SIDE_SELL].side = SIDE_SELL;
		state->instruments_count++;
	} else {
		factor = instrument->terms.tick / terms->tick;
	}
	if (instrument->resting + instrument->waiting_count > 0 && factor != 1)
		refine(engine, instrument, factor);
	instrument->terms = *terms;
	memset(instrument->terms.symbol, 0, sizeof(terms->symbol));
	memcpy(instrument->terms.symbol, terms->symbol, strlen(terms->symbol));
	memset(instrument->terms.spare, 0, sizeof(terms->spare));
	instrument->unit = terms->tick * terms->lot / DECIMAL_ONE;
	instrument->tick = divider_make(terms->tick);
	instrument->lot = divider_make(terms->lot);
	ev = emit(engine, EV_INSTRUMENT, sizeof(*ev), USER_HOUSE);
	ev->terms = instrument->terms;
	if (terms->status == MARKET_DELISTED)
		cancel_book(engine, terms->instrument);
	else
		instrument_watch(engine, instrument);
	return REFUSED_NONE;
}

enum refusal
apply_reference_price(struct engine *engine,
	const struct cmd_reference_price *cmd)
{
	struct instrument *instrument =
		instrument_find(engine, cmd->instrument);
	struct ev_reference_price *ev;
	int64_t ticks;

	if (!instrument)
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (cmd->price <= 0)
		return REFUSED_BAD_PRICE;
	if (!divide_exactly(instrument->tick, cmd->price, &ticks))
		return REFUSED_OFF_TICK;
	instrument->reference = cmd->price;
	ev = emit(engine, EV_REFERENCE_PRICE, sizeof(*ev), USER_HOUSE);
	ev->instrument = cmd->instrument;
	memset(ev->spare, 0, sizeof(ev->spare));
	ev->price = cmd->price;
	return REFUSED_NONE;
}

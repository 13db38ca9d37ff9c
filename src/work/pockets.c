/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * pockets.c - balances out of events.
 */
#include "work/pockets.h"

#include <string.h>

/* The halves of a symbol around its slash are the assets' codes. */
void
pockets_instrument(struct pockets *pockets,
	const struct instrument_terms *terms)
{
	const char *slash = memchr(terms->symbol, '/', SYMBOL_MAX);
	size_t base = slash ? (size_t)(slash - terms->symbol) : 0;
	size_t quote = slash ? strlen(slash + 1) : 0;

	if (base == 0 || base >= ASSET_CODE_MAX || quote >= ASSET_CODE_MAX ||
		terms->base >= ASSETS_MAX || terms->quote >= ASSETS_MAX ||
		terms->instrument >= INSTRUMENTS_MAX)
		return;
	memset(pockets->codes[terms->base], 0, ASSET_CODE_MAX);
	memcpy(pockets->codes[terms->base], terms->symbol, base);
	memcpy(pockets->codes[terms->quote], slash + 1, quote + 1);
	pockets->pairs[terms->instrument].base = terms->base;
	pockets->pairs[terms->instrument].quote = terms->quote;
	pockets->pairs[terms->instrument].known = true;
}

void
pockets_forget(struct pockets *pockets)
{
	memset(pockets->of, 0, sizeof(pockets->of));
}

static void
note(struct pockets *pockets, uint32_t user, uint16_t asset,
	struct balance balance)
{
	unsigned i;

	for (i = 0; i < DEMO_ROBOTS && asset < ASSETS_MAX; i++)
		if (pockets->users[i] == user) {
			pockets->of[i][asset].balance = balance;
			pockets->of[i][asset].known = true;
		}
}

/* The balance of what an order on INSTRUMENT holds. */
static void
note_held(struct pockets *pockets, uint32_t user, uint16_t instrument,
	uint8_t side, struct balance balance)
{
	if (instrument < INSTRUMENTS_MAX && pockets->pairs[instrument].known)
		note(pockets, user,
			side == SIDE_BUY ? pockets->pairs[instrument].quote
					 : pockets->pairs[instrument].base,
			balance);
}

static void
note_trade(struct pockets *pockets, const struct ev_trade *trade)
{
	const struct trade_side *sides[] = {&trade->maker, &trade->taker};
	size_t i;

	for (i = 0; i < N_ELEMENTS(sides); i++) {
		note(pockets, sides[i]->user, trade->base,
			sides[i]->base_after);
		note(pockets, sides[i]->user, trade->quote_asset,
			sides[i]->quote_after);
	}
}

void
pockets_event(struct pockets *pockets, const struct message *event)
{
	const struct ev_order_opened *opened = (const void *)event;
	const struct ev_order_amended *amended = (const void *)event;
	const struct ev_order_closed *closed = (const void *)event;

	if (event->type == EV_TRADE)
		note_trade(pockets, (const void *)event);
	else if (event->type == EV_ORDER_OPENED)
		note_held(pockets, event->user, opened->instrument,
			opened->side, opened->after);
	else if (event->type == EV_ORDER_AMENDED)
		note_held(pockets, event->user, amended->instrument,
			amended->side, amended->after);
	else if (event->type == EV_ORDER_CLOSED)
		note_held(pockets, event->user, closed->instrument,
			closed->side, closed->after);
}

static __int128
total_of(const struct pocket *pocket)
{
	return (__int128)pocket->balance.available + pocket->balance.held;
}

int64_t
pockets_lean(const struct pockets *pockets, unsigned robot, uint16_t asset)
{
	int64_t means = demo_means(robot, pockets->codes[asset]);
	__int128 lean;

	if (means == 0 || !pockets->of[robot][asset].known)
		return 0;
	lean = (total_of(&pockets->of[robot][asset]) - means) * PER_MILLION /
		means;
	return lean > PER_MILLION     ? PER_MILLION
		: lean < -PER_MILLION ? -PER_MILLION
				      : (int64_t)lean;
}

void
pockets_short(struct pockets *pockets, unsigned robot, uint16_t instrument,
	enum side side)
{
	if (instrument < INSTRUMENTS_MAX && pockets->pairs[instrument].known)
		pockets->of[robot][side == SIDE_BUY
				? pockets->pairs[instrument].quote
				: pockets->pairs[instrument].base]
			.empty = true;
}

bool
pockets_find_empty(struct pockets *pockets, unsigned *robot, uint16_t *asset)
{
	unsigned i;

	for (i = 0; i < DEMO_ROBOTS * ASSETS_MAX; i++) {
		unsigned who = i / ASSETS_MAX, of = i % ASSETS_MAX;
		struct pocket *pocket = &pockets->of[who][of];
		int64_t means = demo_means(who, pockets->codes[of]);

		if (!pocket->empty)
			continue;
		pocket->empty = false;
		if (means == 0 ||
			(pocket->known && total_of(pocket) > means / 2))
			continue;
		*robot = who;
		*asset = (uint16_t)of;
		return true;
	}
	return false;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_position.c - what users have of an instrument by trading, at average
 * cost.
 */
#include "naive_state.h"

int64_t
saturate(wide n)
{
	return n > INT64_MAX ? INT64_MAX : n < INT64_MIN ? INT64_MIN
							 : (int64_t)n;
}

static struct position *
position_of(struct naive *n, uint32_t user, uint16_t instrument)
{
	return &find_user(n, user)->positions[instrument];
}

void
book_buy(struct naive *n, uint32_t user, const struct ev_trade *trade,
	struct position *out)
{
	struct position *p = position_of(n, user, trade->instrument);

	if (p->quantity == 0)
		*p = (struct position){.id = trade->trade};
	p->quantity = saturate((wide)p->quantity + trade->quantity);
	p->cost = saturate((wide)p->cost + trade->quote);
	p->bought = saturate((wide)p->bought + trade->quantity);
	p->bought_quote = saturate((wide)p->bought_quote + trade->quote);
	*out = *p;
}

void
book_sell(struct naive *n, uint32_t user, const struct ev_trade *trade,
	struct position *out)
{
	struct position *p = position_of(n, user, trade->instrument);
	wide counted = trade->quantity, removed, proceeds;

	if (p->quantity == 0)
		return;
	if (counted > p->quantity)
		counted = p->quantity;
	removed = counted == p->quantity
		? p->cost : ceil_div(p->cost * counted, p->quantity);
	proceeds = trade->price * counted / DECIMAL_ONE;
	p->realised = saturate(p->realised + proceeds - removed);
	p->quantity = narrow(p->quantity - counted);
	p->cost = narrow(p->cost - removed);
	*out = *p;
	if (p->quantity == 0)
		*p = (struct position){.quantity = 0};
}

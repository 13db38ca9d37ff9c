/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_tick.c - what is done when it is due: a stop is triggered, a dead-man
 * switch goes off, a delisting goes on.  Each TICK does one of them.
 */
#include "naive_state.h"

bool
has_live_orders(const struct naive *n, uint16_t instrument)
{
	size_t i;

	for (i = 0; i < n->n_orders; i++)
		if (n->orders[i]->instrument == instrument)
			return true;
	return false;
}

/* The next to go of a delisted instrument: bids, asks, then what waits. */
static struct naive_order *
next_delisted(const struct naive *n, const struct naive_instrument *ins)
{
	struct naive_order *next = best(ins, SIDE_BUY);

	if (!next)
		next = best(ins, SIDE_SELL);
	if (!next)
		next = first_waiting(n, ins->terms.instrument, true);
	if (!next)
		next = first_waiting(n, ins->terms.instrument, false);
	return next;
}

size_t
cancel_delisted(struct naive *n, struct naive_instrument *ins)
{
	struct naive_order *next;
	size_t done;

	if (ins->terms.status != MARKET_DELISTED)
		return 0;
	for (done = 0; done < CANCELS_MAX; done++) {
		next = next_delisted(n, ins);
		if (!next)
			break;
		cancel_order(n, next, CLOSE_OPERATOR);
	}
	return done;
}

/* ---- The dead-man switch ------------------------------------------------- */

static void
emit_cancel_after(struct naive *n, const struct naive_user *u)
{
	struct ev_cancel_after *e = emit(n, EV_CANCEL_AFTER, sizeof(*e),
		u->number);

	e->due_us = u->due_us;
}

enum refusal
do_cancel_after(struct naive *n, const struct message *m)
{
	struct naive_user *u = find_user(n, m->user);
	struct cmd_cancel_after c;

	message_read(m, &c, sizeof(c));
	if (!u)
		return REFUSED_UNKNOWN_USER;
	if (c.after_us < 0 || c.after_us > CANCEL_AFTER_MAX_US)
		return REFUSED_BAD_AMOUNT;
	begin(n, m);
	u->due_us = c.after_us ? n->now + c.after_us : 0;
	emit_cancel_after(n, u);
	return REFUSED_NONE;
}

/* Whose switch is set to the earliest time; or NULL. */
static struct naive_user *
first_switch(const struct naive *n)
{
	struct naive_user *first = NULL;
	size_t i;

	for (i = 0; i < n->n_users; i++) {
		struct naive_user *u = &n->users[i];

		if (u->due_us == 0)
			continue;
		if (!first || u->due_us < first->due_us ||
			(u->due_us == first->due_us &&
				u->number < first->number))
			first = u;
	}
	return first;
}

/* ---- A tick -------------------------------------------------------------- */

static struct naive_order *
next_stop(const struct naive *n)
{
	struct naive_order *o = NULL;
	unsigned i;

	for (i = 0; !o && i < n->n_instruments; i++)
		o = due_stop(n, (uint16_t)i);
	return o;
}

enum refusal
do_tick(struct naive *n, const struct message *m)
{
	struct naive_order *stop = next_stop(n);
	struct naive_user *u;
	unsigned i;

	begin(n, m);
	if (stop) {
		u = find_user(n, stop->user);
		fire(n, stop);
		mark(n, u->number, u->standing);
		return REFUSED_NONE;
	}
	u = first_switch(n);
	if (u && u->due_us <= n->now) {
		u->due_us = 0;
		emit_cancel_after(n, u);
		cancel_all(n, u->number, INSTRUMENT_ANY, SIDE_BOTH,
			CLOSE_DEADLINE);
		return REFUSED_NONE;
	}
	for (i = 0; i < n->n_instruments; i++)
		if (cancel_delisted(n, &n->instruments[i]) > 0)
			break;
	return REFUSED_NONE;
}

int64_t
naive_deadline_us(const struct naive *n)
{
	const struct naive_user *u = first_switch(n);
	unsigned i;

	for (i = 0; i < n->n_instruments; i++)
		if (n->instruments[i].terms.status == MARKET_DELISTED &&
			has_live_orders(n, (uint16_t)i))
			return n->time_us;
	if (next_stop(n))
		return n->time_us;
	return u ? u->due_us : INT64_MAX;
}

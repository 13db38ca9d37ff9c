/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher_publish.c - keeping the shared book page current.
 */
#include <string.h>

#include "daemons/matcher.h"

static void
mark(struct matcher *m, uint16_t instrument, uint64_t seq)
{
	m->dirty[instrument / 64] |= UINT64_C(1) << (instrument % 64);
	m->slots[instrument].seq = seq;
}

void
publish_note(struct matcher *m, const struct record *record)
{
	const struct message *event = record_events(record);
	uint32_t i;

	if (!m->page)
		return;
	for (i = 0; i < record->n_events; i++, event = message_next(event)) {
		if (event->type == EV_LEVEL) {
			const struct ev_level *level = (const void *)event;

			mark(m, level->instrument, record->seq);
		} else if (event->type == EV_TRADE) {
			const struct ev_trade *trade = (const void *)event;
			struct book_slot *slot = &m->slots[trade->instrument];

			slot->last_quantity = trade->quantity;
			slot->last_side = trade->taker_side;
			slot->last_time_us = record->time_us;
			mark(m, trade->instrument, record->seq);
		} else if (event->type == EV_INSTRUMENT) {
			const struct ev_instrument *set = (const void *)event;

			mark(m, set->terms.instrument, record->seq);
		} else if (event->type == EV_REFERENCE_PRICE) {
			const struct ev_reference_price *ref =
				(const void *)event;

			m->slots[ref->instrument].reference_price = ref->price;
			mark(m, ref->instrument, record->seq);
		}
	}
}

static uint16_t
copy_side(const struct engine *engine, uint16_t instrument, enum side side,
	struct book_level *out)
{
	struct depth_level depth[BOOK_PAGE_LEVELS];
	size_t n = engine_depth(engine, instrument, side, depth,
		BOOK_PAGE_LEVELS);

	_Static_assert(sizeof(struct book_level) == sizeof(struct depth_level),
		"the same two numbers");
	memcpy(out, depth, n * sizeof(*out));
	memset(out + n, 0, (BOOK_PAGE_LEVELS - n) * sizeof(*out));
	return (uint16_t)n;
}

static void
write_slot(struct matcher *m, uint16_t instrument)
{
	struct book_slot *slot = &m->slots[instrument];

	slot->terms = *engine_terms(m->engine, instrument);
	slot->used = 1;
	slot->last_price = engine_last_price(m->engine, instrument);
	slot->n_bids = copy_side(m->engine, instrument, SIDE_BUY, slot->bids);
	slot->n_asks = copy_side(m->engine, instrument, SIDE_SELL, slot->asks);
	book_page_write(m->page, slot);
}

void
publish_dirty(struct matcher *m)
{
	size_t word;

	if (!m->page)
		return;
	for (word = 0; word < N_ELEMENTS(m->dirty); word++)
		for (; m->dirty[word] != 0; m->dirty[word] &= m->dirty[word] - 1)
			write_slot(m, (uint16_t)(word * 64 +
				(unsigned)__builtin_ctzll(m->dirty[word])));
}

void
publish_all(struct matcher *m)
{
	unsigned i;

	for (i = 0; i < engine_instruments(m->engine); i++) {
		m->slots[i].seq = engine_seq(m->engine);
		m->slots[i].reference_price =
			engine_reference(m->engine, (uint16_t)i);
		write_slot(m, (uint16_t)i);
	}
}

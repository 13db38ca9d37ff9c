/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * book_page.h - the books, last prices and the durable mark in shared memory.
 *
 * matcherd writes, everybody else maps the file and reads: no round trip, and
 * no reader slows matching.  Each instrument has a slot under a sequence lock
 * of its own (odd while it is written); a reader copies the slot and tries
 * again if it changed meanwhile, a bounded number of times.
 *
 * The file outlives matcherd.  One that died within a write has left an odd
 * number: that slot reads as ST_UNAVAILABLE until the next matcherd, which
 * writes every slot anew, has done so.
 *
 * Order within matcherd: sync, slots, durable sequence, answers, doorbells.
 * So who has been answered, or has heard the bell, finds the page current.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "journal/reason.h"
#include "wire/command.h"
#include "wire/message.h"

#define BOOK_PAGE_LEVELS 50

struct book_level {
	int64_t price;
	int64_t quantity;
};

/* Copied as 64-bit words; a new field goes to the end. */
struct book_slot {
	struct instrument_terms terms; /* symbol, tick, lot, rates, status */
	uint64_t seq;           /* of the last command that changed the slot */
	int64_t last_price;     /* of the last trade; 0: none yet */
	int64_t last_quantity;
	int64_t last_time_us;
	int64_t reference_price; /* 0: none */
	uint16_t used;           /* 1: there is such an instrument */
	uint8_t last_side;       /* the taker's */
	uint8_t spare[1];
	uint16_t n_bids; /* levels that follow, best first */
	uint16_t n_asks;
	struct book_level bids[BOOK_PAGE_LEVELS];
	struct book_level asks[BOOK_PAGE_LEVELS];
};

struct book_page;

/* ---- matcherd ---- */

/*
 * Make the page at PATH, or take over what is there.  A slot that its last
 * writer left half written is emptied; if the page belongs to another journal
 * all are.  Then write each instrument's slot and call book_page_ready().
 */
enum status book_page_create(const char *path, struct ident journal,
	struct book_page **out, struct reason *reason) MUST_USE;

/* Publish the slot of SLOT->terms.instrument. */
void book_page_write(struct book_page *page, const struct book_slot *slot);

/* From now on durable_seq and started_us are those of this process. */
void book_page_ready(struct book_page *page, int64_t started_us,
	uint64_t durable_seq);

/* After each sync, after the slots. */
void book_page_set_durable(struct book_page *page, uint64_t durable_seq);

/* About once a second: the matcher is alive at NOW_US. */
void book_page_beat(struct book_page *page, int64_t now_us);

/* ---- readers ---- */

/* ST_NOT_FOUND: matcherd has not made it yet.  ST_CONFLICT: other version. */
enum status book_page_open(const char *path, struct book_page **out,
	struct reason *reason) MUST_USE;

/*
 * Copy the slot of INSTRUMENT.  ST_NOT_FOUND: no such instrument.
 * ST_UNAVAILABLE: it is (still) being written.
 */
enum status book_page_read(const struct book_page *page, uint16_t instrument,
	struct book_slot *out) MUST_USE;

/* The number of the instrument called SYMBOL; ST_NOT_FOUND. */
enum status book_page_find(const struct book_page *page, const char *symbol,
	uint16_t *instrument) MUST_USE;

/*
 * The sequence of the last command that changed the slot, without copying it;
 * 0 while it is written or unused.  Cheap: to see whether there is news.
 */
uint64_t book_page_slot_seq(const struct book_page *page, uint16_t instrument);

uint64_t book_page_durable_seq(const struct book_page *page);
struct ident book_page_journal(const struct book_page *page);
int64_t book_page_started_us(const struct book_page *page);
int64_t book_page_beat_us(const struct book_page *page);

/*
 * The matcher's time now, which its commands are stamped with: for an hour's
 * jump of the wall clock it may be an hour away from that for weeks.
 */
int64_t book_page_now_us(const struct book_page *page);

/*
 * Map the file again if another has taken its place (a new version, a wiped
 * run directory).  To be called now and then, about once a second.
 */
enum status book_page_refresh(struct book_page *page) MUST_USE;

/* Either side.  The file stays. */
void book_page_close(struct book_page *page);

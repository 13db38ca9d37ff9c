/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * feed.h - what happens, from the journal and the book page to the hub.
 *
 * Books are the shared page's (its best 50 levels are what a follower is shown
 * anyway); trades, users' own events, locks and ended sessions are read from
 * the journal, from where it ended when the feed was opened.  docs/decisions.md
 * says why.
 *
 * A feed that meets something that it cannot handle stops for good: nothing
 * is skipped.
 */
#pragma once

#include <stdint.h>

#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"
#include "stream/hub.h"

struct feed;

struct feed_files {
	struct disk *disk;
	const char *journal;
	const char *archive;
	const char *book_page;
	const char *bells; /* directory */
	const char *name;  /* of our doorbell there */
};

/*
 * Stand at the journal's end, with the books as they are there.
 * ST_UNAVAILABLE: the matcher has not made its files yet (or is about to make
 * them anew); try again.  Else as journal_reader_open().
 */
enum status feed_open(struct hub *hub, const struct feed_files *files,
	struct feed **out, struct reason *reason) MUST_USE;
void feed_close(struct feed *feed);

/* Readable when the matcher rings. */
int feed_bell(const struct feed *feed);

/*
 * Hand on at most RECORDS_MAX records, and show what books may be shown.
 * ST_OK: that was all there is.  ST_CONFLICT: there is more, come again soon.
 * ST_INTERNAL: it has stopped; see feed_reason().
 */
enum status feed_turn(struct feed *feed, unsigned records_max) MUST_USE;

/* Show the books that may be shown; to be called when one is due. */
void feed_show(struct feed *feed);
/* When the next one is, by the hub's clock; INT64_MAX: none is waiting. */
int64_t feed_due_us(const struct feed *feed);

/*
 * About once a second: has the page been made anew?  ST_INTERNAL when it
 * belongs to another journal than ours.
 */
enum status feed_look(struct feed *feed) MUST_USE;

/* The last record handed on. */
uint64_t feed_seq(const struct feed *feed);
/* The sentence after ST_INTERNAL. */
const char *feed_reason(const struct feed *feed);

/* ---- For tests, which bring records of their own ---- */

/* Hand on one record.  ST_INVALID: it holds an event of an unknown type. */
enum status feed_record(struct hub *hub, const struct record *record) MUST_USE;

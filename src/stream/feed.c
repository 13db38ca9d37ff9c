/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * feed.c - following the journal, and looking at the page between records.
 *
 * Matcherd publishes a slot after its command is on disk and before it says
 * so.  Hence, with D the durable sequence, read before the slot, and F what
 * the journal has been read up to (F <= D):
 *
 *  - the slot holds all up to D at least;
 *  - a slot whose own sequence S is at most F is the book as of F: nothing
 *    between S and F changed it.  It may be shown at once;
 *  - one with S > F is ahead of the journal.  It is kept, and shown between
 *    the record S and the one behind it.
 */
#include "stream/feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/book_page.h"
#include "journal/doorbell.h"
#include "journal/reader.h"
#include "stream/hub_state.h"
#include "stream/topic.h"

/* A slot that is being written is looked at again after so long. */
#define BUSY_US INT64_C(10000)
/* So many records are read into the history at the start: some 0.1 s. */
#define WARM_RECORDS UINT64_C(100000)

struct feed {
	struct hub *hub;
	struct feed_files files;
	struct book_page *page;
	struct journal_reader *reader;
	int bell;
	int64_t busy_until_us; /* some slot was being written */
	uint64_t show_at;      /* a kept slot may be shown after this record */
	struct reason reason;
};

/* ---- Books ------------------------------------------------------------- */

static void
show(struct feed *feed, struct topic *topic)
{
	if (topic->has_taken && topic->taken.seq <= feed_seq(feed))
		topic_show(topic);
}

/* The next record after which some kept slot may be shown. */
static void
plan(struct feed *feed)
{
	const struct topic *topic;
	size_t i;

	feed->show_at = UINT64_MAX;
	for (i = 0; i < INSTRUMENTS_MAX; i++) {
		topic = feed->hub->topics[i];
		if (topic && topic->has_taken &&
			topic->taken.seq < feed->show_at)
			feed->show_at = topic->taken.seq;
	}
}

/* Read the slot of a topic, if there is news and the time has come. */
static void
look(struct feed *feed, struct topic *topic)
{
	struct hub *hub = feed->hub;
	struct book_slot slot;
	uint64_t as_of, seq;

	if (!topic->dirty || topic->has_taken ||
		topic->not_before_us > hub->now_us)
		return;
	as_of = book_page_durable_seq(feed->page);
	seq = book_page_slot_seq(feed->page, topic->instrument);
	if (topic->known && seq == topic->shown.seq && topic->n_waiting == 0) {
		topic->dirty = false;
		return;
	}
	if (seq == 0 || book_page_read(feed->page, topic->instrument, &slot) !=
				ST_OK) {
		feed->busy_until_us = hub->now_us + BUSY_US;
		topic_relent(topic);
		return;
	}
	topic_take(topic, &slot, as_of);
	show(feed, topic);
}

void
feed_show(struct feed *feed)
{
	size_t i;

	for (i = 0; i < INSTRUMENTS_MAX; i++)
		if (feed->hub->topics[i])
			tape_show(feed->hub->topics[i]);
	if (feed->busy_until_us > feed->hub->now_us)
		return;
	for (i = 0; i < INSTRUMENTS_MAX; i++)
		if (feed->hub->topics[i])
			look(feed, feed->hub->topics[i]);
	plan(feed);
}

int64_t
feed_due_us(const struct feed *feed)
{
	const struct topic *topic;
	int64_t due_us = INT64_MAX, tape_us = INT64_MAX;
	size_t i;

	for (i = 0; i < INSTRUMENTS_MAX; i++) {
		topic = feed->hub->topics[i];
		if (topic && topic->dirty && !topic->has_taken &&
			topic->not_before_us < due_us)
			due_us = topic->not_before_us;
		if (topic && tape_due_us(topic) < tape_us)
			tape_us = tape_due_us(topic);
	}
	if (due_us < feed->busy_until_us)
		due_us = feed->busy_until_us;
	return due_us < tape_us ? due_us : tape_us;
}

/* ---- Records ----------------------------------------------------------- */

static enum status
next_record(struct feed *feed)
{
	const struct record *record;
	enum status status = journal_reader_next(feed->reader, &record);
	size_t i;

	if (status == ST_NOT_FOUND)
		return status;
	if (status != ST_OK)
		return reason_set(&feed->reason, ST_INTERNAL, "%s",
			journal_reader_reason(feed->reader));
	if (feed_record(feed->hub, record) != ST_OK)
		return reason_set(&feed->reason, ST_INTERNAL,
			"record %" PRIu64
			" holds an event that this program does not know",
			record->seq);
	if (record->seq < feed->show_at)
		return ST_OK;
	for (i = 0; i < INSTRUMENTS_MAX; i++)
		if (feed->hub->topics[i])
			show(feed, feed->hub->topics[i]);
	plan(feed);
	return ST_OK;
}

enum status
feed_turn(struct feed *feed, unsigned records_max)
{
	enum status status = ST_OK;
	uint64_t rung;
	unsigned n;

	/* The rings first: one that comes from now on wakes us again. */
	if (doorbell_take(feed->bell, &rung) != ST_OK)
		rung = 0;
	journal_reader_limit(feed->reader, book_page_durable_seq(feed->page));
	for (n = 0; n < records_max && status == ST_OK; n++)
		status = next_record(feed);
	feed_show(feed);
	if (status == ST_NOT_FOUND)
		return ST_OK;
	return status == ST_OK ? ST_CONFLICT : status;
}

uint64_t
feed_seq(const struct feed *feed)
{
	return journal_reader_seq(feed->reader);
}

int
feed_bell(const struct feed *feed)
{
	return feed->bell;
}

const char *
feed_reason(const struct feed *feed)
{
	return feed->reason.text;
}

/* ---- Beginning and end ------------------------------------------------- */

/* Is the page that of our journal, by a matcher that is through its start? */
static bool
page_fits(const struct feed *feed)
{
	return ident_equal(book_page_journal(feed->page),
		       journal_reader_identity(feed->reader)) &&
	       book_page_started_us(feed->page) != 0;
}

/* The records behind which the feed begins go into the history. */
static enum status
warm_up(struct feed *feed, uint64_t begin, struct reason *reason)
{
	const struct record *record;
	enum status status = ST_OK;

	journal_reader_limit(feed->reader, begin);
	hub_begin(feed->hub, journal_reader_seq(feed->reader));
	while (journal_reader_seq(feed->reader) < begin && status == ST_OK) {
		status = journal_reader_next(feed->reader, &record);
		if (status == ST_OK)
			hub_updates(feed->hub, record, true);
	}
	if (status == ST_OK)
		return ST_OK;
	return reason_set(reason, status, "%s",
		journal_reader_reason(feed->reader));
}

/*
 * Stand at the end, having read a little of what was before: who was cut off
 * by our end comes back to us, and wants to know what he missed.
 */
static enum status
open_journal(struct feed *feed, struct reason *reason)
{
	const struct feed_files *files = &feed->files;
	uint64_t begin = book_page_durable_seq(feed->page);
	uint64_t from = begin > WARM_RECORDS ? begin - WARM_RECORDS : 0;
	enum status status = journal_reader_open(files->disk, files->journal,
		files->archive, from, &feed->reader, reason);

	if (status == ST_NOT_FOUND && from < begin) /* pruned */
		status = journal_reader_open(files->disk, files->journal,
			files->archive, begin, &feed->reader, reason);
	TRY(status);
	return warm_up(feed, begin, reason);
}

static enum status
open_files(struct feed *feed, struct reason *reason)
{
	const struct feed_files *files = &feed->files;
	enum status status;

	TRY(doorbell_bind(files->bells, files->name, &feed->bell, reason));
	status = book_page_open(files->book_page, &feed->page, reason);
	if (status != ST_OK)
		return status == ST_NOT_FOUND ? ST_UNAVAILABLE : status;
	status = open_journal(feed, reason);
	if (status != ST_OK)
		return status == ST_NOT_FOUND ? ST_UNAVAILABLE : status;
	if (!page_fits(feed))
		return reason_set(reason, ST_UNAVAILABLE,
			"%s is not that of the journal in %s",
			files->book_page, files->journal);
	return ST_OK;
}

enum status
feed_open(struct hub *hub, const struct feed_files *files, struct feed **out,
	struct reason *reason)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	struct book_slot slot;
	enum status status;
	uint16_t i;

	if (!feed)
		abort();
	feed->hub = hub;
	feed->files = *files;
	feed->bell = -1;
	status = open_files(feed, reason);
	if (status != ST_OK) {
		feed_close(feed);
		return status;
	}
	hub->page = feed->page;
	for (i = 0; i < INSTRUMENTS_MAX; i++)
		if (book_page_read(feed->page, i, &slot) != ST_NOT_FOUND)
			topic_get(hub, i)->dirty = true;
	feed_show(feed);
	*out = feed;
	return ST_OK;
}

void
feed_close(struct feed *feed)
{
	if (!feed)
		return;
	feed->hub->page = NULL;
	if (feed->bell >= 0)
		doorbell_unbind(feed->files.bells, feed->files.name,
			feed->bell);
	journal_reader_close(feed->reader);
	if (feed->page)
		book_page_close(feed->page);
	free(feed);
}

enum status
feed_look(struct feed *feed)
{
	enum status status = book_page_refresh(feed->page);
	struct ident journal = book_page_journal(feed->page);
	size_t i;

	/* One that is just being made is not anybody's yet. */
	if ((status != ST_OK && status != ST_NOT_FOUND) ||
		(!ident_is_none(journal) &&
			!ident_equal(journal,
				journal_reader_identity(feed->reader))))
		return reason_set(&feed->reason, ST_INTERNAL,
			"%s is not that of our journal any more",
			feed->files.book_page);
	/* A matcher that died between the page and the bell is caught up. */
	for (i = 0; i < INSTRUMENTS_MAX; i++)
		if (feed->hub->topics[i] &&
			book_page_slot_seq(feed->page, (uint16_t)i) !=
				feed->hub->topics[i]->shown.seq)
			feed->hub->topics[i]->dirty = true;
	return ST_OK;
}

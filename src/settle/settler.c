/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * settler.c - the reader at one end, the sink at the other.
 */
#include "settle/settler.h"

#include <stdlib.h>

#include "journal/reader.h"

struct settler {
	struct journal_reader *reader;
	struct settle_sink *sink;
	struct settle_batch *batch;
	uint64_t applied_seq;
	bool full;             /* the batch is complete, and not yet taken */
	enum status halted;    /* ST_OK: not */
	struct reason reason;  /* of the halt, or of not opening */
	struct reason trouble; /* of the last write */
};

/* The identity that the sink follows: its own, or that of a new journal. */
static enum status
take_position(struct settler *s, struct disk *disk, const char *dir,
	struct ident *journal)
{
	uint64_t durable_seq;
	enum status status =
		s->sink->position(s->sink, journal, &s->applied_seq, s->batch);

	if (status == ST_OK)
		return ST_OK;
	if (status != ST_NOT_FOUND)
		return reason_set(&s->reason,
			status == ST_CONFLICT ? ST_CONFLICT : ST_UNAVAILABLE,
			"MySQL: %s", s->sink->reason(s->sink));
	s->applied_seq = 0;
	TRY(journal_mark(disk, dir, journal, &durable_seq, &s->reason));
	status = s->sink->adopt(s->sink, *journal);
	/* Lost or not, it is looked for again. */
	return status == ST_OK ? ST_OK
			       : reason_set(&s->reason, ST_UNAVAILABLE,
					 "MySQL: %s", s->sink->reason(s->sink));
}

static enum status
take_journal(struct settler *s, struct disk *disk, const char *dir,
	const char *archive, struct ident journal)
{
	char ours[IDENT_TEXT_MAX], theirs[IDENT_TEXT_MAX];
	struct ident found;
	enum status status = journal_reader_open(
		disk, dir, archive, s->applied_seq, &s->reader, &s->reason);

	if (status == ST_NOT_FOUND && s->applied_seq > 0)
		return ST_CONFLICT; /* there was one, and the reason says it */
	TRY(status);
	found = journal_reader_identity(s->reader);
	if (ident_equal(found, journal))
		return ST_OK;
	ident_format(journal, ours);
	ident_format(found, theirs);
	return reason_set(&s->reason, ST_CONFLICT,
		"MySQL was settled from journal %s, and %s holds journal %s: "
		"set the right mysql.database or paths.journal",
		ours, dir, theirs);
}

enum status
settler_open(struct disk *disk, const char *dir, const char *archive,
	struct settle_sink *sink, struct settler **out, struct reason *reason)
{
	struct settler *s = calloc(1, sizeof(*s));
	struct ident journal = IDENT_NONE;
	enum status status;

	if (!s)
		abort();
	s->sink = sink;
	s->batch = settle_batch_new();
	status = take_position(s, disk, dir, &journal);
	if (status == ST_OK)
		status = take_journal(s, disk, dir, archive, journal);
	if (status != ST_OK) {
		*reason = s->reason;
		settler_free(s);
		return status;
	}
	*out = s;
	return ST_OK;
}

void
settler_free(struct settler *s)
{
	if (!s)
		return;
	if (s->reader)
		journal_reader_close(s->reader);
	settle_batch_free(s->batch);
	free(s);
}

/* ---- A batch ---------------------------------------------------------- */

/*
 * Read until the limit or the bound.  What was read before a failure is kept:
 * it is sound, and is settled before the halt.
 */
static enum status
read_records(struct settler *s, uint64_t durable_seq)
{
	struct settle_batch *batch = s->batch;
	const struct record *record;
	enum status status;

	journal_reader_limit(s->reader, durable_seq);
	while (batch->n_records < SETTLE_RECORDS_MAX &&
		settle_batch_size(batch) < SETTLE_ROWS_MAX) {
		status = journal_reader_next(s->reader, &record);
		if (status == ST_NOT_FOUND)
			return ST_OK;
		if (status != ST_OK)
			return reason_set(&s->reason, status, "%s",
				journal_reader_reason(s->reader));
		status = settle_batch_add(batch, record);
		if (status != ST_OK)
			return reason_set(
				&s->reason, status, "%s", batch->reason);
	}
	return ST_OK;
}

enum status
settler_gather(struct settler *s, uint64_t durable_seq)
{
	enum status status;

	if (s->full)
		return ST_OK;
	if (s->halted != ST_OK)
		return s->halted;
	status = read_records(s, durable_seq);
	if (status != ST_OK)
		s->halted = status;
	/* What was sound before a halt is still to be delivered. */
	s->full = s->batch->n_records > 0;
	if (s->full)
		return ST_OK;
	return status == ST_OK ? ST_NOT_FOUND : status;
}

enum status
settler_deliver(struct settler *s)
{
	enum status status = s->sink->write(s->sink, s->batch);

	if (status == ST_OK) {
		s->applied_seq = s->batch->last_seq;
		settle_batch_clear(s->batch);
		s->full = false;
		return ST_OK;
	}
	if (status != ST_CONFLICT)
		return reason_set(&s->trouble, ST_UNAVAILABLE, "MySQL: %s",
			s->sink->reason(s->sink));
	s->full = false;
	s->halted = ST_CONFLICT;
	return reason_set(
		&s->reason, ST_CONFLICT, "MySQL: %s", s->sink->reason(s->sink));
}

enum status
settler_step(struct settler *s, uint64_t durable_seq)
{
	TRY(settler_gather(s, durable_seq));
	return settler_deliver(s);
}

uint64_t
settler_applied_seq(const struct settler *s)
{
	return s->applied_seq;
}

struct ident
settler_journal(const struct settler *s)
{
	return journal_reader_identity(s->reader);
}

int64_t
settler_waiting_since_us(const struct settler *s)
{
	return s->batch->n_records > 0 ? s->batch->first_us : 0;
}

size_t
settler_batch_records(const struct settler *s)
{
	return s->batch->n_records;
}

size_t
settler_batch_rows(const struct settler *s)
{
	return settle_batch_size(s->batch);
}

const char *
settler_reason(const struct settler *s)
{
	return s->halted != ST_OK && !s->full ? s->reason.text
					      : s->trouble.text;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reader.h - following the journal from another process.
 *
 * A reader is opened after a sequence and hands out one record after the
 * other, across segments and out of the archive, as far as its limit and no
 * further.  The limit is what matcherd says is on disk: the book page's
 * durable sequence, once a doorbell has rung (journal/doorbell.h), or the
 * mark that the journal itself keeps (up to a second old).
 *
 * Everything is checked on the way: checksums, chaining, sequence and the
 * form of each record.  What is at or below the limit and is not right is
 * damage, and the follower must halt and say so, not skip.
 *
 *	journal_reader_limit(reader, durable_seq);
 *	while ((status = journal_reader_next(reader, &record)) == ST_OK)
 *		…
 *	if (status != ST_NOT_FOUND)
 *		halt: journal_reader_reason(reader)
 */
#pragma once

#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"
#include "wire/record.h"

struct journal_reader;

/*
 * Stand behind AFTER_SEQ (0: at the very beginning).  Nothing is handed out
 * before a limit is set.  ST_NOT_FOUND: there is no journal in DIR (yet), or
 * it has been pruned beyond AFTER_SEQ.  ST_CONFLICT: the journal is shorter
 * than AFTER_SEQ, so it is not the one that was read before.  ST_INTERNAL:
 * damage.  ARCHIVE may be NULL.
 */
enum status journal_reader_open(struct disk *disk, const char *dir,
	const char *archive, uint64_t after_seq, struct journal_reader **out,
	struct reason *reason) MUST_USE;
void journal_reader_close(struct journal_reader *reader);

/* Everything up to DURABLE_SEQ is on disk.  A lower one than before: ignored. */
void journal_reader_limit(struct journal_reader *reader, uint64_t durable_seq);

/*
 * The next record; it stays valid until the next call.  ST_NOT_FOUND at the
 * limit; ST_INTERNAL on damage, and from then on.
 */
enum status journal_reader_next(struct journal_reader *reader,
	const struct record **out) MUST_USE;

/* The last record handed out, or AFTER_SEQ. */
uint64_t journal_reader_seq(const struct journal_reader *reader);
/* Which journal this is; to be compared with what the follower remembers. */
struct ident journal_reader_identity(const struct journal_reader *reader);
/* The sentence after a failure. */
const char *journal_reader_reason(const struct journal_reader *reader);

/*
 * The identity and the durable mark of the journal in DIR, as its superblocks
 * have them.  ST_NOT_FOUND: there is no journal.
 */
enum status journal_mark(struct disk *disk, const char *dir,
	struct ident *identity, uint64_t *durable_seq,
	struct reason *reason) MUST_USE;

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_journal.c - "quantoractl journal": check, show and prune the journal.
 *
 * All of it works on the files alone, with or without a matcher.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemons/ctl.h"
#include "journal/prune.h"
#include "journal/reader.h"
#include "journal/verify.h"
#include "wire/event.h"

static const char *
journal_dir(const struct ctl *ctl)
{
	return conf_text(ctl->conf, CONF_PATHS_JOURNAL);
}

static const char *
archive_dir(const struct ctl *ctl)
{
	return conf_text(ctl->conf, CONF_PATHS_ARCHIVE);
}

/* All of TEXT is a number. */
static bool
read_seq(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* ---- verify ---- */

static void
print_report(const struct journal_report *report)
{
	char name[IDENT_TEXT_MAX];

	ident_format(report->journal, name);
	printf("journal %s\n", name);
	printf("  segments   %" PRIu64 ", %" PRIu64 " of them archived\n",
		report->segments, report->archived);
	printf("  records    %" PRIu64 ", sequence %" PRIu64 " to %" PRIu64
	       "\n",
		report->records, report->first_seq, report->last_seq);
	printf("  known to be on disk up to %" PRIu64 "%s\n", report->mark,
		report->live ? "; a matcher is writing, what is newer was not "
			       "looked at"
			     : "");
	if (report->torn)
		printf("  behind the end stands a torn frame, which the next "
		       "start drops\n");
	printf("  snapshots  %u\n", report->snapshots);
}

static int
verify(struct ctl *ctl, int argc, char **argv)
{
	struct journal_report report;
	struct reason reason = {""};
	enum status status;

	(void)argv;
	if (argc != 1)
		return CTL_USAGE;
	status = journal_verify(disk_posix(), journal_dir(ctl),
		archive_dir(ctl), &report, &reason);
	if (status != ST_OK)
		return ctl_complain("the journal is not sound: %s",
			reason.text);
	print_report(&report);
	if (report.snapshots_bad > 0)
		return ctl_complain("%u snapshots are not sound: %s",
			report.snapshots_bad, report.snapshot.text);
	printf("sound\n");
	return CTL_OK;
}

/* ---- dump ---- */

static void
print_record(const struct record *record)
{
	const struct message *message = record_command(record);
	char when[CLOCK_TEXT_MAX];

	clock_format(record->time_us, 6, when);
	printf("%" PRIu64 " %s %s user=%" PRIu32, record->seq, when,
		command_name(message->type), message->user);
	for (uint32_t i = 0; i < record->n_events; i++) {
		message = message_next(message);
		printf("%s%s", i == 0 ? " events=" : ",",
			event_name(message->type));
		if (message->user != record_command(record)->user)
			printf(":%" PRIu32, message->user);
	}
	putchar('\n');
}

/* From FIRST to LAST; without LAST as far as the durable mark. */
static int
print_records(struct ctl *ctl, uint64_t first, uint64_t last)
{
	struct journal_reader *reader;
	const struct record *record;
	struct reason reason = {""};
	enum status status;
	int code = CTL_OK;

	status = journal_reader_open(disk_posix(), journal_dir(ctl),
		archive_dir(ctl), first - 1, &reader, &reason);
	if (status != ST_OK)
		return ctl_complain("%s", reason.text);
	journal_reader_limit(reader, last);
	while ((status = journal_reader_next(reader, &record)) == ST_OK)
		print_record(record);
	if (status != ST_NOT_FOUND)
		code = ctl_complain("%s", journal_reader_reason(reader));
	journal_reader_close(reader);
	return code;
}

static int
dump(struct ctl *ctl, int argc, char **argv)
{
	uint64_t first, last, mark;
	struct reason reason = {""};
	struct ident identity;

	if (argc < 2 || argc > 3 || !read_seq(argv[1], &first) || first == 0)
		return CTL_USAGE;
	if (journal_mark(disk_posix(), journal_dir(ctl), &identity, &mark,
		    &reason) != ST_OK)
		return ctl_complain("%s", reason.text);
	last = mark;
	if (argc == 3 && !read_seq(argv[2], &last))
		return CTL_USAGE;
	if (last > mark)
		last = mark;
	return first > last ? CTL_OK : print_records(ctl, first, last);
}

/* ---- prune ---- */

static int
prune(struct ctl *ctl, int argc, char **argv)
{
	const char *before_text = ctl_option(&argc, argv, "before");
	bool dry = argc == 2 && strcmp(argv[1], "--dry-run") == 0;
	struct journal_prune done;
	struct reason reason = {""};
	uint64_t before;

	if (!before_text || !read_seq(before_text, &before) ||
		argc != 1 + (int)dry)
		return CTL_USAGE;
	if (journal_prune(disk_posix(), journal_dir(ctl), archive_dir(ctl),
		    before, dry, &done, &reason) != ST_OK)
		return ctl_complain("%s", reason.text);
	printf("%" PRIu64 " archived segments %s removed; the journal begins "
	       "with sequence %" PRIu64 "\n",
		done.segments, dry ? "would be" : "were", done.first_seq);
	return CTL_OK;
}

static int
backup(struct ctl *ctl, int argc, char **argv)
{
	struct reason reason = {""};
	enum status status;
	uint64_t seq;

	if (argc != 3 || !read_seq(argv[2], &seq))
		return CTL_USAGE;
	if (strcmp(argv[1], "note") == 0)
		status = journal_backup_note(disk_posix(), archive_dir(ctl),
			seq, &reason);
	else if (strcmp(argv[1], "forget") == 0)
		status = journal_backup_forget(disk_posix(), archive_dir(ctl),
			seq, &reason);
	else
		return CTL_USAGE;
	return status == ST_OK ? CTL_OK : ctl_complain("%s", reason.text);
}

const struct ctl_command ctl_journal_commands[] = {
	{"journal", "verify", "",
		"check every byte of the journal, its archive and snapshots",
		0, 0, verify},
	{"journal", "dump", "FIRST [LAST]",
		"print the commands of these sequences and what they caused",
		0, 0, dump},
	{"journal", "backup", "note|forget SEQ",
		"a backup of the database, settled up to SEQ, exists, or no "
		"longer does", 0, 0, backup},
	{"journal", "prune", "--before SEQ [--dry-run]",
		"remove archived segments that hold nothing from SEQ on; never "
		"what the oldest backup needs", 0, 0, prune},
	CTL_END,
};

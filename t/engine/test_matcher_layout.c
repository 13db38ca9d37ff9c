/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_matcher_layout.c - a start of the matcher with the snapshot that its
 * own child has written, and with one of another layout, which an older or
 * newer program has left: on a real disk, since a child cannot write to one
 * in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/decimal.h"
#include "base/log.h"
#include "daemons/matcher.h"
#include "t/harness/suite.h"

#define NOW INT64_C(1750000000000000)
/* More than a segment of what a user's creation and his deposits leave. */
#define DEPOSITS_MANY 30000u

static char top[] = "/tmp/quantora-layout-XXXXXX";
static char dir[64], archive[64], log_path[64];

static struct life {
	struct matcher matcher;
	struct reason reason;
} life;

static struct {
	struct peer peer;
	uint64_t done;
} client;

static void
count(struct peer *peer, const struct answer *answer)
{
	(void)peer;
	client.done += answer->frame.type == FRAME_DONE;
}

static enum status
live(void)
{
	const struct journal_options options = {
		.dir = dir,
		.archive = archive,
		.segment_bytes = 4 * RECORD_MAX_BYTES,
		.batch_bytes = 2 * RECORD_MAX_BYTES,
		.engine = ENGINE_VERSION,
		.create = true,
		.now_us = NOW,
	};
	struct matcher *m = &life.matcher;
	enum status status;

	memset(&life, 0, sizeof(life));
	m->options = engine_defaults;
	m->send = count;
	m->pending = calloc(PENDING_MAX, sizeof(*m->pending));
	m->slots = calloc(INSTRUMENTS_MAX, sizeof(*m->slots));
	ck_assert(m->pending && m->slots);
	status = matcher_recover(m, disk_posix(), &options, &life.reason);
	if (status == ST_OK)
		m->now_us = engine_time_us(m->engine);
	return status;
}

static void
die(void)
{
	struct matcher *m = &life.matcher;

	if (m->journal)
		journal_abandon(m->journal);
	if (m->lookup)
		journal_lookup_close(m->lookup);
	engine_free(m->engine);
	free(m->pending);
	free(m->slots);
}

static void
send_command(const struct message *command)
{
	static union {
		struct frame frame;
		char bytes[FRAME_REQUEST_MAX];
	} request;
	size_t head = sizeof(struct frame) + sizeof(struct command_envelope);

	memset(&request, 0, sizeof(request));
	request.frame = (struct frame){
		.length = (uint32_t)(head + command->size),
		.type = FRAME_COMMAND,
	};
	memcpy(request.bytes + head, command, command->size);
	ck_assert(matcher_take(&life.matcher, &client.peer, &request.frame));
}

static void
begin(void)
{
	ck_assert_int_eq(matcher_begin(&life.matcher, NOW), ST_OK);
}

static void
commit(void)
{
	ck_assert_int_eq(matcher_commit(&life.matcher), ST_OK);
}

/* N deposits of Ann's, a thousand a batch. */
static void
make_deposits(unsigned n)
{
	struct cmd_deposit deposit = {
		.head = {sizeof(deposit), CMD_DEPOSIT, 1},
		.amount = DECIMAL_ONE};
	uint64_t before = client.done;
	unsigned i;

	begin();
	for (i = 0; i < n; i++) {
		if (i % 1000 == 999) {
			commit();
			begin();
		}
		send_command(&deposit.head);
	}
	commit();
	ck_assert_uint_eq(client.done - before, n);
}

static void
make_history(unsigned n)
{
	struct cmd_asset_set asset = {
		.head = {sizeof(asset), CMD_ASSET_SET, 0}, .code = "USD"};
	struct cmd_user_create create = {
		.head = {sizeof(create), CMD_USER_CREATE, 1}};

	begin();
	send_command(&asset.head);
	send_command(&create.head);
	commit();
	make_deposits(n);
}

/* As the matcher's own child makes it. */
static void
take_snapshot(void)
{
	struct matcher *m = &life.matcher;
	struct hash_answer hash;
	struct child child = {0};

	ck_assert_int_eq(child_start(m, &child, disk_posix(), dir, true,
				 &life.reason),
		ST_OK);
	ck_assert(child_finish(&child, &hash));
	ck_assert_uint_eq(hash.seq, engine_seq(m->engine));
	ck_assert_int_eq(journal_snapshot_done(m->journal), ST_OK);
}

/* As a program of another layout would have left it. */
static void
leave_snapshot_of(uint16_t layout)
{
	struct matcher *m = &life.matcher;
	static const char bytes[100] = "laid out otherwise";
	const struct snapshot_extent extent = {bytes, sizeof(bytes)};
	const struct snapshot_info info = {
		.journal = journal_identity(m->journal),
		.seq = engine_seq(m->engine),
		.time_us = journal_last_time_us(m->journal),
		.chain = journal_chain(m->journal),
		.layout = layout,
	};
	struct snapshot_writer *writer;

	ck_assert_int_eq(snapshot_begin(disk_posix(), dir, &writer,
				 &life.reason),
		ST_OK);
	ck_assert_int_eq(snapshot_write(writer, &info, &extent, 1,
				 &life.reason),
		ST_OK);
	snapshot_end(writer);
	ck_assert_int_eq(journal_snapshot_done(m->journal), ST_OK);
}

static void
drop_first_segment(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%020u.seg", dir, 1u);
	ck_assert_int_eq(unlink(path), 0);
}

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/j", top);
	snprintf(archive, sizeof(archive), "%s/a", top);
	snprintf(log_path, sizeof(log_path), "%s/log", top);
	client.done = 0;
}

static void
tear_down(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", top);
	ck_assert_int_eq(system(command), 0);
}

/* ---- what a start says, which goes to stderr ---- */

static int usual_stderr;

static void
hear(void)
{
	fflush(stderr);
	usual_stderr = dup(STDERR_FILENO);
	ck_assert_ptr_nonnull(freopen(log_path, "w", stderr));
}

static bool
heard(const char *words)
{
	static char text[4096];
	FILE *file;
	size_t n;

	fflush(stderr);
	dup2(usual_stderr, STDERR_FILENO);
	close(usual_stderr);
	file = fopen(log_path, "r");
	ck_assert_ptr_nonnull(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return strstr(text, words) != NULL;
}

/* ---- the tests ---- */

START_TEST(a_start_goes_on_from_its_own_snapshot)
{
	uint64_t seq;

	ck_assert_int_eq(live(), ST_OK);
	make_history(DEPOSITS_MANY);
	take_snapshot();
	seq = engine_seq(life.matcher.engine);
	die();
	/* So it is not the journal that the state comes from. */
	drop_first_segment();
	ck_assert_msg(live() == ST_OK, "%s", life.reason.text);
	ck_assert_uint_eq(life.matcher.last_snapshot_seq, seq);
	ck_assert_uint_eq(engine_seq(life.matcher.engine), seq);
	ck_assert_int_eq(engine_balance(life.matcher.engine, 1, 0).available,
		DEPOSITS_MANY * DECIMAL_ONE);
	die();
}
END_TEST

static const uint16_t others[] = {1, STATE_VERSION - 1, STATE_VERSION + 1};

START_TEST(one_of_another_layout_is_set_aside)
{
	uint8_t before[16], after[16];

	ck_assert_int_eq(live(), ST_OK);
	make_history(10);
	leave_snapshot_of(others[_i]);
	engine_hash(life.matcher.engine, before);
	die();
	hear();
	ck_assert_msg(live() == ST_OK, "%s", life.reason.text);
	ck_assert(heard("a snapshot is passed over"));
	ck_assert_uint_eq(life.matcher.last_snapshot_seq, 0);
	engine_hash(life.matcher.engine, after);
	ck_assert_mem_eq(before, after, sizeof(before));
	/* And the next one is of this layout. */
	take_snapshot();
	die();
	hear();
	ck_assert_int_eq(live(), ST_OK);
	ck_assert(!heard("a snapshot is passed over"));
	ck_assert_uint_gt(life.matcher.last_snapshot_seq, 0);
	die();
}
END_TEST

START_TEST(an_older_one_of_this_layout_will_do)
{
	uint64_t seq;

	ck_assert_int_eq(live(), ST_OK);
	make_history(10);
	take_snapshot();
	seq = engine_seq(life.matcher.engine);
	make_deposits(5);
	leave_snapshot_of(STATE_VERSION + 1);
	die();
	ck_assert_msg(live() == ST_OK, "%s", life.reason.text);
	ck_assert_uint_eq(life.matcher.last_snapshot_seq, seq);
	ck_assert_uint_eq(engine_seq(life.matcher.engine), seq + 5);
	die();
}
END_TEST

START_TEST(what_cannot_be_replayed_is_not_guessed)
{
	ck_assert_int_eq(live(), ST_OK);
	make_history(DEPOSITS_MANY);
	leave_snapshot_of(others[_i]);
	die();
	drop_first_segment();
	ck_assert_int_eq(live(), ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(life.reason.text,
		"holds sequence 1, and no snapshot that can be read"));
	ck_assert_ptr_null(strchr(life.reason.text, '\n'));
	die();
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("matcher layout");
	TCase *t = tcase_create("snapshots");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, a_start_goes_on_from_its_own_snapshot);
	tcase_add_test(t, an_older_one_of_this_layout_will_do);
	tcase_add_loop_test(t, one_of_another_layout_is_set_aside, 0, 3);
	tcase_add_loop_test(t, what_cannot_be_replayed_is_not_guessed, 0, 3);
	suite_add_tcase(s, t);
	return s;
}

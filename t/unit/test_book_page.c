/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_book_page.c - no reader ever sees half of a book.
 */
#include "t/harness/suite.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/book_page.h"
#include "t/sim/journal_kit.h"

static char dir[64], path[80];
static struct book_page *writer, *page;
static struct reason reason;

static const struct ident ours = {{1, 2, 3}};

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/quantora-page-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/book.page", dir);
	ck_assert_int_eq(book_page_create(path, ours, &writer, &reason), ST_OK);
	ck_assert_int_eq(book_page_open(path, &page, &reason), ST_OK);
}

static void
teardown(void)
{
	char command[96];
	int status;

	book_page_close(writer);
	book_page_close(page);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	status = system(command);
	ck_assert_int_eq(status, 0);
}

/* Every number in the slot follows from N. */
static void
fill(struct book_slot *slot, uint16_t instrument, uint64_t n)
{
	*slot = (struct book_slot){
		.terms = {.instrument = instrument, .tick = (int64_t)n},
		.seq = n,
		.last_price = (int64_t)(n * 3),
		.used = 1,
		.n_bids = (uint16_t)(n % (BOOK_PAGE_LEVELS + 1)),
		.n_asks = (uint16_t)(n / 7 % (BOOK_PAGE_LEVELS + 1)),
	};
	snprintf(slot->terms.symbol, sizeof(slot->terms.symbol), "S%u/USD",
		instrument);
	for (int i = 0; i < slot->n_bids; i++)
		slot->bids[i] = (struct book_level){(int64_t)n - i, (int64_t)n};
	for (int i = 0; i < slot->n_asks; i++)
		slot->asks[i] = (struct book_level){(int64_t)n + i, (int64_t)n};
}

static bool
is_whole(const struct book_slot *slot)
{
	struct book_slot want;

	fill(&want, slot->terms.instrument, slot->seq);
	if (memcmp(slot, &want, offsetof(struct book_slot, bids)) != 0)
		return false;
	return memcmp(slot->bids, want.bids,
		       want.n_bids * sizeof(*want.bids)) == 0 &&
		memcmp(slot->asks, want.asks,
			want.n_asks * sizeof(*want.asks)) == 0;
}

START_TEST(shows_what_was_written)
{
	struct book_slot slot, seen;
	uint16_t number;

	ck_assert_int_eq(book_page_read(page, 3, &seen), ST_NOT_FOUND);
	ck_assert_int_eq(book_page_read(page, INSTRUMENTS_MAX, &seen),
		ST_NOT_FOUND);
	ck_assert_uint_eq(book_page_slot_seq(page, 3), 0);
	for (uint64_t n = 1; n < 2000; n++) {
		fill(&slot, (uint16_t)(n % INSTRUMENTS_MAX), n);
		book_page_write(writer, &slot);
		ck_assert_int_eq(book_page_read(page,
			(uint16_t)(n % INSTRUMENTS_MAX), &seen), ST_OK);
		ck_assert_uint_eq(seen.seq, n);
		ck_assert(is_whole(&seen));
		ck_assert_uint_eq(book_page_slot_seq(page,
			(uint16_t)(n % INSTRUMENTS_MAX)), n);
	}
	ck_assert_int_eq(book_page_find(page, "S200/USD", &number), ST_OK);
	ck_assert_uint_eq(number, 200);
	ck_assert_int_eq(book_page_find(page, "S300/USD", &number),
		ST_NOT_FOUND);
}
END_TEST

START_TEST(header)
{
	book_page_ready(writer, 1234, 99);
	ck_assert_uint_eq(book_page_durable_seq(page), 99);
	ck_assert_int_eq(book_page_started_us(page), 1234);
	ck_assert(ident_equal(book_page_journal(page), ours));
	book_page_set_durable(writer, 100);
	book_page_beat(writer, 5678);
	ck_assert_uint_eq(book_page_durable_seq(page), 100);
	ck_assert_int_eq(book_page_beat_us(page), 5678);
}
END_TEST

/* The writer is killed at any moment, again and again. */
START_TEST(survives_its_writer)
{
	unsigned torn = 0;

	for (uint64_t i = 0; i < kit_scale(60, 1000); i++) {
		struct book_slot seen;
		enum status status;
		pid_t child = fork();

		if (child == 0) {
			struct book_slot slots[2];

			fill(&slots[0], 5, 51);
			fill(&slots[1], 5, 399);
			for (uint64_t n = 0;; n++)
				book_page_write(writer, &slots[n & 1]);
		}
		while (book_page_slot_seq(page, 5) == 0)
			sched_yield();
		usleep((useconds_t)(i % 7 * 100));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		status = book_page_read(page, 5, &seen);
		if (status == ST_OK)
			ck_assert(is_whole(&seen));
		else
			ck_assert_int_eq(status, ST_UNAVAILABLE);
		torn += status != ST_OK;
		/* The next matcherd: what was whole stays until it writes. */
		book_page_close(writer);
		ck_assert_int_eq(book_page_create(path, ours, &writer, &reason),
			ST_OK);
		if (status == ST_OK) {
			ck_assert_int_eq(book_page_read(page, 5, &seen), ST_OK);
			ck_assert(is_whole(&seen));
		} else {
			ck_assert_int_eq(book_page_read(page, 5, &seen),
				ST_NOT_FOUND);
		}
	}
	/* A writer that does nothing else is mostly within a write. */
	ck_assert_uint_gt(torn, 0);
}
END_TEST

START_TEST(of_another_journal_is_emptied)
{
	static const struct ident other = {{9}};
	struct book_slot slot, seen;

	fill(&slot, 5, 50);
	book_page_write(writer, &slot);
	book_page_ready(writer, 1, 50);
	book_page_close(writer);
	ck_assert_int_eq(book_page_create(path, other, &writer, &reason),
		ST_OK);
	ck_assert_int_eq(book_page_read(page, 5, &seen), ST_NOT_FOUND);
	ck_assert_uint_eq(book_page_durable_seq(page), 0);
	ck_assert(ident_equal(book_page_journal(page), other));
}
END_TEST

/* Another version's file, or one that was wiped, is replaced and found. */
START_TEST(is_found_again)
{
	struct book_page *none;
	struct book_slot slot, seen;
	int fd;

	ck_assert_int_eq(book_page_refresh(page), ST_OK);
	unlink(path);
	ck_assert_int_eq(book_page_refresh(page), ST_NOT_FOUND);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(write(fd, "something else", 14), 14);
	close(fd);
	ck_assert_int_eq(book_page_open(path, &none, &reason), ST_CONFLICT);
	ck_assert_int_eq(book_page_refresh(page), ST_CONFLICT);
	book_page_close(writer);
	ck_assert_int_eq(book_page_create(path, ours, &writer, &reason), ST_OK);
	fill(&slot, 9, 90);
	book_page_write(writer, &slot);
	ck_assert_int_eq(book_page_refresh(page), ST_OK);
	ck_assert_int_eq(book_page_read(page, 9, &seen), ST_OK);
	ck_assert(is_whole(&seen));
}
END_TEST

/* The writer writes as fast as it can; two readers look all the time. */
static int
hammer_reader(uint64_t reads)
{
	struct book_slot seen;
	uint64_t last = 0, changes = 0;

	for (uint64_t i = 0; i < reads;) {
		enum status status = book_page_read(page, 5, &seen);

		if (status == ST_UNAVAILABLE)
			continue;
		i++;
		if (status != ST_OK || !is_whole(&seen))
			return 2;
		if (seen.seq < last)
			return 3; /* time does not run backwards */
		changes += seen.seq != last;
		last = seen.seq;
	}
	return changes > 1 ? 0 : 4;
}

START_TEST(never_torn)
{
	uint64_t reads = kit_scale(100000, 10000000);
	struct book_slot slot;
	pid_t readers[2], child;
	int status;

	fill(&slot, 5, 1);
	book_page_write(writer, &slot);
	child = fork();
	if (child == 0)
		for (uint64_t n = 2;; n++) {
			fill(&slot, 5, n);
			book_page_write(writer, &slot);
			if (n % 16 == 0)
				sched_yield();
		}
	for (int i = 0; i < 2; i++) {
		readers[i] = fork();
		if (readers[i] == 0)
			_exit(hammer_reader(reads));
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(waitpid(readers[i], &status, 0), readers[i]);
		ck_assert_int_eq(status, 0);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
END_TEST

/* Within one process, for the thread sanitizer to look at. */
static void *
write_slots(void *unused)
{
	struct book_slot slot;

	for (uint64_t n = 1; n <= 20000; n++) {
		fill(&slot, 5, n);
		book_page_write(writer, &slot);
		book_page_set_durable(writer, n);
	}
	return unused;
}

START_TEST(between_threads)
{
	struct book_slot seen;
	pthread_t thread;
	enum status status;

	ck_assert_int_eq(pthread_create(&thread, NULL, write_slots, NULL), 0);
	do {
		uint64_t durable = book_page_durable_seq(page);

		status = book_page_read(page, 5, &seen);
		if (status == ST_OK) {
			ck_assert(is_whole(&seen));
			/* The slot is written before the mark is. */
			ck_assert_uint_ge(seen.seq, durable);
		}
	} while (status != ST_OK || seen.seq < 20000);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("book page");
	TCase *slots = tcase_create("slots");

	tcase_add_checked_fixture(slots, setup, teardown);
	tcase_set_timeout(slots, 600); /* the long form */
	tcase_add_test(slots, shows_what_was_written);
	tcase_add_test(slots, header);
	tcase_add_test(slots, survives_its_writer);
	tcase_add_test(slots, of_another_journal_is_emptied);
	tcase_add_test(slots, is_found_again);
	tcase_add_test(slots, never_torn);
	tcase_add_test(slots, between_threads);
	suite_add_tcase(s, slots);
	return s;
}

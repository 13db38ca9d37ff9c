/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * helper.c - preparing spare segments and archiving closed ones.
 */
#include "journal/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/archiver.h"
#include "journal/spare.h"
#include "journal/writer.h"

#define NICENESS 10

static int
make_spares(struct disk *disk, const struct journal_options *options,
	struct journal_helper_page *page)
{
	uint64_t bytes = segment_file_bytes(options->segment_bytes);
	int count = spare_count(disk, options->dir, bytes, NULL);

	while (count >= 0 && count < JOURNAL_SPARES) {
		int error = spare_make(disk, options->dir, bytes, FILL_ZEROS);

		if (error != 0)
			return error;
		atomic_fetch_add(&page->spares_made, 1);
		count = spare_count(disk, options->dir, bytes, NULL);
	}
	return count < 0 ? count : 0;
}

int
journal_helper_round(struct disk *disk, const struct journal_options *options,
	struct journal_helper_page *page)
{
	struct reason reason;
	int error = make_spares(disk, options, page), archived;

	/* Archiving frees space, so it is tried on a full disk as well. */
	do {
		archived = archive_next(disk, options->dir, options->archive,
			&reason);
		if (archived > 0)
			atomic_fetch_add(&page->archived, 1);
	} while (archived > 0);
	/* And then there may be room for what there was none before. */
	if (error != 0 && is_disk_full(error))
		error = make_spares(disk, options, page);
	atomic_store(&page->error, error);
	atomic_store(&page->archive_error, archived);
	return error != 0 ? error : archived;
}

int
journal_helper_main(struct disk *disk, const struct journal_options *options,
	int wake, struct journal_helper_page *page)
{
	struct pollfd bell = {.fd = wake, .events = POLLIN};
	char bytes[64];
	int result;

	for (;;) {
		ssize_t n;

		if (poll(&bell, 1, -1) < 0 && errno != EINTR)
			return 1;
		/* However often it was rung: one round. */
		n = read(wake, bytes, sizeof(bytes));
		if (n == 0)
			return 0;
		if (n < 0)
			continue;
		result = journal_helper_round(disk, options, page);
		(void)result; /* in PAGE, where the parent sees it */
	}
}

static void
become_helper(pid_t parent)
{
	/* The parent's signals are its own business; the helper ends when the
	 * pipe does, or at once when the parent is killed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "journal-helper");
	if (getppid() != parent)
		_exit(0);
	/* Zeros and archives can wait; the matcher's syncs cannot. */
	setpriority(PRIO_PROCESS, 0, NICENESS);
}

enum status
journal_helper_start(struct disk *disk, const struct journal_options *options,
	struct journal_helper *out, struct reason *reason)
{
	struct journal_helper helper = {.wake = -1};
	pid_t parent = getpid();
	int ends[2];

	helper.page = mmap(NULL, sizeof(*helper.page), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (helper.page == MAP_FAILED)
		return reason_errno(reason, -errno, "helper");
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		reason_errno(reason, -errno, "helper");
		munmap(helper.page, sizeof(*helper.page));
		return ST_INTERNAL;
	}
	helper.pid = fork();
	if (helper.pid == 0) {
		close(ends[1]);
		become_helper(parent);
		_exit(journal_helper_main(disk, options, ends[0],
			helper.page));
	}
	close(ends[0]);
	if (helper.pid < 0) {
		reason_errno(reason, -errno, "the helper cannot be forked");
		close(ends[1]);
		munmap(helper.page, sizeof(*helper.page));
		return ST_INTERNAL;
	}
	helper.wake = ends[1];
	*out = helper;
	return ST_OK;
}

void
journal_helper_wake(struct journal_helper *helper)
{
	/* A full pipe will wake it just as well. */
	if (write(helper->wake, "", 1) < 0)
		return;
}

int
journal_helper_error(const struct journal_helper *helper)
{
	return atomic_load(&helper->page->error);
}

int
journal_helper_archive_error(const struct journal_helper *helper)
{
	return atomic_load(&helper->page->archive_error);
}

bool
journal_helper_alive(struct journal_helper *helper)
{
	if (helper->pid > 0 && waitpid(helper->pid, NULL, WNOHANG) != 0)
		helper->pid = 0;
	return helper->pid > 0;
}

void
journal_helper_stop(struct journal_helper *helper)
{
	if (helper->page == NULL)
		return;
	close(helper->wake);
	/* It may be in the middle of a segment; nothing is lost by that. */
	if (helper->pid > 0) {
		kill(helper->pid, SIGKILL);
		waitpid(helper->pid, NULL, 0);
	}
	munmap(helper->page, sizeof(*helper->page));
	*helper = (struct journal_helper){.wake = -1};
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher_child.c - snapshots and state hashes, out of a fork's frozen memory.
 *
 * The child shares the pools with the matcher as they were at the fork; it
 * uses no malloc (the matcher has no threads, but a habit that would be
 * needed if it had is better kept) and leaves by _exit().
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemons/matcher.h"

static void
run_child(struct matcher *m, int out, struct snapshot_writer *writer)
{
	struct extent from[ENGINE_EXTENTS_MAX];
	struct snapshot_extent to[ENGINE_EXTENTS_MAX];
	struct hash_answer answer = {.seq = engine_seq(m->engine)};
	struct snapshot_info info = {
		.journal = journal_identity(m->journal),
		.seq = answer.seq,
		.time_us = journal_last_time_us(m->journal),
		.chain = journal_chain(m->journal),
		.layout = STATE_VERSION,
	};
	struct reason reason = {""};
	size_t i, n;

	engine_hash(m->engine, answer.hash);
	if (writer) {
		memcpy(info.state_hash, answer.hash, sizeof(answer.hash));
		n = engine_extents(m->engine, from);
		for (i = 0; i < n; i++)
			to[i] = (struct snapshot_extent){from[i].at,
				from[i].length};
		if (snapshot_write(writer, &info, to, (uint32_t)n, &reason) !=
			ST_OK)
			_exit(1);
	}
	if (write(out, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		_exit(1);
	_exit(0);
}

enum status
child_start(struct matcher *m, struct child *child, struct disk *disk,
	const char *dir, bool snapshot, struct reason *reason)
{
	struct snapshot_writer *writer = NULL;
	int ends[2];
	pid_t pid;

	if (child->pid != 0)
		return reason_set(reason, ST_CONFLICT, "one is at work already");
	if (snapshot)
		TRY(snapshot_begin(disk, dir, &writer, reason));
	if (pipe2(ends, O_CLOEXEC) < 0) {
		if (writer)
			snapshot_end(writer);
		return reason_errno(reason, -errno, "no pipe");
	}
	pid = fork();
	if (pid == 0) {
		signal(SIGTERM, SIG_DFL);
		close(ends[0]);
		run_child(m, ends[1], writer);
	}
	close(ends[1]);
	if (writer)
		snapshot_end(writer);
	if (pid < 0) {
		close(ends[0]);
		return reason_errno(reason, -errno, "no child");
	}
	*child = (struct child){.pid = pid,
		.pipe = ends[0],
		.snapshot = snapshot,
		.seq = engine_seq(m->engine)};
	return ST_OK;
}

bool
child_finish(struct child *child, struct hash_answer *out)
{
	struct hash_answer answer;
	ssize_t n = read(child->pipe, &answer, sizeof(answer));
	int code = 1;

	close(child->pipe);
	while (waitpid(child->pid, &code, 0) < 0 && errno == EINTR)
		continue;
	*child = (struct child){.pid = 0, .pipe = -1};
	if (n != (ssize_t)sizeof(answer) || !WIFEXITED(code) ||
		WEXITSTATUS(code) != 0)
		return false;
	*out = answer;
	return true;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * suite.h - Check, for tests of our own code.
 *
 * Check still has a macro of its first years that is called fail(), as our
 * function in base/ctx.h is.  This header is to be included instead of
 * check.h, in any order with ours.
 */
#pragma once

#include <check.h>

#undef fail

/*
 * Check tells its parent of each assertion that holds, so that a crash can be
 * reported with the last of them; that is a system call.  In a loop it is said
 * once: where the last one was is known all the same.
 */
static inline void
suite_mark(const char *file, int line)
{
	static _Thread_local const char *last_file;
	static _Thread_local int last_line;

	if (line == last_line && file == last_file)
		return;
	last_file = file;
	last_line = line;
	_mark_point(file, line);
}

#define _mark_point suite_mark

/* What each test defines, and main.c runs. */
Suite *suite(void);

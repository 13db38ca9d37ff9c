/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * spent.h - the processor's time that programs have used, by /proc.
 *
 * What a request costs is told by this also where other work takes a part of
 * the machine, which rates do not survive.
 */
#pragma once

#include <stdint.h>

#define SPENT_NAME_MAX 16
#define SPENT_MAX 8

/* A program: a process, and with it its children. */
struct spent_program {
	char name[SPENT_NAME_MAX];
	int pid;
};

struct spent {
	struct spent_program programs[SPENT_MAX];
	unsigned n;
};

/* NAME=PID; -1 when it is none, or there are too many. */
int spent_add(struct spent *spent, const char *text);

/* Nanoseconds of all processes of PROGRAM that are there. */
int64_t spent_ns(const struct spent_program *program);
/* Of this process. */
int64_t spent_own_ns(void);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * spent.c - reads /proc/PID/schedstat, which counts nanoseconds; the times in
 * /proc/PID/stat are hundredths of a second.
 */
#include "spent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int
spent_add(struct spent *spent, const char *text)
{
	struct spent_program *program = &spent->programs[spent->n];
	const char *equals = strchr(text, '=');

	if (!equals || equals - text >= SPENT_NAME_MAX || spent->n == SPENT_MAX)
		return -1;
	memcpy(program->name, text, (size_t)(equals - text));
	program->name[equals - text] = '\0';
	program->pid = (int)strtol(equals + 1, NULL, 10);
	if (program->pid <= 0)
		return -1;
	spent->n++;
	return 0;
}

static int64_t
pid_ns(int pid)
{
	long long ns = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%lld", &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

int64_t
spent_ns(const struct spent_program *program)
{
	int64_t sum_ns = pid_ns(program->pid);
	char path[64];
	FILE *file;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", program->pid,
		program->pid);
	file = fopen(path, "re");
	if (!file)
		return sum_ns;
	while (fscanf(file, "%d", &child) == 1)
		sum_ns += pid_ns(child);
	fclose(file);
	return sum_ns;
}

int64_t
spent_own_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

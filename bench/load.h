/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * load.h - a load generator: kept-alive HTTP connections, one request under
 * way on each, from one thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Whose turn it is says what to send: LENGTH bytes at *TEXT, until the next. */
struct load_source {
	void (*next)(void *arg, unsigned connection, const char **text,
		size_t *length);
	void *arg;
};

struct load_result {
	uint64_t requests; /* that were answered with a 2xx */
	uint64_t errors;   /* any other answer, or none */
	int first_error;   /* its HTTP status; 0: the connection broke */
	double seconds;
	double per_s;
	int64_t p50_us;
	int64_t p99_us;
};

/*
 * Ask 127.0.0.1:PORT over CONNECTIONS connections for SECONDS; what is under
 * way at the end is waited for.  -1 when it cannot be reached.
 */
int load_run(int port, unsigned connections, double seconds,
	const struct load_source *source, struct load_result *out);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * apid.h - the parts of quantora-api.
 */
#pragma once

#include <sys/types.h>

#include "auth/auth.h"
#include "base/conf.h"
#include "base/meter.h"
#include "db/db.h"
#include "domain/settled.h"
#include "http/limit.h"
#include "http/route.h"
#include "http/router.h"

/* What the workers of a pool share with each other, and nobody else. */
struct api_shared {
	struct db_breaker breaker;
	struct settled_pool settled;
};

/* What a worker is made of; opened before it is forked. */
struct api_setup {
	enum pool pool;
	const struct conf *conf;
	const struct router *router;
	struct auth *auth;
	struct limiter *limiter;
	struct api_shared *shared;
	struct meter *meter;
	unsigned place; /* of the worker that is forked next */
	unsigned workers;
	int listen_fd;
	pid_t parent;
};

/* Be a worker until SIGTERM; the process' exit code. */
int api_work(const struct api_setup *setup);

/* --routes and --nginx-map; to stdout. */
void api_print_routes(void);
void api_print_nginx_map(void);

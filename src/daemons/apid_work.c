/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * apid_work.c - a worker: one request at a time, until it is told to stop.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemons/apid.h"
#include "domain/access_key.h"
#include "domain/core.h"
#include "domain/market.h"
#include "domain/permission.h"
#include "handlers/editions.h"
#include "http/dispatch.h"
#include "http/request.h"

static volatile int stopping;

/* The worker's connections, for who has no request at hand. */
static struct server server;
static struct meter *meter;

static void
on_term(int number)
{
	(void)number;
	stopping = 1;
}

/*
 * SIGTERM interrupts an accept (no SA_RESTART) and lets a request finish.
 * What a terminal sends to the whole group is the parent's to handle.
 */
static void
install_signals(pid_t parent)
{
	struct sigaction term = {.sa_handler = on_term};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t none;

	sigemptyset(&term.sa_mask);
	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* An orphan would keep the socket from the next parent. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		stopping = 1;
}

static enum status
verify(struct ctx *ctx, const char *token, size_t length, struct session *out)
{
	return token_verify(ctx->auth->keyring, token, length, TOKEN_ACCESS,
		ctx->now_us, out);
}

/* The core's word, and with it what this user's reads have to hold. */
static enum status
guard(struct ctx *ctx, struct guard_answer *out)
{
	TRY(core_guard(ctx, out));
	if (ctx->settled)
		settled_expect(ctx->settled, out->last_seq);
	return ST_OK;
}

static void
log_failure(const struct outgoing *out)
{
	const char *reason = out->reason ? out->reason : "";
	const char *detail = server.base.db ? db_error(server.base.db) : NULL;

	log_warn("failed status=%s request=%s reason=\"%s\" db=\"%s\"",
		status_name(out->status), out->request_id, reason,
		detail ? detail : "");
}

#define PATH_LOGGED 256

/* A line of the log, which is cut where it would be too long. */
struct line {
	char text[512];
	size_t length;
};

/* At most MOST characters, so that a long path leaves room for the rest. */
static void
put_most(struct line *line, const char *text, size_t most)
{
	size_t n = strnlen(text, most);
	size_t room = sizeof(line->text) - 1 - line->length;

	if (n > room)
		n = room;
	memcpy(line->text + line->length, text, n);
	line->length += n;
	line->text[line->length] = '\0';
}

static void
put(struct line *line, const char *text)
{
	put_most(line, text, sizeof(line->text));
}

static void
put_number(struct line *line, uint64_t number)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	put(line, at);
}

/* Without printf: it is a line for each order. */
static void
log_request(const struct outgoing *out, int64_t took_us)
{
	struct line line = {.length = 0};

	put(&line, out->method);
	put(&line, " ");
	put_most(&line, out->path, PATH_LOGGED);
	put(&line, " ");
	put_number(&line, (uint64_t)out->http_status);
	put(&line, " us=");
	put_number(&line, (uint64_t)took_us);
	put(&line, " user=");
	put_number(&line, out->user);
	put(&line, " edition=");
	put(&line, out->edition);
	put(&line, " from=");
	put(&line, out->remote_address);
	put(&line, " request=");
	put(&line, out->request_id);
	log_text(LOG_LEVEL_INFO, line.text);
}

static bool loads_pages;

/*
 * Which program keys were used is written down once a minute, by whichever
 * worker comes first, and at the end.
 */
static void
save_uses(bool at_once)
{
	struct ctx ctx = server.base;

	ctx.now_us = clock_wall_us();
	if (!loads_pages || !(at_once ||
			key_page_save_due(ctx.auth->keys, ctx.now_us)))
		return;
	ctx.arena = arena_new();
	if (access_keys_save(&ctx) != ST_OK)
		log_warn("the uses of program keys are not written down: %s",
			db_error(ctx.db));
	arena_free(ctx.arena);
}

/*
 * Whoever has MySQL and finds a page that the workers share empty, of program
 * keys or of permissions, fills it.
 */
static void
load_pages(bool wait)
{
	struct ctx ctx = server.base;

	if (!loads_pages || (key_page_loaded(ctx.auth->keys) &&
			permission_page_loaded(ctx.auth->permissions)))
		return;
	ctx.arena = arena_new();
	ctx.now_us = clock_wall_us();
	if (access_keys_load(&ctx) != ST_OK)
		log_warn("the program keys are not loaded: %s",
			db_error(ctx.db));
	if (permissions_load(&ctx, wait) != ST_OK)
		log_warn("the permissions are not loaded: %s",
			db_error(ctx.db));
	arena_free(ctx.arena);
}

/* A few additions in shared memory; who reads them is the monitor. */
static void
count(const struct outgoing *out, int64_t took_us)
{
	meter_add(meter, METER_REQUESTS, 1);
	meter_took(meter, took_us);
	if (out->http_status >= 500)
		meter_add(meter, METER_ERRORS_5XX, 1);
	else if (out->http_status >= 400)
		meter_add(meter, METER_ERRORS_4XX, 1);
	if (out->status == ST_RATE_LIMITED)
		meter_add(meter, METER_RATE_LIMITED, 1);
}

static void
done(const struct outgoing *out, int64_t took_us)
{
	count(out, took_us);
	if (out->http_status >= 500)
		log_failure(out);
	if (conf_number(server.base.conf, CONF_HTTP_ACCESS_LOG))
		log_request(out, took_us);
	if (server.base.settled)
		settled_begin(server.base.settled);
	/* One loads them; the others have requests to answer. */
	load_pages(false);
	save_uses(false);
}

/*
 * Nothing is connected before it is needed.  A trade worker never needs MySQL
 * but for an order of a strategy or bot (domain/order_link.h), and then only a
 * few of them at a time: a stalled database never stops trading.
 */
static bool
connect_db(const struct api_setup *setup, struct ctx *base)
{
	char *reason;

	loads_pages = setup->pool != POOL_TRADE;
	base->db = db_new_as(setup->conf, DB_AS_API, &setup->shared->breaker,
		&reason);
	if (!base->db) {
		log_error("%s", reason);
		free(reason);
		return false;
	}
	base->settled = settled_new(
		conf_text(setup->conf, CONF_SOCKETS_SETTLER),
		&setup->shared->settled, setup->workers);
	return true;
}

int
api_work(const struct api_setup *setup)
{
	struct ctx *base = &server.base;

	install_signals(setup->parent);
	server = (struct server){
		.editions = &editions,
		.router = setup->router,
		.limiter = setup->limiter,
		.verify = verify,
		.verify_signed = access_key_verify,
		.spend = access_key_spend,
		.guard = guard,
		.denied = permission_lookup,
	};
	meter = setup->meter;
	meter_worker(meter, setup->place, (int32_t)getpid());
	server.busy = meter_busy(meter, setup->place);
	base->conf = setup->conf;
	base->auth = setup->auth;
	base->core = core_new(conf_text(setup->conf, CONF_SOCKETS_MATCHER));
	base->markets =
		markets_new(conf_text(setup->conf, CONF_PATHS_BOOK_PAGE));
	log_gather();
	if (connect_db(setup, base)) {
		load_pages(true);
		request_loop(&server, setup->listen_fd, &stopping, done);
		save_uses(true);
	}
	log_flush();
	markets_free(base->markets);
	core_free(base->core);
	settled_free(base->settled);
	db_free(base->db);
	return stopping ? EXIT_SUCCESS : EXIT_FAILURE;
}

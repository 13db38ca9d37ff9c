/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * workerd.c - what is done without anybody asking.
 *
 *   quantora-workerd -c FILE
 *
 * One thread does one task's turn after the other (work/schedule.h) and sleeps
 * until the next is due or a signal comes.  It owns nothing: killed at any
 * moment, it goes on where MySQL and the matcher say.  It starts, and stays,
 * whatever else is down.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "cache/cache.h"
#include "db/db.h"
#include "domain/core.h"
#include "domain/market.h"
#include "domain/retention.h"
#include "work/demo_market.h"
#include "work/monitor.h"
#include "work/monitor_listener.h"
#include "work/order_links.h"
#include "work/price_alert_job.h"
#include "work/resend.h"
#include "work/retention_job.h"
#include "work/risk_job.h"
#include "work/schedule.h"

/* A database that hangs must not hold up the other tasks for long. */
#define DB_CONNECT_S 1
#define DB_ANSWER_S 5
/* Of failures in a row these are worth a line: 1, 2, 4, 8, … */
#define WORTH_A_LINE(n) (((n) & ((n) - 1)) == 0)

struct worker {
	struct conf *conf;
	struct ctx ctx;
	struct db_breaker breaker;
	struct schedule *schedule;
	struct demo_market *demo; /* NULL: none */
	struct monitor *monitor;
	struct listener *listener; /* NULL: none */
	struct risk_round risk;
	struct notice_state notices;
	struct retention retention;
	int signals;              /* signalfd */
	bool stopping;
};

/* ---- Starting and stopping ------------------------------------------------- */

static void
open_db(struct worker *worker)
{
	char password[DB_PASSWORD_MAX], *reason;

	if (db_account_password(worker->conf, DB_AS_WORKER, password,
		    &reason) != 0)
		log_fatal("%s", reason);
	worker->ctx.db = db_new(&(struct db_options){
		.socket = conf_text(worker->conf, CONF_MYSQL_SOCKET),
		.database = conf_text(worker->conf, CONF_MYSQL_DATABASE),
		.user = db_account_user(worker->conf, DB_AS_WORKER),
		.password = password,
		.connect_s = DB_CONNECT_S,
		.answer_s = DB_ANSWER_S,
		.breaker = &worker->breaker,
	});
	explicit_bzero(password, sizeof(password));
}

/* What is looked after for users, and what they are told. */
static void
add_watches(struct worker *worker, int64_t now_us)
{
	schedule_add(worker->schedule,
		&(struct task){"rates", RATES_PERIOD_US, rates_job, NULL},
		now_us);
	schedule_add(worker->schedule,
		&(struct task){"risk", RISK_PERIOD_US, risk_job, &worker->risk},
		now_us);
	schedule_add(worker->schedule,
		&(struct task){"price-alerts", PRICE_ALERT_PERIOD_US,
			price_alert_job, NULL},
		now_us);
	schedule_add(worker->schedule,
		&(struct task){"notices", NOTICE_PERIOD_US, notice_job,
			&worker->notices},
		now_us);
	schedule_add(worker->schedule,
		&(struct task){"notices-prune", NOTICE_PRUNE_PERIOD_US,
			notice_prune_job, NULL},
		now_us);
	schedule_add(worker->schedule,
		&(struct task){"retention", RETENTION_PERIOD_US, retention_job,
			&worker->retention},
		now_us);
}

/* It is the first task, so its first turn is the first of all. */
static void
add_monitor(struct worker *worker, int64_t now_us)
{
	const char *where = conf_text(worker->conf, CONF_MONITOR_LISTEN);
	char *reason = NULL;

	worker->monitor = monitor_new(worker->conf, worker->schedule, &reason);
	if (!worker->monitor)
		log_fatal("%s", reason);
	schedule_add(worker->schedule,
		&(struct task){"monitor", monitor_look_us(worker->monitor),
			monitor_turn, worker->monitor},
		now_us);
	if (*where == '\0')
		return;
	worker->listener = listener_new(worker->conf, where, &reason);
	if (!worker->listener)
		log_error("%s", reason);
	free(reason);
}

static void
add_tasks(struct worker *worker)
{
	int64_t now_us = clock_monotonic_us();

	worker->schedule = schedule_new();
	add_monitor(worker, now_us);
	schedule_add(worker->schedule,
		&(struct task){"resend", RESEND_PERIOD_US, resend_intents,
			NULL},
		now_us);
	schedule_add(worker->schedule,
		&(struct task){"order-links", ORDER_LINKS_PERIOD_US,
			order_links_turn, NULL},
		now_us);
	add_watches(worker, now_us);
	if (!conf_number(worker->conf, CONF_DEMO_ENABLED))
		return;
	worker->demo = demo_market_new(
		conf_text(worker->conf, CONF_PATHS_BOOK_PAGE),
		(uint64_t)conf_number(worker->conf, CONF_DEMO_SEED));
	schedule_add(worker->schedule,
		&(struct task){"demo", DEMO_PERIOD_US, demo_market_turn,
			worker->demo},
		now_us);
}

/* Signals are taken between two turns and interrupt none. */
static void
take_signals(struct worker *worker)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	worker->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (worker->signals < 0)
		log_fatal("signals cannot be taken: %s", strerror(errno));
}

static void
start(struct worker *worker)
{
	struct ctx *ctx = &worker->ctx;
	char *reason;

	take_signals(worker);
	ctx->arena = arena_new();
	ctx->conf = worker->conf;
	ctx->request_id = "workerd";
	ctx->auth = auth_open(worker->conf, AUTH_SECRETS, &reason);
	if (!ctx->auth)
		log_fatal("%s", reason);
	open_db(worker);
	ctx->core = core_new(conf_text(worker->conf, CONF_SOCKETS_MATCHER));
	ctx->markets =
		markets_new(conf_text(worker->conf, CONF_PATHS_BOOK_PAGE));
	ctx->cache = cache_new(conf_text(worker->conf, CONF_REDIS_SOCKET));
	add_tasks(worker);
}

static void
stop(struct worker *worker)
{
	listener_free(worker->listener);
	monitor_free(worker->monitor);
	schedule_free(worker->schedule);
	demo_market_free(worker->demo);
	cache_free(worker->ctx.cache);
	markets_free(worker->ctx.markets);
	core_free(worker->ctx.core);
	db_free(worker->ctx.db);
	auth_free(worker->ctx.auth);
	arena_free(worker->ctx.arena);
	close(worker->signals);
	conf_free(worker->conf);
}

/* ---- The loop -------------------------------------------------------------- */

static void
log_outcome(struct worker *worker, const struct outcome *outcome)
{
	const char *reason = worker->ctx.fault.reason;
	const char *note = outcome->turn.note;

	/* The database's own words, where nobody else has said why. */
	if (!reason)
		reason = db_error(worker->ctx.db);
	if (outcome->status != ST_OK && WORTH_A_LINE(outcome->failures))
		log_warn("task failed task=%s status=%s failures=%u "
			 "reason=\"%s\"",
			outcome->task, status_name(outcome->status),
			outcome->failures, reason);
	if (outcome->healed > 0)
		log_info("task goes on task=%s failures=%u", outcome->task,
			outcome->healed);
	if (!note)
		return;
	switch (outcome->turn.level) {
	case LOG_LEVEL_ERROR:
		log_error("%s", note);
		break;
	case LOG_LEVEL_WARN:
		log_warn("%s", note);
		break;
	case LOG_LEVEL_INFO:
		log_info("%s", note);
		break;
	case LOG_LEVEL_DEBUG:
		log_debug("%s", note);
		break;
	}
}

static void
look_for_signals(struct worker *worker)
{
	struct signalfd_siginfo info;

	while (read(worker->signals, &info, sizeof(info)) == sizeof(info))
		/* Nothing is kept that a HUP could make us read again. */
		worker->stopping |= info.ssi_signo != SIGHUP;
}

/*
 * One turn, if one is due; it has the arena and the wall clock for itself.
 */
static bool
step(struct worker *worker)
{
	struct outcome outcome;

	worker->ctx.now_us = clock_wall_us();
	if (!schedule_step(worker->schedule, &worker->ctx,
		    clock_monotonic_us(), &outcome))
		return false;
	log_outcome(worker, &outcome);
	arena_reset(worker->ctx.arena);
	return true;
}

/* Do all that is due. */
static void
work(struct worker *worker)
{
	do
		look_for_signals(worker);
	while (!worker->stopping && step(worker));
}

static void
sleep_until(const struct worker *worker, int64_t until_us)
{
	int64_t left_us = until_us - clock_monotonic_us();
	struct timespec left = {.tv_sec = left_us / US_PER_SECOND,
		.tv_nsec = left_us % US_PER_SECOND * 1000};
	struct pollfd fd = {worker->signals, POLLIN, 0};

	if (left_us > 0)
		ppoll(&fd, 1, &left, NULL);
}

int
main(int argc, char **argv)
{
	static struct worker worker;
	const char *file = NULL;
	int option;

	log_open("workerd", LOG_LEVEL_INFO);
	while ((option = getopt(argc, argv, "c:")) != -1)
		if (option == 'c')
			file = optarg;
		else
			log_fatal("usage: quantora-workerd -c FILE");
	worker.conf = conf_load_or_exit(file);
	start(&worker);
	/* The monitor's: there are figures from the start. */
	step(&worker);
	log_info("ready demo=%d", worker.demo != NULL);
	sd_notify(0, "READY=1");
	for (;;) {
		work(&worker);
		if (worker.stopping)
			break;
		sleep_until(&worker, schedule_next_us(worker.schedule));
	}
	sd_notify(0, "STOPPING=1");
	log_info("stopped");
	stop(&worker);
	return 0;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * settlerd.c - turns what the matcher did into rows of MySQL, exactly once.
 *
 * Two threads.  One settles: it follows the journal and waits for MySQL, for
 * as long as that takes.  The other is never kept waiting: it hears the
 * matcher's doorbell, answers who waits for a sequence, and ends the program.
 *
 * An event that cannot be handled, or rows that are not what they must be,
 * halt the settling.  The program then stays, says so to all who ask and to
 * the log, and skips nothing; started again it would only find the same.
 *
 * Starting: MySQL or the journal may not be there yet, and are waited for.  A
 * journal that is not the one MySQL was settled from, or is shorter, ends the
 * program with exit code 1.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/meter.h"
#include "db/db.h"
#include "journal/book_page.h"
#include "journal/doorbell.h"
#include "journal/reader.h"
#include "settle/mysql_sink.h"
#include "settle/settler.h"
#include "settle/waiters.h"

#define DOORBELL_NAME "settlerd"
/* Under load a batch gathers for this long, so that MySQL commits less often.
 */
#define PACE_US 5000
#define RETRY_FIRST_US 20000
#define RETRY_MAX_US US_PER_SECOND
/* Beyond this, who asks is sent away at once. */
#define LAG_MAX_US (2 * US_PER_SECOND)
#define TICK_MS 1000
/* An orderly end waits this long for the batch that is under way. */
#define END_PATIENCE_S 5

/* What the two threads tell each other. */
struct shared {
	const struct conf *conf;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
	uint64_t durable_seq;   /* under the lock: how far it may go */
	bool hurry;             /* somebody waits */
	bool stop;
	int news; /* eventfd: the settling thread has something to say */
	struct ident journal; /* set before OPENED */
	struct meter *meter;

	_Atomic uint64_t applied_seq;
	_Atomic int64_t waiting_since_us; /* matcher's time; 0: nothing waits */
	_Atomic bool opened;
	_Atomic bool halted;
	_Atomic bool failed; /* to start: end with 1 */
	_Atomic bool ended;
};

static void
tell(struct shared *shared)
{
	if (eventfd_write(shared->news, 1) != 0)
		abort();
}

/* ---- The settling thread ---------------------------------------------- */

/* Wait, but for no longer than PAUSE_US (0: as long as it takes) and not when
 * asked to end; false then.  HURRY: a waiter ends the pause. */
static bool
pause_for(struct shared *shared, int64_t pause_us, bool hurry)
{
	int64_t until_us = clock_monotonic_us() + pause_us;
	struct timespec until = {
		until_us / US_PER_SECOND, until_us % US_PER_SECOND * 1000};
	bool going;

	pthread_mutex_lock(&shared->lock);
	while (!shared->stop && !(hurry && shared->hurry))
		if (pthread_cond_timedwait(&shared->changed, &shared->lock,
			    &until) == ETIMEDOUT)
			break;
	going = !shared->stop;
	pthread_mutex_unlock(&shared->lock);
	return going;
}

/* Wait until there is more than AFTER_SEQ; false when asked to end. */
static bool
wait_for_more(struct shared *shared, uint64_t after_seq, uint64_t *durable_seq)
{
	bool going;

	pthread_mutex_lock(&shared->lock);
	while (!shared->stop && shared->durable_seq <= after_seq)
		pthread_cond_wait(&shared->changed, &shared->lock);
	*durable_seq = shared->durable_seq;
	going = !shared->stop;
	pthread_mutex_unlock(&shared->lock);
	return going;
}

static int64_t
longer(int64_t pause_us)
{
	return pause_us * 2 > RETRY_MAX_US ? RETRY_MAX_US : pause_us * 2;
}

/* NULL when asked to end, or when it can never be. */
static struct settler *
open_settler(struct shared *shared, struct settle_sink *sink)
{
	const char *dir = conf_text(shared->conf, CONF_PATHS_JOURNAL);
	const char *archive = conf_text(shared->conf, CONF_PATHS_ARCHIVE);
	int64_t pause_us = RETRY_FIRST_US;
	struct reason reason = {""};
	char said[REASON_MAX] = "";
	struct settler *settler;

	for (;;) {
		enum status status = settler_open(
			disk_posix(), dir, archive, sink, &settler, &reason);

		if (status == ST_OK)
			return settler;
		if (status != ST_NOT_FOUND && status != ST_UNAVAILABLE) {
			log_error("cannot start: %s", reason.text);
			shared->failed = true;
			return NULL;
		}
		if (strcmp(said, reason.text) != 0)
			log_warn("waiting to start: %s", reason.text);
		memcpy(said, reason.text, sizeof(said));
		if (!pause_for(shared, pause_us, false))
			return NULL;
		pause_us = longer(pause_us);
	}
}

static void
halt(struct shared *shared, const struct settler *settler)
{
	log_error("ALERT settlement has halted seq=%llu: %s",
		(unsigned long long)settler_applied_seq(settler),
		settler_reason(settler));
	shared->halted = true;
	meter_set(shared->meter, METER_HALTED, 1);
	tell(shared);
}

static void
wait_since(struct shared *shared, int64_t since_us)
{
	shared->waiting_since_us = since_us;
}

/* Gather what there is, and write it; see settler_step(). */
static enum status
step(struct shared *shared, struct settler *settler, uint64_t durable_seq)
{
	size_t records, rows;

	TRY(settler_gather(settler, durable_seq));
	wait_since(shared, settler_waiting_since_us(settler));
	records = settler_batch_records(settler);
	rows = settler_batch_rows(settler);
	TRY(settler_deliver(settler));
	meter_add(shared->meter, METER_BATCHES, 1);
	meter_add(shared->meter, METER_COMMANDS, records);
	meter_add(shared->meter, METER_ROWS, rows);
	return ST_OK;
}

static void
settle(struct shared *shared, struct settler *settler)
{
	int64_t pause_us = RETRY_FIRST_US, began_us;
	uint64_t durable_seq;
	bool troubled = false;

	while (wait_for_more(
		shared, settler_applied_seq(settler), &durable_seq)) {
		enum status status;

		began_us = clock_monotonic_us();
		status = step(shared, settler, durable_seq);
		if (status == ST_UNAVAILABLE) {
			if (!troubled)
				log_warn("settlement waits: %s",
					settler_reason(settler));
			troubled = true;
			tell(shared);
			if (!pause_for(shared, pause_us, false))
				return;
			pause_us = longer(pause_us);
			continue;
		}
		if (status != ST_OK && status != ST_NOT_FOUND) {
			halt(shared, settler);
			return;
		}
		if (troubled)
			log_info("settlement goes on seq=%llu",
				(unsigned long long)settler_applied_seq(
					settler));
		troubled = false;
		pause_us = RETRY_FIRST_US;
		shared->applied_seq = settler_applied_seq(settler);
		/* Behind still: the next command is about as old. */
		if (shared->applied_seq >= durable_seq)
			wait_since(shared, 0);
		tell(shared);
		if (!pause_for(shared,
			    began_us + PACE_US - clock_monotonic_us(), true))
			return;
	}
}

static void *
settling_thread(void *arg)
{
	struct shared *shared = arg;
	struct ctx ctx = {.arena = arena_new()};
	struct settle_sink *sink = NULL;
	struct settler *settler = NULL;
	char *reason;

	ctx.db = db_new_as(shared->conf, DB_AS_SETTLER, NULL, &reason);
	if (!ctx.db) {
		log_error("cannot start: %s", reason);
		free(reason);
		shared->failed = true;
	} else {
		sink = mysql_sink_new(&ctx);
		settler = open_settler(shared, sink);
	}
	if (settler) {
		shared->applied_seq = settler_applied_seq(settler);
		shared->journal = settler_journal(settler);
		shared->opened = true;
		tell(shared);
		settle(shared, settler);
	}
	settler_free(settler);
	mysql_sink_free(sink);
	db_free(ctx.db);
	arena_free(ctx.arena);
	shared->ended = true;
	tell(shared);
	return NULL;
}

/* ---- The other one ---------------------------------------------------- */

struct settlerd {
	struct shared shared;
	const struct conf *conf;
	struct waiters *waiters;
	struct book_page *page; /* NULL: not there yet */
	int doorbell;
	int signals;
	int64_t ticked_us; /* monotonic */
	bool ready;        /* and has said so */
	bool lagging;      /* and has said so */
};

static void
go_as_far_as(struct settlerd *d, uint64_t durable_seq)
{
	struct shared *shared = &d->shared;
	bool hurry = waiters_count(d->waiters) > 0;

	pthread_mutex_lock(&shared->lock);
	if (durable_seq > shared->durable_seq || hurry != shared->hurry) {
		if (durable_seq > shared->durable_seq)
			shared->durable_seq = durable_seq;
		shared->hurry = hurry;
		pthread_cond_signal(&shared->changed);
	}
	pthread_mutex_unlock(&shared->lock);
}

/*
 * A ring may be older than the page; the page may not be there, or be one that
 * an earlier journal has left behind.
 */
static void
hear(struct settlerd *d)
{
	uint64_t rung = 0, durable_seq = 0;

	if (doorbell_take(d->doorbell, &rung) != ST_OK)
		rung = 0;
	if (d->page && d->shared.opened &&
		ident_equal(book_page_journal(d->page), d->shared.journal))
		durable_seq = book_page_durable_seq(d->page);
	go_as_far_as(d, rung > durable_seq ? rung : durable_seq);
}

/*
 * Once a second, for what nobody rings a bell about: a matcher that is not
 * running, its page that was made anew, a lag that grows.
 */
static void
tick(struct settlerd *d)
{
	struct reason reason;
	struct ident journal;
	uint64_t durable_seq;

	d->ticked_us = clock_monotonic_us();
	if (d->page && book_page_refresh(d->page) != ST_OK) {
		book_page_close(d->page);
		d->page = NULL;
	}
	if (!d->page && book_page_open(conf_text(d->conf, CONF_PATHS_BOOK_PAGE),
				&d->page, &reason) != ST_OK)
		d->page = NULL;
	if (journal_mark(disk_posix(), conf_text(d->conf, CONF_PATHS_JOURNAL),
		    &journal, &durable_seq, &reason) == ST_OK &&
		(!d->shared.opened || ident_equal(journal, d->shared.journal)))
		go_as_far_as(d, durable_seq);
	hear(d);
}

static enum status
state(struct settlerd *d)
{
	int64_t since_us = d->shared.waiting_since_us;
	int64_t now_us = d->page ? book_page_now_us(d->page) : clock_wall_us();
	int64_t lag_us = since_us > 0 ? now_us - since_us : 0;
	bool lagging = lag_us > LAG_MAX_US;

	/* Who reads the meter has the wall clock. */
	meter_set(d->shared.meter, METER_WAITING_SINCE_US,
		since_us > 0 ? (uint64_t)(clock_wall_us() - lag_us) : 0);

	if (d->shared.halted)
		return ST_INTERNAL;
	if (lagging != d->lagging) {
		d->lagging = lagging;
		if (lagging)
			log_warn("settlement lags lag_ms=%lld seq=%llu",
				(long long)(lag_us / 1000),
				(unsigned long long)d->shared.applied_seq);
		else
			log_info("settlement has caught up seq=%llu",
				(unsigned long long)d->shared.applied_seq);
	}
	return lagging || !d->shared.opened ? ST_UNAVAILABLE : ST_OK;
}

static void
take_news(struct settlerd *d)
{
	eventfd_t count;

	if (eventfd_read(d->shared.news, &count) != 0)
		return;
	if (d->shared.opened && !d->ready) {
		d->ready = true;
		log_info("ready seq=%llu",
			(unsigned long long)d->shared.applied_seq);
		sd_notify(0, "READY=1");
	}
}

/* False when it is time to end. */
static bool
turn(struct settlerd *d)
{
	enum { BELL, NEWS, SIGNALS, WAITERS };
	struct pollfd fds[WAITERS + WAITERS_MAX + 1] = {
		[BELL] = {d->doorbell, POLLIN, 0},
		[NEWS] = {d->shared.news, POLLIN, 0},
		[SIGNALS] = {d->signals, POLLIN, 0},
	};
	size_t n = waiters_poll(d->waiters, fds + WAITERS);

	if (poll(fds, WAITERS + n, TICK_MS) < 0)
		return errno == EINTR;
	if (fds[SIGNALS].revents)
		return false;
	if (fds[NEWS].revents)
		take_news(d);
	waiters_take(d->waiters, fds + WAITERS, n);
	if (clock_monotonic_us() - d->ticked_us >= TICK_MS * 1000)
		tick(d);
	else
		hear(d);
	waiters_answer(d->waiters, d->shared.applied_seq, state(d));
	return !d->shared.ended || d->shared.halted;
}

static void
set_up(struct settlerd *d)
{
	const char *bells = conf_text(d->conf, CONF_SOCKETS_DOORBELL_DIR);
	const char *path = conf_text(d->conf, CONF_SOCKETS_SETTLER);
	char *unseen;
	struct reason reason;
	pthread_condattr_t attributes;
	sigset_t mask;

	pthread_mutex_init(&d->shared.lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&d->shared.changed, &attributes);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* there is nothing to read again */
	d->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	d->shared.news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->signals < 0 || d->shared.news < 0)
		log_fatal("no descriptors: %s", strerror(errno));
	if (doorbell_bind(bells, DOORBELL_NAME, &d->doorbell, &reason) != ST_OK)
		log_fatal("%s", reason.text);
	d->shared.meter = meter_open(conf_text(d->conf, CONF_PATHS_METERS),
		"settlerd", &unseen);
	if (unseen)
		log_warn("%s", unseen);
	free(unseen);
	d->waiters = waiters_new(path);
	if (!d->waiters)
		log_fatal("cannot listen at %s: %s", path, strerror(errno));
}

/*
 * The batch that is under way may finish.  One that MySQL does not answer is
 * left as it is: the next start finds out whether it was done.
 */
static void
end(struct settlerd *d, pthread_t thread)
{
	struct timespec until;

	pthread_mutex_lock(&d->shared.lock);
	d->shared.stop = true;
	pthread_cond_signal(&d->shared.changed);
	pthread_mutex_unlock(&d->shared.lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += END_PATIENCE_S;
	doorbell_unbind(conf_text(d->conf, CONF_SOCKETS_DOORBELL_DIR),
		DOORBELL_NAME, d->doorbell);
	waiters_free(d->waiters);
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
		log_warn("ended while MySQL did not answer seq=%llu",
			(unsigned long long)d->shared.applied_seq);
		_exit(0);
	}
	if (d->page)
		book_page_close(d->page);
}

static struct conf *
read_settings(int argc, char **argv)
{
	const char *file = NULL;
	int option;

	while ((option = getopt(argc, argv, "c:")) != -1) {
		if (option != 'c')
			exit(1);
		file = optarg;
	}
	if (optind != argc)
		log_fatal("usage: quantora-settlerd -c FILE");
	return conf_load_or_exit(file);
}

int
main(int argc, char **argv)
{
	struct settlerd d = {0};
	struct conf *conf;
	pthread_t thread;
	bool failed;

	log_open("settlerd", LOG_LEVEL_INFO);
	conf = read_settings(argc, argv);
	d.conf = conf;
	d.shared.conf = conf;
	set_up(&d);
	if (pthread_create(&thread, NULL, settling_thread, &d.shared) != 0)
		log_fatal("no thread: %s", strerror(errno));
	tick(&d);
	while (turn(&d))
		;
	sd_notify(0, "STOPPING=1");
	end(&d, thread);
	failed = d.shared.failed;
	if (!failed)
		log_info("ended seq=%llu",
			(unsigned long long)d.shared.applied_seq);
	conf_free(conf);
	return failed ? 1 : 0;
}

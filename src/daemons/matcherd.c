/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcherd.c - the only writer of money and of the book.
 *
 *   quantora-matcherd -c FILE
 *
 * One thread: wait, drain the ready sockets, apply, write and sync one frame,
 * publish, answer, ring the doorbells.  A failing disk ends it at once,
 * without an answer to anybody.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "journal/doorbell.h"
#include "journal/helper.h"
#include "daemons/matcher.h"
#include "matcher_clock.h"
#include "matcher_peers.h"

#define HOUSEKEEPING_US US_PER_SECOND
#define EVENTS_MAX 256

static volatile sig_atomic_t stopping;

struct daemon {
	struct conf *conf;
	struct disk *disk;
	struct journal_helper helper;
	struct matcher matcher;
	struct peers peers;
	struct doorbells *bells;
	struct child child;
	struct matcher_clock clock;
	int64_t housekept_us;
	uint64_t snapshot_every;
	uint64_t rung_seq;
};

static void
on_signal(int number)
{
	(void)number;
	stopping = 1;
}

static void
handle_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* Nothing to reload: the settings are those of the journal. */
	signal(SIGHUP, SIG_IGN);
}

/* The book is in memory; it must not end up in a core file. */
static void
harden(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static void
start(struct daemon *d)
{
	struct journal_options options = {
		.dir = conf_text(d->conf, CONF_PATHS_JOURNAL),
		.archive = conf_text(d->conf, CONF_PATHS_ARCHIVE),
		.segment_bytes = (uint64_t)conf_number(d->conf,
			CONF_MATCHER_SEGMENT_BYTES),
		.batch_bytes = (size_t)conf_number(d->conf,
			CONF_MATCHER_BATCH_BYTES),
		.engine = ENGINE_VERSION,
		.create = true,
		.now_us = clock_wall_us(),
		.helper = &d->helper,
	};
	struct matcher *m = &d->matcher;
	struct reason reason = {""};

	/* Before there are pools: it must not keep a copy of them. */
	if (journal_helper_start(d->disk, &options, &d->helper, &reason) !=
		ST_OK)
		log_fatal("%s", reason.text);
	m->options = engine_defaults;
	m->options.touch = true;
	m->options.open_orders_user = (uint32_t)conf_number(d->conf,
		CONF_MATCHER_OPEN_ORDERS);
	m->pending = calloc(PENDING_MAX, sizeof(*m->pending));
	m->slots = calloc(INSTRUMENTS_MAX, sizeof(*m->slots));
	m->send = connection_send;
	if (!m->pending || !m->slots)
		log_fatal("there is not enough memory");
	if (matcher_recover(m, d->disk, &options, &reason) != ST_OK ||
		book_page_create(conf_text(d->conf, CONF_PATHS_BOOK_PAGE),
			journal_identity(m->journal), &m->page,
			&reason) != ST_OK)
		log_fatal("%s", reason.text);
	m->now_us = engine_time_us(m->engine);
	m->started_us = clock_wall_us();
	publish_all(m);
	book_page_ready(m->page, m->started_us,
		journal_durable_seq(m->journal));
	if (doorbells_open(conf_text(d->conf, CONF_SOCKETS_DOORBELL_DIR),
		    &d->bells, &reason) != ST_OK ||
		peers_open(&d->peers,
			conf_text(d->conf, CONF_SOCKETS_MATCHER),
			&reason) != ST_OK)
		log_fatal("%s", reason.text);
	d->rung_seq = journal_durable_seq(m->journal);
	d->snapshot_every = (uint64_t)conf_number(d->conf,
		CONF_MATCHER_SNAPSHOT_EVERY);
}

/* End at once: what is on disk is for the next start to find out. */
static void __attribute__((noreturn))
fail_stop(const struct daemon *d)
{
	log_error("stopped: %s", journal_reason(d->matcher.journal));
	_exit(1);
}

static void
must(const struct daemon *d, enum status status)
{
	if (status != ST_OK)
		fail_stop(d);
}

static void
watch_child(struct daemon *d)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &d->child};

	if (epoll_ctl(d->peers.epoll, EPOLL_CTL_ADD, d->child.pipe, &event) < 0)
		log_fatal("cannot wait for a child: %s", strerror(errno));
}

static void
answer_waiter(struct daemon *d, struct waiter *waiter,
	const struct hash_answer *hash)
{
	struct answer answer = {.frame = {.tag = waiter->tag}};

	if (hash) {
		answer.frame.type = waiter->snapshot ? FRAME_SNAPPED
						     : FRAME_HASHED;
		answer.body = hash;
		answer.body_size = sizeof(*hash);
	} else {
		answer.frame.type = FRAME_REFUSED;
		answer.frame.refusal = REFUSED_DISK_LOW;
	}
	peers_answer(&d->peers, waiter->number, &answer);
	*waiter = (struct waiter){.number = 0};
}

/* Start a child for who waits, or because a snapshot is due. */
static void
start_child(struct daemon *d)
{
	struct matcher *m = &d->matcher;
	bool due = engine_seq(m->engine) - m->last_snapshot_seq >=
		d->snapshot_every;
	bool wanted = due, snapshot = due;
	struct reason reason = {""};
	size_t i;

	for (i = 0; i < N_ELEMENTS(d->peers.waiters); i++)
		if (d->peers.waiters[i].number != 0) {
			wanted = true;
			snapshot |= d->peers.waiters[i].snapshot;
		}
	if (!wanted || d->child.pid != 0)
		return;
	if (child_start(m, &d->child, d->disk,
		    conf_text(d->conf, CONF_PATHS_JOURNAL), snapshot,
		    &reason) != ST_OK) {
		log_warn("no snapshot: %s", reason.text);
		/* Not at each turn of the loop. */
		m->last_snapshot_seq = engine_seq(m->engine);
		for (i = 0; i < N_ELEMENTS(d->peers.waiters); i++)
			if (d->peers.waiters[i].number != 0)
				answer_waiter(d, &d->peers.waiters[i], NULL);
		return;
	}
	if (snapshot)
		m->last_snapshot_seq = d->child.seq;
	for (i = 0; i < N_ELEMENTS(d->peers.waiters); i++)
		d->peers.waiters[i].started = true;
	watch_child(d);
}

static void
finish_child(struct daemon *d)
{
	struct hash_answer hash;
	bool snapshot = d->child.snapshot, good;
	size_t i;

	epoll_ctl(d->peers.epoll, EPOLL_CTL_DEL, d->child.pipe, NULL);
	good = child_finish(&d->child, &hash);
	if (!good)
		log_error("a %s failed", snapshot ? "snapshot" : "state hash");
	if (good && snapshot) {
		log_info("snapshot seq=%llu", (unsigned long long)hash.seq);
		must(d, journal_snapshot_done(d->matcher.journal));
	}
	for (i = 0; i < N_ELEMENTS(d->peers.waiters); i++) {
		struct waiter *waiter = &d->peers.waiters[i];

		/* Who came later than the fork waits for the next child. */
		if (waiter->number != 0 && waiter->started)
			answer_waiter(d, waiter, good ? &hash : NULL);
		waiter->started = false;
	}
}

static void
housekeep(struct daemon *d)
{
	struct matcher *m = &d->matcher;

	must(d, journal_tick(m->journal, m->now_us));
	doorbells_scan(d->bells);
	book_page_beat(m->page, m->now_us);
	m->connections = d->peers.count;
	if (!journal_helper_alive(&d->helper))
		log_fatal("stopped: the journal's helper has died");
}

static void
take_events(struct daemon *d, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int i, n = epoll_wait(d->peers.epoll, events, EVENTS_MAX, timeout_ms);

	for (i = 0; i < n; i++) {
		void *what = events[i].data.ptr;

		if (what == &d->peers)
			peers_accept(&d->peers);
		else if (what == &d->child)
			finish_child(d);
		else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			peers_read(what);
	}
}

/* Until the next housekeeping, or until the engine wants a TICK. */
static int64_t
time_to_wait(struct daemon *d)
{
	int64_t now_us = matcher_clock_now(&d->clock);
	int64_t until_us = d->housekept_us + HOUSEKEEPING_US;
	int64_t deadline_us = engine_deadline_us(d->matcher.engine);

	if (deadline_us < until_us)
		until_us = deadline_us;
	return until_us > now_us ? until_us - now_us : 0;
}

static void
run(struct daemon *d)
{
	struct matcher *m = &d->matcher;
	int64_t now_us, wait_us;
	bool all = true;

	while (!stopping) {
		wait_us = all ? time_to_wait(d) : 0;
		take_events(d, (int)((wait_us + 999) / 1000));
		now_us = matcher_clock_now(&d->clock);
		must(d, matcher_begin(m, now_us));
		matcher_tick(m);
		all = peers_drain(&d->peers, m);
		must(d, matcher_commit(m));
		peers_flush(&d->peers);
		if (journal_durable_seq(m->journal) != d->rung_seq) {
			d->rung_seq = journal_durable_seq(m->journal);
			doorbells_ring(d->bells, d->rung_seq);
		}
		start_child(d);
		if (now_us - d->housekept_us >= HOUSEKEEPING_US) {
			d->housekept_us = now_us;
			housekeep(d);
		}
	}
}

static void
stop(struct daemon *d)
{
	struct matcher *m = &d->matcher;

	sd_notify(0, "STOPPING=1");
	if (d->child.pid != 0)
		finish_child(d);
	peers_close(&d->peers, conf_text(d->conf, CONF_SOCKETS_MATCHER));
	must(d, journal_close(m->journal));
	journal_lookup_close(m->lookup);
	journal_helper_stop(&d->helper);
	doorbells_close(d->bells);
	book_page_close(m->page);
	log_info("stopped seq=%llu", (unsigned long long)engine_seq(m->engine));
	engine_free(m->engine);
	free(m->pending);
	free(m->slots);
	conf_free(d->conf);
}

int
main(int argc, char **argv)
{
	static struct daemon d;
	const char *file = NULL;
	int option;

	log_open("matcherd", LOG_LEVEL_INFO);
	while ((option = getopt(argc, argv, "c:")) != -1)
		if (option == 'c')
			file = optarg;
		else
			log_fatal("usage: quantora-matcherd -c FILE");
	d.conf = conf_load_or_exit(file);
	d.disk = disk_posix();
	harden();
	handle_signals();
	matcher_clock_init(&d.clock);
	start(&d);
	log_info("ready socket=%s", conf_text(d.conf, CONF_SOCKETS_MATCHER));
	sd_notify(0, "READY=1");
	run(&d);
	stop(&d);
	return 0;
}

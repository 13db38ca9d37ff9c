/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streamd.c - WebSockets of all editions, behind nginx.
 *
 *   quantora-streamd -c FILE
 *
 * It owns nothing: the books are in the matcher's shared page, all else in its
 * journal, and a client that is cut off gets a snapshot when it comes back.
 * So it may be killed at any moment and started again.
 *
 * When the feed meets something that it cannot handle, all connections are
 * closed and the program ends with exit code 1.
 */
#include "daemons/streamd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/meter.h"
#include "handlers/editions.h"

#define TICK_MS 100
#define START_TRY_MS 100
/* Records that are handed on before the sockets have their turn. */
#define RECORDS_A_TURN 512
/* Descriptors beside the connections: files, sockets, the loop's own. */
#define DESCRIPTORS_MORE 512
#define STOP_MAX_US (2 * US_PER_SECOND)

void
streamd_time(struct streamd *streamd)
{
	hub_time(streamd->hub, clock_monotonic_us(), clock_wall_us());
}

/* ---- The end ----------------------------------------------------------- */

static void
begin_stop(struct streamd *streamd)
{
	if (streamd->stopping)
		return;
	streamd->stopping = true;
	sd_notify(0, "STOPPING=1");
	streamd_time(streamd);
	streamd->stop_by_us = clock_monotonic_us() + STOP_MAX_US;
	sockets_stop_listening(streamd);
	hub_close_all(streamd->hub, CLOSE_GOING_AWAY,
		"the service is being restarted");
}

static void
on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	begin_stop(signal->data);
}

static void
halt(struct streamd *streamd)
{
	log_error("halted seq=%llu: %s",
		(unsigned long long)feed_seq(streamd->feed),
		feed_reason(streamd->feed));
	streamd->failed = true;
	begin_stop(streamd);
}

/* ---- The loop ---------------------------------------------------------- */

static void
read_feed(struct streamd *streamd)
{
	enum status status;

	if (!streamd->feed || streamd->failed)
		return;
	if (!streamd->news) {
		feed_show(streamd->feed);
		return;
	}
	status = feed_turn(streamd->feed, RECORDS_A_TURN);
	streamd->news = status == ST_CONFLICT;
	if (status == ST_INTERNAL)
		halt(streamd);
}

static void
on_due(uv_timer_t *timer)
{
	(void)timer; /* it has woken the loop up, and that was all */
}

static void
on_idle(uv_idle_t *idle)
{
	(void)idle;
}

/* See to it that the loop wakes up when there is something to do. */
static void
plan(struct streamd *streamd)
{
	int64_t due_us = streamd->feed ? feed_due_us(streamd->feed) : INT64_MAX;
	int64_t wait_us = due_us - clock_monotonic_us();

	if (streamd->news || hub_is_behind(streamd->hub))
		uv_idle_start(&streamd->hurry, on_idle);
	else
		uv_idle_stop(&streamd->hurry);
	if (due_us == INT64_MAX || streamd->failed) {
		uv_timer_stop(&streamd->due);
		return;
	}
	uv_update_time(&streamd->loop);
	uv_timer_start(&streamd->due, on_due,
		wait_us > 0 ? (uint64_t)(wait_us + 999) / 1000 : 0, 0);
}

static void
on_before_sleep(uv_prepare_t *prepare)
{
	struct streamd *streamd = prepare->data;

	streamd_time(streamd);
	read_feed(streamd);
	hub_catch_up(streamd->hub);
	sockets_serve(streamd);
	plan(streamd);
	if (streamd->stopping && (hub_connections(streamd->hub) == 0 ||
				 clock_monotonic_us() >= streamd->stop_by_us))
		uv_stop(&streamd->loop);
}

static void
on_bell(uv_poll_t *poll, int status, int events)
{
	struct streamd *streamd = poll->data;

	(void)status;
	(void)events;
	streamd->news = true;
}

static void
show_figures(const struct streamd *streamd)
{
	const struct hub_figures *figures = hub_figures(streamd->hub);
	struct meter *meter = streamd->meter;

	meter_set(meter, METER_CONNECTIONS, hub_connections(streamd->hub));
	meter_set(meter, METER_SUBSCRIPTIONS, figures->subscriptions);
	meter_set(meter, METER_QUEUE_BYTES, figures->queue_bytes);
	meter_set(meter, METER_MESSAGES, figures->messages);
	meter_set(meter, METER_CLOSES, figures->closes);
	meter_set(meter, METER_SLOW_CLOSES, figures->slow_closes);
}

static void
on_tick(uv_timer_t *timer)
{
	struct streamd *streamd = timer->data;
	int64_t now_us = clock_monotonic_us();

	streamd_time(streamd);
	hub_tick(streamd->hub);
	show_figures(streamd);
	if (!streamd->feed || now_us - streamd->looked_us < US_PER_SECOND)
		return;
	/* Rings can be lost: look without one, too. */
	streamd->looked_us = now_us;
	streamd->news = true;
	sockets_listen_again(streamd);
	if (!streamd->failed && feed_look(streamd->feed) != ST_OK)
		halt(streamd);
}

/* ---- The journal, for who comes back ----------------------------------- */

static void
read_in_thread(uv_work_t *work)
{
	replay_read(work->data);
}

static void
on_read_done(uv_work_t *work, int status)
{
	struct replay *replay = work->data;
	struct streamd *streamd = work->loop->data;

	(void)status; /* it is never cancelled */
	free(work);
	streamd_time(streamd);
	hub_replayed(streamd->hub, replay);
}

/* Beside the loop: it may take as long as the journal is. */
static void
read_journal(void *arg, struct replay *replay)
{
	struct streamd *streamd = NODE_OF(arg, streamd, guard);
	uv_work_t *work = malloc(sizeof(*work));

	if (!work)
		abort();
	work->data = replay;
	if (uv_queue_work(&streamd->loop, work, read_in_thread,
		    on_read_done) != 0)
		abort();
}

/* ---- The start --------------------------------------------------------- */

/* There can be no more connections than descriptors. */
static void
raise_descriptors(const struct streamd *streamd)
{
	rlim_t want = (rlim_t)conf_number(streamd->conf,
			      CONF_STREAM_CONNECTIONS) + DESCRIPTORS_MORE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_fatal("the limit of open files is unknown: %s",
			strerror(errno));
	/*
	 * Not beyond need: libwebsockets keeps a table with a place for each
	 * descriptor there may be, and the hard limit may be a milliard.
	 */
	if (limit.rlim_cur < want || limit.rlim_cur > 2 * want)
		limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_fatal("the limit of open files cannot be set: %s",
			strerror(errno));
	if (limit.rlim_cur < want)
		log_warn("only %llu descriptors, for %lld connections",
			(unsigned long long)limit.rlim_cur,
			(long long)conf_number(streamd->conf,
				CONF_STREAM_CONNECTIONS));
}

static void
open_hub(struct streamd *streamd)
{
	struct hub_settings settings = {
		.spellings = streamd->spellings,
		.default_market = conf_text(streamd->conf, CONF_DEFAULT_MARKET),
		.origins = conf_text(streamd->conf, CONF_STREAM_ORIGINS),
		.connections_max = (size_t)conf_number(streamd->conf,
			CONF_STREAM_CONNECTIONS),
		.user_connections_max = (size_t)conf_number(streamd->conf,
			CONF_STREAM_USER_CONNECTIONS),
		.history_room = (size_t)conf_number(streamd->conf,
			CONF_STREAM_HISTORY),
		.replay_back_max = (uint64_t)conf_number(streamd->conf,
			CONF_STREAM_REPLAY_RECORDS),
		.journal = &streamd->journal,
		.read = read_journal,
		.ask = guard_ask,
		.arg = &streamd->guard,
	};
	char *reason = NULL;

	streamd->journal = (struct replay_files){
		.disk = disk_posix(),
		.journal = conf_text(streamd->conf, CONF_PATHS_JOURNAL),
		.archive = conf_text(streamd->conf, CONF_PATHS_ARCHIVE),
	};
	streamd->meter = meter_open(conf_text(streamd->conf,
					    CONF_PATHS_METERS),
		"streamd", &reason);
	if (reason)
		log_warn("%s", reason);
	free(reason);
	reason = NULL;
	streamd->auth = auth_open(streamd->conf, AUTH_TOKENS, &reason);
	if (!streamd->auth)
		log_fatal("%s", reason);
	settings.keyring = streamd->auth->keyring;
	streamd->router = router_new(&editions, &reason);
	if (!streamd->router)
		log_fatal("%s", reason);
	streamd->arena = arena_new();
	streamd->hub = hub_new(&settings);
	streamd_time(streamd);
}

/* Two of us, at sockets of their own, have doorbells of their own. */
static const char *
doorbell_name(const struct conf *conf)
{
	const char *path = conf_text(conf, CONF_SOCKETS_STREAMD);
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool
open_feed(struct streamd *streamd)
{
	const struct conf *conf = streamd->conf;
	struct feed_files files = {
		.disk = disk_posix(),
		.journal = conf_text(conf, CONF_PATHS_JOURNAL),
		.archive = conf_text(conf, CONF_PATHS_ARCHIVE),
		.book_page = conf_text(conf, CONF_PATHS_BOOK_PAGE),
		.bells = conf_text(conf, CONF_SOCKETS_DOORBELL_DIR),
		.name = doorbell_name(conf),
	};
	struct reason reason = {""};
	enum status status = feed_open(streamd->hub, &files, &streamd->feed,
		&reason);

	if (status == ST_OK)
		return true;
	if (status != ST_UNAVAILABLE)
		log_fatal("%s", reason.text);
	if (streamd->looked_us == 0)
		log_info("waiting for the matcher: %s", reason.text);
	streamd->looked_us = clock_monotonic_us();
	return false;
}

/* Try to begin; the matcher may not have made its files yet. */
static void
on_starting(uv_timer_t *timer)
{
	struct streamd *streamd = timer->data;

	streamd_time(streamd);
	if (streamd->stopping || !open_feed(streamd))
		return;
	uv_timer_stop(timer);
	uv_poll_init(&streamd->loop, &streamd->bell, feed_bell(streamd->feed));
	streamd->bell.data = streamd;
	uv_poll_start(&streamd->bell, UV_READABLE, on_bell);
	/* What was there before the doorbell was. */
	streamd->news = true;
	if (!sockets_open(streamd))
		log_fatal("cannot listen at %s",
			conf_text(streamd->conf, CONF_SOCKETS_STREAMD));
	log_info("ready socket=%s seq=%llu",
		conf_text(streamd->conf, CONF_SOCKETS_STREAMD),
		(unsigned long long)feed_seq(streamd->feed));
	sd_notify(0, "READY=1");
}

static void
start_loop(struct streamd *streamd)
{
	uv_loop_t *loop = &streamd->loop;

	if (uv_loop_init(loop) != 0)
		log_fatal("there is no event loop");
	loop->data = streamd;
	uv_signal_init(loop, &streamd->sigterm);
	uv_signal_init(loop, &streamd->sigint);
	uv_timer_init(loop, &streamd->starting);
	uv_timer_init(loop, &streamd->tick);
	uv_timer_init(loop, &streamd->due);
	uv_prepare_init(loop, &streamd->before_sleep);
	uv_idle_init(loop, &streamd->hurry);
	streamd->sigterm.data = streamd->sigint.data = streamd;
	streamd->starting.data = streamd->tick.data = streamd;
	streamd->before_sleep.data = streamd;
	uv_signal_start(&streamd->sigterm, on_signal, SIGTERM);
	uv_signal_start(&streamd->sigint, on_signal, SIGINT);
	uv_timer_start(&streamd->starting, on_starting, 0, START_TRY_MS);
	uv_timer_start(&streamd->tick, on_tick, TICK_MS, TICK_MS);
	uv_prepare_start(&streamd->before_sleep, on_before_sleep);
	guard_open(&streamd->guard, loop, streamd->hub,
		conf_text(streamd->conf, CONF_SOCKETS_MATCHER));
	notices_open(streamd);
}

/* ---- main -------------------------------------------------------------- */

static void
close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void
stop(struct streamd *streamd)
{
	sockets_close(streamd);
	guard_close(&streamd->guard);
	notices_close(streamd);
	/* libwebsockets closes its handles by the loop. */
	uv_run(&streamd->loop, UV_RUN_NOWAIT);
	uv_walk(&streamd->loop, close_handle, NULL);
	uv_run(&streamd->loop, UV_RUN_DEFAULT);
	uv_loop_close(&streamd->loop);
	notices_free(streamd);
	feed_close(streamd->feed);
	hub_free(streamd->hub);
	router_free(streamd->router);
	meter_free(streamd->meter);
	arena_free(streamd->arena);
	auth_free(streamd->auth);
	conf_free(streamd->conf);
}

int
streamd_main(int argc, char **argv, const struct spelling *const *spellings)
{
	static struct streamd streamd = {.listener = -1};
	const char *file = NULL;
	int option;

	log_open("streamd", LOG_LEVEL_INFO);
	while ((option = getopt(argc, argv, "c:")) != -1)
		if (option == 'c')
			file = optarg;
		else
			log_fatal("usage: quantora-streamd -c FILE");
	streamd.conf = conf_load_or_exit(file);
	streamd.spellings = spellings;
	/* Tokens are in memory; they must not end up in a core file. */
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* there is nothing to reload */
	raise_descriptors(&streamd);
	open_hub(&streamd);
	start_loop(&streamd);
	uv_run(&streamd.loop, UV_RUN_DEFAULT);
	stop(&streamd);
	log_info("stopped");
	return streamd.failed ? 1 : 0;
}

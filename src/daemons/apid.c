/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * apid.c - quantora-api: the parent of a pool of FastCGI workers.
 *
 *   quantora-api -c FILE --pool trade|api|egress
 *   quantora-api --routes | --nginx-map
 *
 * The parent listens, forks, and from then on only waits: for a worker that
 * ends (another takes its place, later and later if they keep ending), for
 * SIGHUP (new workers with the settings read anew; the old ones finish their
 * request), for SIGTERM or SIGINT (all finish and end).
 *
 * libfcgi has a moment between looking at the stop flag and sleeping in
 * accept(), in which a SIGTERM is lost; so it is repeated until all are gone.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/unix_listen.h"
#include "daemons/apid.h"
#include "handlers/editions.h"
#include "http/request.h"

/* Connections that wait for a worker. */
#define BACKLOG 511
#define WORKERS_MAX 256
_Static_assert(2 * WORKERS_MAX <= METER_WORKERS, "a place for each");
#define REPEAT_TERM_US (US_PER_SECOND / 10)
#define KILL_AFTER_US (20 * US_PER_SECOND)
#define YOUNG_US US_PER_SECOND /* a worker that ends sooner is a bad sign */
#define DELAY_MIN_US (US_PER_SECOND / 10)
#define DELAY_MAX_US (5 * US_PER_SECOND)

/* A place for each worker, and one for each that it is taking over from. */
struct worker {
	pid_t pid; /* 0: free */
	int64_t started_us;
	bool leaving;
};

struct parent {
	struct api_setup setup;
	struct conf *conf;
	const char *conf_file;
	struct worker workers[2 * WORKERS_MAX];
	int64_t start_after_us; /* none is started before */
	int64_t delay_us;
	int64_t leaving_since_us; /* 0: nobody has to leave */
	bool stopping;
};

/* ---- Workers ----------------------------------------------------------- */

static unsigned
count(const struct parent *parent, bool leaving)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < N_ELEMENTS(parent->workers); i++)
		n += parent->workers[i].pid != 0 &&
		     parent->workers[i].leaving == leaving;
	return n;
}

static struct worker *
free_place(struct parent *parent)
{
	size_t i;

	for (i = 0; i < N_ELEMENTS(parent->workers); i++)
		if (parent->workers[i].pid == 0)
			return &parent->workers[i];
	return NULL;
}

static void
start_worker(struct parent *parent)
{
	struct worker *worker = free_place(parent);
	pid_t pid;

	if (!worker)
		return;
	parent->setup.place = (unsigned)(worker - parent->workers);
	pid = fork();
	if (pid == 0)
		_exit(api_work(&parent->setup));
	if (pid < 0) {
		log_error("a worker cannot be started: %s", strerror(errno));
		parent->start_after_us = clock_monotonic_us() + DELAY_MAX_US;
		return;
	}
	*worker = (struct worker){pid, clock_monotonic_us(), false};
}

static void
start_missing(struct parent *parent)
{
	while (!parent->stopping &&
		count(parent, false) < parent->setup.workers &&
		clock_monotonic_us() >= parent->start_after_us)
		start_worker(parent);
}

/* A worker ended that was not asked to. */
static void
note_loss(struct parent *parent, const struct worker *worker, int how)
{
	int64_t now_us = clock_monotonic_us();

	if (WIFSIGNALED(how))
		log_error("worker %d ended by signal %d", (int)worker->pid,
			WTERMSIG(how));
	else
		log_error("worker %d ended with code %d", (int)worker->pid,
			WEXITSTATUS(how));
	if (now_us - worker->started_us > YOUNG_US) {
		parent->delay_us = 0;
		return;
	}
	parent->delay_us = parent->delay_us == 0 ? DELAY_MIN_US
						 : parent->delay_us * 2;
	if (parent->delay_us > DELAY_MAX_US)
		parent->delay_us = DELAY_MAX_US;
	parent->start_after_us = now_us + parent->delay_us;
}

static void
reap(struct parent *parent)
{
	pid_t pid;
	size_t i;
	int how;

	while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
		for (i = 0; i < N_ELEMENTS(parent->workers); i++) {
			struct worker *worker = &parent->workers[i];

			if (worker->pid != pid)
				continue;
			if (!worker->leaving)
				note_loss(parent, worker, how);
			settled_pool_bury(&parent->setup.shared->settled, pid);
			meter_worker(parent->setup.meter, (unsigned)i, 0);
			worker->pid = 0;
		}
}

static void
dismiss_all(struct parent *parent)
{
	size_t i;

	for (i = 0; i < N_ELEMENTS(parent->workers); i++)
		parent->workers[i].leaving = true;
	parent->leaving_since_us = clock_monotonic_us();
}

/* Say it (again) to who has to leave; who does not hear it is ended. */
static void
urge(struct parent *parent)
{
	bool late = clock_monotonic_us() - parent->leaving_since_us >
		    KILL_AFTER_US;
	size_t i;

	for (i = 0; i < N_ELEMENTS(parent->workers); i++)
		if (parent->workers[i].pid != 0 && parent->workers[i].leaving)
			kill(parent->workers[i].pid, late ? SIGKILL : SIGTERM);
}

/* ---- Settings ---------------------------------------------------------- */

static unsigned
pool_size(const struct conf *conf, enum pool pool)
{
	static const enum conf_key keys[] = {
		[POOL_API] = CONF_HTTP_WORKERS_API,
		[POOL_TRADE] = CONF_HTTP_WORKERS_TRADE,
		[POOL_EGRESS] = CONF_HTTP_WORKERS_EGRESS,
	};

	return (unsigned)conf_number(conf, keys[pool]);
}

static const char *
pool_socket(const struct conf *conf, enum pool pool)
{
	static const enum conf_key keys[] = {
		[POOL_API] = CONF_SOCKETS_API,
		[POOL_TRADE] = CONF_SOCKETS_API_TRADE,
		[POOL_EGRESS] = CONF_SOCKETS_API_EGRESS,
	};

	return conf_text(conf, keys[pool]);
}

/* A trade worker never sees the master key, only what opens program keys. */
static unsigned
pool_parts(enum pool pool)
{
	return AUTH_KEYS | (pool == POOL_TRADE ? AUTH_TOKENS : AUTH_ALL);
}

/* Replace CONF and what follows from it, or leave all as it was. */
static bool
configure(struct parent *parent, struct conf *conf, char **reason)
{
	struct api_setup *setup = &parent->setup;
	struct auth *auth = auth_open(conf, pool_parts(setup->pool), reason);

	if (!auth)
		return false;
	auth_free(setup->auth);
	conf_free(parent->conf);
	parent->conf = conf;
	setup->conf = conf;
	setup->auth = auth;
	setup->workers = pool_size(conf, setup->pool);
	return true;
}

static void
reload(struct parent *parent)
{
	char *reason = NULL;
	struct conf *conf = conf_load(parent->conf_file, &reason);

	if (!conf || !configure(parent, conf, &reason)) {
		log_error("the settings stay as they were: %s", reason);
		free(reason);
		conf_free(conf);
		return;
	}
	log_info("settings read, workers are replaced");
	dismiss_all(parent);
	parent->start_after_us = 0;
	start_missing(parent);
	urge(parent);
}

/* ---- The loop ---------------------------------------------------------- */

static int64_t
pause_us(const struct parent *parent)
{
	int64_t until_us = parent->start_after_us - clock_monotonic_us();

	if (count(parent, true) > 0)
		return REPEAT_TERM_US;
	if (!parent->stopping && count(parent, false) < parent->setup.workers)
		return until_us > 0 ? until_us : 0;
	return US_PER_MINUTE;
}

static void
handle(struct parent *parent, int number)
{
	switch (number) {
	case SIGTERM:
	case SIGINT:
		if (parent->stopping)
			break;
		parent->stopping = true;
		sd_notify(0, "STOPPING=1");
		dismiss_all(parent);
		urge(parent);
		break;
	case SIGHUP:
		if (!parent->stopping)
			reload(parent);
		break;
	default:
		break;
	}
}

static void
run(struct parent *parent, const sigset_t *signals)
{
	start_missing(parent);
	sd_notify(0, "READY=1");
	log_info("%s pool: %u workers at %s", pool_name(parent->setup.pool),
		parent->setup.workers,
		pool_socket(parent->conf, parent->setup.pool));
	while (!parent->stopping || count(parent, true) > 0) {
		int64_t wait_us = pause_us(parent);
		struct timespec wait = {.tv_sec = wait_us / US_PER_SECOND,
			.tv_nsec = wait_us % US_PER_SECOND * 1000};
		int number = sigtimedwait(signals, NULL, &wait);

		handle(parent, number);
		reap(parent);
		if (number < 0)
			urge(parent);
		start_missing(parent);
	}
}

static void
usage(void)
{
	fputs("usage: quantora-api -c FILE --pool trade|api|egress\n"
	      "       quantora-api --routes | --nginx-map\n",
		stderr);
	exit(1);
}

static enum pool
pool_named(const char *name)
{
	enum pool pool;

	for (pool = 0; pool < POOLS; pool++)
		if (strcmp(pool_name(pool), name) == 0)
			return pool;
	usage();
	return POOLS;
}

static void
read_options(int argc, char **argv, struct parent *parent)
{
	static const struct option options[] = {
		{"pool", required_argument, NULL, 'p'},
		{"routes", no_argument, NULL, 'r'},
		{"nginx-map", no_argument, NULL, 'm'},
		{NULL, 0, NULL, 0},
	};
	int option;

	parent->setup.pool = POOLS;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (option == 'c') {
			parent->conf_file = optarg;
		} else if (option == 'p') {
			parent->setup.pool = pool_named(optarg);
		} else if (option == 'r') {
			api_print_routes();
			exit(0);
		} else if (option == 'm') {
			api_print_nginx_map();
			exit(0);
		} else {
			usage();
		}
	}
	if (optind != argc || parent->setup.pool == POOLS || !parent->conf_file)
		usage();
}

static void
open_all(struct parent *parent)
{
	struct api_setup *setup = &parent->setup;
	struct conf *conf = conf_load_or_exit(parent->conf_file);
	char *reason = NULL;

	if (!configure(parent, conf, &reason))
		log_fatal("%s", reason);
	setup->router = router_new(&editions, &reason);
	if (!setup->router)
		log_fatal("%s", reason);
	setup->limiter = limiter_open(conf_text(conf, CONF_PATHS_RATE_PAGE),
		&reason);
	if (!setup->limiter)
		log_fatal("%s", reason);
	setup->shared = mmap(NULL, sizeof(*setup->shared),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (setup->shared == MAP_FAILED)
		log_fatal("no memory to share: %s", strerror(errno));
	setup->meter = meter_open(conf_text(conf, CONF_PATHS_METERS),
		pool_name(setup->pool), &reason);
	if (reason)
		log_warn("%s", reason);
	free(reason);
	setup->parent = getpid();
	setup->listen_fd = unix_listen(
		pool_socket(conf, setup->pool), BACKLOG, 0);
	if (setup->listen_fd < 0)
		log_fatal("cannot listen at %s: %s",
			pool_socket(conf, setup->pool), strerror(errno));
}

int
main(int argc, char **argv)
{
	static struct parent parent;
	sigset_t signals;

	log_open("quantora-api", LOG_LEVEL_INFO);
	read_options(argc, argv, &parent);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	/* Not in each worker: it reads the kernel's random numbers. */
	json_object_seed(0);
	open_all(&parent);
	run(&parent, &signals);
	unlink(pool_socket(parent.conf, parent.setup.pool));
	return EXIT_SUCCESS;
}

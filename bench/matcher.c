/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher.c - how many commands matcherd does a second, over its socket, each
 * answered when it is on disk.
 *
 *	bench-matcher [--seconds S] [--dir DIR]
 *
 * It starts a matcherd of its own, in a new directory under DIR (else $TMPDIR,
 * else beside this program), which must be on a real disk: in memory a sync
 * costs nothing.  One line of key=value:
 *
 *   sync_us, socket_us   what the machine allows, measured in turns with the
 *                        next: 4 KiB and fdatasync; a blocking round trip
 *                        over a Unix socket
 *   blocking_*           one client, one command under way; of_bound is its
 *                        p50 by the sum of the two
 *   cNwM_*               N connections with M commands under way on each;
 *                        cpu is matcherd's time for each of them, batch is
 *                        how many shared a sync
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "bound.h"
#include "traffic.h"
#include "wire/refusal.h"

#define TMPFS_MAGIC 0x01021994
#define ROUNDS 5
#define SYNCS 200
#define ROUND_TRIPS 1000
#define BLOCKING 400
#define START_MS 10000

/* Sizes of a typical order and its answer, for the socket's bound. */
#define REQUEST_BYTES 96
#define ANSWER_BYTES 248

static char dir[PATH_MAX]; /* what it keeps on disk */
static char sock[] = "/tmp/quantora-bench.XXXXXX"; /* a short name */
static char sock_path[sizeof(sock) + 16];
static pid_t matcherd;

/* ---- Beginning and end --------------------------------------------------- */

static int
remove_one(const char *path, const struct stat *info, int type,
	struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

static void
clean_up(void)
{
	if (matcherd > 0) {
		kill(matcherd, SIGTERM);
		waitpid(matcherd, NULL, 0);
	}
	if (*dir)
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	nftw(sock, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void __attribute__((noreturn)) PRINTF_LIKE(1, 2)
die(const char *format, ...)
{
	va_list args;

	fputs("bench matcher: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void
on_signal(int number)
{
	(void)number;
	exit(1);
}

/* Where this program lies; matcherd is one folder up. */
static void
own_folder(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);

	if (n < 0)
		die("/proc/self/exe: %s", strerror(errno));
	out[n] = '\0';
	*strrchr(out, '/') = '\0';
}

static void
make_folders(const char *under)
{
	char own[PATH_MAX];
	struct statfs fs;

	own_folder(own);
	if (!under)
		under = getenv("TMPDIR");
	if (!under || !*under)
		under = own;
	if (snprintf(dir, sizeof(dir), "%s/bench-matcher.XXXXXX", under) >=
			(int)sizeof(dir) ||
		!mkdtemp(dir) || !mkdtemp(sock))
		die("%s: %s", dir, strerror(errno));
	if (statfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
		die("%s is in memory, where a sync costs nothing: name a "
		    "--dir on a disk", under);
	snprintf(sock_path, sizeof(sock_path), "%s/matcher", sock);
}

static void
write_conf(char path[PATH_MAX])
{
	FILE *file;

	if (snprintf(path, PATH_MAX, "%s/quantora.ini", dir) >= PATH_MAX)
		die("the folder's name is too long");
	file = fopen(path, "we");
	if (!file)
		die("%s: %s", path, strerror(errno));
	fprintf(file,
		"[paths]\njournal = %s/journal\narchive = %s/archive\n"
		"book_page = %s/book.page\n[sockets]\nmatcher = %s\n"
		"doorbell_dir = %s\n",
		dir, dir, sock, sock_path, sock);
	if (fclose(file) != 0)
		die("%s: %s", path, strerror(errno));
}

static void
make_folder(const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
			(int)sizeof(path) ||
		mkdir(path, 0700) < 0)
		die("%s: %s", path, strerror(errno));
}

/* In the child. */
static void __attribute__((noreturn))
become_matcherd(char *conf)
{
	static char name[] = "quantora-matcherd", flag[] = "-c";
	char *const argv[] = {name, flag, conf, NULL};
	char path[PATH_MAX + 32], own[PATH_MAX];
	int log = open("/dev/null", O_WRONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	own_folder(own);
	snprintf(path, sizeof(path), "%s/../quantora-matcherd", own);
	/* Its errors are worth seeing; that it is ready is not. */
	if (log >= 0 && !getenv("BENCH_VERBOSE"))
		dup2(log, STDERR_FILENO);
	execv(path, argv);
	_exit(127);
}

static void
start_matcherd(void)
{
	static char conf[PATH_MAX];
	struct timespec pause = {.tv_nsec = 10000000};
	struct stats_answer stats;
	int waited_ms;

	make_folder("journal");
	make_folder("archive");
	write_conf(conf);
	matcherd = fork();
	if (matcherd == 0)
		become_matcherd(conf);
	for (waited_ms = 0; waited_ms < START_MS; waited_ms += 10) {
		if (traffic_stats(sock_path, &stats))
			return;
		if (waitpid(matcherd, NULL, WNOHANG) == matcherd) {
			matcherd = 0;
			die("matcherd did not start; BENCH_VERBOSE=1 says why");
		}
		nanosleep(&pause, NULL);
	}
	die("matcherd does not answer");
}

/* ---- Measuring ----------------------------------------------------------- */

static void
must(bool good, const char *what)
{
	if (!good)
		die("%s: %s", what, errno ? strerror(errno) : "failed");
}

static struct bound
tell(const char *name, int64_t *times_us, unsigned n)
{
	struct bound took = bound_of(times_us, n);

	printf("%s_us=%lld %s_p99_us=%lld ", name, (long long)took.p50_us,
		name, (long long)took.p99_us);
	return took;
}

/* In turns, so that what else the machine does is shared fairly. */
static void
measure_blocking(struct traffic *traffic)
{
	static int64_t sync_us[ROUNDS * SYNCS];
	static int64_t socket_us[ROUNDS * ROUND_TRIPS];
	static int64_t blocking_us[ROUNDS * BLOCKING];
	struct bound sync, socket, blocking;
	unsigned i;

	must(traffic_open(traffic, sock_path, 1, 1), "connecting");
	for (i = 0; i < ROUNDS; i++) {
		must(bound_sync(dir, SYNCS, sync_us + i * SYNCS) == 0,
			"the sync's bound");
		must(bound_socket(ROUND_TRIPS, REQUEST_BYTES, ANSWER_BYTES,
			     socket_us + i * ROUND_TRIPS) == 0,
			"the socket's bound");
		must(traffic_blocking(traffic, BLOCKING,
			     blocking_us + i * BLOCKING),
			"one client");
	}
	traffic_close(traffic);
	sync = tell("sync", sync_us, ROUNDS * SYNCS);
	socket = tell("socket", socket_us, ROUNDS * ROUND_TRIPS);
	blocking = tell("blocking", blocking_us, ROUNDS * BLOCKING);
	printf("of_bound=%.2f ",
		(double)blocking.p50_us /
			(double)(sync.p50_us + socket.p50_us));
	fflush(stdout);
}

/* Processor time that matcherd has used so far. */
static int64_t
matcherd_cpu_ns(void)
{
	struct timespec used = {0};
	clockid_t clock;

	if (clock_getcpuclockid(matcherd, &clock) == 0)
		clock_gettime(clock, &used);
	return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

static void
measure_windows(struct traffic *traffic, unsigned connections, unsigned window,
	double seconds)
{
	struct stats_answer before, after;
	uint64_t answers = traffic->answers, batches;
	int64_t begun_us, took_us, cpu_ns;

	must(traffic_open(traffic, sock_path, connections, window),
		"connecting");
	must(traffic_stats(sock_path, &before), "the figures");
	cpu_ns = matcherd_cpu_ns();
	begun_us = clock_monotonic_us();
	must(traffic_run(traffic, seconds), "the load");
	took_us = clock_monotonic_us() - begun_us;
	cpu_ns = matcherd_cpu_ns() - cpu_ns;
	must(traffic_stats(sock_path, &after), "the figures");
	traffic_close(traffic);
	answers = traffic->answers - answers;
	batches = after.batches - before.batches;
	printf("c%uw%u_per_s=%.0f c%uw%u_cpu_ns=%.0f c%uw%u_batch=%.1f "
	       "c%uw%u_sync_us=%.0f ",
		connections, window,
		(double)answers * 1e6 / (double)took_us, connections, window,
		(double)cpu_ns / (double)answers, connections, window,
		batches ? (double)answers / (double)batches : 0, connections,
		window,
		batches ? (double)(after.sync_us_total - before.sync_us_total) /
				(double)batches
			: 0);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	static struct traffic traffic;
	const char *under = NULL;
	double seconds = 3;
	int i;

	for (i = 1; i + 1 < argc; i += 2)
		if (strcmp(argv[i], "--seconds") == 0)
			seconds = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--dir") == 0)
			under = argv[i + 1];
		else
			break;
	if (i < argc || !(seconds > 0 && seconds <= 60))
		die("usage: bench-matcher [--seconds S] [--dir DIR]");
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	atexit(clean_up);
	make_folders(under);
	start_matcherd();
	must(traffic_make_market(sock_path), "the market");
	measure_blocking(&traffic);
	measure_windows(&traffic, 1, 64, seconds);
	measure_windows(&traffic, 1, 1024, seconds);
	measure_windows(&traffic, 4, 64, seconds);
	measure_windows(&traffic, 4, 1024, seconds);
	printf("trades=%llu refused=%llu%s%s\n",
		(unsigned long long)traffic.trades,
		(unsigned long long)traffic.refused,
		traffic.refused ? " last_refusal=" : "",
		traffic.refused ? refusal_row(traffic.last_refusal)->name : "");
	return 0;
}

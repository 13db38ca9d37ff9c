/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streams.c - how long a trade takes to reach everybody who watches.
 *
 *   bench-streams -c FILE -p PORT [-n CONNECTIONS] [-t TRADES]
 *
 * CONNECTIONS clients follow /ws through nginx; one trade after the other is
 * made at the matcher's own socket, and each client's time from then until the
 * message has come is taken.  What it is compared with is the same crowd at a
 * bare process, which writes the same bytes to one socket after the other and
 * does nothing else.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/decimal.h"
#include "base/log.h"
#include "crowd.h"
#include "domain/core.h"

#define CONNECTIONS_MAX 60000
#define TRADES_MAX 1000
#define PRICE INT64_C(50000)
#define BASE 1
#define QUOTE 0
#define HEAR_US (10 * US_PER_SECOND)
/* Between two trades, so that each is alone. */
#define PAUSE_US (US_PER_SECOND / 5)

struct bench {
	struct conf *conf;
	struct ctx ctx;
	int port;
	unsigned connections;
	unsigned trades;
	int64_t *when_us; /* of the trade at hand, by client */
	int64_t *took_us; /* of all */
	size_t n_took;
	uint64_t missing;
};

struct figures {
	int64_t p50_us, p99_us, max_us;
};

/* ---- The market -------------------------------------------------------- */

static void
must_command(struct bench *bench, const struct message *command)
{
	if (core_submit(&bench->ctx, command, NULL) != ST_OK)
		log_fatal("%s: %s", command_name(command->type),
			bench->ctx.fault.reason);
}

static void
make_market(struct bench *bench)
{
	struct cmd_asset_set asset = {
		.head = CORE_COMMAND(ASSET_SET, cmd_asset_set, 0),
		.asset = QUOTE,
		.code = "USD"};
	struct cmd_instrument_set instrument = {
		.head = CORE_COMMAND(INSTRUMENT_SET, cmd_instrument_set, 0),
		.terms = {.base = BASE,
			.quote = QUOTE,
			.fee_asset = QUOTE,
			.symbol = "BTC/USD",
			.tick = DECIMAL_ONE / 100,
			.lot = DECIMAL_ONE / 1000000,
			.maker_rate = 1000,
			.taker_rate = 2000,
			.collar = 50000}};

	must_command(bench, &asset.head);
	asset.asset = BASE;
	memcpy(asset.code, "BTC", 4);
	must_command(bench, &asset.head);
	must_command(bench, &instrument.head);
}

static void
make_user(struct bench *bench, uint32_t user, uint16_t asset, int64_t amount)
{
	struct cmd_user_create create = {
		.head = CORE_COMMAND(USER_CREATE, cmd_user_create, user),
		.public_id = ident_random(clock_wall_us())};
	struct cmd_deposit deposit = {
		.head = CORE_COMMAND(DEPOSIT, cmd_deposit, user),
		.asset = asset,
		.amount = amount};

	must_command(bench, &create.head);
	must_command(bench, &deposit.head);
}

static void
place(struct bench *bench, uint32_t user, enum side side)
{
	struct cmd_order_place order = {
		.head = CORE_COMMAND(ORDER_PLACE, cmd_order_place, user),
		.side = (uint8_t)side,
		.type = TYPE_LIMIT,
		.price = PRICE * DECIMAL_ONE,
		.quantity = DECIMAL_ONE / 1000};

	must_command(bench, &order.head);
}

/* ---- The bare process -------------------------------------------------- */

/* A frame of text as long as a trade's. */
static size_t
make_frame(char *to)
{
	static const char text[] =
		"{\"type\":\"Trade\",\"payload\":{\"price\":50000,\"qty\":0.001,"
		"\"side\":\"buy\",\"executed_at\":\"2025-11-22T00:00:00.123456Z\"}}";

	to[0] = (char)0x81;
	to[1] = (char)(sizeof(text) - 1);
	memcpy(to + 2, text, sizeof(text) - 1);
	return sizeof(text) + 1;
}

/* Take N connections, and write to all of them for each byte of ORDERS. */
static void
be_bare(int listener, int orders, unsigned n)
{
	int *fds = calloc(n, sizeof(*fds));
	char frame[256], byte;
	size_t length = make_frame(frame);
	unsigned i;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (i = 0; fds && i < n; i++)
		fds[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (fds && read(orders, &byte, 1) == 1)
		for (i = 0; i < n; i++)
			if (write(fds[i], frame, length) != (ssize_t)length)
				_exit(1);
	_exit(0);
}

static int
listen_anywhere(int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
		listen(fd, SOMAXCONN) != 0 ||
		getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		log_fatal("cannot listen: %s", strerror(errno));
	*port = ntohs(at.sin_port);
	return fd;
}

/* ---- What is measured -------------------------------------------------- */

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static struct figures
figures_of(struct bench *bench)
{
	size_t n = bench->n_took;

	if (n == 0)
		return (struct figures){0, 0, 0};
	qsort(bench->took_us, n, sizeof(*bench->took_us), by_size);
	bench->n_took = 0;
	return (struct figures){bench->took_us[n / 2],
		bench->took_us[n * 99 / 100], bench->took_us[n - 1]};
}

static void
take_times(struct bench *bench, struct crowd *crowd, int64_t begin_us)
{
	unsigned i, n = crowd_hear(crowd, "\"Trade\"", HEAR_US, bench->when_us);

	bench->missing += bench->connections - n;
	for (i = 0; i < bench->connections; i++)
		if (bench->when_us[i] != 0)
			bench->took_us[bench->n_took++] =
				bench->when_us[i] - begin_us;
}

static struct figures
run_streams(struct bench *bench, int64_t *opened_us)
{
	struct crowd *crowd;
	int64_t begin_us;
	unsigned i;

	crowd_await(bench->port, "/ws");
	begin_us = clock_monotonic_us();
	crowd = crowd_new(bench->connections, bench->port, "/ws");
	*opened_us = clock_monotonic_us() - begin_us;
	for (i = 0; i < bench->trades; i++) {
		place(bench, 1, SIDE_SELL);
		crowd_idle(crowd, PAUSE_US);
		begin_us = clock_monotonic_us();
		place(bench, 2, SIDE_BUY);
		take_times(bench, crowd, begin_us);
	}
	crowd_free(crowd);
	return figures_of(bench);
}

static struct figures
run_bare(struct bench *bench)
{
	struct crowd *crowd;
	int64_t begin_us;
	int port, listener = listen_anywhere(&port), orders[2];
	unsigned i;
	pid_t pid;

	if (pipe(orders) != 0 || (pid = fork()) < 0)
		log_fatal("no other process: %s", strerror(errno));
	if (pid == 0) {
		close(orders[1]);
		be_bare(listener, orders[0], bench->connections);
	}
	close(orders[0]);
	crowd = crowd_new(bench->connections, port, NULL);
	for (i = 0; i < bench->trades; i++) {
		crowd_idle(crowd, PAUSE_US);
		begin_us = clock_monotonic_us();
		if (write(orders[1], "!", 1) != 1)
			log_fatal("the bare process is gone");
		take_times(bench, crowd, begin_us);
	}
	crowd_free(crowd);
	close(orders[1]);
	close(listener);
	waitpid(pid, NULL, 0);
	return figures_of(bench);
}

/* ---- main -------------------------------------------------------------- */

static void
read_options(int argc, char **argv, struct bench *bench)
{
	const char *conf_file = NULL;
	int option;

	while ((option = getopt(argc, argv, "c:p:n:t:")) != -1) {
		if (option == 'c')
			conf_file = optarg;
		else if (option == 'p')
			bench->port = (int)strtol(optarg, NULL, 10);
		else if (option == 'n')
			bench->connections =
				(unsigned)strtoul(optarg, NULL, 10);
		else if (option == 't')
			bench->trades = (unsigned)strtoul(optarg, NULL, 10);
		else
			exit(2);
	}
	if (!conf_file || bench->port == 0 || bench->connections == 0 ||
		bench->connections > CONNECTIONS_MAX || bench->trades == 0 ||
		bench->trades > TRADES_MAX)
		log_fatal("usage: bench-streams -c FILE -p PORT "
			  "[-n CONNECTIONS] [-t TRADES]");
	bench->conf = conf_load_or_exit(conf_file);
}

int
main(int argc, char **argv)
{
	static struct bench bench = {.connections = 10000, .trades = 20};
	struct figures streams, bare;
	int64_t opened_us;

	log_open("bench-streams", LOG_LEVEL_INFO);
	read_options(argc, argv, &bench);
	bench.when_us = calloc(bench.connections, sizeof(int64_t));
	bench.took_us = calloc((size_t)bench.connections * bench.trades,
		sizeof(int64_t));
	if (!bench.when_us || !bench.took_us)
		log_fatal("no memory");
	bench.ctx.arena = arena_new();
	bench.ctx.now_us = clock_wall_us();
	bench.ctx.core =
		core_new(conf_text(bench.conf, CONF_SOCKETS_MATCHER));
	make_market(&bench);
	make_user(&bench, 1, BASE, 1000 * DECIMAL_ONE);
	make_user(&bench, 2, QUOTE, 10000000 * DECIMAL_ONE);
	bare = run_bare(&bench);
	streams = run_streams(&bench, &opened_us);
	printf("bench=streams connections=%u trades=%u p50_us=%lld p99_us=%lld "
	       "max_us=%lld bare_p50_us=%lld bare_p99_us=%lld bare_max_us=%lld "
	       "p99_ratio=%.2f connects_per_s=%.0f missing=%llu\n",
		bench.connections, bench.trades, (long long)streams.p50_us,
		(long long)streams.p99_us, (long long)streams.max_us,
		(long long)bare.p50_us, (long long)bare.p99_us,
		(long long)bare.max_us,
		(double)streams.p99_us / (double)(bare.p99_us + 1),
		(double)bench.connections * US_PER_SECOND / (double)opened_us,
		(unsigned long long)bench.missing);
	core_free(bench.ctx.core);
	arena_free(bench.ctx.arena);
	free(bench.when_us);
	free(bench.took_us);
	conf_free(bench.conf);
	return 0;
}

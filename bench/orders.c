/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * orders.c - what an order costs over HTTP, against a handler that does
 * nothing.
 *
 *   bench-orders -c FILE -p PORT [-n CONNECTIONS] [-s SECONDS] [-r ROUNDS]
 *	[-w NAME=PID ...] [-v] [-k KIND]
 *
 * Makes a market with a full book and its users through the matcher's own
 * socket, signs their tokens, and then asks in turn, ROUNDS times: the null
 * handler (the same request, to /null), an order, the book, a ticker.  Prints
 * the medians, and the processor's time that a request took of this program
 * and of those that -w names; with -v also of each.  With -k only the one kind
 * (null, order, book, ticker) is asked for, to be looked at from outside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/permission.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/log.h"
#include "domain/core.h"
#include "journal/book_page.h"
#include "load.h"
#include "spent.h"

#define USERS_MAX 256
#define MAKER (USERS_MAX + 1) /* of the book that is there */
#define ROUNDS_MAX 25
#define REQUEST_MAX 2048
#define PRICE INT64_C(50000)
#define BASE 1
#define QUOTE 0
#define MILLION (INT64_C(1000000) * DECIMAL_ONE)

enum kind { KIND_NULL, KIND_ORDER, KIND_BOOK, KIND_TICKER, KINDS };

static const char *const kind_names[KINDS] = {
	[KIND_NULL] = "null",
	[KIND_ORDER] = "order",
	[KIND_BOOK] = "book",
	[KIND_TICKER] = "ticker",
};

/* A connection's requests: two orders that alternate, and what it reads. */
struct client {
	char orders[2][REQUEST_MAX];
	char nulls[2][REQUEST_MAX];
	char reads[KINDS][REQUEST_MAX];
	unsigned turn;
};

/* What one round of a kind gave. */
struct figures {
	struct load_result load;
	double cpu_us[SPENT_MAX + 1]; /* a request, of the programs, then ours */
	double all_cpu_us;
};

struct bench {
	struct conf *conf;
	struct auth *auth;
	struct ctx ctx;
	int port;
	unsigned connections;
	double seconds;
	unsigned rounds;
	struct client clients[USERS_MAX];
	enum kind kind;
	struct spent spent;
	bool verbose;
	int only; /* a kind; KINDS: all of them */
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
			.min_notional = DECIMAL_ONE,
			.maker_rate = 1000,
			.taker_rate = 2000,
			.band_low = 200000,
			.band_high = 5000000,
			.collar = 50000}};
	struct cmd_reference_price price = {
		.head = CORE_COMMAND(REFERENCE_PRICE, cmd_reference_price, 0),
		.price = PRICE * DECIMAL_ONE};

	must_command(bench, &asset.head);
	asset.asset = BASE;
	memcpy(asset.code, "BTC", 4);
	must_command(bench, &asset.head);
	must_command(bench, &instrument.head);
	must_command(bench, &price.head);
}

static void
make_user(struct bench *bench, uint32_t user, struct ident id)
{
	struct cmd_user_create create = {
		.head = CORE_COMMAND(USER_CREATE, cmd_user_create, user),
		.public_id = id};
	struct cmd_deposit deposit = {
		.head = CORE_COMMAND(DEPOSIT, cmd_deposit, user),
		.asset = QUOTE,
		.amount = 100 * MILLION};

	must_command(bench, &create.head);
	must_command(bench, &deposit.head);
	deposit.asset = BASE;
	must_command(bench, &deposit.head);
}

/* Somebody's orders on both sides, as deep as the book is shown. */
static void
make_book(struct bench *bench)
{
	struct cmd_order_place order = {
		.head = {.size = ORDER_PLACE_SHORT,
			.type = CMD_ORDER_PLACE,
			.user = MAKER},
		.type = TYPE_LIMIT};
	int level;

	make_user(bench, MAKER, ident_random(clock_wall_us()));
	for (level = 1; level <= BOOK_PAGE_LEVELS; level++) {
		/* 0.001 to 0.050, at 49999.75 and below, 50000.75 and above */
		order.quantity = level * (DECIMAL_ONE / 1000);
		order.side = SIDE_BUY;
		order.price = PRICE * DECIMAL_ONE - level * (DECIMAL_ONE / 4);
		must_command(bench, &order.head);
		order.side = SIDE_SELL;
		order.price = PRICE * DECIMAL_ONE + DECIMAL_ONE / 2 +
			      level * (DECIMAL_ONE / 4);
		must_command(bench, &order.head);
	}
}

/* ---- Requests ---------------------------------------------------------- */

static void
write_post(char *to, const char *path, const char *token, const char *body)
{
	snprintf(to, REQUEST_MAX,
		"POST %s HTTP/1.1\r\nHost: localhost\r\n"
		"Authorization: Bearer %s\r\n"
		"Content-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		path, token, strlen(body), body);
}

static void
write_get(char *to, const char *path, const char *token)
{
	snprintf(to, REQUEST_MAX,
		"GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", path,
		token ? "Authorization: Bearer " : "", token ? token : "",
		token ? "\r\n" : "");
}

static void
make_client(struct bench *bench, unsigned i)
{
	static const char *const sides[] = {"buy", "sell"};
	struct client *client = &bench->clients[i];
	struct session session = {.id = ident_random(clock_wall_us()),
		.public_id = ident_random(clock_wall_us()),
		.user = i + 1,
		.epoch = 1,
		.issued_us = clock_wall_us(),
		.expires_us = clock_wall_us() + US_PER_HOUR};
	char token[TOKEN_TEXT_MAX], id[IDENT_TEXT_MAX], body[512];
	struct guard_answer guard;
	int side;

	make_user(bench, session.user, session.public_id);
	if (core_ask(&bench->ctx, &(struct guard_request){.user = session.user},
		    &guard) != ST_OK)
		log_fatal("the matcher does not answer");
	session.epoch = guard.epoch;
	if (token_sign(bench->auth->keyring, &session, TOKEN_ACCESS, token) !=
		ST_OK)
		log_fatal("no token could be signed");
	ident_format(session.public_id, id);
	for (side = 0; side < 2; side++) {
		snprintf(body, sizeof(body),
			"{\"user_id\":\"%s\",\"side\":\"%s\",\"price\":%lld.25,"
			"\"qty\":0.001,\"order_type\":\"limit\"}",
			id, sides[(side + (int)i) % 2], (long long)PRICE);
		write_post(client->orders[side], "/api/order", token, body);
		write_post(client->nulls[side], "/null", token, body);
	}
	write_get(client->reads[KIND_BOOK], "/api/orderbook", NULL);
	write_get(client->reads[KIND_TICKER], "/api/v1/market/ticker/BTCUSD",
		token);
}

static void
next(void *arg, unsigned connection, const char **text, size_t *length)
{
	struct bench *bench = arg;
	struct client *client = &bench->clients[connection];

	switch (bench->kind) {
	case KIND_NULL:
		*text = client->nulls[client->turn++ % 2];
		break;
	case KIND_ORDER:
		*text = client->orders[client->turn++ % 2];
		break;
	case KIND_BOOK:
	case KIND_TICKER:
	case KINDS:
		*text = client->reads[bench->kind];
		break;
	}
	*length = strlen(*text);
}

/* ---- The rounds -------------------------------------------------------- */

static int
by_rate(const void *a, const void *b)
{
	const struct figures *x = a, *y = b;

	return x->load.per_s < y->load.per_s ? -1
					     : x->load.per_s > y->load.per_s;
}

static int
by_cpu(const void *a, const void *b)
{
	const struct figures *x = a, *y = b;

	return x->all_cpu_us < y->all_cpu_us ? -1
					     : x->all_cpu_us > y->all_cpu_us;
}

/* What the programs have used so far, and then we. */
static void
read_spent(const struct bench *bench, int64_t ns[SPENT_MAX + 1])
{
	unsigned i;

	for (i = 0; i < bench->spent.n; i++)
		ns[i] = spent_ns(&bench->spent.programs[i]);
	ns[i] = spent_own_ns();
}

static void
run_kind(struct bench *bench, enum kind kind, struct figures *out)
{
	const struct load_source source = {next, bench};
	int64_t before[SPENT_MAX + 1], after[SPENT_MAX + 1];
	unsigned i;

	bench->kind = kind;
	*out = (struct figures){.all_cpu_us = 0};
	read_spent(bench, before);
	if (load_run(bench->port, bench->connections, bench->seconds, &source,
		    &out->load) != 0)
		log_fatal("port %d cannot be reached", bench->port);
	read_spent(bench, after);
	if (out->load.errors > 0)
		log_warn("%llu requests failed, the first with %d",
			(unsigned long long)out->load.errors,
			out->load.first_error);
	for (i = 0; i <= bench->spent.n && out->load.requests > 0; i++) {
		out->cpu_us[i] = (double)(after[i] - before[i]) / 1e3 /
				 (double)out->load.requests;
		out->all_cpu_us += out->cpu_us[i];
	}
}

/* A line for each kind: what a request took of each program. */
static void
print_programs(const struct bench *bench, const struct figures *const cpu[])
{
	int kind;
	unsigned i;

	for (kind = 0; kind < KINDS; kind++) {
		printf("bench=orders cpu_us_of=%s", kind_names[kind]);
		for (i = 0; i < bench->spent.n; i++)
			printf(" %s=%.1f", bench->spent.programs[i].name,
				cpu[kind]->cpu_us[i]);
		printf(" load=%.1f all=%.1f\n", cpu[kind]->cpu_us[i],
			cpu[kind]->all_cpu_us);
	}
}

static void
print(const struct bench *bench, const struct figures *const rate[],
	const struct figures *const cpu[], uint64_t errors)
{
	const struct load_result *null = &rate[KIND_NULL]->load;
	const struct load_result *order = &rate[KIND_ORDER]->load;
	int kind;

	printf("bench=orders connections=%u null_per_s=%.0f orders_per_s=%.0f "
	       "ratio=%.2f order_p50_us=%lld order_p99_us=%lld",
		bench->connections, null->per_s, order->per_s,
		order->per_s / null->per_s, (long long)order->p50_us,
		(long long)order->p99_us);
	for (kind = KIND_BOOK; kind < KINDS; kind++)
		printf(" %s_per_s=%.0f %s_ratio=%.2f", kind_names[kind],
			rate[kind]->load.per_s, kind_names[kind],
			rate[kind]->load.per_s / null->per_s);
	for (kind = 0; kind < KINDS; kind++)
		printf(" %s_cpu_us=%.0f", kind_names[kind],
			cpu[kind]->all_cpu_us);
	printf(" errors=%llu\n", (unsigned long long)errors);
	if (bench->verbose)
		print_programs(bench, cpu);
}

static void
run(struct bench *bench)
{
	static struct figures results[KINDS][ROUNDS_MAX];
	struct figures by[KINDS];
	const struct figures *rate[KINDS], *cpu[KINDS];
	uint64_t errors = 0;
	unsigned round, middle = bench->rounds / 2;
	int kind;

	for (round = 0; round < bench->rounds; round++)
		for (kind = 0; kind < KINDS; kind++) {
			if (bench->only != KINDS && bench->only != kind)
				continue;
			run_kind(bench, (enum kind)kind, &results[kind][round]);
			errors += results[kind][round].load.errors;
		}
	for (kind = 0; kind < KINDS; kind++) {
		qsort(results[kind], bench->rounds, sizeof(results[kind][0]),
			by_cpu);
		by[kind] = results[kind][middle];
		cpu[kind] = &by[kind];
		qsort(results[kind], bench->rounds, sizeof(results[kind][0]),
			by_rate);
		rate[kind] = &results[kind][middle];
	}
	print(bench, rate, cpu, errors);
}

static int
kind_named(const char *name)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++)
		if (strcmp(kind_names[kind], name) == 0)
			return kind;
	log_fatal("there is no kind %s", name);
}

static void
read_options(int argc, char **argv, struct bench *bench)
{
	const char *conf_file = NULL;
	int option;

	while ((option = getopt(argc, argv, "c:p:n:s:r:w:vk:")) != -1) {
		if (option == 'c')
			conf_file = optarg;
		else if (option == 'p')
			bench->port = (int)strtol(optarg, NULL, 10);
		else if (option == 'n')
			bench->connections =
				(unsigned)strtoul(optarg, NULL, 10);
		else if (option == 's')
			bench->seconds = (double)strtol(optarg, NULL, 10);
		else if (option == 'r')
			bench->rounds = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'v')
			bench->verbose = true;
		else if (option == 'k')
			bench->only = kind_named(optarg);
		else if (option != 'w' || spent_add(&bench->spent, optarg) != 0)
			exit(2);
	}
	if (!conf_file || bench->port == 0 || bench->connections == 0 ||
		bench->connections > USERS_MAX || bench->rounds == 0 ||
		bench->rounds > ROUNDS_MAX || bench->seconds < 1)
		log_fatal("usage: bench-orders -c FILE -p PORT "
			  "[-n CONNECTIONS] [-s SECONDS] [-r ROUNDS] "
			  "[-w NAME=PID ...] [-v] [-k KIND]");
	bench->conf = conf_load_or_exit(conf_file);
}

/* What a worker with MySQL would find there: there is none beside us. */
static void
forbid_nothing(const struct bench *bench)
{
	char *reason;
	struct permission_page *page = permission_page_open(
		conf_text(bench->conf, CONF_PATHS_PERMISSION_PAGE), &reason);

	if (!page)
		log_fatal("%s", reason);
	if (permission_page_hold(page) != ST_OK)
		log_fatal("the page of permissions is held by another");
	permission_page_begin(page);
	permission_page_commit(page);
	permission_page_release(page);
	permission_page_free(page);
}

int
main(int argc, char **argv)
{
	static struct bench bench = {
		.connections = 32, .seconds = 2, .rounds = 5, .only = KINDS};
	char *reason;
	unsigned i;

	log_open("bench-orders", LOG_LEVEL_INFO);
	read_options(argc, argv, &bench);
	bench.auth = auth_open(bench.conf, AUTH_TOKENS, &reason);
	if (!bench.auth)
		log_fatal("%s", reason);
	forbid_nothing(&bench);
	bench.ctx.arena = arena_new();
	bench.ctx.now_us = clock_wall_us();
	bench.ctx.core =
		core_new(conf_text(bench.conf, CONF_SOCKETS_MATCHER));
	make_market(&bench);
	make_book(&bench);
	for (i = 0; i < bench.connections; i++)
		make_client(&bench, i);
	run(&bench);
	core_free(bench.ctx.core);
	arena_free(bench.ctx.arena);
	auth_free(bench.auth);
	conf_free(bench.conf);
	return 0;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * settle.c - how fast what the matcher did becomes rows of MySQL.
 *
 * A MariaDB of its own, with the settings of a stack (dev.d/conf/my.cnf.in);
 * the records are the real engine's, made beforehand in memory; what is
 * measured is the settler's own code from the record to the answer of COMMIT.
 *
 *   1. all at once: batches as large as they may be. orders_per_s counts the
 *      orders that were accepted, commands_per_s all commands; beside it the
 *      processor time of MariaDB and of ourselves, which other programs on
 *      the machine disturb less;
 *   2. at half that rate, each command at its time: how long from then to its
 *      COMMIT (lag), where a batch is what has gathered meanwhile;
 *   3. the bound: narrow rows without any index but their key, as fast as the
 *      same connection takes them.
 *
 *	bench-settle [COMMANDS [USERS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "settle/mysql_sink.h"
#include "settle/settler.h"
#include "t/db/exchange.h"
#include "t/db/server.h"
#include "wire/event.h"

#define DATABASE "bench"
#define BOUND_ROWS 300000

struct bench {
	struct ctx *ctx;
	struct settle_sink *sink;
	struct settle_batch *batch;
	/* The records, one behind the other, and where each begins. */
	char *bytes;
	size_t room, used;
	size_t *at;
	size_t n, beginning;
	uint64_t orders, trades, legs;
};

static void
make_records(struct bench *b, size_t commands, unsigned users)
{
	struct exchange *exchange = exchange_new(users, 1);
	size_t i;

	b->beginning = exchange_beginning(exchange);
	b->n = b->beginning + commands;
	b->at = calloc(b->n, sizeof(*b->at));
	for (i = 0; i < b->n; i++) {
		const struct record *record = exchange_next(exchange);

		if (b->used + record->length > b->room) {
			b->room = b->room * 2 + ((size_t)64 << 20);
			b->bytes = realloc(b->bytes, b->room);
		}
		if (!b->bytes || !b->at)
			log_fatal("no memory");
		memcpy(b->bytes + b->used, record, record->length);
		b->at[i] = b->used;
		b->used += record->length;
		if (i >= b->beginning)
			b->orders += record_command(record)->type ==
				CMD_ORDER_PLACE;
	}
	exchange_free(exchange);
}

static void
add(struct bench *b, size_t i)
{
	if (settle_batch_add(b->batch,
		    (const struct record *)(const void *)(b->bytes +
			    b->at[i])) != ST_OK)
		log_fatal("%s", b->batch->reason);
}

static void
write_batch(struct bench *b)
{
	enum status status = b->sink->write(b->sink, b->batch);

	if (status != ST_OK)
		log_fatal("%s: %s", status_name(status),
			b->sink->reason(b->sink));
	b->trades += b->batch->trades.n;
	b->legs += b->batch->legs.n;
	settle_batch_clear(b->batch);
}

/* Settle the records from FROM to TO in the largest batches; microseconds. */
static int64_t
run_flat_out(struct bench *b, size_t from, size_t to)
{
	int64_t began_us = clock_monotonic_us();
	size_t i;

	for (i = from; i < to; i++) {
		add(b, i);
		if (b->batch->n_records == SETTLE_RECORDS_MAX ||
			settle_batch_size(b->batch) >= SETTLE_ROWS_MAX)
			write_batch(b);
	}
	if (b->batch->n_records > 0)
		write_batch(b);
	return clock_monotonic_us() - began_us;
}

static int64_t
own_cpu_us(void)
{
	struct timespec used = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * US_PER_SECOND + used.tv_nsec / 1000;
}

static void
sleep_until(int64_t when_us)
{
	struct timespec when = {when_us / US_PER_SECOND,
		when_us % US_PER_SECOND * 1000};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* One command every INTERVAL_NS; fills LAGS with what each waited. */
static void
run_paced(struct bench *b, size_t from, size_t to, int64_t interval_ns,
	int64_t *lags)
{
	int64_t start_us = clock_monotonic_us(), now_us;
	size_t i = from, first;

#define DUE(i_) (start_us + (int64_t)((i_) - from) * interval_ns / 1000)
	while (i < to) {
		sleep_until(DUE(i));
		now_us = clock_monotonic_us();
		for (first = i; i < to && DUE(i) <= now_us &&
			b->batch->n_records < SETTLE_RECORDS_MAX; i++)
			add(b, i);
		write_batch(b);
		now_us = clock_monotonic_us();
		for (; first < i; first++)
			lags[first - from] = now_us - DUE(first);
	}
#undef DUE
	qsort(lags, to - from, sizeof(*lags), compare);
}

struct bound_row {
	uint64_t id;
	int64_t amount;
	uint32_t user;
};

static int64_t
run_bound(struct bench *b)
{
	static const struct db_column columns[] = {
		DB_COLUMN(U64, bound_row, id),
		DB_COLUMN(DECIMAL, bound_row, amount),
		DB_COLUMN(U64, bound_row, user),
	};
	static const struct db_bulk bulk = {
		"INSERT INTO bound (id, amount, user_id)", NULL, columns,
		N_ELEMENTS(columns), sizeof(struct bound_row), NULL};
	struct bound_row *rows = calloc(BOUND_ROWS, sizeof(*rows));
	int64_t began_us;
	size_t i;

	server_sql(DATABASE,
		"CREATE TABLE bound (id BIGINT UNSIGNED PRIMARY KEY, "
		"amount DECIMAL(20,8) NOT NULL, "
		"user_id INT UNSIGNED NOT NULL)");
	for (i = 0; rows && i < BOUND_ROWS; i++)
		rows[i] = (struct bound_row){
			i, (int64_t)i * 12345, (uint32_t)i};
	began_us = clock_monotonic_us();
	if (!rows || db_bulk_insert(b->ctx, &bulk, rows, BOUND_ROWS, NULL) !=
			ST_OK)
		log_fatal("%s", db_error(b->ctx->db));
	free(rows);
	return clock_monotonic_us() - began_us;
}

static long long
rate(uint64_t n, int64_t us)
{
	return us > 0 ? (long long)((__int128)n * US_PER_SECOND / us) : 0;
}

int
main(int argc, char **argv)
{
	size_t commands = argc > 1 ? strtoul(argv[1], NULL, 10) : 400000;
	unsigned users = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000;
	struct bench b = {0};
	int64_t flat_us, cpu_us, own_us, interval_ns, *lags;
	size_t half, n_paced;
	uint64_t orders;

	log_open("bench-settle", LOG_LEVEL_INFO);
	if (commands < 1000 || users < 2)
		log_fatal("usage: bench-settle [COMMANDS [USERS]]");
	server_start();
	server_schema(DATABASE);
	b.ctx = server_ctx(DATABASE);
	b.sink = mysql_sink_new(b.ctx);
	b.batch = settle_batch_new();
	make_records(&b, commands, users);
	if (b.sink->adopt(b.sink, ident_random(clock_wall_us())) != ST_OK)
		log_fatal("%s", b.sink->reason(b.sink));
	run_flat_out(&b, 0, b.beginning);
	b.trades = 0;
	b.legs = 0;
	/* The last tenth is for the lag. */
	half = b.beginning + commands / 10 * 9;
	cpu_us = server_cpu_us();
	own_us = own_cpu_us();
	flat_us = run_flat_out(&b, b.beginning, half);
	own_us = own_cpu_us() - own_us;
	cpu_us = server_cpu_us() - cpu_us;
	orders = b.orders * 9 / 10;
	printf("orders=%llu commands=%zu trades=%llu legs=%llu seconds=%.2f "
	       "server_us_per_order=%.1f own_us_per_order=%.1f "
	       "orders_per_s=%lld commands_per_s=%lld ",
		(unsigned long long)orders, half - b.beginning,
		(unsigned long long)b.trades, (unsigned long long)b.legs,
		(double)flat_us / 1e6, (double)cpu_us / (double)orders,
		(double)own_us / (double)orders, rate(orders, flat_us),
		rate(half - b.beginning, flat_us));
	n_paced = b.n - half;
	lags = calloc(n_paced, sizeof(*lags));
	if (!lags)
		log_fatal("no memory");
	/* Twice the time that each took. */
	interval_ns = 2 * flat_us * 1000 / (int64_t)(half - b.beginning);
	run_paced(&b, half, b.n, interval_ns, lags);
	printf("lag_ms_p50=%.1f lag_ms_p99=%.1f lag_ms_max=%.1f ",
		(double)lags[n_paced / 2] / 1e3,
		(double)lags[n_paced * 99 / 100] / 1e3,
		(double)lags[n_paced - 1] / 1e3);
	printf("bound_rows_per_s=%lld\n", rate(BOUND_ROWS, run_bound(&b)));
	free(lags);
	free(b.at);
	free(b.bytes);
	settle_batch_free(b.batch);
	mysql_sink_free(b.sink);
	server_ctx_free(b.ctx);
	return 0;
}

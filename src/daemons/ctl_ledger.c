/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_ledger.c - "quantoractl ledger verify": are the books right?
 *
 * Everything is read in one snapshot, as the auditor, beside a settler that
 * goes on.  Three things are held against each other: the rows among
 * themselves (the auditors' own reports, and some more), the sums of the legs
 * with the balances, and the whole of it with the journal.  Its events carry
 * the matcher's balances after each change, so what the matcher had at the
 * sequence that MySQL is at is read from there, without asking the matcher.
 *
 * Prints a line for each check; exit code 1 when any found something, with the
 * first of what it found.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "daemons/ctl.h"
#include "daemons/ctl_tally.h"
#include "journal/reader.h"
#include "settle/batch.h"

/* More are not counted. */
#define FOUND_MAX "1000"

struct verify {
	struct ctl *ctl;
	struct ctx *ctx;
	unsigned checks, wrong;
};

static void
print_result(struct verify *v, const char *name, uint64_t looked_at,
	const char *unit, size_t found, const char *first)
{
	v->checks++;
	if (found == 0) {
		printf("ok     %-34s %" PRIu64 " %s\n", name, looked_at, unit);
		return;
	}
	v->wrong++;
	printf("WRONG  %-34s %" PRIu64 " %s, %zu wrong, the first: %s\n", name,
		looked_at, unit, found, first);
}

/* ---- Rows against rows ------------------------------------------------ */

/*
 * Each is two statements: how much there is to look at, and what is wrong of
 * it, one text a row.
 */
static const struct check {
	const char *name, *unit;
	const char *count;
	const char *wrong;
} checks[] = {
	{"the legs of an asset sum to zero", "assets",
		"SELECT COUNT(*) FROM report_asset_sums",
		"SELECT CONCAT('asset ', asset_id, ' sums to ', difference) "
		"FROM report_asset_sums WHERE difference <> 0 "
		"LIMIT " FOUND_MAX},
	{"the legs of a posting sum to zero", "legs",
		"SELECT COUNT(*) FROM ledger",
		"SELECT CONCAT('sequence ', seq, ' asset ', asset_id, "
		"' sums to ', difference) "
		"FROM report_unbalanced_postings LIMIT " FOUND_MAX},
	{"the legs of a posting are all there", "postings",
		"SELECT COUNT(DISTINCT seq) FROM ledger",
		"SELECT CONCAT('sequence ', seq, ' has ', COUNT(*), "
		"' legs and leg ', MAX(leg)) FROM ledger GROUP BY seq "
		"HAVING COUNT(*) <> MAX(leg) + 1 LIMIT " FOUND_MAX},
	{"balances are the sum of their legs", "balances",
		"SELECT (SELECT COUNT(*) FROM balances) + "
		"(SELECT COUNT(*) FROM house_balances)",
		"SELECT CONCAT('account ', account, ' user ', user_id, "
		"' asset ', asset_id, ' has ', recorded, ', its legs sum to ', "
		"recomputed) FROM report_balance_differences LIMIT " FOUND_MAX},
	{"no customer is below zero", "balances",
		"SELECT COUNT(*) FROM balances",
		"SELECT CONCAT('user ', user_id, ' asset ', asset_id, "
		"' available ', available, ' held ', held) FROM balances "
		"WHERE available < 0 OR held < 0 LIMIT " FOUND_MAX},
	{"a trade has its five legs", "trades", "SELECT COUNT(*) FROM trades",
		"SELECT CONCAT('trade ', LOWER(HEX(trade_id)), ' trades ', "
		"trades, ' legs ', legs, ' off by ', base_in, ' ', base_out, "
		"' ', quote_in, ' ', quote_out, ' ', fees) "
		"FROM report_trade_differences LIMIT " FOUND_MAX},
	{"orders are the sum of their trades", "orders",
		"SELECT COUNT(*) FROM orders",
		"SELECT CONCAT('order ', LOWER(HEX(order_id)), ' filled ', "
		"filled, ', traded ', traded) "
		"FROM report_order_differences LIMIT " FOUND_MAX},
	{"orders are found by their names", "names",
		"SELECT COUNT(*) FROM order_names",
		"SELECT CONCAT('order ', LOWER(HEX(o.id)), ' of user ', "
		"o.user_id) FROM orders o LEFT JOIN order_names n "
		"ON n.user_id = o.user_id AND n.client_id = o.client_id "
		"AND n.order_id = o.id "
		"WHERE o.client_id IS NOT NULL AND n.order_id IS NULL "
		"UNION ALL "
		"SELECT CONCAT('no order ', LOWER(HEX(n.order_id)), "
		"' of user ', n.user_id) FROM order_names n LEFT JOIN orders o "
		"ON o.user_id = n.user_id AND o.id = n.order_id "
		"AND o.client_id = n.client_id "
		"WHERE o.id IS NULL LIMIT " FOUND_MAX},
	{"candles are the sum of their trades", "candles",
		"SELECT COUNT(*) FROM candles_1m",
		"SELECT CONCAT('instrument ', instrument_id, ' by the ', step, "
		"' off by ', SUM(volume), ' and ', SUM(n), ' trades') FROM ("
		"SELECT 'minute' AS step, instrument_id, volume, trades AS n "
		"FROM candles_1m UNION ALL "
		"SELECT 'minute', instrument_id, -quantity, -1 FROM trades "
		"UNION ALL "
		"SELECT 'hour', instrument_id, volume, trades FROM candles_1h "
		"UNION ALL "
		"SELECT 'hour', instrument_id, -volume, -CAST(trades AS SIGNED) "
		"FROM candles_1m UNION ALL "
		"SELECT 'day', instrument_id, volume, trades FROM candles_1d "
		"UNION ALL "
		"SELECT 'day', instrument_id, -volume, -CAST(trades AS SIGNED) "
		"FROM candles_1h) x GROUP BY step, instrument_id "
		"HAVING SUM(volume) <> 0 OR SUM(n) <> 0 LIMIT " FOUND_MAX},
	{"withdrawals are as the core has them", "withdrawals",
		"SELECT COUNT(*) FROM core_withdrawals",
		"SELECT CONCAT('withdrawal ', LOWER(HEX(w.public_id)), "
		"' of user ', w.user_id) FROM withdrawals w "
		"JOIN core_withdrawals c ON c.public_id = w.public_id "
		"WHERE c.user_id <> w.user_id OR c.asset_id <> w.asset_id "
		"OR c.amount <> w.amount LIMIT " FOUND_MAX},
	{"nothing is ahead of the position", "rows",
		"SELECT (SELECT COUNT(*) FROM ledger) + "
		"(SELECT COUNT(*) FROM trades) + (SELECT COUNT(*) FROM orders)",
		"SELECT CONCAT(what, ' of sequence ', seq) FROM ("
		"SELECT 'ledger' AS what, MAX(seq) AS seq FROM ledger "
		"UNION ALL SELECT 'trades', MAX(seq) FROM trades "
		"UNION ALL SELECT 'orders', MAX(seq) FROM orders "
		"UNION ALL SELECT 'positions', MAX(seq) FROM positions "
		"UNION ALL SELECT 'balances', MAX(seq) FROM balances) x "
		"WHERE seq > (SELECT COALESCE(MAX(applied_seq), 0) "
		"FROM settle_state) LIMIT " FOUND_MAX},
};

static enum status
run_check(struct verify *v, const struct check *check)
{
	const char *first = NULL;
	uint64_t looked_at = 0;
	struct db_rows *rows;

	TRY(db_one(v->ctx, check->count, DB_NOTHING,
		DB_OUT(db_to_u64(&looked_at))));
	TRY(db_query(v->ctx, check->wrong, DB_NOTHING, &rows));
	(void)db_next(rows, DB_OUT(db_to_text(&first)));
	print_result(
		v, check->name, looked_at, check->unit, db_count(rows), first);
	return ST_OK;
}

/* ---- Rows against the journal ----------------------------------------- */

struct replay {
	struct verify *verify;
	struct settle_batch *batch;
	struct tally *tally;
	uint64_t legs, trades, orders;
	/* The row of MySQL in hand, and what was found. */
	uint32_t user;
	uint16_t asset;
	uint8_t account;
	struct decimal available, held;
	struct position_row position;
	uint64_t seen, found;
	const char *first;
};

/* Count what history there is, and let go of it. */
static void
count_history(struct replay *r)
{
	size_t i;

	r->legs += r->batch->legs.n;
	r->trades += r->batch->trades.n;
	for (i = 0; i < r->batch->orders.n; i++)
		r->orders += ROWS_AT(&r->batch->orders, order_row, i)->opened;
	tally_take(r->tally, r->batch);
	settle_batch_keep_balances(r->batch);
}

static enum status
read_journal(
	struct replay *r, struct journal_reader *reader, uint64_t applied_seq)
{
	const struct record *record;
	struct ctx *ctx = r->verify->ctx;

	journal_reader_limit(reader, applied_seq);
	while (journal_reader_seq(reader) < applied_seq) {
		if (journal_reader_next(reader, &record) != ST_OK)
			return fail(ctx, ST_CONFLICT, NULL, "%s",
				journal_reader_reason(reader));
		if (settle_batch_add(r->batch, record) != ST_OK)
			return fail(
				ctx, ST_CONFLICT, NULL, "%s", r->batch->reason);
		if (r->batch->legs.n + r->batch->orders.n > 100000)
			count_history(r);
	}
	count_history(r);
	return ST_OK;
}

static void differs(struct replay *r, const char *format, ...)
	PRINTF_LIKE(2, 3);

static void
differs(struct replay *r, const char *format, ...)
{
	va_list args;

	if (r->found++ > 0)
		return;
	va_start(args, format);
	r->first = arena_vprintf(r->verify->ctx->arena, format, args);
	va_end(args);
}

static enum status
compare_customer(struct ctx *ctx, void *arg)
{
	struct replay *r = arg;
	const struct balance_row *row =
		settle_batch_balance(r->batch, r->user, r->asset);

	(void)ctx;
	r->seen++;
	if (!row)
		differs(r, "user %u asset %u is not in the journal", r->user,
			r->asset);
	else if (row->available != r->available.units ||
		 row->held != r->held.units)
		differs(r,
			"user %u asset %u: MySQL %" PRId64 " and %" PRId64
			", the matcher %" PRId64 " and %" PRId64
			" (units of 10^-8)",
			r->user, r->asset, r->available.units, r->held.units,
			row->available, row->held);
	return ST_OK;
}

static enum status
compare_house(struct ctx *ctx, void *arg)
{
	struct replay *r = arg;
	const struct house_row *row =
		settle_batch_house(r->batch, r->account, r->asset);

	(void)ctx;
	r->seen++;
	if (!row)
		differs(r, "account %u asset %u is not in the journal",
			r->account, r->asset);
	else if (row->balance != r->available.units)
		differs(r,
			"account %u asset %u: MySQL %" PRId64
			", the matcher %" PRId64 " (units of 10^-8)",
			r->account, r->asset, r->available.units, row->balance);
	return ST_OK;
}

static enum status
compare_balances(struct verify *v, struct replay *r)
{
	uint64_t want = r->batch->balances.n + r->batch->houses.n;

	TRY(db_each(v->ctx,
		"SELECT user_id, asset_id, available, held FROM balances",
		DB_NOTHING,
		DB_OUT(db_to_u32(&r->user), db_to_u16(&r->asset),
			db_to_decimal(&r->available), db_to_decimal(&r->held)),
		compare_customer, r));
	TRY(db_each(v->ctx,
		"SELECT account, asset_id, balance FROM house_balances",
		DB_NOTHING,
		DB_OUT(db_to_u8(&r->account), db_to_u16(&r->asset),
			db_to_decimal(&r->available)),
		compare_house, r));
	if (r->found == 0 && r->seen != want)
		differs(r,
			"MySQL has %" PRIu64 " balances, the matcher %" PRIu64,
			r->seen, want);
	print_result(v, "balances are the matcher's", r->seen, "balances",
		r->found, r->first);
	return ST_OK;
}

static enum status
compare_position(struct ctx *ctx, void *arg)
{
	struct replay *r = arg;
	struct position_row *row = &r->position;
	const struct position_row *want =
		settle_batch_position(r->batch, row->id);
	char id[IDENT_TEXT_MAX];

	(void)ctx;
	r->seen++;
	ident_format(row->id, id);
	if (!want)
		differs(r, "%s is not in the journal", id);
	else if (row->user != want->user ||
		row->instrument != want->instrument ||
		row->quantity != want->quantity || row->cost != want->cost ||
		row->bought != want->bought ||
		row->bought_quote != want->bought_quote ||
		row->realised != want->realised ||
		row->opened_us != want->opened_us ||
		row->updated_us != want->updated_us ||
		row->closed_us != want->closed_us || row->seq != want->seq)
		differs(r, "%s of user %u is not as the matcher has it", id,
			row->user);
	return ST_OK;
}

static enum status
compare_positions(struct verify *v, struct replay *r)
{
	struct position_row *row = &r->position;
	uint64_t want = r->batch->positions.n;

	r->seen = 0;
	r->found = 0;
	TRY(db_each(v->ctx,
		"SELECT id, user_id, instrument_id, quantity, cost, bought, "
		"bought_quote, realised, opened_at, updated_at, closed_at, seq "
		"FROM positions",
		DB_NOTHING,
		DB_OUT(db_to_ident(&row->id), db_to_u32(&row->user),
			db_to_u16(&row->instrument), db_to_units(&row->quantity),
			db_to_units(&row->cost), db_to_units(&row->bought),
			db_to_units(&row->bought_quote),
			db_to_units(&row->realised), db_to_time(&row->opened_us),
			db_to_time(&row->updated_us),
			db_to_time(&row->closed_us), db_to_u64(&row->seq)),
		compare_position, r));
	if (r->found == 0 && r->seen != want)
		differs(r,
			"MySQL has %" PRIu64 " positions, the matcher %" PRIu64,
			r->seen, want);
	print_result(v, "positions are the matcher's", r->seen, "positions",
		r->found, r->first);
	return ST_OK;
}

static enum status
compare_count(
	struct verify *v, const char *name, const char *sql, uint64_t want)
{
	uint64_t count = 0;

	TRY(db_one(v->ctx, sql, DB_NOTHING, DB_OUT(db_to_u64(&count))));
	print_result(v, name, count, "rows", count != want,
		arena_printf(v->ctx->arena, "the journal has %" PRIu64, want));
	return ST_OK;
}

/* As many rows as there should be, and each as the journal has it. */
static enum status
compare_history(struct verify *v, struct replay *r)
{
	static const struct {
		enum tally_table table;
		const char *name, *unit;
	} tables[] = {
		{TALLY_LEGS, "the ledger is the journal's", "legs"},
		{TALLY_TRADES, "the trades are the journal's", "trades"},
		{TALLY_ORDERS, "the orders are the journal's", "orders"},
	};
	struct tally_difference found;
	size_t i;

	TRY(compare_count(v, "the ledger is complete",
		"SELECT COUNT(*) FROM ledger", r->legs));
	TRY(compare_count(v, "the trades are complete",
		"SELECT COUNT(*) FROM trades", r->trades));
	TRY(compare_count(v, "the orders are complete",
		"SELECT COUNT(*) FROM orders", r->orders));
	for (i = 0; i < N_ELEMENTS(tables); i++) {
		TRY(tally_compare(v->ctx, r->tally, tables[i].table, &found));
		print_result(v, tables[i].name, found.seen, tables[i].unit,
			found.wrong, found.first);
	}
	return ST_OK;
}

static enum status
compare_all(
	struct verify *v, struct journal_reader *reader, uint64_t applied_seq)
{
	struct replay r = {
		.verify = v,
		.batch = settle_batch_new(),
		.tally = tally_new(applied_seq),
	};
	enum status status = read_journal(&r, reader, applied_seq);

	if (status != ST_OK)
		goto out;
	print_result(v, "the journal is whole and sound", applied_seq,
		"sequences", 0, NULL);
	status = compare_balances(v, &r);
	if (status == ST_OK)
		status = compare_positions(v, &r);
	if (status == ST_OK)
		status = compare_history(v, &r);
out:
	tally_free(r.tally);
	settle_batch_free(r.batch);
	return status;
}

/* Auditors may have MySQL without having the journal's files. */
static enum status
check_journal(struct verify *v)
{
	const char *dir = conf_text(v->ctl->conf, CONF_PATHS_JOURNAL);
	struct journal_reader *reader;
	struct ident journal = IDENT_NONE;
	uint64_t applied_seq = 0;
	struct reason reason;
	enum status status;

	status = db_one(v->ctx,
		"SELECT journal_id, applied_seq FROM settle_state WHERE id = 1",
		DB_NOTHING,
		DB_OUT(db_to_ident(&journal), db_to_u64(&applied_seq)));
	if (status == ST_NOT_FOUND) {
		puts("-      nothing was ever settled");
		return ST_OK;
	}
	TRY(status);
	if (journal_reader_open(disk_posix(), dir,
		    conf_text(v->ctl->conf, CONF_PATHS_ARCHIVE), 0, &reader,
		    &reason) != ST_OK) {
		printf("-      not compared with the journal: %s\n",
			reason.text);
		return ST_OK;
	}
	if (ident_equal(journal_reader_identity(reader), journal))
		status = compare_all(v, reader, applied_seq);
	else
		print_result(v, "the journal is the one settled", 1, "journal",
			1, dir);
	journal_reader_close(reader);
	return status;
}

static enum status
verify_all(struct ctx *ctx, void *arg)
{
	struct verify *v = arg;
	size_t i;

	(void)ctx;
	v->checks = 0;
	v->wrong = 0;
	for (i = 0; i < N_ELEMENTS(checks); i++)
		TRY(run_check(v, &checks[i]));
	return check_journal(v);
}

static int
ledger_verify(struct ctl *ctl, int argc, char **argv)
{
	struct verify v = {.ctl = ctl, .ctx = &ctl->ctx};
	enum status status;

	(void)argv;
	if (argc > 1)
		return CTL_USAGE;
	status = db_snapshot(&ctl->ctx, verify_all, &v);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "the ledger was not verified");
	if (v.wrong > 0) {
		printf("ledger: %u of %u checks found something wrong\n",
			v.wrong, v.checks);
		return CTL_FAILED;
	}
	printf("ledger: all %u checks are good\n", v.checks);
	return CTL_OK;
}

const struct ctl_command ctl_ledger_commands[] = {
	{"ledger", "verify", "", "hold the books against each other", CTL_DB,
		DB_AS_AUDITOR, ledger_verify},
	CTL_END,
};

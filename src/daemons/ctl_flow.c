/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_flow.c - "quantoractl flow replay": an hour of a real stock's order flow,
 * through the running matcher.
 *
 *	quantoractl flow replay FILE [--speed max|N]
 *
 * FILE is a message file of LOBSTER (work/lobster.h), packed or not; how its
 * messages become commands is told in work/replay.h.  The instrument AAPL/USD
 * (tick 0.01, lot 1, no band, no minimum) and the robots that play are made if
 * they are not there, and given means when they run low.  What they have in
 * the book is cancelled first, so that it may be run again and again.
 *
 * Speed N is N times as fast as it was; max, the default, as fast as it goes.
 *
 * Prints figures, the best bid and ask that are left, and what "ledger verify"
 * says once all of it is settled.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "daemons/ctl.h"
#include "daemons/ctl_settled.h"
#include "domain/core.h"
#include "domain/deposit.h"
#include "domain/listing.h"
#include "domain/robot.h"
#include "journal/book_page.h"
#include "work/lobster.h"
#include "work/replay.h"

#define MAKERS 64
#define TAKERS 4
#define PLAYERS (MAKERS + TAKERS)
#define WINDOW 256
#define LOCK_S 30
#define SPEED_MAX 1000000
#define PROGRESS_US 100000
#define BAR_WIDTH 40

static const struct listed apple = {
	.symbol = "AAPL/USD",
	.base = "AAPL",
	.quote = "USD",
	.tick = DECIMAL_ONE / 100,
	.lot = DECIMAL_ONE,
	.maker_rate = 1000,
	.taker_rate = 2000,
};

/* What each player has, and is brought back to when he has less than half. */
static const struct {
	const char *code;
	int64_t maker, taker; /* whole units */
} means[] = {{"USD", 40000000, 400000000}, {"AAPL", 100000, 1000000}};

struct flow {
	struct ctl *ctl;
	struct ctx *ctx;
	struct catalogue *catalogue;
	struct lobster_message *messages;
	size_t n;
	int64_t speed; /* 0: as fast as it goes */
	uint16_t instrument;
	uint32_t players[PLAYERS]; /* makers, then takers */
	struct replay *replay;
	int64_t started_us, took_us;
	int64_t shown_us; /* when progress was last shown */
};

/* ---- The scene ----------------------------------------------------------- */

static enum status
make_instrument(struct flow *flow)
{
	uint32_t collar = (uint32_t)conf_number(flow->ctl->conf,
				  CONF_MATCHER_COLLAR_BPS) * 100;
	struct listing_changes changes = {0};

	TRY(listing_lock(flow->ctx, LOCK_S));
	TRY(ctl_settled_now(flow->ctl));
	TRY(listing_read(flow->ctx, &flow->catalogue));
	TRY(listing_asset(flow->ctx, flow->catalogue, apple.quote, &changes));
	TRY(listing_asset(flow->ctx, flow->catalogue, apple.base, &changes));
	TRY(listing_instrument(flow->ctx, flow->catalogue, &apple, collar,
		&changes));
	if (!catalogue_instrument(flow->catalogue, apple.symbol,
		    &flow->instrument))
		return ST_INTERNAL;
	return ST_OK;
}

static enum status
make_players(struct flow *flow)
{
	const char *names[PLAYERS];
	unsigned i;

	for (i = 0; i < PLAYERS; i++)
		names[i] = arena_printf(flow->ctx->arena, "%sflow-%s-%u",
			ROBOT_PREFIX, i < MAKERS ? "maker" : "taker",
			i < MAKERS ? i + 1 : i - MAKERS + 1);
	return robots_make(flow->ctx, names, PLAYERS, flow->players);
}

/* What USER has of ASSET in all, by MySQL. */
static enum status
owned(struct ctx *ctx, uint32_t user, uint16_t asset, struct decimal *out)
{
	enum status status = db_one(ctx,
		"SELECT available + held FROM balances "
		"WHERE user_id = ? AND asset_id = ?",
		DB_IN(db_u64(user), db_u64(asset)),
		DB_OUT(db_to_decimal(out)));

	if (status == ST_NOT_FOUND) {
		*out = (struct decimal){0};
		return ST_OK;
	}
	return status;
}

static enum status
fund_players(struct flow *flow)
{
	struct deposit *deposits = arena_array(flow->ctx->arena,
		PLAYERS * N_ELEMENTS(means), sizeof(*deposits));
	struct decimal has;
	uint16_t asset;
	size_t i, j, n = 0;

	TRY(ctl_settled_now(flow->ctl));
	for (i = 0; i < PLAYERS; i++)
		for (j = 0; j < N_ELEMENTS(means); j++) {
			int64_t wanted = DECIMAL_ONE *
				(i < MAKERS ? means[j].maker : means[j].taker);

			if (!catalogue_asset(flow->catalogue, means[j].code,
				    &asset))
				return ST_INTERNAL;
			TRY(owned(flow->ctx, flow->players[i], asset, &has));
			if (has.units >= wanted / 2)
				continue;
			deposits[n++] = (struct deposit){
				.user = flow->players[i],
				.asset = asset,
				.amount = {wanted - has.units},
				.source = "flow",
				.reference = ident_random(flow->ctx->now_us),
			};
		}
	return deposits_make(flow->ctx, deposits, n);
}

/* ---- The play ------------------------------------------------------------ */

static void
show_progress(struct flow *flow, size_t done)
{
	int64_t now_us = clock_monotonic_us();
	size_t filled = flow->n ? done * BAR_WIDTH / flow->n : BAR_WIDTH;

	if (!isatty(STDERR_FILENO) ||
		(done < flow->n && now_us - flow->shown_us < PROGRESS_US))
		return;
	flow->shown_us = now_us;
	fprintf(stderr, "\r[%-*.*s] %zu of %zu messages, %" PRIu64 " trades%s",
		BAR_WIDTH, (int)filled,
		"########################################", done, flow->n,
		replay_figures(flow->replay)->trades,
		done == flow->n ? "\n" : "");
}

/* Until the file's clock, run at its speed, says TIME_NS. */
static enum status
wait_for(struct flow *flow, int64_t time_ns)
{
	int64_t due_us = flow->started_us +
		(time_ns - flow->messages[0].time_ns) / 1000 / flow->speed;
	int64_t left_us = due_us - clock_monotonic_us();
	struct timespec left = {.tv_sec = left_us / US_PER_SECOND,
		.tv_nsec = left_us % US_PER_SECOND * 1000};

	if (left_us <= 0)
		return ST_OK;
	TRY(replay_settle(flow->replay));
	nanosleep(&left, NULL);
	return ST_OK;
}

static enum status
play(struct flow *flow)
{
	size_t i;

	TRY(replay_clear(flow->replay));
	flow->started_us = clock_monotonic_us();
	for (i = 0; i < flow->n; i++) {
		if (flow->speed != 0)
			TRY(wait_for(flow, flow->messages[i].time_ns));
		TRY(replay_play(flow->replay, &flow->messages[i]));
		if (i % 64 == 0)
			show_progress(flow, i);
	}
	TRY(replay_settle(flow->replay));
	flow->took_us = clock_monotonic_us() - flow->started_us;
	show_progress(flow, flow->n);
	return ST_OK;
}

/* ---- What came of it ----------------------------------------------------- */

static const char *
price_text(struct flow *flow, const struct book_level *levels, unsigned n)
{
	char *text = arena_alloc(flow->ctx->arena, DECIMAL_TEXT_MAX);

	if (n == 0)
		return "none";
	decimal_format((struct decimal){levels[0].price}, 2, text);
	return text;
}

static enum status
tell_book(struct flow *flow)
{
	struct reason reason = {""};
	struct book_page *page;
	struct book_slot slot;
	enum status status = book_page_open(
		conf_text(flow->ctl->conf, CONF_PATHS_BOOK_PAGE), &page,
		&reason);

	if (status != ST_OK)
		return fail(flow->ctx, status, NULL, "%s", reason.text);
	status = book_page_read(page, flow->instrument, &slot);
	book_page_close(page);
	if (status != ST_OK)
		return fail(flow->ctx, status, NULL,
			"the book page cannot be read");
	printf("best_bid=%s best_ask=%s\n",
		price_text(flow, slot.bids, slot.n_bids),
		price_text(flow, slot.asks, slot.n_asks));
	return ST_OK;
}

static void
tell_figures(struct flow *flow)
{
	const struct replay_figures *f = replay_figures(flow->replay);
	uint64_t sent = f->placed + f->amended + f->cancelled + f->taken +
		f->refused;
	int64_t took_us = flow->took_us > 0 ? flow->took_us : 1;
	char volume[DECIMAL_TEXT_MAX];

	decimal_format((struct decimal){f->volume}, 0, volume);
	printf("messages=%" PRIu64 " before=%" PRIu64 " hidden=%" PRIu64
	       " off_tick=%" PRIu64 " ended=%" PRIu64 "\n",
		f->messages, f->before, f->hidden, f->off_tick, f->ended);
	printf("orders=%" PRIu64 " placed=%" PRIu64 " amended=%" PRIu64
	       " cancelled=%" PRIu64 " taken=%" PRIu64 " refused=%" PRIu64
	       " self_trades=%" PRIu64 "\n",
		f->placed + f->taken, f->placed, f->amended, f->cancelled,
		f->taken, f->refused, f->self_trades);
	printf("trades=%" PRIu64 " volume=%s unfilled=%" PRIu64 "\n", f->trades,
		volume, f->unfilled);
	printf("seconds=%" PRId64 ".%03" PRId64 " commands_per_s=%" PRIu64 "\n",
		took_us / 1000000, took_us / 1000 % 1000,
		sent * 1000000 / (uint64_t)took_us);
	if (f->refused > 0)
		printf("the last refusal: %s\n",
			refusal_row(f->last_refusal)->text);
}

/* "ledger verify", with the auditor's connection that it wants. */
static int
verify_ledger(struct flow *flow)
{
	const struct ctl_command *row = ctl_ledger_commands;
	static char name[] = "verify";
	char *argv[] = {name, NULL}, *reason;
	struct ctl auditor = *flow->ctl;
	enum status status = ctl_settled_now(flow->ctl);
	int code;

	if (status != ST_OK)
		return ctl_failed(flow->ctl, status, "the ledger");
	while (row->group && strcmp(row->verb, name) != 0)
		row++;
	if (!row->group)
		return ctl_complain("this program cannot verify the ledger");
	auditor.ctx.db = db_new_as(flow->ctl->conf, row->account, NULL,
		&reason);
	if (!auditor.ctx.db) {
		ctl_complain("%s", reason);
		free(reason);
		return CTL_FAILED;
	}
	code = row->run(&auditor, 1, argv);
	db_free(auditor.ctx.db);
	return code;
}

/* ---- replay -------------------------------------------------------------- */

static enum status
play_file(struct flow *flow)
{
	struct replay_options options = {
		.core = flow->ctx->core,
		.tick = apple.tick,
		.lot = apple.lot,
		.makers = flow->players,
		.takers = flow->players + MAKERS,
		.n_makers = MAKERS,
		.n_takers = TAKERS,
		.window = WINDOW,
	};
	enum status status;

	TRY(make_instrument(flow));
	TRY(make_players(flow));
	TRY(fund_players(flow));
	options.instrument = flow->instrument;
	flow->replay = replay_new(&options);
	status = play(flow);
	tell_figures(flow);
	replay_free(flow->replay);
	return status == ST_OK ? tell_book(flow) : status;
}

/* "max" or a whole number; false otherwise. */
static bool
parse_speed(const char *text, int64_t *speed)
{
	char *end;

	*speed = 0;
	if (!text || strcmp(text, "max") == 0)
		return true;
	errno = 0;
	*speed = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *speed > 0 &&
		*speed <= SPEED_MAX;
}

static int
replay(struct ctl *ctl, int argc, char **argv)
{
	struct flow flow = {.ctl = ctl, .ctx = &ctl->ctx};
	const char *speed = ctl_option(&argc, argv, "speed");
	enum status status;
	char *reason;

	if (argc != 2)
		return CTL_USAGE;
	if (!parse_speed(speed, &flow.speed))
		return ctl_complain("a speed is max, or a number from 1 to %d",
			SPEED_MAX);
	if (lobster_read(argv[1], &flow.messages, &flow.n, &reason) != ST_OK) {
		ctl_complain("%s", reason);
		free(reason);
		return CTL_FAILED;
	}
	ctl->ctx.auth = auth_open(ctl->conf, AUTH_SECRETS | AUTH_PASSWORDS,
		&reason);
	if (!ctl->ctx.auth) {
		ctl_complain("%s", reason);
		free(reason);
		free(flow.messages);
		return CTL_FAILED;
	}
	status = play_file(&flow);
	free(flow.messages);
	return status == ST_OK ? verify_ledger(&flow)
			       : ctl_failed(ctl, status, "the replay");
}

const struct ctl_command ctl_flow_commands[] = {
	{"flow", "replay", "FILE [--speed max|N]",
		"play a LOBSTER message file through the matcher",
		CTL_DB | CTL_MATCHER, DB_AS_API, replay},
	CTL_END,
};

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_risk.c - equity, and the limits on losses and on positions.
 *
 * Watch.  A user with a limit on his day's loss, or on his drawdown, has a
 * standing that is looked at after what he does; see mark().
 */
#include "naive_state.h"

static const wide most = (wide)(~(unsigned __int128)0 >> 1);

/* ---- What things are worth ----------------------------------------------- */

/* The asset of account; ASSETS_MAX when there is none. */
static unsigned
account_asset(const struct naive *n)
{
	unsigned i;

	for (i = 0; i < n->n_assets; i++)
		if (strcmp(n->codes[i], "USD") == 0)
			return i;
	return ASSETS_MAX;
}

/* What 10^8 units of ASSET are worth in money of account. */
static int64_t
rate_of(const struct naive *n, unsigned asset)
{
	unsigned account = account_asset(n), i;

	if (asset == account)
		return DECIMAL_ONE;
	for (i = 0; i < n->n_instruments; i++) {
		const struct naive_instrument *ins = &n->instruments[i];
		int64_t price = ins->last_price ? ins->last_price
						: ins->reference_price;

		if (ins->terms.base == asset && ins->terms.quote == account &&
			ins->terms.status != MARKET_DELISTED && price != 0)
			return price;
	}
	return n->rates[asset];
}

int64_t
equity_of(const struct naive *n, const struct naive_user *u)
{
	wide equity = 0;
	unsigned i;

	if (account_asset(n) == ASSETS_MAX)
		return 0;
	for (i = 0; i < n->n_assets; i++)
		equity += ((wide)u->balances[i].available +
			u->balances[i].held) * rate_of(n, i) / DECIMAL_ONE;
	return saturate(equity);
}

enum refusal
do_asset_rate(struct naive *n, const struct message *m)
{
	struct cmd_asset_rate c;
	struct ev_asset_rate *e;

	message_read(m, &c, sizeof(c));
	if (c.asset >= n->n_assets)
		return REFUSED_UNKNOWN_ASSET;
	if (c.rate < 0)
		return REFUSED_BAD_AMOUNT;
	begin(n, m);
	n->rates[c.asset] = c.rate;
	e = emit(n, EV_ASSET_RATE, sizeof(*e), USER_HOUSE);
	e->asset = c.asset;
	e->rate = c.rate;
	return REFUSED_NONE;
}

/* ---- Losses -------------------------------------------------------------- */

static int32_t
today(const struct naive *n)
{
	return (int32_t)(n->now / DAY_US);
}

static int64_t
limit_of(const struct naive *n, const struct naive_user *u, uint8_t type)
{
	return find_limit(n, u->number, INSTRUMENT_ANY, type);
}

static bool
has_limits(const struct naive *n, const struct naive_user *u)
{
	return limit_of(n, u, LIMIT_DAILY_LOSS) > 0 ||
		limit_of(n, u, LIMIT_DRAWDOWN) > 0;
}

bool
reduces_only(const struct naive *n, const struct naive_user *u)
{
	const struct naive_standing *s = &u->standing;

	return s->reduce_only == REDUCE_OPERATOR ||
		(s->reduce_only == REDUCE_RISK && today(n) <= s->day);
}

/* Which limit on losses EQUITY breaks, S being how the user stands today. */
static enum refusal
breach(const struct naive *n, const struct naive_user *u,
	const struct naive_standing *s, wide equity)
{
	wide loss = limit_of(n, u, LIMIT_DAILY_LOSS);
	wide drawdown = limit_of(n, u, LIMIT_DRAWDOWN);

	if (account_asset(n) == ASSETS_MAX)
		return REFUSED_NONE;
	if (loss > 0 && s->day_equity - equity >= loss)
		return REFUSED_DAILY_LOSS;
	if (drawdown > 0 && s->peak > 0 && s->peak > equity &&
		(s->peak - equity) * DECIMAL_ONE >= drawdown * s->peak)
		return REFUSED_DRAWDOWN;
	return REFUSED_NONE;
}

/* The same at the time of an order, which may be the first of a day. */
static enum refusal
check_losses(const struct naive *n, const struct naive_user *u)
{
	struct naive_standing s = u->standing;
	int64_t equity;

	if (!s.watched)
		return REFUSED_NONE;
	equity = equity_of(n, u);
	if (today(n) > s.day) {
		s.day_equity = equity;
		if (s.reduce_only == REDUCE_RISK)
			s.peak = equity;
	}
	return breach(n, u, &s, equity);
}

/* ---- Positions ----------------------------------------------------------- */

/* What the user has, and may come to have, of the instrument. */
static wide
exposure(const struct naive *n, uint32_t user, uint16_t instrument,
	const struct naive_order *except)
{
	const struct naive_instrument *ins = find_instrument(n, instrument);
	wide price = ins->last_price ? ins->last_price : ins->reference_price;
	wide sum = find_user(n, user)->positions[instrument].quantity * price /
		DECIMAL_ONE;
	size_t i;

	for (i = 0; i < n->n_orders; i++) {
		const struct naive_order *o = n->orders[i];

		if (o->user != user || o->instrument != instrument ||
			o->side != SIDE_BUY || o == except)
			continue;
		if (o->waiting && o->pair)
			continue; /* the limit order stands for both */
		sum += notional(o->limit ? o->limit : o->stop,
			o->quantity - o->filled);
	}
	return sum;
}

static enum refusal
check_position(const struct naive *n, uint32_t user, uint16_t instrument,
	wide value, const struct naive_order *except)
{
	const struct naive_instrument *ins = find_instrument(n, instrument);
	int64_t size = find_limit(n, user, instrument, LIMIT_POSITION_SIZE);
	int64_t most_value = find_limit(n, user, INSTRUMENT_ANY,
		LIMIT_POSITION_VALUE);
	wide after = exposure(n, user, instrument, except) + value;
	wide rate = rate_of(n, ins->terms.quote);

	if (size == 0)
		size = find_limit(n, user, INSTRUMENT_ANY, LIMIT_POSITION_SIZE);
	if (size > 0 && after > size)
		return REFUSED_POSITION_SIZE;
	if (most_value == 0 || rate == 0)
		return REFUSED_NONE;
	if (after > most / rate || after * rate / DECIMAL_ONE > most_value)
		return REFUSED_POSITION_SIZE;
	return REFUSED_NONE;
}

enum refusal
check_risk(const struct naive *n, uint32_t user, uint16_t instrument,
	wide value, const struct naive_order *except)
{
	enum refusal refused = check_losses(n, find_user(n, user));

	if (!refused)
		refused = check_position(n, user, instrument, value, except);
	return refused;
}

/* ---- Watch --------------------------------------------------------------- */

static void
emit_risk(struct naive *n, const struct naive_user *u, int64_t equity)
{
	struct ev_risk *e = emit(n, EV_RISK, sizeof(*e), u->number);
	const struct naive_standing *s = &u->standing;

	if (!s->watched)
		return;
	e->equity = equity;
	e->peak = s->peak;
	e->day_equity = s->day_equity;
	e->day = s->day;
	e->watched = 1;
}

static void
end_watch(struct naive_standing *s)
{
	*s = (struct naive_standing){.reduce_only = s->reduce_only};
}

/* How a user stands who is looked at now, with EQUITY. */
static struct naive_standing
look(const struct naive *n, const struct naive_user *u, int64_t equity)
{
	struct naive_standing s = u->standing;

	if (!s.watched)
		return s;
	if (today(n) > s.day) {
		s.day = today(n);
		s.day_equity = equity;
		if (s.reduce_only == REDUCE_RISK) {
			s.reduce_only = REDUCE_NO;
			s.peak = equity;
		}
		if (!has_limits(n, u)) {
			end_watch(&s);
			return s;
		}
	}
	if (equity > s.peak)
		s.peak = equity;
	if (s.reduce_only == REDUCE_NO && breach(n, u, &s, equity))
		s.reduce_only = REDUCE_RISK;
	return s;
}

static bool
same(const struct naive_standing *a, const struct naive_standing *b)
{
	return a->reduce_only == b->reduce_only && a->watched == b->watched &&
		a->peak == b->peak && a->day_equity == b->day_equity &&
		a->day == b->day;
}

void
mark(struct naive *n, uint32_t user, struct naive_standing before)
{
	struct naive_user *u = find_user(n, user);
	int64_t equity = equity_of(n, u);

	u->standing = look(n, u, equity);
	if (same(&before, &u->standing))
		return;
	emit_risk(n, u, equity);
	if (u->standing.reduce_only != before.reduce_only)
		emit_user(n, u, false);
}

enum refusal
do_risk_check(struct naive *n, const struct message *m)
{
	const struct naive_user *u = find_user(n, m->user);
	struct naive_standing after;

	if (!u)
		return REFUSED_UNKNOWN_USER;
	after = look(n, u, equity_of(n, u));
	if (same(&after, &u->standing))
		return REFUSED_NO_CHANGE;
	begin(n, m);
	mark(n, m->user, u->standing);
	return REFUSED_NONE;
}

void
move_equity(struct naive *n, struct naive_user *u, int64_t before)
{
	struct naive_standing *s = &u->standing;
	wide now = equity_of(n, u), peak = now;

	if (!s->watched)
		return;
	if (before > 0)
		peak = s->peak * now / before;
	s->day_equity = saturate(s->day_equity + now - before);
	s->peak = saturate(peak);
}

/* From now on, as if nothing had been before. */
static void
watch_anew(struct naive *n, struct naive_user *u)
{
	int64_t equity = equity_of(n, u);

	u->standing.watched = true;
	u->standing.peak = equity;
	u->standing.day_equity = equity;
	u->standing.day = today(n);
	emit_risk(n, u, equity);
}

void
limits_changed(struct naive *n, struct naive_user *u)
{
	struct naive_standing *s = &u->standing;

	if (!s->watched && has_limits(n, u))
		watch_anew(n, u);
	else if (s->watched && !has_limits(n, u) &&
		s->reduce_only != REDUCE_RISK) {
		end_watch(s);
		emit_risk(n, u, 0);
	}
}

void
reduce_lifted(struct naive *n, struct naive_user *u)
{
	if (!u->standing.watched)
		return;
	if (has_limits(n, u)) {
		watch_anew(n, u);
		return;
	}
	end_watch(&u->standing);
	emit_risk(n, u, 0);
}

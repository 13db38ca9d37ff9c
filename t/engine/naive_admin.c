/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_admin.c - assets, instruments, users, sessions and limits.
 */
#include "naive_state.h"

#define RATE_MAX 100000 /* 10 % */
#define YEAR_US (INT64_C(366) * 24 * 3600 * 1000000)

static bool
is_text(const char *text, size_t size)
{
	return text[0] != '\0' && memchr(text, '\0', size) != NULL;
}

/* Without what stands behind its end. */
static void
copy_text(char *to, const char *from, size_t size)
{
	memset(to, 0, size);
	memcpy(to, from, strlen(from));
}

enum refusal
do_asset_set(struct naive *n, const struct message *m)
{
	struct cmd_asset_set c;
	struct ev_asset *e;

	message_read(m, &c, sizeof(c));
	if (c.asset > n->n_assets || c.asset >= ASSETS_MAX)
		return REFUSED_UNKNOWN_ASSET;
	if (!is_text(c.code, sizeof(c.code)))
		return REFUSED_BAD_COMMAND;
	begin(n, m);
	if (c.asset == n->n_assets)
		n->n_assets++;
	e = emit(n, EV_ASSET, sizeof(*e), USER_HOUSE);
	e->asset = c.asset;
	copy_text(n->codes[c.asset], c.code, sizeof(e->code));
	memcpy(e->code, n->codes[c.asset], sizeof(e->code));
	return REFUSED_NONE;
}

static bool
terms_are_sound(const struct naive *n, const struct instrument_terms *t)
{
	return t->base != t->quote && t->base < n->n_assets &&
		t->quote < n->n_assets && t->fee_asset == t->quote &&
		is_text(t->symbol, sizeof(t->symbol)) && t->tick > 0 &&
		t->lot > 0 && (wide)t->tick * t->lot % DECIMAL_ONE == 0 &&
		(wide)t->tick * t->lot <= INT64_MAX &&
		t->min_notional >= 0 && t->maker_rate <= RATE_MAX &&
		t->taker_rate <= RATE_MAX && t->band_low <= t->band_high &&
		t->collar > 0 && t->collar < RATE_SCALE &&
		t->status <= MARKET_DELISTED;
}

static bool
may_become(const struct naive *n, const struct naive_instrument *ins,
	const struct instrument_terms *t)
{
	const struct instrument_terms *old = &ins->terms;

	if (t->base != old->base || t->quote != old->quote)
		return false;
	if (old->status == MARKET_DELISTED && t->status != MARKET_DELISTED)
		return false;
	if (!has_live_orders(n, old->instrument))
		return true;
	return t->lot == old->lot && old->tick % t->tick == 0;
}

enum refusal
do_instrument_set(struct naive *n, const struct message *m)
{
	struct cmd_instrument_set c;
	struct naive_instrument *ins;
	struct ev_instrument *e;

	message_read(m, &c, sizeof(c));
	if (c.terms.instrument > n->n_instruments ||
		c.terms.instrument >= INSTRUMENTS_MAX ||
		!terms_are_sound(n, &c.terms))
		return REFUSED_BAD_TERMS;
	ins = find_instrument(n, c.terms.instrument);
	if (ins && !may_become(n, ins, &c.terms))
		return REFUSED_BAD_TERMS;
	begin(n, m);
	if (!ins)
		ins = &n->instruments[n->n_instruments++];
	ins->terms = c.terms;
	copy_text(ins->terms.symbol, c.terms.symbol, sizeof(c.terms.symbol));
	memset(ins->terms.spare, 0, sizeof(ins->terms.spare));
	e = emit(n, EV_INSTRUMENT, sizeof(*e), USER_HOUSE);
	e->terms = ins->terms;
	cancel_delisted(n, ins);
	return REFUSED_NONE;
}

enum refusal
do_reference_price(struct naive *n, const struct message *m)
{
	struct cmd_reference_price c;
	struct naive_instrument *ins;
	struct ev_reference_price *e;

	message_read(m, &c, sizeof(c));
	ins = find_instrument(n, c.instrument);
	if (!ins)
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (c.price <= 0)
		return REFUSED_BAD_PRICE;
	if (c.price % ins->terms.tick != 0)
		return REFUSED_OFF_TICK;
	begin(n, m);
	ins->reference_price = c.price;
	e = emit(n, EV_REFERENCE_PRICE, sizeof(*e), USER_HOUSE);
	e->instrument = c.instrument;
	e->price = c.price;
	return REFUSED_NONE;
}

/* ---- Users --------------------------------------------------------------- */

void
emit_user(struct naive *n, const struct naive_user *u, bool created)
{
	struct ev_user *e = emit(n, EV_USER, sizeof(*e), u->number);

	e->public_id = u->public_id;
	e->epoch = u->epoch;
	e->role = u->role;
	e->locked = u->locked;
	e->reduce_only = u->standing.reduce_only;
	e->created = created;
}

enum refusal
do_user_create(struct naive *n, const struct message *m)
{
	struct cmd_user_create c;
	struct naive_user *u;

	message_read(m, &c, sizeof(c));
	if (m->user == USER_HOUSE || m->user > USER_MAX ||
		m->user >= n->options.users)
		return REFUSED_FULL;
	if (find_user(n, m->user))
		return REFUSED_USER_EXISTS;
	if (c.role > ROLE_ADMIN)
		return REFUSED_BAD_COMMAND;
	begin(n, m);
	u = APPEND(n->users, n->n_users);
	u->number = m->user;
	u->public_id = c.public_id;
	u->epoch = 1;
	u->role = c.role;
	emit_user(n, u, true);
	return REFUSED_NONE;
}

enum refusal
do_user_set(struct naive *n, const struct message *m)
{
	const unsigned known = USER_CHANGE_LOCK | USER_CHANGE_ROLE |
		USER_CHANGE_EPOCH | USER_CHANGE_REDUCE;
	struct naive_user *u = find_user(n, m->user);
	struct cmd_user_set c;
	bool locks;

	message_read(m, &c, sizeof(c));
	if (!u)
		return REFUSED_UNKNOWN_USER;
	if (c.change == 0 || (c.change & ~known) != 0)
		return REFUSED_BAD_COMMAND;
	if (c.change & USER_CHANGE_ROLE && c.role > ROLE_ADMIN)
		return REFUSED_BAD_COMMAND;
	begin(n, m);
	locks = c.change & USER_CHANGE_LOCK && c.locked != 0;
	if (c.change & USER_CHANGE_LOCK)
		u->locked = c.locked != 0;
	if (c.change & USER_CHANGE_ROLE)
		u->role = c.role;
	if (c.change & USER_CHANGE_REDUCE)
		u->standing.reduce_only =
			c.reduce_only ? REDUCE_OPERATOR : REDUCE_NO;
	if (locks || c.change & (USER_CHANGE_ROLE | USER_CHANGE_EPOCH))
		u->epoch++;
	emit_user(n, u, false);
	if (c.change & USER_CHANGE_REDUCE && !c.reduce_only)
		reduce_lifted(n, u);
	if (locks)
		cancel_all(n, u->number, INSTRUMENT_ANY, SIDE_BOTH, CLOSE_LOCK);
	return REFUSED_NONE;
}

static struct naive_session *
find_session(struct naive *n, struct ident id)
{
	size_t i;

	for (i = 0; i < n->n_sessions; i++)
		if (ident_equal(n->sessions[i].id, id))
			return &n->sessions[i];
	return NULL;
}

enum refusal
do_session_revoke(struct naive *n, const struct message *m)
{
	struct cmd_session_revoke c;
	struct naive_session *session;
	struct ev_session_revoked *e;

	message_read(m, &c, sizeof(c));
	if (!find_user(n, m->user))
		return REFUSED_UNKNOWN_USER;
	if (ident_is_none(c.session) || c.expires_us > n->now + YEAR_US)
		return REFUSED_BAD_COMMAND;
	session = find_session(n, c.session);
	if (!session && n->n_sessions == n->options.sessions)
		return REFUSED_FULL;
	begin(n, m);
	if (!session) {
		session = APPEND(n->sessions, n->n_sessions);
		session->id = c.session;
		session->expires_us = c.expires_us;
	}
	if (session->expires_us < c.expires_us)
		session->expires_us = c.expires_us;
	e = emit(n, EV_SESSION_REVOKED, sizeof(*e), m->user);
	e->session = c.session;
	e->expires_us = c.expires_us;
	return REFUSED_NONE;
}

enum refusal
do_limit_set(struct naive *n, const struct message *m)
{
	struct cmd_limit_set c;
	struct naive_limit *limit = NULL;
	struct ev_limit *e;
	size_t i;

	message_read(m, &c, sizeof(c));
	if (!find_user(n, m->user))
		return REFUSED_UNKNOWN_USER;
	if (c.instrument != INSTRUMENT_ANY && !find_instrument(n, c.instrument))
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (c.type >= LIMIT_TYPES)
		return REFUSED_BAD_COMMAND;
	if (c.instrument != INSTRUMENT_ANY && c.type != LIMIT_ORDER_SIZE &&
		c.type != LIMIT_POSITION_SIZE)
		return REFUSED_BAD_COMMAND;
	if (c.value < 0)
		return REFUSED_BAD_AMOUNT;
	if (c.type == LIMIT_DRAWDOWN && c.value > DECIMAL_ONE)
		return REFUSED_BAD_AMOUNT;
	begin(n, m);
	for (i = 0; i < n->n_limits; i++)
		if (n->limits[i].user == m->user &&
			n->limits[i].instrument == c.instrument &&
			n->limits[i].type == c.type)
			limit = &n->limits[i];
	if (!limit)
		limit = APPEND(n->limits, n->n_limits);
	limit->user = m->user;
	limit->instrument = c.instrument;
	limit->type = c.type;
	limit->value = c.value;
	e = emit(n, EV_LIMIT, sizeof(*e), m->user);
	e->instrument = c.instrument;
	e->type = c.type;
	e->value = c.value;
	if (c.type == LIMIT_DAILY_LOSS || c.type == LIMIT_DRAWDOWN)
		limits_changed(n, find_user(n, m->user));
	return REFUSED_NONE;
}

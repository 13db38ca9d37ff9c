/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_money.c - money that comes, goes, waits to go, and is put right.
 */
#include "naive_state.h"

/* One leg, after its account has changed.  USER 0: an account of the house. */
static void
emit_posting(struct naive *n, uint32_t user, enum account_kind account,
	uint16_t asset, int64_t amount, struct ident reference)
{
	struct ev_posting *e = emit(n, EV_POSTING, sizeof(*e), user);

	e->asset = asset;
	e->account = (uint8_t)account;
	e->amount = amount;
	if (account == ACCOUNT_CUSTOMER)
		e->after = *balance_of(n, user, asset);
	else
		e->after.available = narrow(n->house[account][asset]);
	e->reference = reference;
}

/* What customers and the house's fees come to. */
static wide
total_of(const struct naive *n, uint16_t asset)
{
	wide total = n->house[ACCOUNT_FEES][asset];
	size_t i;

	for (i = 0; i < n->n_users; i++)
		total += (wide)n->users[i].balances[asset].available +
			n->users[i].balances[asset].held;
	return total;
}

/* Whether AMOUNT > 0 can come out of ACCOUNT and into a customer's. */
static bool
fits(const struct naive *n, enum account_kind account, uint16_t asset,
	int64_t amount)
{
	return total_of(n, asset) + amount <= INT64_MAX &&
		n->house[account][asset] - amount >= -(wide)INT64_MAX;
}

/* AMOUNT, of either sign, from ACCOUNT to the customer. */
static void
move(struct naive *n, uint32_t user, enum account_kind account,
	uint16_t asset, int64_t amount, struct ident reference)
{
	balance_of(n, user, asset)->available += amount;
	n->house[account][asset] -= amount;
	emit_posting(n, user, ACCOUNT_CUSTOMER, asset, amount, reference);
	emit_posting(n, USER_HOUSE, account, asset, -amount, reference);
}

/* The same, for one whose equity may be watched. */
static void
move_watched(struct naive *n, uint32_t user, enum account_kind account,
	uint16_t asset, int64_t amount, struct ident reference)
{
	struct naive_user *u = find_user(n, user);
	struct naive_standing standing = u->standing;
	int64_t equity = equity_of(n, u);

	move(n, user, account, asset, amount, reference);
	move_equity(n, u, equity);
	mark(n, user, standing);
}

enum refusal
do_deposit(struct naive *n, const struct message *m)
{
	struct cmd_deposit c;

	message_read(m, &c, sizeof(c));
	if (!find_user(n, m->user))
		return REFUSED_UNKNOWN_USER;
	if (c.asset >= n->n_assets)
		return REFUSED_UNKNOWN_ASSET;
	if (c.amount <= 0)
		return REFUSED_BAD_AMOUNT;
	if (!fits(n, ACCOUNT_WORLD, c.asset, c.amount))
		return REFUSED_TOTAL_OVERFLOW;
	begin(n, m);
	move_watched(n, m->user, ACCOUNT_WORLD, c.asset, c.amount, c.intent);
	return REFUSED_NONE;
}

enum refusal
do_correction(struct naive *n, const struct message *m)
{
	struct cmd_correction c;

	message_read(m, &c, sizeof(c));
	if (!find_user(n, m->user))
		return REFUSED_UNKNOWN_USER;
	if (c.asset >= n->n_assets)
		return REFUSED_UNKNOWN_ASSET;
	if (c.amount == 0 || c.amount == INT64_MIN)
		return REFUSED_BAD_AMOUNT;
	if (c.amount < 0 &&
		-c.amount > balance_of(n, m->user, c.asset)->available)
		return REFUSED_NO_FUNDS;
	if (c.amount > 0 && !fits(n, ACCOUNT_CORRECTIONS, c.asset, c.amount))
		return REFUSED_TOTAL_OVERFLOW;
	begin(n, m);
	move_watched(n, m->user, ACCOUNT_CORRECTIONS, c.asset, c.amount,
		c.intent);
	return REFUSED_NONE;
}

/* ---- Withdrawals --------------------------------------------------------- */

static void
emit_withdrawal(struct naive *n, const struct naive_withdrawal *w,
	enum withdrawal_state state)
{
	struct ev_withdrawal *e = emit(n, EV_WITHDRAWAL, sizeof(*e), w->user);

	e->withdrawal = w->id;
	e->asset = w->asset;
	e->state = (uint8_t)state;
	e->amount = w->amount;
}

enum refusal
do_withdraw_hold(struct naive *n, const struct message *m)
{
	const struct naive_user *u = find_user(n, m->user);
	struct cmd_withdraw_hold c;
	struct naive_withdrawal *w;
	struct balance *b;

	message_read(m, &c, sizeof(c));
	if (ident_is_none(c.withdrawal))
		return REFUSED_BAD_COMMAND;
	if (!u)
		return REFUSED_UNKNOWN_USER;
	if (u->locked)
		return REFUSED_USER_LOCKED;
	if (c.asset >= n->n_assets)
		return REFUSED_UNKNOWN_ASSET;
	if (c.amount <= 0)
		return REFUSED_BAD_AMOUNT;
	b = balance_of(n, m->user, c.asset);
	if (c.amount > b->available)
		return REFUSED_NO_FUNDS;
	if (n->n_withdrawals + 1 >= n->options.withdrawals)
		return REFUSED_FULL;
	begin(n, m);
	w = APPEND(n->withdrawals, n->n_withdrawals);
	w->id = c.withdrawal;
	w->user = m->user;
	w->asset = c.asset;
	w->amount = c.amount;
	b->available -= c.amount;
	b->held += c.amount;
	emit_withdrawal(n, w, WITHDRAWAL_HELD);
	emit_posting(n, m->user, ACCOUNT_CUSTOMER, c.asset, 0, w->id);
	return REFUSED_NONE;
}

/* The withdrawal that M, a cmd_withdraw_end, is about, by its index. */
static enum refusal
find_withdrawal(const struct naive *n, const struct message *m, size_t *index)
{
	const struct naive_intent *before;
	struct cmd_withdraw_end c;
	size_t i;

	message_read(m, &c, sizeof(c));
	if (!find_user(n, m->user))
		return REFUSED_UNKNOWN_USER;
	for (i = 0; i < n->n_withdrawals; i++) {
		if (!ident_equal(n->withdrawals[i].id, c.withdrawal))
			continue;
		if (n->withdrawals[i].user != m->user)
			return REFUSED_UNKNOWN_WITHDRAWAL;
		*index = i;
		return REFUSED_NONE;
	}
	before = find_intent(n, c.withdrawal);
	if (before && before->command->user == m->user &&
		before->command->type == CMD_WITHDRAW_HOLD)
		return REFUSED_WITHDRAWAL_DECIDED;
	return REFUSED_UNKNOWN_WITHDRAWAL;
}

enum refusal
do_withdraw_pay(struct naive *n, const struct message *m)
{
	struct naive_standing standing;
	struct naive_withdrawal w;
	enum refusal refused;
	struct naive_user *u;
	int64_t equity;
	size_t i;

	refused = find_withdrawal(n, m, &i);
	if (refused)
		return refused;
	begin(n, m);
	u = find_user(n, m->user);
	standing = u->standing;
	equity = equity_of(n, u);
	w = n->withdrawals[i];
	REMOVE(n->withdrawals, n->n_withdrawals, i);
	balance_of(n, w.user, w.asset)->held -= w.amount;
	n->house[ACCOUNT_WORLD][w.asset] += w.amount;
	emit_withdrawal(n, &w, WITHDRAWAL_PAID);
	emit_posting(n, w.user, ACCOUNT_CUSTOMER, w.asset, -w.amount, w.id);
	emit_posting(n, USER_HOUSE, ACCOUNT_WORLD, w.asset, w.amount, w.id);
	move_equity(n, u, equity);
	mark(n, w.user, standing);
	return REFUSED_NONE;
}

enum refusal
do_withdraw_release(struct naive *n, const struct message *m)
{
	struct naive_withdrawal w;
	enum refusal refused;
	struct balance *b;
	size_t i;

	refused = find_withdrawal(n, m, &i);
	if (refused)
		return refused;
	begin(n, m);
	w = n->withdrawals[i];
	REMOVE(n->withdrawals, n->n_withdrawals, i);
	b = balance_of(n, w.user, w.asset);
	b->held -= w.amount;
	b->available += w.amount;
	emit_withdrawal(n, &w, WITHDRAWAL_RELEASED);
	emit_posting(n, w.user, ACCOUNT_CUSTOMER, w.asset, 0, w.id);
	return REFUSED_NONE;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * permission.h - what a user may be kept from doing, though his role allows it.
 *
 * A role brings permissions; an administrator can take single ones away, and
 * give them back.  What was taken stays taken whatever his role becomes.  A
 * row of a route table says which permission it needs (http/route.h), and the
 * dispatcher looks at every request, so a change holds on the next one.
 *
 * The trade pool opens no MySQL; so who lacks what is also in a page that the
 * workers of all pools share.  Two tables of it lie side by side: the one in
 * force, which is searched without a lock, and the one in which the next is
 * put together, by whoever holds the page.  It is always made of all of
 * MySQL's rows (domain/permission.h), and what it held is still good in the
 * next run, until it is loaded again: so trading can begin without MySQL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "wire/order.h"

/* X(symbol, "name", the least role that has it) */
#define PERMISSION_LIST(X)                                                     \
	X(TRADE, "trade", USER)       /* enter and amend orders */             \
	X(WITHDRAW, "withdraw", USER) /* ask for withdrawals */                \
	X(MANAGE_STRATEGIES, "manage_strategies", USER)                        \
	X(MANAGE_KEYS, "manage_keys", USER)         /* make program keys */    \
	X(VIEW_MONITORING, "view_monitoring", USER) /* the house's figures */  \
	X(READ_AUDIT, "read_audit", USER)           /* one's own log */        \
	X(REPORT_ALERTS, "report_alerts", USER)     /* and resolve them */     \
	X(DECIDE_WITHDRAWALS, "decide_withdrawals", OPERATOR)                  \
	X(MANAGE_USERS, "manage_users", OPERATOR) /* locks, KYC, permissions   \
						   */

/* NONE is that of a route which needs no permission but its role. */
enum permission {
	PERMISSION_NONE,
#define X(sym, name, role) PERMISSION_##sym,
	PERMISSION_LIST(X)
#undef X
		PERMISSIONS
};

/* A set of permissions. */
#define PERMISSION_BIT(permission) (UINT32_C(1) << (permission))

const char *permission_name(enum permission permission);
/* False when TEXT is none of them. */
bool permission_parse(const char *text, enum permission *out);
/* All that ROLE brings. */
uint32_t permissions_of_role(enum user_role role);

/* ---- The page --------------------------------------------------------------
 */

struct permission_page;

/* Users that may lack something. */
#define PERMISSION_PAGE_ROWS 65536

/* NULL, and a sentence in *REASON, which the caller frees. */
struct permission_page *permission_page_open(
	const char *path, char **reason) MUST_USE;
void permission_page_free(struct permission_page *page);

/* Has it been made of MySQL's rows in this run, and not changed since? */
bool permission_page_loaded(const struct permission_page *page);

/* What USER lacks.  ST_UNAVAILABLE when the page was never made. */
enum status permission_page_find(const struct permission_page *page,
	uint32_t user, uint32_t *denied) MUST_USE;

/* Be the only writer; ST_UNAVAILABLE when another takes too long. */
enum status permission_page_hold(struct permission_page *page) MUST_USE;
/* The same without waiting: ST_CONFLICT when another is it. */
enum status permission_page_try_hold(struct permission_page *page) MUST_USE;
void permission_page_release(struct permission_page *page);

/*
 * For who holds the page: from before MySQL is changed until a new table is in
 * force, it is not loaded; should he die in between, another loads it.
 */
void permission_page_stale(struct permission_page *page);

/* Add to the table that is being made, in order of users. */
void permission_page_begin(struct permission_page *page);
enum status permission_page_add(
	struct permission_page *page, uint32_t user, uint32_t denied) MUST_USE;
void permission_page_commit(struct permission_page *page);

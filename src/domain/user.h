/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * user.h - people: registering, finding, and what administrators do to them.
 *
 * One row of users serves all editions.  What the core decides about somebody
 * (role, lock, epoch) is read from the settler's projection, core_users, and
 * changed by commands alone.
 *
 * OUT is written only on ST_OK.  What it points to lives in ctx->arena.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/ident.h"
#include "domain/kyc.h"
#include "wire/order.h"

#define USER_TEXT_MAX 128 /* characters of a name */

struct user {
	uint32_t number; /* the core's */
	struct ident id; /* the world's */
	const char *email;
	const char *username;   /* the e-mail, if none was chosen */
	const char *first_name; /* "" if not given; never NULL */
	const char *full_name;  /* the same */
	const char *currency;
	const char *mode;        /* amarktai's system mode */
	const char *preferences; /* JSON text, an object */
	enum kyc_status kyc;
	bool totp_enabled;
	int64_t created_us;
	int64_t last_login_us; /* DB_NO_TIME: never */

	bool in_core; /* the core knows him; else what follows is its default */
	enum user_role role;
	bool locked;
	bool reduce_only; /* he may only sell */
	uint32_t epoch;
};

struct user_new {
	const char *email;
	const char *username;   /* NULL: the e-mail */
	const char *first_name; /* NULL: the first word of the full name */
	const char *full_name;  /* NULL: the first name */
	const char *password;
	const char *invite; /* NULL: none */
	enum user_role role; /* ROLE_USER but from quantoractl */
};

/*
 * Make a user: MySQL first, with the intent to make him known to the core,
 * then the core.  ST_INVALID about a field; ST_CONFLICT when e-mail or
 * username is taken; ST_FORBIDDEN when an invite is wanted and missing.  When
 * the core cannot be reached he is registered all the same, OUT->in_core is
 * false, and he becomes known by his log-in or by workerd.
 */
enum status user_register(struct ctx *ctx, const struct user_new *new,
	struct user *out) MUST_USE;

/*
 * ST_NOT_FOUND when there is none.  By id, and in lists, what the core has
 * decided is as new as settled_expect() was told; the others take what is
 * there.
 */
enum status user_find(struct ctx *ctx, struct ident id,
	struct user *out) MUST_USE;
enum status user_by_number(struct ctx *ctx, uint32_t number,
	struct user *out) MUST_USE;
/* By e-mail or username, without regard to case. */
enum status user_by_name(struct ctx *ctx, const char *name,
	struct user *out) MUST_USE;

/*
 * In a transaction: hold the row of user NUMBER, so that who does the same
 * waits until it ends.  For what is counted before one more is added, and what
 * is read before it is changed.  ST_NOT_FOUND.
 */
enum status user_hold(struct ctx *ctx, uint32_t number) MUST_USE;

/* The newest first. */
struct user_list {
	struct user *users;
	size_t n;
	uint64_t total;
};
enum status user_list(struct ctx *ctx, int64_t limit, int64_t offset,
	struct user_list *out) MUST_USE;

/*
 * Lock a user, or unlock him.  A lock cancels his open orders in the same
 * record, and ends his sessions.  Nobody locks himself; only an admin locks
 * who is more than a user (ST_FORBIDDEN).
 */
enum status user_lock(struct ctx *ctx, struct ident id, bool locked,
	struct user *out) MUST_USE;

/*
 * Let a user only sell, or lift that, whoever said so: an operator, or the
 * core because of a loss.
 */
enum status user_set_reduce_only(struct ctx *ctx, struct ident id,
	bool reduce_only, struct user *out) MUST_USE;

/*
 * Give a user a role, which ends his sessions.  Nobody gives himself one, or
 * one above his own; the last admin stays (ST_FORBIDDEN, ST_CONFLICT).
 */
enum status user_set_role(struct ctx *ctx, struct ident id,
	enum user_role role, struct user *out) MUST_USE;

/* What a user changes about himself; NULL keeps it. */
struct profile_change {
	const char *first_name;
	const char *full_name;
	const char *preferences; /* JSON text, an object, merged into his */
};
enum status user_update(struct ctx *ctx, const struct profile_change *change,
	struct user *out) MUST_USE;

/*
 * Send again what the core has not been told of NUMBER's registration; for a
 * log-in that finds him unknown.
 */
enum status user_make_known(struct ctx *ctx, uint32_t number) MUST_USE;

/* "user", "operator", "admin". */
const char *role_name(enum user_role role);
/* False when TEXT is none of them. */
bool role_parse(const char *text, enum user_role *out);

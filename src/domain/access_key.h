/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * access_key.h - keys with which programs sign requests.
 *
 * A key is made by a session that passed a second factor, and its secret is
 * told once.  It may read what its user may read; with the permission to
 * trade it may also enter, amend and cancel orders; it never does what an
 * administrator or a second factor is for.  A lock and a change of role hold
 * for keys as for sessions; a log-out or a new password leaves them alone, as
 * they are no sessions.
 *
 * MySQL keeps them; what is in force is also in the workers' shared page
 * (auth/key_page.h), where the trade pool, which has no MySQL, finds them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/key_page.h"
#include "base/ctx.h"
#include "base/ident.h"

#define ACCESS_KEYS_MAX 20 /* in force, of one user */
#define ACCESS_KEY_NAME_MAX 128
#define ACCESS_KEY_ADDRESS_MAX 50 /* characters of one */

struct access_key {
	struct ident id;
	const char *name;
	bool may_trade;
	const char *const *addresses;
	size_t n_addresses; /* 0: from anywhere */
	int64_t created_us;
	int64_t used_us;       /* DB_NO_TIME: never */
	const char *used_from; /* an address; "" when never, or not known */
};

struct access_key_new {
	const char *name;
	bool may_trade;
	/* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32" */
	const char *const *addresses;
	size_t n_addresses;
};

/*
 * A new key of the caller's, and its SECRET, which nobody can tell again.
 * ST_INVALID about an address, ST_CONFLICT when there are too many.
 */
enum status access_key_create(struct ctx *ctx, const struct access_key_new *new,
	struct access_key *out, char secret[RANDOM_TOKEN_MAX]) MUST_USE;

struct access_key_list {
	struct access_key *rows;
	size_t n;
};

/* The caller's that are in force, the oldest first. */
enum status access_key_list(
	struct ctx *ctx, struct access_key_list *out) MUST_USE;

/* ST_NOT_FOUND when the caller has no such key (any more). */
enum status access_key_revoke(struct ctx *ctx, struct ident id) MUST_USE;

/* Fill the page from MySQL, if that has not been done. */
enum status access_keys_load(struct ctx *ctx) MUST_USE;

/*
 * Write down which keys were used when, since that was last done: the page
 * notes every use, MySQL hears of them together (key_page_save_due()).
 */
enum status access_keys_save(struct ctx *ctx) MUST_USE;

/*
 * Who signed REQUEST?  ST_UNAUTHENTICATED for anything but a good signature
 * in time; ST_FORBIDDEN from an address that is not on the key's list.
 */
enum status access_key_verify(struct ctx *ctx,
	const struct signed_request *request, struct signer *out) MUST_USE;

/* Use the signature up; ST_UNAUTHENTICATED when it was. */
enum status access_key_spend(
	struct ctx *ctx, const struct signer *signer) MUST_USE;

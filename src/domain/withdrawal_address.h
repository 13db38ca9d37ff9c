/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * withdrawal_address.h - a user's own list of addresses.
 *
 * While he has switched it on, he withdraws to nothing else.  It is there
 * against who has got into his session: so an address that is added while it
 * is on can be used only after the time that a new password blocks
 * withdrawals, and switching it off blocks them for as long.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/ident.h"

struct withdrawal_address {
	struct ident id;
	const char *asset;
	const char *address;
	const char *label; /* "" for none */
	int64_t created_us;
	int64_t usable_us; /* from then on */
};

struct withdrawal_addresses {
	bool only; /* it is switched on */
	struct withdrawal_address *rows;
	size_t n;
};

/* The caller's list. */
enum status withdrawal_address_list(struct ctx *ctx,
	struct withdrawal_addresses *out) MUST_USE;

struct withdrawal_address_new {
	const char *asset;
	const char *address;
	const char *label; /* NULL: none */
};

/* ST_INVALID for an unknown asset, ST_CONFLICT when it is listed already. */
enum status withdrawal_address_add(struct ctx *ctx,
	const struct withdrawal_address_new *new,
	struct withdrawal_address *out) MUST_USE;

/* ST_NOT_FOUND when the caller's list has none of that id. */
enum status withdrawal_address_remove(struct ctx *ctx,
	struct ident id) MUST_USE;

/* Switch the list on or off. */
enum status withdrawal_address_only(struct ctx *ctx, bool only) MUST_USE;

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * twofactor_secret.h - how seeds rest in a user's row, for twofactor*.c.
 *
 * The pending one is sealed for another place than the active one, so that
 * who can write to the row cannot make one of the other.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "auth/totp.h"
#include "auth/vault.h"
#include "base/ctx.h"
#include "domain/user.h"

#define SECRET_ACTIVE "users.totp_secret"
#define SECRET_PENDING "users.totp_pending_secret"
#define SECRET_SEALED_MAX (TOTP_SECRET_MAX + VAULT_OVERHEAD)

/* Into SEALED of SECRET_SEALED_MAX bytes; returns how many. */
size_t secret_seal(struct ctx *ctx, const struct user *user, const char *place,
	const struct totp_secret *secret, uint8_t *sealed);

/* ST_INTERNAL when it was not sealed for this user and place. */
enum status secret_open(struct ctx *ctx, const struct user *user,
	const char *place, const uint8_t *sealed, size_t length,
	struct totp_secret *out) MUST_USE;

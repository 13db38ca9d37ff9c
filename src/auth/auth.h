/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * auth.h - what a process needs to tell people apart: opened once at its
 * start, shared by all of its requests as ctx->auth.
 *
 * A worker of the trade pool asks for AUTH_TOKENS and AUTH_KEYS alone: it never
 * sees the master key, only what opens program keys.
 */
#pragma once

#include "auth/gate.h"
#include "auth/key_page.h"
#include "auth/permission.h"
#include "auth/token.h"
#include "auth/vault.h"
#include "base/conf.h"

enum auth_part {
	AUTH_TOKENS = 1,  /* the keyring */
	AUTH_SECRETS = 2, /* the vault */
	AUTH_PASSWORDS = 4, /* the gate */
	AUTH_ALL = 7,
	/*
	 * The pages that workers share: of program keys, with at least the
	 * vault that opens them, and of permissions.
	 */
	AUTH_KEYS = 8
};

struct auth {
	struct keyring *keyring;
	struct vault *vault; /* NULL unless asked for */
	struct gate *gate;   /* NULL unless asked for */
	struct key_page *keys; /* NULL unless asked for */
	struct permission_page *permissions; /* with KEYS */
};

/*
 * Open PARTS (bits of enum auth_part) as CONF says.  NULL and a sentence in
 * *REASON, which the caller frees.  To be called before fork() or after it;
 * what is opened before it is shared.
 */
struct auth *auth_open(const struct conf *conf, unsigned parts,
	char **reason) MUST_USE;
void auth_free(struct auth *auth);

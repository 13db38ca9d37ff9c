/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * session_end.h - what session.c and session_end.c share.
 */
#pragma once

#include "auth/session.h"
#include "base/ctx.h"

/*
 * Mark SESSION (its id and user) as ended because of REASON, promise the core
 * to revoke it, and write audit row ACTION; inside a transaction.  *INTENT is
 * to be sent after the commit; IDENT_NONE when it had ended already.
 */
enum status session_end_one_tx(struct ctx *ctx, const struct session *session,
	const char *reason, const char *action, struct ident *intent) MUST_USE;

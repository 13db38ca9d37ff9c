/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * invite.c - rows of invite_codes.
 */
#include "domain/invite.h"

#include <string.h>

#include "auth/auth.h"
#include "auth/session.h"
#include "db/db.h"
#include "domain/audit.h"

static struct digest
code_digest(const struct ctx *ctx, const char *code)
{
	return digest_of(ctx->auth->vault, DIGEST_INVITE, code, strlen(code));
}

struct creation {
	const struct invite_new *new;
	struct digest hash;
};

static enum status
create_tx(struct ctx *ctx, void *arg)
{
	const struct creation *c = arg;

	TRY(db_exec(ctx,
		"INSERT INTO invite_codes (hash, note, created_by, created_at, "
		"expires_at, uses_max) VALUES (?, ?, ?, ?, ?, ?)",
		DB_IN(db_bytes(c->hash.bytes, DIGEST_BYTES),
			db_text(c->new->note),
			ctx->session ? db_u64(ctx->session->user) : db_null(),
			db_time(ctx->now_us), db_time(c->new->expires_us),
			db_u64(c->new->uses)),
		NULL));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "invite.created",
			.outcome = AUDIT_OK,
			.details = arena_printf(ctx->arena, "uses=%u",
				c->new->uses),
		});
}

enum status
invite_create(struct ctx *ctx, const struct invite_new *new, char *code)
{
	struct creation creation = {.new = new};

	random_token(code);
	creation.hash = code_digest(ctx, code);
	return db_tx(ctx, create_tx, &creation);
}

enum status
invite_use_tx(struct ctx *ctx, const char *code)
{
	struct digest hash = code_digest(ctx, code);
	struct db_done done;

	TRY(db_exec(ctx,
		"UPDATE invite_codes SET uses = uses + 1 WHERE hash = ? "
		"AND uses < uses_max AND (expires_at IS NULL OR expires_at > ?)",
		DB_IN(db_bytes(hash.bytes, DIGEST_BYTES), db_time(ctx->now_us)),
		&done));
	if (done.affected == 0)
		return fail(ctx, ST_FORBIDDEN, "invite_code",
			"this invite code is not valid");
	return ST_OK;
}

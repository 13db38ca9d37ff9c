/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * kyc.c - customers' standing, in MySQL alone: the core does not care.
 */
#include "domain/kyc.h"

#include <string.h>

#include "auth/session.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/user.h"

static const char *const names[] = {
	[KYC_NONE] = "none",
	[KYC_PENDING] = "pending",
	[KYC_APPROVED] = "approved",
	[KYC_REJECTED] = "rejected",
};

const char *
kyc_name(enum kyc_status status)
{
	return names[status];
}

bool
kyc_parse(const char *text, enum kyc_status *out)
{
	unsigned i;

	for (i = 0; i < N_ELEMENTS(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum kyc_status)i;
			return true;
		}
	}
	return false;
}

struct override {
	uint32_t user;
	struct ident id;
	enum kyc_status from, to;
};

static enum status
override_tx(struct ctx *ctx, void *arg)
{
	struct override *o = arg;

	TRY(db_exec(ctx,
		"UPDATE users SET kyc_status = ?, updated_at = ? WHERE id = ?",
		DB_IN(db_text(kyc_name(o->to)), db_time(ctx->now_us),
			db_u64(o->user)),
		NULL));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "kyc.override",
			.outcome = AUDIT_OK,
			.user = o->user,
			.subject = o->id,
			.details = arena_printf(ctx->arena, "from=%s to=%s",
				kyc_name(o->from), kyc_name(o->to)),
		});
}

enum status
kyc_override(struct ctx *ctx, struct ident id, enum kyc_status status,
	struct user *out)
{
	struct override o = {.id = id, .to = status};
	struct user user;

	TRY(user_find(ctx, id, &user));
	if (ctx->session && ctx->session->user == user.number)
		return fail(ctx, ST_FORBIDDEN, NULL,
			"nobody decides about himself");
	o.user = user.number;
	o.from = user.kyc;
	TRY(db_tx(ctx, override_tx, &o));
	user.kyc = status;
	*out = user;
	return ST_OK;
}

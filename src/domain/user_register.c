/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * user_register.c - how somebody becomes a user.
 */
#include <ctype.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/invite.h"
#include "domain/user.h"

#define EMAIL_MAX 254 /* RFC 5321 */
#define LOCAL_MAX 64
#define LABEL_MAX 63

/* ---- What is a name ------------------------------------------------------ */

/* Labels of letters, digits and inner dashes, at least two of them. */
static bool
domain_valid(const char *domain)
{
	int dots = 0;

	while (*domain) {
		size_t n = strspn(domain,
			"abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

		if (n == 0 || n > LABEL_MAX || domain[0] == '-' ||
			domain[n - 1] == '-')
			return false;
		domain += n;
		if (*domain == '\0')
			break;
		if (*domain != '.' || domain[1] == '\0')
			return false;
		dots++;
		domain++;
	}
	return dots > 0;
}

/* What mail really goes to: no quotes, comments, or addresses in brackets. */
static bool
email_valid(const char *email)
{
	const char *at = strrchr(email, '@');
	const char *c;

	if (!at || at == email || at - email > LOCAL_MAX ||
		strlen(email) > EMAIL_MAX || email[0] == '.' || at[-1] == '.')
		return false;
	for (c = email; c < at; c++) {
		if (!isalnum((unsigned char)*c) &&
			!strchr("!#$%&'*+-/=?^_`{|}~.", *c))
			return false;
		if (c[0] == '.' && c[1] == '.')
			return false;
	}
	return domain_valid(at + 1);
}

static bool
username_valid(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= 64 &&
		strspn(name,
			"abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") == n;
}

/* ---- The transaction ----------------------------------------------------- */

struct registration {
	const struct user_new *new;
	const char *username, *first_name, *full_name;
	char password_hash[PASSWORD_HASH_MAX];
	struct ident id;
	struct ident intent;
	uint32_t number; /* once inserted */
	struct user user; /* the same */
};

enum invites { INVITES_OFF, INVITES_OPTIONAL, INVITES_REQUIRED };

/* A word that we do not know closes the door. */
static enum invites
invites(const struct ctx *ctx)
{
	const char *mode = conf_text(ctx->conf, CONF_AUTH_INVITES);

	if (strcmp(mode, "off") == 0)
		return INVITES_OFF;
	return strcmp(mode, "optional") == 0 ? INVITES_OPTIONAL
					     : INVITES_REQUIRED;
}

static enum status
check_new(struct ctx *ctx, const struct user_new *new)
{
	if (!email_valid(new->email))
		return fail(ctx, ST_INVALID, "email",
			"this is not an e-mail address");
	if (new->username && strcmp(new->username, new->email) != 0 &&
		!username_valid(new->username))
		return fail(ctx, ST_INVALID, "username",
			"a username has 1 to 64 letters, digits, '.', '_', "
			"'+' or '-'");
	/* Programs of ours ask for nobody's invitation. */
	if (!new->invite && ctx_is_remote(ctx) &&
		invites(ctx) == INVITES_REQUIRED)
		return fail(ctx, ST_FORBIDDEN, "invite_code",
			"registration needs an invite code");
	return password_acceptable(ctx, "password", new->password);
}

/* The address first: that is what people ask about. */
static enum status
check_taken(struct ctx *ctx, const struct registration *r)
{
	struct user user;
	enum status status = user_by_name(ctx, r->new->email, &user);

	if (status == ST_OK)
		return fail(ctx, ST_CONFLICT, "email",
			"this e-mail address is already registered");
	if (status != ST_NOT_FOUND)
		return status;
	status = user_by_name(ctx, r->username, &user);
	if (status == ST_OK)
		return fail(ctx, ST_CONFLICT, "username",
			"this username is already taken");
	return status == ST_NOT_FOUND ? ST_OK : status;
}

static enum status
insert_user(struct ctx *ctx, struct registration *r)
{
	/* Documents show it in whole seconds. */
	int64_t created_us = ctx->now_us - ctx->now_us % US_PER_SECOND;
	struct db_done done;

	TRY(db_exec(ctx,
		"INSERT INTO users (public_id, email, username, first_name, "
		"full_name, password_hash, created_at, updated_at) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(r->id), db_text(r->new->email),
			db_text(r->username), db_text(r->first_name),
			db_text(r->full_name), db_text(r->password_hash),
			db_time(created_us), db_time(created_us)),
		&done));
	if (done.insert_id > USER_MAX)
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"the exchange takes no more users");
	r->number = (uint32_t)done.insert_id;
	return ST_OK;
}

static enum status
register_tx(struct ctx *ctx, void *arg)
{
	struct registration *r = arg;
	struct cmd_user_create create;

	if (r->new->invite && invites(ctx) != INVITES_OFF)
		TRY(invite_use_tx(ctx, r->new->invite));
	TRY(insert_user(ctx, r));
	create = (struct cmd_user_create){
		.head = CORE_COMMAND(USER_CREATE, cmd_user_create, r->number),
		.intent = r->intent,
		.public_id = r->id,
		.role = (uint8_t)r->new->role,
	};
	TRY(intent_write(ctx, r->intent, "user-create", r->id, &create.head));
	TRY(audit_write(ctx,
		&(struct audit_event){
			.action = "user.registered",
			.outcome = AUDIT_OK,
			.actor = ctx_is_remote(ctx) ? r->number : 0,
			.user = r->number,
			.subject = r->id,
			.details = arena_printf(ctx->arena, "role=%s",
				role_name(r->new->role)),
		}));
	return user_by_number(ctx, r->number, &r->user);
}

static enum status
register_check(struct ctx *ctx, void *arg, bool *committed)
{
	struct registration *r = arg;
	enum status status = user_find(ctx, r->id, &r->user);

	*committed = status == ST_OK;
	return status == ST_NOT_FOUND ? ST_OK : status;
}

/* Up to the first space. */
static const char *
first_word(struct ctx *ctx, const char *text)
{
	return arena_strndup(ctx->arena, text, strcspn(text, " "));
}

static void
fill_names(struct ctx *ctx, struct registration *r)
{
	const struct user_new *new = r->new;
	const char *first = new->first_name, *full = new->full_name;

	r->username = new->username ? new->username : new->email;
	r->first_name = first ? first : full ? first_word(ctx, full) : "";
	r->full_name = full ? full : r->first_name;
}

enum status
user_register(struct ctx *ctx, const struct user_new *new, struct user *out)
{
	struct registration r = {.new = new};
	enum status status;

	TRY(check_new(ctx, new));
	fill_names(ctx, &r);
	TRY(check_taken(ctx, &r));
	TRY(password_hash(ctx, ctx->auth->gate, new->password,
		r.password_hash));
	r.id = ident_random(ctx->now_us);
	r.intent = ident_random(ctx->now_us);
	status = db_tx_checked(ctx, register_tx, register_check, &r);
	if (status == ST_CONFLICT && !ctx->fault.field) {
		/* Somebody was faster. */
		TRY(check_taken(ctx, &r));
		return fail(ctx, ST_CONFLICT, "email",
			"this e-mail address is already registered");
	}
	TRY(status);
	*out = r.user;
	/* What was promised is kept, if not now then by workerd. */
	status = intent_send(ctx, r.intent);
	ctx->fault = (struct fault){0};
	out->in_core = status == ST_OK;
	out->role = new->role;
	out->epoch = 1; /* as the core begins; only true if in_core */
	return ST_OK;
}

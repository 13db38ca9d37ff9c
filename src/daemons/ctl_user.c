/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_user.c - "quantoractl user", "invite" and "deposit": what an
 * administrator does on the machine itself, in nobody's name.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/totp.h"
#include "base/clock.h"
#include "daemons/ctl.h"
#include "domain/deposit.h"
#include "domain/invite.h"
#include "domain/twofactor.h"
#include "domain/user.h"

#define LIST_DEFAULT 1000
#define URI_MAX 1024

static int
open_auth(struct ctl *ctl, unsigned parts)
{
	char *reason;

	ctl->ctx.auth = auth_open(ctl->conf, parts, &reason);
	return ctl->ctx.auth ? CTL_OK : ctl_complain("%s", reason);
}

/* The user of that e-mail address or username. */
static int
find(struct ctl *ctl, const char *name, struct user *out)
{
	enum status status = user_by_name(&ctl->ctx, name, out);

	if (status == ST_NOT_FOUND)
		return ctl_complain("there is no user %s", name);
	return status == ST_OK ? CTL_OK : ctl_failed(ctl, status, name);
}

/* A whole number from MIN to MAX; FALLBACK when TEXT is NULL. */
static int
number(const char *text, int64_t fallback, int64_t min, int64_t max,
	int64_t *out)
{
	char *end;

	*out = fallback;
	if (!text)
		return CTL_OK;
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end || *out < min || *out > max)
		return ctl_complain("%s is no number from %lld to %lld", text,
			(long long)min, (long long)max);
	return CTL_OK;
}

/* ---- user ---------------------------------------------------------------- */

/* It may be run again: then only what differs is changed. */
static int
exists(struct ctl *ctl, const struct user *user, const char *role_text,
	enum user_role role)
{
	struct user changed;
	enum status status;

	printf("%s exists already\n", user->email);
	if (!role_text || !user->in_core || user->role == role)
		return CTL_OK;
	status = user_set_role(&ctl->ctx, user->id, role, &changed);
	if (status != ST_OK)
		return ctl_failed(ctl, status, user->email);
	printf("%s is now %s\n", user->email, role_name(role));
	return CTL_OK;
}

static int
create(struct ctl *ctl, int argc, char **argv)
{
	struct user_new new = {
		.password = ctl_option(&argc, argv, "password"),
		.username = ctl_option(&argc, argv, "username"),
		.full_name = ctl_option(&argc, argv, "name"),
	};
	const char *role_text = ctl_option(&argc, argv, "role");
	char id[IDENT_TEXT_MAX];
	struct user user;
	enum status status;

	if (argc != 2 || !new.password)
		return CTL_USAGE;
	if (role_text && !role_parse(role_text, &new.role))
		return ctl_complain("a role is user, operator or admin");
	if (open_auth(ctl, AUTH_SECRETS | AUTH_PASSWORDS) != CTL_OK)
		return CTL_FAILED;
	new.email = argv[1];
	status = user_by_name(&ctl->ctx, new.email, &user);
	if (status == ST_OK)
		return exists(ctl, &user, role_text, new.role);
	if (status == ST_NOT_FOUND)
		status = user_register(&ctl->ctx, &new, &user);
	if (status != ST_OK)
		return ctl_failed(ctl, status, new.email);
	ident_format(user.id, id);
	printf("%s %s\n", id, user.email);
	if (!user.in_core)
		fputs("the matcher does not answer; it will be told later\n",
			stderr);
	return CTL_OK;
}

static int
list(struct ctl *ctl, int argc, char **argv)
{
	const char *limit_text = ctl_option(&argc, argv, "limit");
	char id[IDENT_TEXT_MAX], when[CLOCK_TEXT_MAX];
	struct user_list found;
	enum status status;
	int64_t limit;
	size_t i;

	if (argc != 1)
		return CTL_USAGE;
	if (number(limit_text, LIST_DEFAULT, 1, INT32_MAX, &limit) != CTL_OK)
		return CTL_FAILED;
	status = user_list(&ctl->ctx, limit, 0, &found);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "the users");
	for (i = 0; i < found.n; i++) {
		const struct user *user = &found.users[i];

		ident_format(user->id, id);
		clock_format(user->created_us, 0, when);
		printf("%s %s %s kyc=%s %s%s %s\n", id, when,
			role_name(user->role), kyc_name(user->kyc),
			user->locked ? "locked " : "",
			user->totp_enabled ? "2fa" : "no-2fa", user->email);
	}
	return CTL_OK;
}

static int
set_totp(struct ctl *ctl, int argc, char **argv)
{
	const char *given = ctl_option(&argc, argv, "secret");
	char text[TOTP_BASE32_MAX], uri[URI_MAX];
	struct totp_secret secret;
	struct user user;
	enum status status;

	if (argc != 2)
		return CTL_USAGE;
	if (open_auth(ctl, AUTH_SECRETS) != CTL_OK ||
		find(ctl, argv[1], &user) != CTL_OK)
		return CTL_FAILED;
	totp_secret_random(&secret);
	if (given &&
		totp_secret_parse(given, strlen(given), &secret) != ST_OK)
		return ctl_complain("the secret must be base32, of 10 to 64 "
				    "bytes");
	status = twofactor_set(&ctl->ctx, &user, &secret);
	if (status == ST_OK)
		status = totp_uri(&secret,
			conf_text(ctl->conf, CONF_AUTH_TOTP_ISSUER), user.email,
			uri, sizeof(uri));
	if (status != ST_OK)
		return ctl_failed(ctl, status, user.email);
	totp_secret_format(&secret, text);
	printf("%s\n%s\n", text, uri);
	return CTL_OK;
}

static int
set_kyc(struct ctl *ctl, int argc, char **argv)
{
	enum kyc_status kyc;
	struct user user;
	enum status status;

	if (argc != 3)
		return CTL_USAGE;
	if (!kyc_parse(argv[2], &kyc))
		return ctl_complain(
			"a status is none, pending, approved or rejected");
	if (open_auth(ctl, AUTH_SECRETS) != CTL_OK ||
		find(ctl, argv[1], &user) != CTL_OK)
		return CTL_FAILED;
	status = kyc_override(&ctl->ctx, user.id, kyc, &user);
	if (status != ST_OK)
		return ctl_failed(ctl, status, argv[1]);
	printf("%s kyc=%s\n", user.email, kyc_name(user.kyc));
	return CTL_OK;
}

static int
set_locked(struct ctl *ctl, int argc, char **argv, bool locked)
{
	struct user user;
	enum status status;

	if (argc != 2)
		return CTL_USAGE;
	if (open_auth(ctl, AUTH_SECRETS) != CTL_OK ||
		find(ctl, argv[1], &user) != CTL_OK)
		return CTL_FAILED;
	status = user_lock(&ctl->ctx, user.id, locked, &user);
	if (status != ST_OK)
		return ctl_failed(ctl, status, argv[1]);
	printf("%s %s\n", user.email, locked ? "locked" : "unlocked");
	return CTL_OK;
}

static int
lock(struct ctl *ctl, int argc, char **argv)
{
	return set_locked(ctl, argc, argv, true);
}

static int
unlock(struct ctl *ctl, int argc, char **argv)
{
	return set_locked(ctl, argc, argv, false);
}

/* ---- invite -------------------------------------------------------------- */

static int
create_invite(struct ctl *ctl, int argc, char **argv)
{
	const char *uses_text = ctl_option(&argc, argv, "uses");
	const char *days_text = ctl_option(&argc, argv, "days");
	const char *note = ctl_option(&argc, argv, "note");
	char code[RANDOM_TOKEN_MAX];
	int64_t uses, days;
	enum status status;

	if (argc != 1)
		return CTL_USAGE;
	if (number(uses_text, 1, 1, 1000000, &uses) != CTL_OK ||
		number(days_text, 0, 0, 36500, &days) != CTL_OK ||
		open_auth(ctl, AUTH_SECRETS) != CTL_OK)
		return CTL_FAILED;
	status = invite_create(&ctl->ctx,
		&(struct invite_new){
			.uses = (uint32_t)uses,
			.expires_us = days == 0
				? DB_NO_TIME
				: ctl->ctx.now_us + days * US_PER_DAY,
			.note = note ? note : "",
		},
		code);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "the invite code");
	printf("%s\n", code);
	return CTL_OK;
}

/* ---- deposit ------------------------------------------------------------- */

/* A reference is any text; the core knows it by 16 bytes of its digest. */
static struct ident
reference_of(struct ctl *ctl, const char *text)
{
	struct ident id;
	struct digest digest;

	if (!text)
		return ident_random(ctl->ctx.now_us);
	digest = digest_of(ctl->ctx.auth->vault, DIGEST_REFERENCE, text,
		strlen(text));
	memcpy(id.bytes, digest.bytes, sizeof(id.bytes));
	return id;
}

static int
find_asset(struct ctl *ctl, const char *code, uint16_t *out)
{
	enum status status = db_one(&ctl->ctx,
		"SELECT id FROM assets WHERE code = ?", DB_IN(db_text(code)),
		DB_OUT(db_to_u16(out)));

	if (status == ST_NOT_FOUND)
		return ctl_complain("there is no asset %s", code);
	return status == ST_OK ? CTL_OK : ctl_failed(ctl, status, code);
}

static int
deposit(struct ctl *ctl, int argc, char **argv)
{
	const char *reference = ctl_option(&argc, argv, "ref");
	struct deposit deposit = {.source = "ctl"};
	struct user user;
	enum status status;
	bool fresh;

	if (argc != 4)
		return CTL_USAGE;
	if (decimal_parse(argv[3], &deposit.amount) != ST_OK ||
		deposit.amount.units <= 0)
		return ctl_complain("%s is no amount: it must be above zero, "
				    "in range, with at most 8 places",
			argv[3]);
	if (open_auth(ctl, AUTH_SECRETS) != CTL_OK ||
		find(ctl, argv[1], &user) != CTL_OK ||
		find_asset(ctl, argv[2], &deposit.asset) != CTL_OK)
		return CTL_FAILED;
	deposit.user = user.number;
	deposit.reference = reference_of(ctl, reference);
	/* A registration that the core has not heard of comes first. */
	status = user.in_core ? ST_OK : user_make_known(&ctl->ctx, user.number);
	if (status == ST_OK)
		status = deposit_make(&ctl->ctx, &deposit, &fresh);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "the deposit");
	printf("%s %s %s%s\n", user.email, argv[2], argv[3],
		fresh ? "" : " (made before)");
	return CTL_OK;
}

const struct ctl_command ctl_user_commands[] = {
	{"user", "create",
		"EMAIL --password P [--role user|operator|admin] "
		"[--username U] [--name N]",
		"make a user, unless there is one", CTL_DB | CTL_MATCHER,
		DB_AS_API, create},
	{"user", "list", "[--limit N]", "all users, the newest first", CTL_DB,
		DB_AS_API, list},
	{"user", "totp", "EMAIL [--secret BASE32]",
		"set the second factor, and print it", CTL_DB, DB_AS_API,
		set_totp},
	{"user", "kyc", "EMAIL none|pending|approved|rejected",
		"set the KYC status", CTL_DB, DB_AS_API, set_kyc},
	{"user", "lock", "EMAIL", "lock a user and cancel his orders",
		CTL_DB | CTL_MATCHER, DB_AS_API, lock},
	{"user", "unlock", "EMAIL", "let a user in again",
		CTL_DB | CTL_MATCHER, DB_AS_API, unlock},
	{"invite", "create", "[--uses N] [--days D] [--note TEXT]",
		"make an invite code, and print it", CTL_DB, DB_AS_API,
		create_invite},
	{"deposit", NULL, "EMAIL ASSET AMOUNT [--ref R]",
		"credit an amount; the same reference counts once",
		CTL_DB | CTL_MATCHER, DB_AS_API, deposit},
	CTL_END,
};

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_demo.c - "quantoractl demo setup": people to log in as, and the robots
 * of the demo market.
 *
 * It may be run again, and then says the same: who is there stays, and money
 * comes once.  The password and the seeds of the second factors are random,
 * and rest in the secrets directory (demo-*), as the other secrets of a run
 * directory do.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/secret_file.h"
#include "auth/totp.h"
#include "base/clock.h"
#include "daemons/ctl.h"
#include "daemons/ctl_settled.h"
#include "domain/deposit.h"
#include "domain/listing.h"
#include "domain/robot.h"
#include "domain/twofactor.h"
#include "domain/user.h"
#include "work/demo.h"

#define SECRET_DIGITS 64
#define PASSWORD_DIGITS 12
#define DEPOSITS_MAX 128

/* What a person begins with, in whole units. */
struct allowance {
	const char *code;
	int64_t units;
};

static const struct allowance alices[] = {{"USD", 250000}, {"EUR", 50000},
	{"ZAR", 2000000}, {"USDT", 100000}, {"BTC", 4}, {"ETH", 60},
	{"MWH", 1000}, {"REC", 5000}, {"EUA", 500}, {NULL, 0}};
static const struct allowance bobs[] = {{"USD", 50000}, {"EUR", 10000},
	{"ZAR", 500000}, {"USDT", 20000}, {"BTC", 1}, {"ETH", 15},
	{"MWH", 300}, {"REC", 1000}, {"EUA", 100}, {NULL, 0}};
static const struct allowance nothing[] = {{NULL, 0}};

static const struct person {
	const char *email, *name;
	enum user_role role;
	bool approved;           /* KYC */
	const char *totp_secret; /* the file of his second factor; or NULL */
	const struct allowance *allowances;
} people[] = {
	{"alice@demo.quantora", "Alice Demo", ROLE_USER, true, NULL, alices},
	{"bob@demo.quantora", "Bob Demo", ROLE_USER, false, NULL, bobs},
	{"operator@demo.quantora", "Olive Operator", ROLE_OPERATOR, false,
		"demo-operator", nothing},
	{"admin@demo.quantora", "Adam Admin", ROLE_ADMIN, false, "demo-admin",
		nothing},
};

struct demo {
	struct ctl *ctl;
	struct ctx *ctx;
	struct catalogue *catalogue;
	struct deposit deposits[DEPOSITS_MAX];
	size_t n_deposits;
	char password[PASSWORD_DIGITS + 8];
};

/* ---- Secrets ------------------------------------------------------------- */

/* The digits in NAME of the secrets directory, which is made if need be. */
static enum status
read_secret(struct demo *demo, const char *name, char out[SECRET_DIGITS + 1])
{
	const char *path = arena_printf(demo->ctx->arena, "%s/%s",
		conf_text(demo->ctl->conf, CONF_PATHS_SECRETS), name);
	enum status status = secret_file_create(path);
	ssize_t n = -1;
	int fd;

	if (status != ST_OK && status != ST_CONFLICT)
		return fail(demo->ctx, status, NULL, "%s cannot be written: %s",
			path, strerror(errno));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, out, SECRET_DIGITS);
		close(fd);
	}
	out[SECRET_DIGITS] = '\0';
	if (n != SECRET_DIGITS ||
		strspn(out, "0123456789abcdef") != SECRET_DIGITS)
		return fail(demo->ctx, ST_INVALID, NULL,
			"%s does not hold 64 hexadecimal digits", path);
	return ST_OK;
}

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static enum status
read_totp(struct demo *demo, const char *name, struct totp_secret *out)
{
	char digits[SECRET_DIGITS + 1];
	size_t i;

	TRY(read_secret(demo, name, digits));
	out->length = TOTP_SECRET_BYTES;
	for (i = 0; i < TOTP_SECRET_BYTES; i++)
		out->bytes[i] = (uint8_t)(digit(digits[2 * i]) << 4 |
			digit(digits[2 * i + 1]));
	explicit_bzero(digits, sizeof(digits));
	return ST_OK;
}

static enum status
read_password(struct demo *demo)
{
	char digits[SECRET_DIGITS + 1];

	TRY(read_secret(demo, "demo-password", digits));
	snprintf(demo->password, sizeof(demo->password), "demo-%.*s",
		PASSWORD_DIGITS, digits);
	explicit_bzero(digits, sizeof(digits));
	return ST_OK;
}

/* ---- Money --------------------------------------------------------------- */

/* Once for each user and asset, whatever the amount was then. */
static enum status
promise(struct demo *demo, uint32_t user, struct ident public_id,
	const char *code, int64_t units)
{
	struct deposit *deposit = &demo->deposits[demo->n_deposits];

	if (units == 0)
		return ST_OK;
	assert(demo->n_deposits < DEPOSITS_MAX);
	*deposit = (struct deposit){
		.user = user,
		.amount = {units},
		.source = arena_printf(demo->ctx->arena, "%s-%s",
			DEMO_SOURCE_FIRST, code),
		.reference = public_id,
	};
	if (!catalogue_asset(demo->catalogue, code, &deposit->asset))
		return fail(demo->ctx, ST_CONFLICT, NULL,
			"there is no asset %s: load the instruments first",
			code);
	demo->n_deposits++;
	return ST_OK;
}

/* ---- People -------------------------------------------------------------- */

static enum status
find_or_register(struct demo *demo, const struct person *person,
	struct user *out)
{
	enum status status = user_by_name(demo->ctx, person->email, out);

	if (status == ST_NOT_FOUND)
		status = user_register(demo->ctx,
			&(struct user_new){
				.email = person->email,
				.full_name = person->name,
				.password = demo->password,
				.role = person->role,
			},
			out);
	TRY(status);
	return out->in_core ? ST_OK
			    : user_make_known(demo->ctx, out->number);
}

static enum status
make_person(struct demo *demo, const struct person *person)
{
	const struct allowance *allowance;
	struct totp_secret secret;
	struct user user;

	TRY(find_or_register(demo, person, &user));
	if (person->approved && user.kyc == KYC_NONE)
		TRY(kyc_override(demo->ctx, user.id, KYC_APPROVED, &user));
	if (person->totp_secret && !user.totp_enabled) {
		TRY(read_totp(demo, person->totp_secret, &secret));
		TRY(twofactor_set(demo->ctx, &user, &secret));
	}
	for (allowance = person->allowances; allowance->code; allowance++)
		TRY(promise(demo, user.number, user.id, allowance->code,
			allowance->units * DECIMAL_ONE));
	return ST_OK;
}

static enum status
tell(struct demo *demo, const struct person *person)
{
	char text[TOTP_BASE32_MAX], code[TOTP_DIGITS + 1];
	struct totp_secret secret;

	printf("  %-24s %-9s", person->email, role_name(person->role));
	if (person->totp_secret) {
		TRY(read_totp(demo, person->totp_secret, &secret));
		totp_secret_format(&secret, text);
		totp_code(&secret, clock_wall_us() / TOTP_STEP_US, TOTP_DIGITS,
			code);
		printf("TOTP secret %s, code now %s", text, code);
	} else {
		printf("funded%s", person->approved ? ", KYC approved" : "");
	}
	putchar('\n');
	return ST_OK;
}

/* ---- Robots -------------------------------------------------------------- */

/* The maker last: workerd begins when it finds all of them. */
static enum status
make_robots(struct demo *demo)
{
	const char *names[DEMO_ROBOTS], *const *code;
	uint32_t numbers[DEMO_ROBOTS];
	struct user user;
	unsigned i, robot;

	for (i = 0; i < DEMO_ROBOTS; i++)
		names[i] = demo_robots[(i + 1) % DEMO_ROBOTS];
	TRY(robots_make(demo->ctx, names, DEMO_ROBOTS, numbers));
	for (i = 0; i < DEMO_ROBOTS; i++) {
		robot = (i + 1) % DEMO_ROBOTS;
		TRY(user_by_number(demo->ctx, numbers[i], &user));
		for (code = house_assets; *code; code++)
			TRY(promise(demo, numbers[i], user.id, *code,
				demo_means(robot, *code)));
	}
	return ST_OK;
}

/* ---- setup --------------------------------------------------------------- */

static enum status
set_up(struct demo *demo)
{
	size_t i;

	TRY(read_password(demo));
	TRY(ctl_settled_now(demo->ctl));
	TRY(listing_read(demo->ctx, &demo->catalogue));
	for (i = 0; i < N_ELEMENTS(people); i++)
		TRY(make_person(demo, &people[i]));
	TRY(make_robots(demo));
	TRY(deposits_make(demo->ctx, demo->deposits, demo->n_deposits));
	TRY(ctl_settled_now(demo->ctl));
	printf("Demo log-ins, all with the password %s:\n", demo->password);
	for (i = 0; i < N_ELEMENTS(people); i++)
		TRY(tell(demo, &people[i]));
	return ST_OK;
}

static int
setup(struct ctl *ctl, int argc, char **argv)
{
	struct demo demo = {.ctl = ctl, .ctx = &ctl->ctx};
	enum status status;
	char *reason;

	(void)argv;
	if (argc != 1)
		return CTL_USAGE;
	ctl->ctx.auth = auth_open(ctl->conf, AUTH_SECRETS | AUTH_PASSWORDS,
		&reason);
	if (!ctl->ctx.auth)
		return ctl_complain("%s", reason);
	status = set_up(&demo);
	return status == ST_OK ? CTL_OK : ctl_failed(ctl, status, "the demo");
}

const struct ctl_command ctl_demo_commands[] = {
	{"demo", "setup", "",
		"make the demo's users and robots, and print the log-ins",
		CTL_DB | CTL_MATCHER, DB_AS_API, setup},
	CTL_END,
};

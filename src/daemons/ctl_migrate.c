/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_migrate.c - "quantoractl migrate": bring a database up to this program.
 *
 * What it needs:
 *   - a MySQL or MariaDB at mysql.socket, and the account mysql.migrate_user
 *     with the password in mysql.migrate_password_file (an empty file: none,
 *     as for root over the socket).  The account needs ALL on the schema WITH
 *     GRANT OPTION, and CREATE USER on *.*;
 *   - the passwords of the accounts api, settler, stream, worker and auditor
 *     in their files (mysql.*_password_file);
 *   - the folder paths.sql.
 *
 * What it does, every time, and safely so at any moment of another run:
 *   1. makes the schema;
 *   2. applies each NNNN_*.sql that schema_migrations does not list, in order,
 *      and lists it.  MySQL commits DDL by itself, so a run that was cut off
 *      may have applied a file without listing it: files are safe to run
 *      twice.  A listed file that was changed since, or is gone, is an error;
 *   3. makes the reports' views, where their text has changed;
 *   4. makes the accounts and sets their passwords;
 *   5. grants what grants.sql says; when its text has changed, everything
 *      else is revoked first.
 *
 * Names and passwords cannot be bound where these statements have them.  The
 * server itself puts them in, quoted by its own QUOTE(), out of values that
 * were bound, and prepares the result.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemons/ctl.h"

#define LOCK_WAIT_S 60
#define FILE_BYTES_MAX ((size_t)1 << 20)
#define CHECKSUM_BYTES 32

struct migration {
	struct ctl *ctl;
	struct ctx *ctx;
	unsigned applied, known;
	bool fresh_grants;
};

/* MySQL did not like WHAT; its own words go with it. */
static enum status
blame(struct migration *m, enum status status, const char *what)
{
	return fail(m->ctx, status, NULL, "%s: %s", what, db_error(m->ctx->db));
}

/* ---- Statements that MySQL puts together itself ----------------------- */

/* Run the text in @quantora_sql. */
static enum status
run_assembled(struct ctx *ctx)
{
	static const char *const steps[] = {
		"PREPARE quantora_step FROM @quantora_sql",
		"EXECUTE quantora_step",
		"DEALLOCATE PREPARE quantora_step",
	};
	size_t i;

	for (i = 0; i < N_ELEMENTS(steps); i++)
		TRY(db_script(ctx, steps[i], strlen(steps[i])));
	return ST_OK;
}

static enum status
create_schema(struct ctx *ctx, const char *name)
{
	TRY(db_exec(ctx,
		"SET @quantora_sql = CONCAT('CREATE DATABASE IF NOT EXISTS `', "
		"REPLACE(?, '`', '``'), "
		"'` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin')",
		DB_IN(db_text(name)), NULL));
	return run_assembled(ctx);
}

/* TEMPLATE with USER for its "{}" and PASSWORD (may be NULL) for its "{*}". */
static enum status
account_statement(struct ctx *ctx, const char *template, const char *user,
	const char *password)
{
	TRY(db_exec(ctx,
		"SET @quantora_sql = REPLACE(REPLACE(?, '{}', "
		"CONCAT(QUOTE(?), '@', QUOTE('localhost'))), '{*}', QUOTE(?))",
		DB_IN(db_text(template), db_text(user),
			db_text(password ? password : "")),
		NULL));
	return run_assembled(ctx);
}

/* ---- Files ------------------------------------------------------------ */

static enum status
read_file(struct migration *m, const char *path, const char **out)
{
	FILE *file = fopen(path, "re");
	char *text = arena_alloc(m->ctx->arena, FILE_BYTES_MAX + 1);
	size_t length = file ? fread(text, 1, FILE_BYTES_MAX + 1, file) : 0;
	bool good = file && !ferror(file) && length <= FILE_BYTES_MAX;

	if (file)
		fclose(file);
	if (!good)
		return fail(
			m->ctx, ST_NOT_FOUND, NULL, "%s cannot be read", path);
	*out = arena_strndup(m->ctx->arena, text, length);
	return ST_OK;
}

/*
 * The next statement of *TEXT, which ends with a semicolon at the end of a
 * line; NULL when there is none left.
 */
static const char *
next_statement(struct arena *arena, const char **text)
{
	const char *begin = *text, *end = strstr(begin, ";\n");

	if (!end)
		return NULL;
	*text = end + 2;
	return arena_strndup(arena, begin, (size_t)(end - begin));
}

static enum status
checksum(struct ctx *ctx, const char *text, uint8_t out[CHECKSUM_BYTES])
{
	return db_one(ctx, "SELECT UNHEX(SHA2(?, 256))", DB_IN(db_text(text)),
		DB_OUT(db_to_fixed(out, CHECKSUM_BYTES)));
}

/* ---- schema_migrations ------------------------------------------------ */

static const char migrations_table[] =
	"CREATE TABLE IF NOT EXISTS schema_migrations ("
	"name VARCHAR(128) NOT NULL, checksum BINARY(32) NOT NULL, "
	"applied_at DATETIME(6) NOT NULL, PRIMARY KEY (name)) "
	"ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

enum listed { LISTED_NOT, LISTED_SAME, LISTED_OTHER };

static enum status
is_listed(struct ctx *ctx, const char *name, const uint8_t sum[CHECKSUM_BYTES],
	enum listed *out)
{
	uint8_t before[CHECKSUM_BYTES];
	enum status status = db_one(ctx,
		"SELECT checksum FROM schema_migrations WHERE name = ?",
		DB_IN(db_text(name)),
		DB_OUT(db_to_fixed(before, sizeof(before))));

	if (status == ST_NOT_FOUND) {
		*out = LISTED_NOT;
		return ST_OK;
	}
	TRY(status);
	*out = memcmp(before, sum, CHECKSUM_BYTES) == 0 ? LISTED_SAME
							: LISTED_OTHER;
	return ST_OK;
}

static enum status
list(struct ctx *ctx, const char *name, const uint8_t sum[CHECKSUM_BYTES])
{
	return db_exec(ctx,
		"INSERT INTO schema_migrations (name, checksum, applied_at) "
		"VALUES (?, ?, UTC_TIMESTAMP(6)) "
		"ON DUPLICATE KEY UPDATE checksum = VALUES(checksum), "
		"applied_at = VALUES(applied_at)",
		DB_IN(db_text(name), db_bytes(sum, CHECKSUM_BYTES)), NULL);
}

/* ---- The steps -------------------------------------------------------- */

static enum status
run_text(struct ctx *ctx, const char *text)
{
	const char *statement;

	while ((statement = next_statement(ctx->arena, &text)))
		TRY(db_script(ctx, statement, strlen(statement)));
	return ST_OK;
}

/* NAME is what the list calls it.  A VIEW may change. */
static enum status
apply(struct migration *m, const char *path, const char *name, bool view)
{
	uint8_t sum[CHECKSUM_BYTES];
	enum listed listed;
	const char *text;

	TRY(read_file(m, path, &text));
	TRY(checksum(m->ctx, text, sum));
	TRY(is_listed(m->ctx, name, sum, &listed));
	if (listed == LISTED_SAME) {
		m->known++;
		return ST_OK;
	}
	if (listed == LISTED_OTHER && !view)
		return fail(m->ctx, ST_CONFLICT, NULL,
			"%s was changed after it was applied; add a new file "
			"instead",
			name);
	if (run_text(m->ctx, text) != ST_OK)
		return blame(m, ST_INTERNAL, name);
	TRY(list(m->ctx, name, sum));
	printf("applied %s\n", name);
	m->applied++;
	return ST_OK;
}

static enum status
apply_all(struct migration *m, const char *folder, const char *prefix,
	const char *pattern, bool view)
{
	struct arena *arena = m->ctx->arena;
	enum status status = ST_OK;
	glob_t files;
	size_t i;

	if (glob(arena_printf(arena, "%s/%s%s", folder, prefix, pattern), 0,
		    NULL, &files) != 0)
		return fail(m->ctx, ST_NOT_FOUND, NULL,
			"there is no %s%s in %s (paths.sql)", prefix, pattern,
			folder);
	for (i = 0; i < files.gl_pathc && status == ST_OK; i++) {
		const char *base = strrchr(files.gl_pathv[i], '/') + 1;

		status = apply(m, files.gl_pathv[i],
			arena_printf(arena, "%s%s", prefix, base), view);
	}
	globfree(&files);
	return status;
}

/* A file that is listed and gone belongs to a later version of us. */
static enum status
refuse_newer(struct migration *m, const char *folder)
{
	struct db_rows *rows;
	const char *name;
	struct stat found;

	TRY(db_query(m->ctx, "SELECT name FROM schema_migrations ORDER BY name",
		DB_NOTHING, &rows));
	while (db_next(rows, DB_OUT(db_to_text(&name)))) {
		const char *path =
			arena_printf(m->ctx->arena, "%s/%s", folder, name);

		if (stat(path, &found) != 0)
			return fail(m->ctx, ST_CONFLICT, NULL,
				"the database is of a later version: %s was "
				"applied to it and is not in %s",
				name, folder);
	}
	return ST_OK;
}

static enum status
make_account(struct migration *m, enum db_account account)
{
	const char *user = db_account_user(m->ctl->conf, account);
	char password[DB_PASSWORD_MAX], *reason;
	enum status status;

	if (db_account_password(m->ctl->conf, account, password, &reason) != 0)
		return fail(m->ctx, ST_NOT_FOUND, NULL, "%s", reason);
	status = account_statement(m->ctx,
		"CREATE USER IF NOT EXISTS {} IDENTIFIED BY {*}", user,
		password);
	if (status == ST_OK)
		status = account_statement(m->ctx,
			"ALTER USER {} IDENTIFIED BY {*}", user, password);
	explicit_bzero(password, sizeof(password));
	if (status == ST_OK && m->fresh_grants)
		status = account_statement(m->ctx,
			"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {}", user,
			NULL);
	return status == ST_OK ? ST_OK : blame(m, status, user);
}

static const struct {
	const char *word; /* in grants.sql */
	enum db_account account;
} grantees[] = {
	{":api", DB_AS_API},
	{":settler", DB_AS_SETTLER},
	{":stream", DB_AS_STREAM},
	{":worker", DB_AS_WORKER},
	{":auditor", DB_AS_AUDITOR},
};

/* The one grantee that STATEMENT names at its end becomes "{}". */
static enum status
grant(struct migration *m, const char *statement)
{
	size_t length = strlen(statement), i;

	for (i = 0; i < N_ELEMENTS(grantees); i++) {
		size_t n = strlen(grantees[i].word);

		if (length < n ||
			strcmp(statement + length - n, grantees[i].word) != 0)
			continue;
		return account_statement(m->ctx,
			arena_printf(m->ctx->arena, "%.*s{}", (int)(length - n),
				statement),
			db_account_user(m->ctl->conf, grantees[i].account),
			NULL);
	}
	return fail(m->ctx, ST_INVALID, NULL, "grants.sql: for whom is \"%s\"?",
		statement);
}

static enum status
grant_all(struct migration *m, const char *folder)
{
	uint8_t sum[CHECKSUM_BYTES];
	const char *text, *statement;
	enum listed listed;
	size_t i;

	TRY(read_file(m, arena_printf(m->ctx->arena, "%s/grants.sql", folder),
		&text));
	TRY(checksum(m->ctx, text, sum));
	TRY(is_listed(m->ctx, "grants.sql", sum, &listed));
	m->fresh_grants = listed != LISTED_SAME;
	for (i = 0; i < N_ELEMENTS(grantees); i++)
		TRY(make_account(m, grantees[i].account));
	while ((statement = next_statement(m->ctx->arena, &text)))
		if (grant(m, statement) != ST_OK)
			return blame(m, ST_INTERNAL, "grants.sql");
	return m->fresh_grants ? list(m->ctx, "grants.sql", sum) : ST_OK;
}

/* Two runs at once would only stumble over each other. */
static enum status
take_lock(struct migration *m)
{
	bool taken = false;

	TRY(db_one(m->ctx, "SELECT GET_LOCK('quantora-migrate', ?)",
		DB_IN(db_i64(LOCK_WAIT_S)), DB_OUT(db_to_bool(&taken))));
	if (!taken)
		return fail(m->ctx, ST_CONFLICT, NULL,
			"another migration is running");
	return ST_OK;
}

static enum status
migrate(struct migration *m)
{
	const char *folder = conf_text(m->ctl->conf, CONF_PATHS_SQL);

	TRY(take_lock(m));
	TRY(db_script(m->ctx, migrations_table, sizeof(migrations_table) - 1));
	TRY(refuse_newer(m, folder));
	TRY(apply_all(m, folder, "", "[0-9][0-9][0-9][0-9]_*.sql", false));
	TRY(apply_all(m, folder, "reports/", "*.sql", true));
	return grant_all(m, folder);
}

/* The schema may not be there yet, so the first connection chooses none. */
static int
make_schema(struct ctl *ctl)
{
	char password[DB_PASSWORD_MAX], *reason;
	const char *name = conf_text(ctl->conf, CONF_MYSQL_DATABASE);
	enum status status;
	int code = CTL_OK;

	if (db_account_password(ctl->conf, DB_AS_MIGRATE, password, &reason) !=
		0)
		return ctl_complain("%s", reason);
	ctl->ctx.db = db_new(&(struct db_options){
		.socket = conf_text(ctl->conf, CONF_MYSQL_SOCKET),
		.user = db_account_user(ctl->conf, DB_AS_MIGRATE),
		.password = password,
		.answer_s = 60,
	});
	explicit_bzero(password, sizeof(password));
	status = create_schema(&ctl->ctx, name);
	if (status != ST_OK)
		code = ctl_failed(ctl, status, "the schema cannot be made");
	db_free(ctl->ctx.db);
	ctl->ctx.db = NULL;
	return code;
}

static int
run_migrate(struct ctl *ctl, int argc, char **argv)
{
	struct migration m = {.ctl = ctl, .ctx = &ctl->ctx};
	enum status status;
	char *reason;

	(void)argv;
	if (argc > 1)
		return CTL_USAGE;
	if (make_schema(ctl) != CTL_OK)
		return CTL_FAILED;
	ctl->ctx.db = db_new_as(ctl->conf, DB_AS_MIGRATE, NULL, &reason);
	if (!ctl->ctx.db)
		return ctl_complain("%s", reason);
	status = migrate(&m);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "the migration stopped");
	printf("migrated: %u applied, %u already there\n", m.applied, m.known);
	return CTL_OK;
}

const struct ctl_command ctl_migrate_commands[] = {
	{"migrate", NULL, "", "bring the database up to this version", 0, 0,
		run_migrate},
	CTL_END,
};

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * account.c - who a program is to MySQL, from the settings.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "db/db.h"

/* Whoever has no one waiting at the other end waits this long himself. */
#define PATIENT_S 60
/* A migration may rebuild a large table. */
#define MIGRATE_S 3600

static const struct {
	enum conf_key user, password_file;
	unsigned answer_s; /* 0: a worker's */
} accounts[DB_ACCOUNTS] = {
	[DB_AS_API] = {CONF_MYSQL_API_USER, CONF_MYSQL_API_PASSWORD_FILE, 0},
	[DB_AS_SETTLER] = {CONF_MYSQL_SETTLER_USER,
		CONF_MYSQL_SETTLER_PASSWORD_FILE, PATIENT_S},
	[DB_AS_STREAM] = {CONF_MYSQL_STREAM_USER,
		CONF_MYSQL_STREAM_PASSWORD_FILE, 0},
	[DB_AS_WORKER] = {CONF_MYSQL_WORKER_USER,
		CONF_MYSQL_WORKER_PASSWORD_FILE, PATIENT_S},
	[DB_AS_AUDITOR] = {CONF_MYSQL_AUDITOR_USER,
		CONF_MYSQL_AUDITOR_PASSWORD_FILE, MIGRATE_S},
	[DB_AS_MIGRATE] = {CONF_MYSQL_MIGRATE_USER,
		CONF_MYSQL_MIGRATE_PASSWORD_FILE, MIGRATE_S},
};

/* The first line of PATH; -1 with *REASON. */
static int
read_password(const char *path, char out[DB_PASSWORD_MAX], char **reason)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, DB_PASSWORD_MAX - 1);

	if (n < 0 && asprintf(reason, "the password in %s cannot be read: %s",
			     path, strerror(errno)) < 0)
		abort();
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return -1;
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return 0;
}

const char *
db_account_user(const struct conf *conf, enum db_account account)
{
	return conf_text(conf, accounts[account].user);
}

int
db_account_password(const struct conf *conf, enum db_account account,
	char out[DB_PASSWORD_MAX], char **reason)
{
	return read_password(
		conf_text(conf, accounts[account].password_file), out, reason);
}

struct db *
db_new_as(const struct conf *conf, enum db_account account,
	struct db_breaker *breaker, char **reason)
{
	char password[DB_PASSWORD_MAX];
	struct db *db;

	if (db_account_password(conf, account, password, reason) != 0)
		return NULL;
	db = db_new(&(struct db_options){
		.socket = conf_text(conf, CONF_MYSQL_SOCKET),
		.database = conf_text(conf, CONF_MYSQL_DATABASE),
		.user = db_account_user(conf, account),
		.password = password,
		.answer_s = accounts[account].answer_s,
		.breaker = breaker,
	});
	explicit_bzero(password, sizeof(password));
	return db;
}

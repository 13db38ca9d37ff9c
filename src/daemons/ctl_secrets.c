/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_secrets.c - "quantoractl secrets": the files of paths.secrets.
 *
 *   master.key     seals what rests in MySQL, keys the audit chain
 *   jwt/<kid>.key  sign access tokens
 *   mysql-<who>    passwords of the MySQL accounts
 *
 * What is there is never touched: a lost master key loses all second factors.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/secret_file.h"
#include "auth/token.h"
#include "daemons/ctl.h"

static const char *const mysql_accounts[] = {"api", "settler", "stream",
	"worker", "auditor", "migrate"};

static const char *
path_of(struct ctl *ctl, const char *name)
{
	return arena_printf(ctl->ctx.arena, "%s/%s",
		conf_text(ctl->conf, CONF_PATHS_SECRETS), name);
}

static int
make_secret(struct ctl *ctl, const char *name)
{
	const char *path = path_of(ctl, name);
	enum status status = secret_file_create(path);

	if (status == ST_CONFLICT)
		return CTL_OK; /* it is there */
	if (status != ST_OK)
		return ctl_complain("%s cannot be written: %s", path,
			strerror(errno));
	printf("made %s\n", path);
	return CTL_OK;
}

static int
make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return ctl_complain("%s cannot be made: %s", path,
			strerror(errno));
	return CTL_OK;
}

static bool
has_key(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (dir && (entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		found = found || (dot && dot != entry->d_name &&
					 strcmp(dot, ".key") == 0);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int
make_token_key(struct ctl *ctl)
{
	const char *path = path_of(ctl, "jwt");
	char kid[TOKEN_KID_MAX];

	if (token_key_create(path, ctl->ctx.now_us, kid) != ST_OK)
		return ctl_complain("no key can be written in %s: %s", path,
			strerror(errno));
	printf("made %s/%s.key\n", path, kid);
	return CTL_OK;
}

static int
init(struct ctl *ctl, int argc, char **argv)
{
	size_t i;

	(void)argv;
	if (argc != 1)
		return CTL_USAGE;
	if (make_directory(conf_text(ctl->conf, CONF_PATHS_SECRETS)) != 0 ||
		make_directory(path_of(ctl, "jwt")) != 0 ||
		make_secret(ctl, "master.key") != 0)
		return CTL_FAILED;
	for (i = 0; i < N_ELEMENTS(mysql_accounts); i++)
		if (make_secret(ctl,
			    arena_printf(ctl->ctx.arena, "mysql-%s",
				    mysql_accounts[i])) != 0)
			return CTL_FAILED;
	if (has_key(path_of(ctl, "jwt")))
		return CTL_OK;
	return make_token_key(ctl);
}

/*
 * From now on the new key signs, and the old ones still verify; once the last
 * token of an old one has died, "secrets retire" takes it away.
 */
static int
rotate(struct ctl *ctl, int argc, char **argv)
{
	(void)argv;
	return argc == 1 ? make_token_key(ctl) : CTL_USAGE;
}

static int
retire(struct ctl *ctl, int argc, char **argv)
{
	const char *path;

	if (argc != 2 || strchr(argv[1], '/'))
		return CTL_USAGE;
	path = arena_printf(ctl->ctx.arena, "%s/%s.key", path_of(ctl, "jwt"),
		argv[1]);
	if (unlink(path) != 0)
		return ctl_complain("%s cannot be removed: %s", path,
			strerror(errno));
	printf("removed %s\n", path);
	return CTL_OK;
}

const struct ctl_command ctl_secrets_commands[] = {
	{"secrets", "init", "", "make the keys and passwords that are missing",
		0, 0, init},
	{"secrets", "rotate", "", "make a new key that signs tokens", 0, 0,
		rotate},
	{"secrets", "retire", "KID", "remove a key that signed tokens", 0, 0,
		retire},
	CTL_END,
};

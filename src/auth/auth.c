/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * auth.c - keyring, vault and gate, opened as the settings say.
 */
#include "auth/auth.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "auth/totp.h"

static bool
open_parts(struct auth *auth, const struct conf *conf, unsigned parts,
	char **reason)
{
	const char *secrets = conf_text(conf, CONF_PATHS_SECRETS);
	char *path;

	if (parts & AUTH_TOKENS) {
		if (asprintf(&path, "%s/jwt", secrets) < 0)
			abort();
		auth->keyring = keyring_open(path,
			conf_text(conf, CONF_AUTH_ISSUER),
			conf_text(conf, CONF_AUTH_AUDIENCE), reason);
		free(path);
		if (!auth->keyring)
			return false;
	}
	if (parts & (AUTH_SECRETS | AUTH_KEYS)) {
		auth->vault = vault_open(secrets, reason);
		if (!auth->vault)
			return false;
		if (!(parts & AUTH_SECRETS))
			vault_narrow(auth->vault, VAULT_ACCESS_KEY);
	}
	if (parts & AUTH_KEYS) {
		auth->keys = key_page_open(
			conf_text(conf, CONF_PATHS_KEY_PAGE), reason);
		auth->permissions = permission_page_open(
			conf_text(conf, CONF_PATHS_PERMISSION_PAGE), reason);
		if (!auth->keys || !auth->permissions)
			return false;
	}
	if (parts & AUTH_PASSWORDS) {
		if (asprintf(&path, "%s/password.gate",
			    conf_text(conf, CONF_SOCKETS_DOORBELL_DIR)) < 0)
			abort();
		auth->gate = gate_open(path, reason);
		free(path);
		if (!auth->gate)
			return false;
	}
	return true;
}

struct auth *
auth_open(const struct conf *conf, unsigned parts, char **reason)
{
	static const struct rlimit none = {0, 0};
	struct auth *auth = calloc(1, sizeof(*auth));

	if (!auth || sodium_init() < 0 || totp_init() != 0)
		abort();
	/* Who holds keys, and other people's passwords on his stack, leaves
	 * no core file behind. */
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		abort();
	if (!open_parts(auth, conf, parts, reason)) {
		auth_free(auth);
		return NULL;
	}
	return auth;
}

void
auth_free(struct auth *auth)
{
	if (!auth)
		return;
	keyring_free(auth->keyring);
	vault_free(auth->vault);
	gate_free(auth->gate);
	key_page_free(auth->keys);
	permission_page_free(auth->permissions);
	free(auth);
}

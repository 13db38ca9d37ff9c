/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * keyring.c - reading signing keys, and making new ones.
 */
#include "auth/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/secret_file.h"
#include "base/clock.h"

#define SUFFIX ".key"
#define HEX_CHARS (2 * TOKEN_KEY_BYTES)

/* A time that no directory has: the next look reads it again. */
static const struct timespec unread = {0, -1};

static int PRINTF_LIKE(2, 3)
refuse(char **reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(reason, format, args) < 0)
		abort();
	va_end(args);
	return -1;
}

/* Letters, digits and dashes: no path, nothing to escape. */
static bool
kid_valid(const char *kid, size_t length)
{
	size_t i;

	if (length == 0 || length >= TOKEN_KID_MAX)
		return false;
	for (i = 0; i < length; i++)
		if (!((kid[i] >= '0' && kid[i] <= '9') ||
			    (kid[i] >= 'a' && kid[i] <= 'z') ||
			    (kid[i] >= 'A' && kid[i] <= 'Z') || kid[i] == '-'))
			return false;
	return true;
}

static int
read_key(int dir, const char *name, struct signing_key *out, char **reason)
{
	char text[HEX_CHARS + 2];
	size_t bytes = 0;
	struct stat st;
	ssize_t n = -1;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &st) != 0) {
		refuse(reason, "signing key %s: %s", name, strerror(errno));
	} else if (st.st_mode & S_IRWXO) {
		refuse(reason,
			"signing key %s is open to everybody: chmod 600 it",
			name);
	} else {
		n = read(fd, text, sizeof(text));
		if (n < HEX_CHARS ||
			sodium_hex2bin(out->bytes, sizeof(out->bytes), text,
				HEX_CHARS, NULL, &bytes, NULL) != 0 ||
			bytes != sizeof(out->bytes))
			n = refuse(reason,
				"signing key %s must hold 64 hexadecimal digits",
				name);
		sodium_memzero(text, sizeof(text));
	}
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

static int
by_kid(const void *a, const void *b)
{
	const struct signing_key *x = a, *y = b;

	return strcmp(x->kid, y->kid);
}

static int
read_keys(DIR *dir, struct key_set *set, char **reason)
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');
		struct signing_key *key = &set->keys[set->n];
		size_t length;

		if (!dot || strcmp(dot, SUFFIX) != 0)
			continue;
		length = (size_t)(dot - entry->d_name);
		if (!kid_valid(entry->d_name, length))
			continue;
		if (set->n == KEYS_MAX)
			return refuse(reason, "more than %d signing keys",
				KEYS_MAX);
		if (read_key(dirfd(dir), entry->d_name, key, reason) != 0)
			return -1;
		memcpy(key->kid, entry->d_name, length);
		key->kid[length] = '\0';
		set->n++;
	}
	if (set->n == 0)
		return refuse(reason, "there is no signing key");
	qsort(set->keys, set->n, sizeof(set->keys[0]), by_kid);
	return 0;
}

/* Replace the keys by what the directory holds; on failure keep them. */
static int
load(struct keyring *ring, char **reason)
{
	struct key_set *set;
	struct stat st;
	DIR *dir = opendir(ring->directory);
	int rc;

	if (!dir || fstat(dirfd(dir), &st) != 0) {
		rc = refuse(reason, "%s: %s", ring->directory,
			strerror(errno));
		if (dir)
			closedir(dir);
		return rc;
	}
	set = sodium_malloc(sizeof(*set));
	if (!set)
		abort();
	set->n = 0;
	rc = read_keys(dir, set, reason);
	closedir(dir);
	if (rc != 0) {
		sodium_free(set);
		return rc;
	}
	sodium_free(ring->set);
	ring->set = set;
	ring->changed = st.st_mtim;
	/* The kernel's file times are coarse: a change that comes right after
	 * this one may leave the same time. */
	if (clock_wall_us() / US_PER_SECOND - st.st_mtim.tv_sec <= 1)
		ring->changed = unread;
	token_cache_clear(ring->cache);
	return 0;
}

void
keyring_look(struct keyring *ring, int now)
{
	int64_t at_us = clock_monotonic_us();
	char *reason = NULL;
	struct stat st;

	if (!now && at_us - ring->looked_us < US_PER_SECOND)
		return;
	ring->looked_us = at_us;
	if (stat(ring->directory, &st) != 0)
		return;
	if (st.st_mtim.tv_sec == ring->changed.tv_sec &&
		st.st_mtim.tv_nsec == ring->changed.tv_nsec)
		return;
	if (load(ring, &reason) != 0)
		free(reason);
}

struct keyring *
keyring_open(const char *directory, const char *issuer, const char *audience,
	char **reason)
{
	struct keyring *ring;

	if (sodium_init() < 0) {
		refuse(reason, "libsodium cannot start");
		return NULL;
	}
	ring = calloc(1, sizeof(*ring));
	if (!ring || !(ring->directory = strdup(directory)))
		abort();
	ring->issuer = issuer;
	ring->audience = audience;
	ring->cache = token_cache_new();
	ring->looked_us = clock_monotonic_us();
	if (load(ring, reason) != 0) {
		keyring_free(ring);
		return NULL;
	}
	return ring;
}

void
keyring_free(struct keyring *ring)
{
	if (!ring)
		return;
	sodium_free(ring->set);
	token_cache_free(ring->cache);
	free(ring->directory);
	free(ring);
}

const struct signing_key *
keyring_newest(const struct keyring *ring)
{
	return &ring->set->keys[ring->set->n - 1];
}

const struct signing_key *
keyring_find(const struct keyring *ring, const char *kid, size_t length)
{
	size_t i;

	for (i = 0; i < ring->set->n; i++) {
		const struct signing_key *key = &ring->set->keys[i];

		if (strlen(key->kid) == length &&
			memcmp(key->kid, kid, length) == 0)
			return key;
	}
	return NULL;
}

enum status
token_key_create(const char *directory, int64_t now_us, char *kid)
{
	char name[TOKEN_KID_MAX], *path;
	time_t now = now_us / US_PER_SECOND;
	enum status status;
	struct tm at;
	size_t n;

	if (sodium_init() < 0 || !gmtime_r(&now, &at))
		return ST_INTERNAL;
	/* Names sort by time: the newest key signs. */
	n = strftime(name, sizeof(name), "%Y%m%dT%H%M%S", &at);
	snprintf(name + n, sizeof(name) - n, "-%08x", randombytes_random());
	if (asprintf(&path, "%s/%s" SUFFIX, directory, name) < 0)
		abort();
	status = secret_file_create(path);
	free(path);
	TRY(status);
	memcpy(kid, name, sizeof(name));
	return ST_OK;
}

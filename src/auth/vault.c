/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * vault.c - sealing by XChaCha20-Poly1305.
 *
 * Sealed: the key's version (4 bytes, little-endian), the nonce (24), the
 * ciphertext with its tag (16 more than the secret).
 */
#include "auth/vault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MASTER_BYTES crypto_kdf_KEYBYTES
#define MASTER_KEYS_MAX 16
#define KDF_CONTEXT "quantora"
#define VERSION_BYTES 4
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define AD_MAX 128
#define FILE_MAX 4096

_Static_assert(VERSION_BYTES + NONCE_BYTES + TAG_BYTES == VAULT_OVERHEAD,
	"what sealing adds");

struct master {
	uint32_t version;
	uint8_t key[MASTER_BYTES];
};

/* In memory of libsodium's: locked, kept out of core dumps, wiped. */
struct vault {
	uint64_t only; /* the one purpose whose keys these are; 0: the master's */
	size_t n_keys;
	struct master keys[MASTER_KEYS_MAX]; /* by version, ascending */
};

static void *PRINTF_LIKE(2, 3)
refuse(char **reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(reason, format, args) < 0)
		abort();
	va_end(args);
	return NULL;
}

/* "<version> <64 hex digits>" of LENGTH bytes; without a version it is 1. */
static int
parse_line(const char *line, size_t length, struct master *out)
{
	const char *space = memchr(line, ' ', length);
	const char *hex = space ? space + 1 : line, *end;
	size_t bytes, i;
	uint32_t version = space ? 0 : 1;

	if (space && space - line > 9)
		return -1;
	for (i = 0; space && line + i < space; i++) {
		if (line[i] < '0' || line[i] > '9')
			return -1;
		version = version * 10 + (uint32_t)(line[i] - '0');
	}
	if (version == 0 ||
		sodium_hex2bin(out->key, sizeof(out->key), hex,
			length - (size_t)(hex - line), NULL, &bytes, &end) !=
			0 ||
		bytes != sizeof(out->key) || end != line + length)
		return -1;
	out->version = version;
	return 0;
}

struct vault *
vault_parse(const char *text, char **reason)
{
	struct vault *vault;

	if (sodium_init() < 0)
		return refuse(reason, "libsodium cannot start");
	vault = sodium_malloc(sizeof(*vault));
	if (!vault)
		abort();
	vault->only = 0;
	vault->n_keys = 0;
	while (*text) {
		size_t length = strcspn(text, "\n");
		struct master *key = &vault->keys[vault->n_keys];

		if (vault->n_keys == MASTER_KEYS_MAX ||
			parse_line(text, length, key) != 0 ||
			(vault->n_keys > 0 && key[-1].version >= key->version)) {
			vault_free(vault);
			return refuse(reason,
				"the master key file must hold lines of a "
				"rising version and 64 hexadecimal digits");
		}
		vault->n_keys++;
		text += length + (text[length] == '\n');
	}
	if (vault->n_keys == 0) {
		vault_free(vault);
		return refuse(reason, "the master key file is empty");
	}
	return vault;
}

/* The path of the file, in *OUT: a unit's credential before the directory. */
static int
open_master(const char *secrets_directory, char **path)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	int fd;

	if (credentials) {
		if (asprintf(path, "%s/master.key", credentials) < 0)
			abort();
		fd = open(*path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		free(*path);
	}
	if (asprintf(path, "%s/master.key", secrets_directory) < 0)
		abort();
	return open(*path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

struct vault *
vault_open(const char *secrets_directory, char **reason)
{
	char text[FILE_MAX], *path;
	struct vault *vault = NULL;
	struct stat st;
	ssize_t n;
	int fd = open_master(secrets_directory, &path);

	if (fd < 0 || fstat(fd, &st) != 0) {
		refuse(reason, "%s cannot be read: %s", path, strerror(errno));
		goto out;
	}
	if (st.st_mode & S_IRWXO) {
		refuse(reason, "%s is open to everybody: chmod 600 it", path);
		goto out;
	}
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0 || (size_t)n == sizeof(text) - 1) {
		refuse(reason, "%s cannot be read", path);
		goto out;
	}
	text[n] = '\0';
	vault = vault_parse(text, reason);
	sodium_memzero(text, sizeof(text));
out:
	if (fd >= 0)
		close(fd);
	free(path);
	return vault;
}

void
vault_free(struct vault *vault)
{
	sodium_free(vault);
}

static void
put_u32(uint8_t *at, uint32_t value)
{
	int i;

	for (i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t
get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
		(uint32_t)at[3] << 24;
}

static size_t
make_ad(const struct vault_place *place, uint32_t version, uint8_t ad[AD_MAX])
{
	size_t length = strlen(place->table) + 1;

	assert(length + 24 <= AD_MAX);
	memcpy(ad, place->table, length);
	put_u32(ad + length, place->owner);
	memcpy(ad + length + 4, place->id.bytes, 16);
	put_u32(ad + length + 20, version);
	return length + 24;
}

static void
derive(const struct vault *vault, const struct master *master,
	uint64_t purpose, uint8_t key[32])
{
	_Static_assert(sizeof(KDF_CONTEXT) - 1 == crypto_kdf_CONTEXTBYTES, "");
	if (vault->only != 0) {
		/* Anything else would be sealed by a wrong key. */
		if (vault->only != purpose)
			abort();
		memcpy(key, master->key, sizeof(master->key));
		return;
	}
	if (crypto_kdf_derive_from_key(key, 32, purpose, KDF_CONTEXT,
		    master->key) != 0)
		abort();
}

void
vault_seal(const struct vault *vault, enum vault_purpose purpose,
	const struct vault_place *place, const void *secret, size_t length,
	void *out)
{
	const struct master *master = &vault->keys[vault->n_keys - 1];
	uint8_t *at = out, ad[AD_MAX], key[32];
	size_t ad_length = make_ad(place, master->version, ad);

	put_u32(at, master->version);
	randombytes_buf(at + VERSION_BYTES, NONCE_BYTES);
	derive(vault, master, purpose, key);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		at + VERSION_BYTES + NONCE_BYTES, NULL, secret, length, ad,
		ad_length, NULL, at + VERSION_BYTES, key);
	sodium_memzero(key, sizeof(key));
}

enum status
vault_open_sealed(const struct vault *vault, enum vault_purpose purpose,
	const struct vault_place *place, const void *sealed, size_t length,
	void *out, size_t *out_length)
{
	const uint8_t *at = sealed;
	uint8_t ad[AD_MAX], key[32];
	const struct master *master = NULL;
	unsigned long long opened;
	size_t i;
	int rc;

	if (length < VAULT_OVERHEAD)
		return ST_INTERNAL;
	for (i = 0; i < vault->n_keys; i++)
		if (vault->keys[i].version == get_u32(at))
			master = &vault->keys[i];
	if (!master)
		return ST_INTERNAL;
	derive(vault, master, purpose, key);
	rc = crypto_aead_xchacha20poly1305_ietf_decrypt(out, &opened, NULL,
		at + VERSION_BYTES + NONCE_BYTES,
		length - VERSION_BYTES - NONCE_BYTES, ad,
		make_ad(place, master->version, ad), at + VERSION_BYTES, key);
	sodium_memzero(key, sizeof(key));
	if (rc != 0)
		return ST_INTERNAL;
	*out_length = (size_t)opened;
	return ST_OK;
}

void
vault_narrow(struct vault *vault, enum vault_purpose purpose)
{
	uint8_t key[32];
	size_t i;

	for (i = 0; i < vault->n_keys; i++) {
		derive(vault, &vault->keys[i], purpose, key);
		memcpy(vault->keys[i].key, key, sizeof(key));
	}
	vault->only = purpose;
	sodium_memzero(key, sizeof(key));
}

uint32_t
vault_sealed_version(const void *sealed)
{
	return get_u32(sealed);
}

void
vault_digest_key(const struct vault *vault, enum vault_digest purpose,
	uint8_t key[32])
{
	derive(vault, &vault->keys[0], purpose, key);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * vault.h - secrets that rest in MySQL: sealed, and bound to their row.
 *
 * XChaCha20-Poly1305 with a random nonce.  The associated data are the table,
 * the owner's number, the row's id and the key's version, so that a sealed
 * value moved to another row, or to another user, does not open.  Each
 * purpose has keys of its own, derived from the master key.
 *
 * The master key file holds one line a key, "<version> <64 hex digits>" (a
 * line without a version is version 1); the highest seals, all of them open.
 * It is `master.key` in systemd's $CREDENTIALS_DIRECTORY if it is there, else
 * in the secrets directory, and closed to everybody else.  The first line
 * also keys the digests, so it stays as long as they do.
 *
 * A dump of the database, without that file, holds no secret.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"

/* Numbers are part of the derived key and are never reused. */
enum vault_purpose {
	VAULT_TOTP = 1,       /* seeds of second factors */
	VAULT_VENUE_KEY = 2,  /* users' keys at outside venues */
	VAULT_ACCESS_KEY = 3, /* secrets of program keys */
	VAULT_DEVICE = 4,     /* device tokens */
	VAULT_WEBHOOK = 5     /* webhook signing secrets */
};

/* What a keyed digest is for; see digest.h. */
enum vault_digest {
	DIGEST_AUDIT = 101,    /* the chain of audit rows */
	DIGEST_RECOVERY = 102, /* recovery codes */
	DIGEST_REFRESH = 103,  /* refresh tokens */
	DIGEST_NAME = 104,     /* log-in names in the throttle */
	DIGEST_INVITE = 105,   /* invite codes */
	DIGEST_REFERENCE = 106 /* references given as text */
};

/* Where a sealed value lives. */
struct vault_place {
	const char *table;
	uint32_t owner;
	struct ident id;
};

/* What sealing adds to a secret's length. */
#define VAULT_OVERHEAD 44

struct vault;

/* NULL and a sentence in *REASON, which the caller frees. */
struct vault *vault_open(const char *secrets_directory,
	char **reason) MUST_USE;
/* The same from the file's text; for tests. */
struct vault *vault_parse(const char *text, char **reason) MUST_USE;
void vault_free(struct vault *vault);

/* Seal LENGTH bytes into OUT, of LENGTH + VAULT_OVERHEAD bytes. */
void vault_seal(const struct vault *vault, enum vault_purpose purpose,
	const struct vault_place *place, const void *secret, size_t length,
	void *out);

/*
 * Open the LENGTH bytes at SEALED into OUT, of LENGTH - VAULT_OVERHEAD bytes;
 * *OUT_LENGTH says how many.  ST_INTERNAL when it was not sealed for PLACE
 * and PURPOSE by a key that we have: the row was swapped or damaged.
 */
enum status vault_open_sealed(const struct vault *vault,
	enum vault_purpose purpose, const struct vault_place *place,
	const void *sealed, size_t length, void *out,
	size_t *out_length) MUST_USE;

/*
 * Forget the master key and keep what opens PURPOSE: for a process that needs
 * no more.  Nothing else can be asked of VAULT then.
 */
void vault_narrow(struct vault *vault, enum vault_purpose purpose);

/* With which version of the master key SEALED was made. */
uint32_t vault_sealed_version(const void *sealed);

/* The first version's key of a digest's purpose, 32 bytes at KEY. */
void vault_digest_key(const struct vault *vault, enum vault_digest purpose,
	uint8_t key[32]);

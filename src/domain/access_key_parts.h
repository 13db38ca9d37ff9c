/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * access_key_parts.h - what the files of access_key.h share.
 */
#pragma once

#include "auth/key_page.h"
#include "auth/vault.h"
#include "base/ctx.h"
#include "domain/access_key.h"

/* Write USE down, unless a later one is. */
enum status access_key_save_use(
	struct ctx *ctx, const struct key_use *use) MUST_USE;

/* Where a key's secret is sealed for. */
struct vault_place access_key_place(const struct key_entry *entry);

/* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32"; false when TEXT is none. */
bool key_address_parse(const char *text, struct key_address *out);

/* May ENTRY be used from ADDRESS, an IP address or NULL? */
bool key_address_allows(const struct key_entry *entry, const char *address);

/* The JSON list of a key's addresses, and back. */
const char *key_addresses_json(
	struct ctx *ctx, const struct access_key_new *new);
size_t key_addresses_of(
	struct ctx *ctx, const char *json, const char *out[KEY_ADDRESSES_MAX]);

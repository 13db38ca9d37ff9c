/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * access_key_address.c - the addresses from which a key may be used.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "domain/access_key_parts.h"

/* IPv4 as IPv6 sees it; its 32 bits are the last. */
static bool
parse_ip(const char *text, uint8_t out[16], unsigned *bits)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	*bits = 128;
	if (inet_pton(AF_INET6, text, out) == 1)
		return true;
	*bits = 32;
	memcpy(out, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, out + sizeof(mapped)) == 1;
}

bool
key_address_parse(const char *text, struct key_address *out)
{
	char ip[ACCESS_KEY_ADDRESS_MAX + 1];
	size_t length = strcspn(text, "/");
	const char *prefix = text[length] ? text + length + 1 : NULL;
	unsigned most;
	long bits;
	char *end;

	if (length >= sizeof(ip))
		return false;
	memcpy(ip, text, length);
	ip[length] = '\0';
	if (!parse_ip(ip, out->bytes, &most))
		return false;
	bits = (long)most;
	if (prefix) {
		if (*prefix < '0' || *prefix > '9')
			return false;
		bits = strtol(prefix, &end, 10);
		if (*end || bits > (long)most)
			return false;
	}
	out->bits = (uint8_t)(128 - most + (unsigned)bits);
	return true;
}

static bool
address_fits(const struct key_address *rule, const uint8_t ip[16])
{
	size_t whole = rule->bits / 8;
	unsigned rest = rule->bits % 8;

	return memcmp(rule->bytes, ip, whole) == 0 &&
	       (rest == 0 ||
		       (rule->bytes[whole] ^ ip[whole]) >> (8 - rest) == 0);
}

bool
key_address_allows(const struct key_entry *entry, const char *address)
{
	uint8_t ip[16];
	unsigned bits;
	size_t i;

	if (entry->n_addresses == 0)
		return true;
	if (!address || !parse_ip(address, ip, &bits))
		return false;
	for (i = 0; i < entry->n_addresses; i++)
		if (address_fits(&entry->addresses[i], ip))
			return true;
	return false;
}

/* The JSON list of ADDRESSES: none of them holds a character to be escaped. */
const char *
key_addresses_json(struct ctx *ctx, const struct access_key_new *new)
{
	const char *json = "[";
	size_t i;

	for (i = 0; i < new->n_addresses; i++)
		json = arena_printf(ctx->arena, "%s%s\"%s\"", json,
			i > 0 ? ", " : "", new->addresses[i]);
	return arena_printf(ctx->arena, "%s]", json);
}

/* And back: what stands between quotes. */
size_t
key_addresses_of(
	struct ctx *ctx, const char *json, const char *out[KEY_ADDRESSES_MAX])
{
	size_t n = 0, length;

	while (n < KEY_ADDRESSES_MAX && (json = strchr(json, '"')) != NULL) {
		length = strcspn(++json, "\"");
		out[n++] = arena_strndup(ctx->arena, json, length);
		json += length + (json[length] == '"');
	}
	return n;
}

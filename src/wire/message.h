/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * message.h - the common shape of commands and events.
 *
 * A message is a plain little-endian struct, 8-byte aligned, without padding
 * that is not named, so that writing one is a copy.  It begins with its own
 * size and type.  Fields are only ever appended: message_read() gives zeros
 * for what an older writer did not know, and drops what an older reader does
 * not.  User 0 is the house.
 *
 * All money, prices and quantities are units of 10^-8 (base/decimal.h); all
 * times are microseconds since 1970, UTC.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	"messages are copied to the journal as they are in memory");

struct message {
	uint16_t size; /* of the whole message, a multiple of 8 */
	uint16_t type; /* enum command_type or enum event_type */
	uint32_t user; /* whom it concerns; 0: the house, or nobody */
};

#define USER_HOUSE 0u
/* User numbers travel in 28 bits of an order's id. */
#define USER_MAX ((UINT32_C(1) << 28) - 1)

/* Both fit a byte of a bit set in the engine; see engine/state.h. */
#define ASSETS_MAX 64
#define INSTRUMENTS_MAX 256
#define INSTRUMENT_ANY 0xffffu

#define ASSET_CODE_MAX 12   /* with NUL: "USDT" */
#define SYMBOL_MAX 24       /* with NUL: "BTC/USD" */
#define CLIENT_ID_MAX 47    /* characters, without a NUL */

/* The head at once, which is one store. */
static inline void
message_head(struct message *head, size_t size, unsigned type, uint32_t user)
{
	uint64_t word = size | (uint64_t)type << 16 | (uint64_t)user << 32;

	__builtin_memcpy(head, &word, sizeof(word));
}

/* Copy MESSAGE into the SIZE bytes at OUT, as a reader of that version. */
static inline void
message_read(const struct message *message, void *out, size_t size)
{
	size_t have = message->size < size ? message->size : size;

	memcpy(out, message, have);
	memset((char *)out + have, 0, size - have);
}

/* The message that follows; the caller knows that there is one. */
static inline const struct message *
message_next(const struct message *message)
{
	return (const struct message *)(const void *)((const char *)message +
		message->size);
}

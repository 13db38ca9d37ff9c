/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * outbox.h - what waits to be sent to one connection, in order and bounded.
 *
 * The bound is on messages and on bytes.  One command can fill a thousand
 * orders, each fill a message of its own, so the bound is a multiple of that;
 * a reader who keeps up never comes near it.  Most messages are shared by many
 * outboxes, so their bytes count here although they are in memory only once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "stream/parcel.h"

#define OUTBOX_PARCELS_MAX 4096
#define OUTBOX_BYTES_MAX ((size_t)512 * 1024)

struct outbox {
	struct parcel **ring; /* ROOM places, a power of two; NULL at first */
	uint32_t room;
	uint32_t first;
	uint32_t count;
	size_t bytes;
	uint64_t *total; /* bytes of several outboxes; NULL: not counted */
};

/* Share PARCEL.  ST_TOO_LARGE, and nothing is done, when it does not fit. */
enum status outbox_add(struct outbox *outbox,
	struct parcel *parcel) MUST_USE;

/* The oldest, or NULL; it stays until outbox_drop(). */
struct parcel *outbox_first(const struct outbox *outbox);
void outbox_drop(struct outbox *outbox);

/* Let go of everything, and of the memory. */
void outbox_clear(struct outbox *outbox);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * parcel.h - a message as it is sent, made once for all who get it.
 *
 * Before the text there is room for what a transport puts in front of it (the
 * header of a WebSocket frame), so that sending copies nothing.  All readers
 * of one parcel get the same header, so that they can share this room, too.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PARCEL_HEADROOM 32

struct parcel {
	uint32_t owners;
	uint32_t length; /* of the text */
	unsigned char bytes[];
};

/* A copy of TEXT that the caller owns; never NULL. */
struct parcel *parcel_new(const char *text, size_t length);

/* One more owner; returns PARCEL. */
struct parcel *parcel_share(struct parcel *parcel);
/* One owner less; the last one frees it.  NULL is fine. */
void parcel_release(struct parcel *parcel);

static inline unsigned char *
parcel_text(struct parcel *parcel)
{
	return parcel->bytes + PARCEL_HEADROOM;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * parcel.c - counted messages.
 */
#include "stream/parcel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct parcel *
parcel_new(const char *text, size_t length)
{
	struct parcel *parcel;

	assert(length <= UINT32_MAX);
	parcel = malloc(sizeof(*parcel) + PARCEL_HEADROOM + length);
	if (!parcel)
		abort();
	parcel->owners = 1;
	parcel->length = (uint32_t)length;
	memset(parcel->bytes, 0, PARCEL_HEADROOM);
	memcpy(parcel_text(parcel), text, length);
	return parcel;
}

struct parcel *
parcel_share(struct parcel *parcel)
{
	parcel->owners++;
	return parcel;
}

void
parcel_release(struct parcel *parcel)
{
	if (parcel && --parcel->owners == 0)
		free(parcel);
}

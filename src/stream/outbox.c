/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * outbox.c - a ring that grows to its bound.
 */
#include "stream/outbox.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_ROOM 8

static void
grow(struct outbox *outbox)
{
	uint32_t room = outbox->room ? outbox->room * 2 : FIRST_ROOM, i;
	struct parcel **ring = malloc(room * sizeof(struct parcel *));

	if (!ring)
		abort();
	for (i = 0; i < outbox->count; i++)
		ring[i] = outbox->ring[(outbox->first + i) &
				       (outbox->room - 1)];
	free(outbox->ring);
	outbox->ring = ring;
	outbox->room = room;
	outbox->first = 0;
}

enum status
outbox_add(struct outbox *outbox, struct parcel *parcel)
{
	/* One message is taken in any case, however long it is. */
	if (outbox->count == OUTBOX_PARCELS_MAX ||
		(outbox->count > 0 &&
			outbox->bytes + parcel->length > OUTBOX_BYTES_MAX))
		return ST_TOO_LARGE;
	if (outbox->count == outbox->room)
		grow(outbox);
	outbox->ring[(outbox->first + outbox->count) & (outbox->room - 1)] =
		parcel_share(parcel);
	outbox->count++;
	outbox->bytes += parcel->length;
	if (outbox->total)
		*outbox->total += parcel->length;
	return ST_OK;
}

struct parcel *
outbox_first(const struct outbox *outbox)
{
	return outbox->count > 0 ? outbox->ring[outbox->first] : NULL;
}

void
outbox_drop(struct outbox *outbox)
{
	struct parcel *parcel = outbox_first(outbox);

	assert(parcel);
	outbox->bytes -= parcel->length;
	if (outbox->total)
		*outbox->total -= parcel->length;
	outbox->first = (outbox->first + 1) & (outbox->room - 1);
	outbox->count--;
	parcel_release(parcel);
}

void
outbox_clear(struct outbox *outbox)
{
	while (outbox->count > 0)
		outbox_drop(outbox);
	free(outbox->ring);
	*outbox = (struct outbox){.total = outbox->total};
}

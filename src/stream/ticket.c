/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ticket.c - used tickets, by their signatures.
 */
#include "stream/ticket.h"

#include <stdlib.h>
#include <string.h>

#include "stream/list.h"

#define BUCKETS 1024
/* Of 43 characters; the first 22 are 132 bits of an HMAC. */
#define SIGNATURE_LENGTH 43
#define NAME_LENGTH 22

struct used {
	struct node in_bucket;
	struct node in_order; /* of use, which is nearly that of expiry */
	int64_t expires_us;
	char name[NAME_LENGTH];
};

struct tickets {
	struct node order;
	struct node buckets[BUCKETS];
};

struct tickets *
tickets_new(void)
{
	struct tickets *tickets = malloc(sizeof(*tickets));
	size_t i;

	if (!tickets)
		abort();
	node_init(&tickets->order);
	for (i = 0; i < BUCKETS; i++)
		node_init(&tickets->buckets[i]);
	return tickets;
}

static void
forget(struct used *used)
{
	node_take_out(&used->in_bucket);
	node_take_out(&used->in_order);
	free(used);
}

void
tickets_free(struct tickets *tickets)
{
	struct node *at, *after;

	if (!tickets)
		return;
	LIST_EACH(at, after, &tickets->order)
		forget(NODE_OF(at, used, in_order));
	free(tickets);
}

static void
forget_expired(struct tickets *tickets, int64_t wall_us)
{
	struct node *first;

	while ((first = list_first(&tickets->order)) != NULL) {
		struct used *used = NODE_OF(first, used, in_order);

		if (used->expires_us > wall_us)
			return;
		forget(used);
	}
}

static struct node *
bucket_of(struct tickets *tickets, const char *name)
{
	uint32_t hash;

	/* An HMAC's characters are as random as any hash of them. */
	memcpy(&hash, name, sizeof(hash));
	return &tickets->buckets[(hash ^ hash >> 13) % BUCKETS];
}

enum status
tickets_use(struct tickets *tickets, const char *text, size_t length,
	int64_t expires_us, int64_t wall_us)
{
	const char *name = text + length - SIGNATURE_LENGTH;
	struct node *bucket, *at, *after;
	struct used *used;

	if (length < SIGNATURE_LENGTH)
		return ST_UNAUTHENTICATED;
	forget_expired(tickets, wall_us);
	bucket = bucket_of(tickets, name);
	LIST_EACH(at, after, bucket)
		if (memcmp(NODE_OF(at, used, in_bucket)->name, name,
			    NAME_LENGTH) == 0)
			return ST_UNAUTHENTICATED;
	used = malloc(sizeof(*used));
	if (!used)
		abort();
	used->expires_us = expires_us;
	memcpy(used->name, name, NAME_LENGTH);
	node_init(&used->in_bucket);
	node_init(&used->in_order);
	list_append(bucket, &used->in_bucket);
	list_append(&tickets->order, &used->in_order);
	return ST_OK;
}

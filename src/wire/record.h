/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * record.h - one applied command with its events: the unit of the journal,
 * and the body of the matcher's answer.
 *
 * A record is this header, the command, then N_EVENTS events, all 8-byte
 * aligned; LENGTH covers all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/message.h"

struct record {
	uint32_t length;
	uint32_t n_events;
	uint64_t seq; /* 1, 2, 3, … without a gap over the journal's life */
	int64_t time_us;
};

static inline const struct message *
record_command(const struct record *record)
{
	return (const struct message *)(const void *)(record + 1);
}

/* The first event; meaningful when n_events > 0. */
static inline const struct message *
record_events(const struct record *record)
{
	return message_next(record_command(record));
}

/*
 * Whether the LENGTH bytes at RECORD hold one whole record whose messages
 * fill it exactly.  To be asked of every record that comes from outside the
 * process, before anything in it is believed.
 */
bool record_well_formed(const struct record *record, size_t length);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * record.c - checking a record from outside.
 */
#include "wire/record.h"

#include "wire/command.h"

bool
record_well_formed(const struct record *record, size_t length)
{
	const struct message *message;
	size_t left;
	uint32_t i;

	if (length < sizeof(*record) + sizeof(*message) ||
		record->length > length || record->length % 8 != 0 ||
		record->length < sizeof(*record) + sizeof(*message))
		return false;
	left = record->length - sizeof(*record);
	message = record_command(record);
	if (!command_well_formed(message, message->size))
		return false;
	for (i = 0; i <= record->n_events; i++) {
		if (left < sizeof(*message) || message->size > left ||
			message->size < sizeof(*message) ||
			message->size % 8 != 0)
			return false;
		left -= message->size;
		message = message_next(message);
	}
	return left == 0;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * events.h - what each event does to the rows of a batch.  For batch.c alone.
 */
#pragma once

#include "settle/batch.h"

/* A new row, zeroed. */
void *rows_add(struct rows *rows);

/* NULL when EVENT can be taken; else why not. */
const char *event_fault(const struct settle_batch *batch,
	const struct message *event);

void event_learn_market(struct settle_batch *batch,
	const struct message *event);

void event_take(struct settle_batch *batch, const struct record *record,
	const struct message *event);

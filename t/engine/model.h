/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * model.h - the engine and the naive one side by side.
 *
 * Each command goes to both, which must agree in every byte of what they
 * answer.  The commands are kept, so that a disagreement can be told, made
 * shorter, and repeated; so that the accepted ones can be replayed; and so
 * that the engine can go on as one that was loaded from a snapshot.
 */
#pragma once

#include <stdio.h>

#include "subject.h"

struct model;

struct model *model_new(const struct engine_options *options);
void model_free(struct model *m);

/*
 * Apply COMMAND to both.  False when they disagree; model_why() says how.
 * Otherwise *RECORD is what was applied, or NULL when it was not; it is
 * overwritten by the next step.
 */
bool model_step(struct model *m, int64_t time_us, const struct message *command,
	const struct record **record);

/* When a TICK is due. */
int64_t model_deadline_us(const struct model *m);

/* Whether every question is answered alike, and the engine is sound. */
bool model_compare(struct model *m);
/* Whether the accepted commands give the same records and state again. */
bool model_replay(struct model *m);
/* Whether a loaded snapshot is the same state; the engine goes on as it. */
bool model_reload(struct model *m);

/* What is wrong, in sentences; valid until model_free(). */
const char *model_why(const struct model *m);

/*
 * After a failure: write a short list of commands after which a step or the
 * comparison fails, and what is wrong then, to FILE.  It takes a while.
 */
void model_tell(struct model *m, FILE *file);

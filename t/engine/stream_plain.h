/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_plain.h - a stream of commands most of which are accepted: plain
 * limit orders, and cancels of what is live, made by who looks at the engine.
 *
 * Prices lie beside, at and through the touch, and far away, where leaves come
 * and go; funds are exactly enough, or one unit too little.  A few of the
 * random stream's commands are between them, to spoil what was plain.
 */
#pragma once

#include "stream.h"

#define PLAIN_INSTRUMENTS 131 /* the last few are beyond the short way */
#define PLAIN_LIVE 128

/* ENGINE and STREAM are the caller's, all else begins as zeros. */
struct plain {
	const struct engine *engine;
	struct stream *stream;
	struct dice dice;
	struct seen live[PLAIN_LIVE]; /* orders, most of them */
	size_t n_live;
	union stream_command next; /* to come first */
};

/* The N-th command of those that make markets and money; false: that is all. */
bool plain_set_up(unsigned n, union stream_command *out);
/* The next command, and the time it comes at. */
void plain_next(struct plain *p, union stream_command *out, int64_t *now);
/* What became of it. */
void plain_saw(struct plain *p, const struct record *record);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streams.c - all streams that are served.
 */
#include "handlers/streams.h"

const struct spelling *const stream_spellings[] = {
	&quantora_stream,
	NULL,
};

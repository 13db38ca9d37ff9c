/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streams.h - the addresses at which the documents' streams are served.
 */
#pragma once

#include "stream/spelling.h"

extern const struct spelling quantora_stream; /* handlers/quantora/stream.c */

/* All of them, ended by NULL. */
extern const struct spelling *const stream_spellings[];

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * arena.h - memory that lives as long as one request, freed all at once.
 *
 * Everything a request allocates comes from its arena; nothing below the
 * dispatcher frees.  Objects of other libraries join it with arena_own().
 * Allocation never returns NULL: a worker that is out of memory ends, and
 * its parent starts another.  Under AddressSanitizer the unused part of each
 * block is poisoned.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/status.h"

struct arena;

/* A new, empty arena; its first block is kept across resets. */
struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Destroy what it owns, in reverse order, and forget all allocations. */
void arena_reset(struct arena *arena);

/* SIZE zeroed bytes, aligned for any type; never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
/* COUNT × SIZE bytes; aborts when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
	PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
	PRINTF_LIKE(2, 0);

/* DESTROY(PTR) is called when the arena is reset or freed. */
void arena_own(struct arena *arena, void *ptr, void (*destroy)(void *ptr));

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * arena.c - a bump allocator in blocks.
 *
 * Blocks double from 16 KiB to 1 MiB; a larger wish gets a block of its own.
 * The newest block is first in the list, so that a reset frees all but the
 * last one, which is the first that was made.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(ptr, size) ASAN_POISON_MEMORY_REGION(ptr, size)
#define UNPOISON(ptr, size) ASAN_UNPOISON_MEMORY_REGION(ptr, size)
#else
#define POISON(ptr, size) ((void)(ptr), (void)(size))
#define UNPOISON(ptr, size) ((void)(ptr), (void)(size))
#endif

#define BLOCK_MIN ((size_t)16 * 1024)
#define BLOCK_MAX ((size_t)1024 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t size;
	size_t used;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct owned {
	struct owned *next;
	void *ptr;
	void (*destroy)(void *ptr);
};

struct arena {
	struct block *blocks; /* newest first; never empty */
	struct owned *owned;  /* newest first; lives in the blocks */
};

static void *
must(void *ptr)
{
	if (!ptr) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return ptr;
}

static struct block *
block_new(size_t size, struct block *next)
{
	struct block *block = must(malloc(sizeof(*block) + size));

	block->next = next;
	block->size = size;
	block->used = 0;
	POISON(block->bytes, size);
	return block;
}

static void
block_free(struct block *block)
{
	UNPOISON(block->bytes, block->size);
	free(block);
}

struct arena *
arena_new(void)
{
	struct arena *arena = must(malloc(sizeof(*arena)));

	arena->blocks = block_new(BLOCK_MIN, NULL);
	arena->owned = NULL;
	return arena;
}

void
arena_reset(struct arena *arena)
{
	struct owned *owned;

	/* What is owned is listed newest first: destroyed in reverse order. */
	for (owned = arena->owned; owned; owned = owned->next)
		owned->destroy(owned->ptr);
	arena->owned = NULL;
	while (arena->blocks->next) {
		struct block *next = arena->blocks->next;

		block_free(arena->blocks);
		arena->blocks = next;
	}
	arena->blocks->used = 0;
	POISON(arena->blocks->bytes, arena->blocks->size);
}

void
arena_free(struct arena *arena)
{
	if (!arena)
		return;
	arena_reset(arena);
	block_free(arena->blocks);
	free(arena);
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct block *block = arena->blocks;
	void *ptr;

	if (size > SIZE_MAX / 2)
		abort();
	if (size == 0)
		size = 1;
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (block->size - block->used < size) {
		size_t want = block->size * 2;

		if (want > BLOCK_MAX)
			want = BLOCK_MAX;
		block = block_new(size > want ? size : want, block);
		arena->blocks = block;
	}
	ptr = block->bytes + block->used;
	block->used += size;
	UNPOISON(ptr, size);
	return memset(ptr, 0, size);
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		abort();
	return arena_alloc(arena, bytes);
}

char *
arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *
arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	assert(length >= 0);
	text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

void
arena_own(struct arena *arena, void *ptr, void (*destroy)(void *ptr))
{
	struct owned *owned = arena_alloc(arena, sizeof(*owned));

	owned->next = arena->owned;
	owned->ptr = ptr;
	owned->destroy = destroy;
	arena->owned = owned;
}

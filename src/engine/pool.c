/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * pool.c - address space for the pools, and exact division.
 *
 * A pool is reserved without swap being set aside for it and filled by the
 * kernel page by page.  Huge pages are asked for: they halve the misses of
 * the address cache, and make a fork for a snapshot ten times cheaper.
 */
#include <sys/mman.h>

#include "engine/state.h"

#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

static size_t
round_up(size_t count, size_t size)
{
	return (count * size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

void *
pool_reserve(size_t count, size_t size)
{
	size_t bytes = round_up(count, size), before;
	char *at = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	/* Begin where a huge page can, and give the rest back. */
	before = -(uintptr_t)at % HUGE_PAGE;
	if (before > 0)
		munmap(at, before);
	at += before;
	if (before < HUGE_PAGE)
		munmap(at + bytes, HUGE_PAGE - before);
	/* Only a wish: without huge pages all works, slower. */
	(void)madvise(at, bytes, MADV_HUGEPAGE);
	return at;
}

void
pool_touch(void *at)
{
	/* Only a wish, and one that older kernels do not know. */
	(void)madvise(at, HUGE_PAGE, MADV_POPULATE_WRITE);
}

void
pool_release(void *at, size_t count, size_t size)
{
	munmap(at, round_up(count, size));
}

struct divider
divider_make(int64_t divisor)
{
	struct divider d = {0};
	uint64_t odd = (uint64_t)divisor;
	int i;

	d.shift = (uint32_t)__builtin_ctzll(odd);
	odd >>= d.shift;
	d.limit = UINT64_MAX / (uint64_t)divisor;
	/* Newton's iteration modulo 2^64: each step doubles the right bits. */
	d.inverse = odd;
	for (i = 0; i < 5; i++)
		d.inverse *= 2 - odd * d.inverse;
	return d;
}

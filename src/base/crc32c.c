/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * crc32c.c - CRC-32C, reflected polynomial 0x82f63b78.
 *
 * The instruction has a latency of three cycles and a throughput of one, so
 * long inputs are cut into three lanes whose checksums are then joined by
 * shifting over zeros (a multiplication by x^n modulo the polynomial, by
 * tables made at first use).  The method is Mark Adler's, described at
 * https://stackoverflow.com/a/17646775; the code is our own.
 */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u
#define LANE ((size_t)1024)

static uint32_t byte_table[256];
static uint32_t lane_shift[4][256]; /* advance a checksum over LANE zeros */
static bool ready;

static void
make_tables(void)
{
	uint32_t n, crc;
	size_t i;
	int k;

	for (n = 0; n < 256; n++) {
		crc = n;
		for (k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		byte_table[n] = crc;
	}
	/* The map is linear: each byte's image is a sum of its bits' images. */
	for (k = 0; k < 4; k++)
		for (n = 0; n < 256; n++) {
			crc = n << (8 * k);
			for (i = 0; i < LANE; i++)
				crc = crc >> 8 ^ byte_table[crc & 255];
			lane_shift[k][n] = crc;
		}
	ready = true;
}

uint32_t
crc32c_portable(uint32_t crc, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	if (!ready)
		make_tables();
	crc = ~crc;
	while (length-- > 0)
		crc = crc >> 8 ^ byte_table[(crc ^ *at++) & 255];
	return ~crc;
}

#if defined(__x86_64__)
static uint32_t
shift_lane(uint32_t crc)
{
	return lane_shift[0][crc & 255] ^ lane_shift[1][crc >> 8 & 255] ^
		lane_shift[2][crc >> 16 & 255] ^ lane_shift[3][crc >> 24];
}

static inline uint64_t
load64(const unsigned char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse42(uint32_t start, const unsigned char *at, size_t length)
{
	uint64_t crc = ~start, one, two;
	size_t i;

	for (; length >= 3 * LANE; at += 3 * LANE, length -= 3 * LANE) {
		one = two = 0;
		for (i = 0; i < LANE; i += 8) {
			crc = __builtin_ia32_crc32di(crc, load64(at + i));
			one = __builtin_ia32_crc32di(one,
				load64(at + LANE + i));
			two = __builtin_ia32_crc32di(two,
				load64(at + 2 * LANE + i));
		}
		crc = shift_lane((uint32_t)crc) ^ one;
		crc = shift_lane((uint32_t)crc) ^ two;
	}
	for (; length >= 8; at += 8, length -= 8)
		crc = __builtin_ia32_crc32di(crc, load64(at));
	for (; length > 0; at++, length--)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *at);
	return ~(uint32_t)crc;
}
#endif

uint32_t
crc32c(uint32_t crc, const void *bytes, size_t length)
{
#if defined(__x86_64__)
	if (!ready)
		make_tables();
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, bytes, length);
#endif
	return crc32c_portable(crc, bytes, length);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * crc32c.h - the Castagnoli checksum (RFC 3720, appendix B.4).
 *
 * By the processor's own instruction where it has one (SSE 4.2), else by a
 * table; the result is the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continue CRC (0 to begin) over LENGTH bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

/* The table's way, for the test that holds the two against each other. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t length);

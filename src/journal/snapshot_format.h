/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * snapshot_format.h - what a snapshot's bytes mean; for snapshot*.c alone.
 */
#pragma once

#include "journal/format.h"
#include "journal/snapshot.h"

#define SNAPSHOT_MAGIC UINT64_C(0x31504e534c4e524a) /* "JRNLSNP1" */
#define SNAPSHOT_PREFIX "snapshot-"
#define SNAPSHOT_SUFFIX ".snap"
#define TEMPORARY_SUFFIX ".tmp"

/* Sections begin at multiples of this. */
#define SNAPSHOT_ALIGN 4096

struct snapshot_section {
	uint64_t offset;
	uint64_t length;
	uint32_t checksum;
	uint32_t spare;
};

struct snapshot_header {
	uint64_t magic;
	uint32_t format;
	uint32_t n_sections;
	struct snapshot_info info;
	struct snapshot_section sections[SNAPSHOT_SECTIONS_MAX];
	uint32_t spare;
	uint32_t checksum; /* of all above */
};

_Static_assert(sizeof(struct snapshot_info) == 56, "pinned");
_Static_assert(sizeof(struct snapshot_section) == 24, "pinned");
_Static_assert(sizeof(struct snapshot_header) == 80 + 64 * 24, "pinned");

uint32_t snapshot_header_checksum(const struct snapshot_header *header);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * disk_sim.h - a disk in memory that is as bad as a disk may be.
 *
 * Each file has the bytes that a process sees and those that are on the
 * platter; a sync carries the former to the latter.  When the power is cut
 * each sector that was not synced is lost, written, or torn; a file may keep
 * its old length; and of the names that were made, renamed or removed without
 * a sync of their directory only the first few, in order, survive.  A sync
 * that fails drops what it should have written, and the next one succeeds
 * without it, as Linux does.
 *
 * All chance comes from the seed, so a failure can be looked at again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/disk.h"

#define DISK_SIM_SECTOR 512

struct disk_sim;

struct disk_sim *disk_sim_new(uint64_t seed);
void disk_sim_free(struct disk_sim *sim);
struct disk *disk_sim_disk(struct disk_sim *sim);

/* A number below BOUND, from the disk's own source of chance. */
uint64_t disk_sim_random(struct disk_sim *sim, uint64_t bound);

/* ---- faults ---- */

enum disk_fault {
	FAULT_EIO,
	FAULT_ENOSPC,
	FAULT_SHORT, /* a write stops half way; anything else: EIO */
	FAULT_POWER  /* it is done in part, and then nothing works any more */
};

/*
 * Let the NTH operation from now on that changes something fail (1: the next);
 * with FOR_GOOD all after it as well.  0: none.
 */
void disk_sim_fail(struct disk_sim *sim, uint64_t nth, enum disk_fault fault,
	bool for_good);
/* Whether that fault has happened. */
bool disk_sim_failed(const struct disk_sim *sim);
/* How many such operations there have been. */
uint64_t disk_sim_operations(const struct disk_sim *sim);

/* How many bytes all files together may have. */
void disk_sim_capacity(struct disk_sim *sim, uint64_t bytes);

/* The process dies: its files are closed, its lock is free, nothing is lost. */
void disk_sim_kill(struct disk_sim *sim);
/* The machine dies. */
void disk_sim_crash(struct disk_sim *sim);

/* ---- tampering, on both sides at once ---- */

/* The bytes of the file, or NULL when there is none. */
unsigned char *disk_sim_bytes(struct disk_sim *sim, const char *path,
	size_t *size);
/* The bytes were changed through that pointer: they are on the platter. */
void disk_sim_settle(struct disk_sim *sim, const char *path);
void disk_sim_resize(struct disk_sim *sim, const char *path, size_t size);
/* Make PATH from nothing, or anew. */
void disk_sim_put(struct disk_sim *sim, const char *path, const void *bytes,
	size_t size);
void disk_sim_remove(struct disk_sim *sim, const char *path);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_names.h - the directories of the disk in memory.
 *
 * There are two maps from path to inode: what a process sees, and what would
 * be there after a crash.  Between them stands, for each directory, what was
 * done to it since its last sync, in order.
 */
#pragma once

#include <stdbool.h>

#include "journal/disk.h"

struct disk_sim;
struct sim_inode;
struct sim_names;

struct sim_names *sim_names_new(void);
void sim_names_free(struct sim_names *names);

struct sim_inode *sim_names_find(const struct sim_names *names,
	const char *path);
/* Whether a name, seen or on the platter or between, leads to INODE. */
bool sim_names_has(const struct sim_names *names,
	const struct sim_inode *inode);

void sim_names_link(struct sim_names *names, const char *path,
	struct sim_inode *inode);
void sim_names_unlink(struct sim_names *names, const char *path);
/* -1 when FROM is not there; both are in one directory. */
int sim_names_rename(struct sim_names *names, const char *from,
	const char *to);
void sim_names_list(const struct sim_names *names, const char *dir,
	struct disk_names *out);

void sim_names_sync(struct sim_names *names, const char *dir);
/* Of each directory's changes a first part survives. */
void sim_names_crash(struct sim_names *names, struct disk_sim *sim);

/* Set, or with NULL remove, a name on both sides. */
void sim_names_put(struct sim_names *names, const char *path,
	struct sim_inode *inode);

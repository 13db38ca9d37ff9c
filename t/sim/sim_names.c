/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_names.c - small, so everything is a list.
 */
#include "t/sim/sim_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/sim/disk_sim.h"

#define PATH_BYTES 256

struct entry {
	char path[PATH_BYTES];
	struct sim_inode *inode;
};

struct map {
	struct entry *entries;
	size_t count, room;
};

/* PATH gets INODE (NULL: is removed); of a rename also FROM is removed. */
struct change {
	char path[PATH_BYTES];
	char from[PATH_BYTES];
	struct sim_inode *inode;
};

struct sim_names {
	struct map live, disk;
	struct change *changes; /* of all directories, in order */
	size_t n_changes, room;
};

static struct entry *
map_find(const struct map *map, const char *path)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->entries[i].path, path) == 0)
			return &map->entries[i];
	return NULL;
}

static void
copy_path(char to[PATH_BYTES], const char *from)
{
	if (snprintf(to, PATH_BYTES, "%s", from) >= PATH_BYTES)
		abort();
}

static void
map_set(struct map *map, const char *path, struct sim_inode *inode)
{
	struct entry *entry = map_find(map, path);

	if (inode == NULL) {
		if (entry != NULL)
			*entry = map->entries[--map->count];
		return;
	}
	if (entry == NULL) {
		if (map->count == map->room) {
			map->room = map->room * 2 + 16;
			map->entries = realloc(map->entries,
				map->room * sizeof(*map->entries));
			if (map->entries == NULL)
				abort();
		}
		entry = &map->entries[map->count++];
		copy_path(entry->path, path);
	}
	entry->inode = inode;
}

static bool
map_has(const struct map *map, const struct sim_inode *inode)
{
	for (size_t i = 0; i < map->count; i++)
		if (map->entries[i].inode == inode)
			return true;
	return false;
}

static void
apply(struct map *map, const struct change *change)
{
	if (change->from[0] != '\0')
		map_set(map, change->from, NULL);
	map_set(map, change->path, change->inode);
}

static void
do_change(struct sim_names *names, const char *path, const char *from,
	struct sim_inode *inode)
{
	struct change *change;

	if (names->n_changes == names->room) {
		names->room = names->room * 2 + 16;
		names->changes = realloc(names->changes,
			names->room * sizeof(*names->changes));
		if (names->changes == NULL)
			abort();
	}
	change = &names->changes[names->n_changes++];
	copy_path(change->path, path);
	copy_path(change->from, from);
	change->inode = inode;
	apply(&names->live, change);
}

static bool
is_in(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && path[length] == '/' &&
		strchr(path + length + 1, '/') == NULL;
}

struct sim_names *
sim_names_new(void)
{
	struct sim_names *names = calloc(1, sizeof(*names));

	if (names == NULL)
		abort();
	return names;
}

void
sim_names_free(struct sim_names *names)
{
	free(names->live.entries);
	free(names->disk.entries);
	free(names->changes);
	free(names);
}

struct sim_inode *
sim_names_find(const struct sim_names *names, const char *path)
{
	const struct entry *entry = map_find(&names->live, path);

	return entry == NULL ? NULL : entry->inode;
}

bool
sim_names_has(const struct sim_names *names, const struct sim_inode *inode)
{
	for (size_t i = 0; i < names->n_changes; i++)
		if (names->changes[i].inode == inode)
			return true;
	return map_has(&names->live, inode) || map_has(&names->disk, inode);
}

void
sim_names_link(struct sim_names *names, const char *path,
	struct sim_inode *inode)
{
	do_change(names, path, "", inode);
}

void
sim_names_unlink(struct sim_names *names, const char *path)
{
	do_change(names, path, "", NULL);
}

int
sim_names_rename(struct sim_names *names, const char *from, const char *to)
{
	struct sim_inode *inode = sim_names_find(names, from);

	if (inode == NULL)
		return -1;
	do_change(names, to, from, inode);
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
sim_names_list(const struct sim_names *names, const char *dir,
	struct disk_names *out)
{
	struct disk_names list = {0};

	list.names = calloc(names->live.count + 1, sizeof(*list.names));
	if (list.names == NULL)
		abort();
	for (size_t i = 0; i < names->live.count; i++)
		if (is_in(names->live.entries[i].path, dir))
			list.names[list.count++] = strdup(
				names->live.entries[i].path + strlen(dir) + 1);
	qsort(list.names, list.count, sizeof(*list.names), by_name);
	*out = list;
}

void
sim_names_sync(struct sim_names *names, const char *dir)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->n_changes; i++) {
		if (is_in(names->changes[i].path, dir))
			apply(&names->disk, &names->changes[i]);
		else
			names->changes[kept++] = names->changes[i];
	}
	names->n_changes = kept;
}

/* How many changes there are in the directory of the first one. */
static size_t
count_in(const struct sim_names *names, const char *dir)
{
	size_t count = 0;

	for (size_t i = 0; i < names->n_changes; i++)
		count += is_in(names->changes[i].path, dir);
	return count;
}

void
sim_names_crash(struct sim_names *names, struct disk_sim *sim)
{
	char dir[PATH_BYTES];

	while (names->n_changes > 0) {
		size_t kept, survive;

		copy_path(dir, names->changes[0].path);
		*strrchr(dir, '/') = '\0';
		survive = (size_t)disk_sim_random(sim,
			count_in(names, dir) + 1);
		kept = 0;
		for (size_t i = 0; i < names->n_changes; i++) {
			if (!is_in(names->changes[i].path, dir)) {
				names->changes[kept++] = names->changes[i];
			} else if (survive > 0) {
				apply(&names->disk, &names->changes[i]);
				survive--;
			}
		}
		names->n_changes = kept;
	}
	names->live.count = 0;
	for (size_t i = 0; i < names->disk.count; i++)
		map_set(&names->live, names->disk.entries[i].path,
			names->disk.entries[i].inode);
}

void
sim_names_put(struct sim_names *names, const char *path,
	struct sim_inode *inode)
{
	char dir[PATH_BYTES];

	copy_path(dir, path);
	*strrchr(dir, '/') = '\0';
	sim_names_sync(names, dir);
	map_set(&names->live, path, inode);
	map_set(&names->disk, path, inode);
}

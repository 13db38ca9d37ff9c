/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * disk_sim.c - inodes, two namespaces, and a die.
 */
#include "t/sim/disk_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/sim/sim_names.h"

struct sim_inode {
	unsigned char *live; /* what a process sees */
	unsigned char *disk; /* what is on the platter */
	bool *dirty;         /* by sector: to be written by the next sync */
	size_t live_size, disk_size, room;
	size_t allocated; /* bytes, at least ROOM */
	struct sim_inode *next; /* all that ever were */
};

struct sim_file {
	struct disk_file file;
	struct sim_inode *inode;
	uint64_t life;
	bool is_lock;
	struct sim_file *next;
};

struct disk_sim {
	struct disk disk;
	uint64_t random;
	struct sim_names *names;
	struct sim_inode *inodes;
	struct sim_file *files; /* that were ever opened */
	uint64_t capacity;
	uint64_t life; /* files of an earlier one are dead */
	struct sim_file *lock;

	uint64_t operations;
	uint64_t fail_at; /* 0: never */
	enum disk_fault fault;
	bool for_good, has_failed, power_is_off;
};

static void *
checked(void *pointer)
{
	if (pointer == NULL)
		abort();
	return pointer;
}

/* splitmix64 */
static uint64_t
draw(struct disk_sim *sim)
{
	uint64_t z = sim->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
disk_sim_random(struct disk_sim *sim, uint64_t bound)
{
	return draw(sim) % bound;
}

/* ---- inodes ---- */

static size_t
sectors(size_t bytes)
{
	return (bytes + DISK_SIM_SECTOR - 1) / DISK_SIM_SECTOR;
}

static struct sim_inode *
new_inode(struct disk_sim *sim)
{
	struct sim_inode *inode = checked(calloc(1, sizeof(*inode)));

	inode->next = sim->inodes;
	sim->inodes = inode;
	return inode;
}

/* Room for SIZE bytes, rounded up to sectors; what is new is zero. */
static void
make_room(struct sim_inode *inode, size_t size)
{
	size_t room = sectors(size) * DISK_SIM_SECTOR;

	if (room <= inode->room)
		return;
	if (room > inode->allocated) {
		inode->allocated = room * 2;
		inode->live = checked(realloc(inode->live, room * 2));
		inode->disk = checked(realloc(inode->disk, room * 2));
		inode->dirty = checked(realloc(inode->dirty,
			sectors(room * 2) * sizeof(*inode->dirty)));
	}
	memset(inode->live + inode->room, 0, room - inode->room);
	memset(inode->disk + inode->room, 0, room - inode->room);
	memset(inode->dirty + sectors(inode->room), 0,
		(sectors(room) - sectors(inode->room)) *
			sizeof(*inode->dirty));
	inode->room = room;
}

static void
write_live(struct sim_inode *inode, const void *bytes, size_t length,
	size_t offset)
{
	if (length == 0)
		return;
	make_room(inode, offset + length);
	if (bytes != NULL)
		memcpy(inode->live + offset, bytes, length);
	if (offset + length > inode->live_size)
		inode->live_size = offset + length;
	for (size_t i = offset / DISK_SIM_SECTOR;
		i <= (offset + length - 1) / DISK_SIM_SECTOR; i++)
		inode->dirty[i] = true;
}

static void
sync_sector(struct sim_inode *inode, size_t sector, size_t from, size_t length)
{
	size_t at = sector * DISK_SIM_SECTOR + from;

	memcpy(inode->disk + at, inode->live + at, length);
}

static void
sync_inode(struct sim_inode *inode)
{
	for (size_t i = 0; i < sectors(inode->room); i++)
		if (inode->dirty[i])
			sync_sector(inode, i, 0, DISK_SIM_SECTOR);
	memset(inode->dirty, 0, sectors(inode->room) * sizeof(*inode->dirty));
	inode->disk_size = inode->live_size;
}

/* Each sector that waits: lost, written, or torn at some byte. */
static void
sync_by_chance(struct disk_sim *sim, struct sim_inode *inode)
{
	for (size_t i = 0; i < sectors(inode->room); i++) {
		size_t cut = (size_t)disk_sim_random(sim, DISK_SIM_SECTOR);

		if (!inode->dirty[i])
			continue;
		inode->dirty[i] = false;
		switch (disk_sim_random(sim, 4)) {
		case 0:
			break;
		case 1:
			sync_sector(inode, i, 0, cut);
			break;
		default:
			sync_sector(inode, i, 0, DISK_SIM_SECTOR);
		}
	}
	if (disk_sim_random(sim, 2) == 0)
		inode->disk_size = inode->live_size;
}

static uint64_t
bytes_used(const struct disk_sim *sim)
{
	uint64_t used = 0;

	for (const struct sim_inode *i = sim->inodes; i != NULL; i = i->next)
		if (sim_names_has(sim->names, i))
			used += i->live_size;
	return used;
}

/* ---- faults ---- */

/*
 * What becomes of an operation that changes something: 0, or an errno.
 * IN_PART: it may have been done, in part, all the same.
 */
static int
enter(struct disk_sim *sim, bool *in_part)
{
	bool hit;

	*in_part = false;
	if (sim->power_is_off)
		return -EIO;
	sim->operations++;
	hit = sim->fail_at != 0 &&
		(sim->operations == sim->fail_at ||
			(sim->for_good && sim->operations > sim->fail_at));
	if (!hit)
		return 0;
	sim->has_failed = true;
	sim->power_is_off = sim->fault == FAULT_POWER;
	*in_part = sim->fault != FAULT_ENOSPC;
	return sim->fault == FAULT_ENOSPC ? -ENOSPC : -EIO;
}

void
disk_sim_fail(struct disk_sim *sim, uint64_t nth, enum disk_fault fault,
	bool for_good)
{
	sim->fail_at = nth == 0 ? 0 : sim->operations + nth;
	sim->fault = fault;
	sim->for_good = for_good;
	sim->has_failed = false;
}

bool
disk_sim_failed(const struct disk_sim *sim)
{
	return sim->has_failed;
}

uint64_t
disk_sim_operations(const struct disk_sim *sim)
{
	return sim->operations;
}

void
disk_sim_capacity(struct disk_sim *sim, uint64_t bytes)
{
	sim->capacity = bytes;
}

/* ---- the seam ---- */

static struct disk_sim *
sim_of(struct disk *disk)
{
	return (struct disk_sim *)(void *)disk;
}

static struct sim_file *
file_of(struct disk_file *file)
{
	return (struct sim_file *)(void *)file;
}

static bool
is_dead(const struct sim_file *file, const struct disk_sim *sim)
{
	return file->life != sim->life;
}

static struct sim_file *
new_file(struct disk_sim *sim, struct sim_inode *inode)
{
	struct sim_file *file = checked(calloc(1, sizeof(*file)));

	file->file.disk = &sim->disk;
	file->inode = inode;
	file->life = sim->life;
	return file;
}

static int
sim_open(struct disk *disk, const char *path, enum disk_open mode,
	struct disk_file **out)
{
	struct disk_sim *sim = sim_of(disk);
	struct sim_inode *inode;
	bool in_part;
	int error;

	if (sim->power_is_off)
		return -EIO;
	if (mode == DISK_CREATE) {
		if (sim_names_find(sim->names, path) != NULL)
			return -EEXIST;
		error = enter(sim, &in_part);
		if (error != 0)
			return error;
		sim_names_link(sim->names, path, new_inode(sim));
	}
	inode = sim_names_find(sim->names, path);
	if (inode == NULL)
		return -ENOENT;
	*out = &new_file(sim, inode)->file;
	return 0;
}

static void
sim_close(struct disk_file *file)
{
	struct disk_sim *sim = sim_of(file->disk);

	if (sim->lock == file_of(file))
		sim->lock = NULL;
	free(file_of(file));
}

static ssize_t
sim_pwrite(struct disk_file *file, const void *bytes, size_t length,
	uint64_t offset)
{
	struct disk_sim *sim = sim_of(file->disk);
	struct sim_inode *inode = file_of(file)->inode;
	uint64_t end = offset + length;
	bool in_part;
	int error;

	if (is_dead(file_of(file), sim))
		return -EIO;
	error = enter(sim, &in_part);
	if (in_part) {
		size_t part = (size_t)disk_sim_random(sim, length);

		write_live(inode, bytes, part, offset);
		if (sim->fault == FAULT_SHORT && part > 0)
			return (ssize_t)part;
	}
	if (error != 0)
		return error;
	if (end > inode->live_size &&
		bytes_used(sim) + (end - inode->live_size) > sim->capacity)
		return -ENOSPC;
	write_live(inode, bytes, length, offset);
	return (ssize_t)length;
}

static ssize_t
sim_pread(struct disk_file *file, void *bytes, size_t length, uint64_t offset)
{
	struct disk_sim *sim = sim_of(file->disk);
	const struct sim_inode *inode = file_of(file)->inode;

	if (is_dead(file_of(file), sim) || sim->power_is_off)
		return -EIO;
	if (offset >= inode->live_size)
		return 0;
	if (length > inode->live_size - offset)
		length = inode->live_size - (size_t)offset;
	memcpy(bytes, inode->live + offset, length);
	return (ssize_t)length;
}

static int
sim_sync(struct disk_file *file)
{
	struct disk_sim *sim = sim_of(file->disk);
	struct sim_inode *inode = file_of(file)->inode;
	bool in_part;
	int error;

	if (is_dead(file_of(file), sim))
		return -EIO;
	error = enter(sim, &in_part);
	if (error == 0)
		sync_inode(inode);
	else if (in_part)
		sync_by_chance(sim, inode); /* and clean from now on */
	return error;
}

static int
sim_size(struct disk_file *file, uint64_t *out)
{
	if (is_dead(file_of(file), sim_of(file->disk)))
		return -EIO;
	*out = file_of(file)->inode->live_size;
	return 0;
}

static int
sim_allocate(struct disk_file *file, uint64_t offset, uint64_t length,
	enum disk_fill fill)
{
	struct disk_sim *sim = sim_of(file->disk);
	struct sim_inode *inode = file_of(file)->inode;
	bool in_part;
	int error;

	(void)fill; /* the difference is one of speed */
	if (is_dead(file_of(file), sim))
		return -EIO;
	error = enter(sim, &in_part);
	if (error != 0 || offset >= length)
		return error;
	if (length > inode->live_size &&
		bytes_used(sim) + (length - inode->live_size) > sim->capacity)
		return -ENOSPC;
	make_room(inode, (size_t)length);
	memset(inode->live + offset, 0, (size_t)(length - offset));
	write_live(inode, NULL, (size_t)(length - offset), (size_t)offset);
	return 0;
}

static int
sim_rename(struct disk *disk, const char *from, const char *to)
{
	struct disk_sim *sim = sim_of(disk);
	bool in_part;
	int error = enter(sim, &in_part);

	/* An error may come after the deed. */
	if (error != 0 && (!in_part || disk_sim_random(sim, 2) == 0))
		return error;
	if (sim_names_rename(sim->names, from, to) != 0)
		return -ENOENT;
	return error;
}

static int
sim_unlink(struct disk *disk, const char *path)
{
	struct disk_sim *sim = sim_of(disk);
	bool in_part;
	int error;

	if (sim->power_is_off)
		return -EIO;
	if (sim_names_find(sim->names, path) == NULL)
		return -ENOENT;
	error = enter(sim, &in_part);
	if (error == 0)
		sim_names_unlink(sim->names, path);
	return error;
}

static int
sim_mkdir(struct disk *disk, const char *path)
{
	(void)path; /* directories are there when something is in them */
	return sim_of(disk)->power_is_off ? -EIO : 0;
}

static int
sim_list(struct disk *disk, const char *path, struct disk_names *out)
{
	if (sim_of(disk)->power_is_off)
		return -EIO;
	sim_names_list(sim_of(disk)->names, path, out);
	return 0;
}

static int
sim_fsync_dir(struct disk *disk, const char *path)
{
	struct disk_sim *sim = sim_of(disk);
	bool in_part;
	int error = enter(sim, &in_part);

	if (error == 0)
		sim_names_sync(sim->names, path);
	return error;
}

static int
sim_free_bytes(struct disk *disk, const char *path, uint64_t *out)
{
	struct disk_sim *sim = sim_of(disk);
	uint64_t used = bytes_used(sim);

	(void)path;
	*out = used < sim->capacity ? sim->capacity - used : 0;
	return sim->power_is_off ? -EIO : 0;
}

static int
sim_lock(struct disk *disk, const char *path, struct disk_file **out)
{
	struct disk_sim *sim = sim_of(disk);

	(void)path; /* one journal a disk */
	if (sim->power_is_off)
		return -EIO;
	if (sim->lock != NULL)
		return -EWOULDBLOCK;
	sim->lock = new_file(sim, NULL);
	*out = &sim->lock->file;
	return 0;
}

struct disk_sim *
disk_sim_new(uint64_t seed)
{
	static const struct disk_ops ops = {
		.open = sim_open,
		.close = sim_close,
		.pwrite = sim_pwrite,
		.pread = sim_pread,
		.fdatasync = sim_sync,
		.fsync = sim_sync,
		.size = sim_size,
		.allocate = sim_allocate,
		.rename = sim_rename,
		.unlink = sim_unlink,
		.mkdir = sim_mkdir,
		.list = sim_list,
		.fsync_dir = sim_fsync_dir,
		.free_bytes = sim_free_bytes,
		.lock = sim_lock,
	};
	struct disk_sim *sim = checked(calloc(1, sizeof(*sim)));

	sim->disk.ops = &ops;
	sim->random = seed;
	sim->names = sim_names_new();
	sim->capacity = UINT64_MAX;
	return sim;
}

struct disk *
disk_sim_disk(struct disk_sim *sim)
{
	return &sim->disk;
}

static void
free_inodes(struct disk_sim *sim, bool all)
{
	struct sim_inode **at = &sim->inodes, *inode;

	while ((inode = *at) != NULL) {
		if (!all && sim_names_has(sim->names, inode)) {
			at = &inode->next;
			continue;
		}
		*at = inode->next;
		free(inode->live);
		free(inode->disk);
		free(inode->dirty);
		free(inode);
	}
}

void
disk_sim_free(struct disk_sim *sim)
{
	if (sim == NULL)
		return;
	free_inodes(sim, true);
	sim_names_free(sim->names);
	free(sim);
}

/* ---- the end of a process, or of all ---- */

void
disk_sim_kill(struct disk_sim *sim)
{
	sim->life++;
	sim->lock = NULL;
	sim->power_is_off = false;
	sim->fail_at = 0;
}

void
disk_sim_crash(struct disk_sim *sim)
{
	disk_sim_kill(sim);
	sim_names_crash(sim->names, sim);
	free_inodes(sim, false);
	for (struct sim_inode *i = sim->inodes; i != NULL; i = i->next) {
		if (i->room == 0)
			continue; /* nothing was ever written to it */
		sync_by_chance(sim, i);
		memset(i->live, 0, i->room);
		memcpy(i->live, i->disk, i->disk_size);
		memcpy(i->disk, i->live, i->room);
		i->live_size = i->disk_size;
	}
}

/* ---- tampering ---- */

unsigned char *
disk_sim_bytes(struct disk_sim *sim, const char *path, size_t *size)
{
	struct sim_inode *inode = sim_names_find(sim->names, path);

	if (inode == NULL)
		return NULL;
	*size = inode->live_size;
	return inode->live;
}

void
disk_sim_settle(struct disk_sim *sim, const char *path)
{
	struct sim_inode *inode = sim_names_find(sim->names, path);

	memcpy(inode->disk, inode->live, inode->room);
	memset(inode->dirty, 0, sectors(inode->room) * sizeof(*inode->dirty));
	inode->disk_size = inode->live_size;
}

void
disk_sim_resize(struct disk_sim *sim, const char *path, size_t size)
{
	struct sim_inode *inode = sim_names_find(sim->names, path);

	make_room(inode, size);
	if (size < inode->room)
		memset(inode->live + size, 0, inode->room - size);
	inode->live_size = size;
	disk_sim_settle(sim, path);
}

void
disk_sim_put(struct disk_sim *sim, const char *path, const void *bytes,
	size_t size)
{
	struct sim_inode *inode = sim_names_find(sim->names, path);

	if (inode == NULL)
		inode = new_inode(sim);
	make_room(inode, size + 1);
	memset(inode->live, 0, inode->room);
	inode->live_size = 0;
	write_live(inode, bytes, size, 0);
	sim_names_put(sim->names, path, inode);
	disk_sim_settle(sim, path);
}

void
disk_sim_remove(struct disk_sim *sim, const char *path)
{
	sim_names_put(sim->names, path, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * secret_file.c - written under a passing name, then linked to its own.
 */
#include "auth/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECRET_BYTES 32

/* The digits and a line end, on disk. */
static bool
write_digits(int fd)
{
	uint8_t bytes[SECRET_BYTES];
	char text[2 * SECRET_BYTES + 1];
	bool good;

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(text, sizeof(text), bytes, sizeof(bytes));
	text[sizeof(text) - 1] = '\n';
	good = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) &&
		fsync(fd) == 0;
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(text, sizeof(text));
	return good;
}

enum status
secret_file_create(const char *path)
{
	char *passing;
	bool good;
	int fd, error;

	if (sodium_init() < 0)
		return ST_INTERNAL;
	if (asprintf(&passing, "%s.%08x.new", path, randombytes_random()) < 0)
		abort();
	fd = open(passing, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* Unlike rename(), link() never replaces what is there. */
	good = fd >= 0 && write_digits(fd) && link(passing, path) == 0;
	error = errno;
	if (fd >= 0) {
		close(fd);
		unlink(passing);
	}
	free(passing);
	errno = error;
	if (good)
		return ST_OK;
	return error == EEXIST ? ST_CONFLICT : ST_UNAVAILABLE;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * secret_file.h - files that hold 256 random bits, as 64 hexadecimal digits.
 */
#pragma once

#include "base/status.h"

/*
 * Make PATH, readable by us alone.  Nobody ever sees half of it, and what is
 * there is never replaced.  ST_CONFLICT when there is such a file;
 * ST_UNAVAILABLE, with errno, when it cannot be written.
 */
enum status secret_file_create(const char *path) MUST_USE;

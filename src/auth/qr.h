/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * qr.h - a QR code as a picture that an <img> can show.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"

/*
 * TEXT as "data:image/png;base64,…", in ARENA: black on white, four modules
 * of margin, SCALE pixels a module.  ST_TOO_LARGE when it is too long for a
 * QR code.
 */
enum status qr_data_uri(struct arena *arena, const char *text, int scale,
	char **out) MUST_USE;

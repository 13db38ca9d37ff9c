/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * qr.c - libqrencode's modules, as a PNG of one bit a pixel, in base64.
 */
#include "auth/qr.h"

#include <png.h>
#include <qrencode.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define MARGIN 4 /* modules of white that readers need */
#define PREFIX "data:image/png;base64,"

/* The picture as it grows; in the arena, so that an error leaks nothing. */
struct png_bytes {
	struct arena *arena;
	uint8_t *bytes;
	size_t length, room;
};

static void
take_bytes(png_structp png, png_bytep bytes, png_size_t length)
{
	struct png_bytes *out = png_get_io_ptr(png);

	if (out->room - out->length < length) {
		size_t room = 2 * out->room + length;
		uint8_t *more = arena_alloc(out->arena, room);

		memcpy(more, out->bytes, out->length);
		out->bytes = more;
		out->room = room;
	}
	memcpy(out->bytes + out->length, bytes, length);
	out->length += length;
}

static void
no_flush(png_structp png)
{
	(void)png;
}

/* One row of pixels: a set bit is white. */
static void
make_row(const QRcode *code, int y, int scale, uint8_t *row, size_t row_bytes)
{
	int x, i;

	memset(row, 0xff, row_bytes);
	if (y < 0 || y >= code->width)
		return;
	for (x = 0; x < code->width; x++) {
		if (!(code->data[y * code->width + x] & 1))
			continue;
		for (i = 0; i < scale; i++) {
			int at = (x + MARGIN) * scale + i;

			row[at / 8] &= (uint8_t) ~(0x80 >> (at % 8));
		}
	}
}

static bool
write_png(const QRcode *code, int scale, struct png_bytes *out)
{
	unsigned side = (unsigned)((code->width + 2 * MARGIN) * scale);
	size_t row_bytes = (side + 7) / 8;
	uint8_t *row = arena_alloc(out->arena, row_bytes);
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL,
		NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	int y, i;

	if (!info || setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return false;
	}
	png_set_write_fn(png, out, take_bytes, no_flush);
	png_set_IHDR(png, info, side, side, 1, PNG_COLOR_TYPE_GRAY,
		PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (y = -MARGIN; y < code->width + MARGIN; y++) {
		make_row(code, y, scale, row, row_bytes);
		for (i = 0; i < scale; i++)
			png_write_row(png, row);
	}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	return true;
}

enum status
qr_data_uri(struct arena *arena, const char *text, int scale, char **out)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	struct png_bytes png = {.arena = arena};
	size_t prefix = strlen(PREFIX), room;
	bool written;
	char *uri;

	if (!code)
		return ST_TOO_LARGE;
	png.room = 2048;
	png.bytes = arena_alloc(arena, png.room);
	written = write_png(code, scale, &png);
	QRcode_free(code);
	if (!written)
		return ST_INTERNAL;
	room = sodium_base64_ENCODED_LEN(png.length,
		sodium_base64_VARIANT_ORIGINAL);
	uri = arena_alloc(arena, prefix + room);
	memcpy(uri, PREFIX, prefix);
	sodium_bin2base64(uri + prefix, room, png.bytes, png.length,
		sodium_base64_VARIANT_ORIGINAL);
	*out = uri;
	return ST_OK;
}

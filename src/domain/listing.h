/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * listing.h - what the house lists: its assets, its instruments, their terms.
 *
 * The core owns them and knows them by number; here they are known by name,
 * and a number is never written down: it is the next free one when a name is
 * new.  Because the tables below are loaded in order, an exchange that starts
 * empty always gets the same numbers.
 *
 * What the core has is read from MySQL (a catalogue), so the caller sees to it
 * that the settler has caught up.  Only what differs is sent.  Two that list
 * at once would give the same number to two names; so who lists holds
 * listing_lock().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "wire/command.h"

/* The assets of the house, and its instruments; each ends with a NULL name. */
extern const char *const house_assets[];

struct listed {
	const char *symbol, *base, *quote;
	int64_t tick, lot, min_notional;
	int64_t reference; /* price; 0: none */
	uint32_t maker_rate, taker_rate; /* parts of 10^6, as all that follow */
	uint32_t band_low, band_high;    /* 0, 0: none */
};

extern const struct listed house_instruments[];

/* What the core has. */
struct catalogue {
	unsigned n_assets;
	char assets[ASSETS_MAX][ASSET_CODE_MAX];
	unsigned n_instruments;
	struct instrument_terms terms[INSTRUMENTS_MAX];
	int64_t references[INSTRUMENTS_MAX]; /* 0: none */
};

/* How many commands it took. */
struct listing_changes {
	unsigned assets, instruments, references;
};

/* Held until the connection is closed; ST_UNAVAILABLE after PATIENCE_S. */
enum status listing_lock(struct ctx *ctx, unsigned patience_s) MUST_USE;

/* OUT is in the arena, and kept up to date by what follows. */
enum status listing_read(struct ctx *ctx, struct catalogue **out) MUST_USE;

/* The number of the asset CODE, or of SYMBOL; false when there is none. */
bool catalogue_asset(const struct catalogue *catalogue, const char *code,
	uint16_t *number);
bool catalogue_instrument(const struct catalogue *catalogue,
	const char *symbol, uint16_t *number);

/*
 * Make the asset, or the instrument, known if it is not, and bring an
 * instrument's terms to WANT.  COLLAR is in parts of 10^6.  Its status is an
 * operator's word and stays; so does a reference price once there is one.
 * Both of its assets are known.
 */
enum status listing_asset(struct ctx *ctx, struct catalogue *catalogue,
	const char *code, struct listing_changes *changes) MUST_USE;
enum status listing_instrument(struct ctx *ctx, struct catalogue *catalogue,
	const struct listed *want, uint32_t collar,
	struct listing_changes *changes) MUST_USE;

/* Send TERMS, or a reference price, and note them in CATALOGUE. */
enum status listing_set(struct ctx *ctx, struct catalogue *catalogue,
	const struct instrument_terms *terms) MUST_USE;
enum status listing_reference(struct ctx *ctx, struct catalogue *catalogue,
	uint16_t instrument, int64_t price) MUST_USE;

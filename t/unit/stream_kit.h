/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_kit.h - a hub with listeners that are not sockets.
 *
 * A listener takes what the hub has for it, keeps the book that it is told
 * about, and checks on the way that no number is missing.  Its spelling writes
 * the numbers of things, and with each state the command that made it, so
 * that a test can compare it with its own books.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"
#include "stream/door.h"
#include "stream/hub.h"

#define KIT_WALL_US INT64_C(1750000000000000)
#define KIT_TRADES_MAX 4096

/*
 * "/open": everybody; "/own": with a token; "/say": the first message is one;
 * "/updates": with a token, order updates and the trades in short.
 */
extern const struct spelling kit_open_spelling;
extern const struct spelling kit_own_spelling;
extern const struct spelling kit_say_spelling;
extern const struct spelling kit_updates_spelling;

struct listener {
	struct subscriber subscriber;
	bool joined;
	bool stalled; /* its connection takes nothing */
	unsigned pings;
	unsigned messages;
	unsigned snapshots;
	unsigned updates;
	char last[256]; /* the last message, cut */

	/* What it knows of its market. */
	uint64_t seq;
	uint64_t command; /* that made the state */
	uint64_t first_command; /* that of its snapshot */
	struct book_level bids[BOOK_PAGE_LEVELS];
	struct book_level asks[BOOK_PAGE_LEVELS];
	size_t n_bids, n_asks;
	uint64_t trades[KIT_TRADES_MAX]; /* their quantities, in order */
	size_t n_trades;
	size_t trades_before; /* those that came before the last state */
	uint64_t ticks[KIT_TRADES_MAX]; /* volumes, in order */
	size_t n_ticks;
	uint64_t numbers[KIT_TRADES_MAX]; /* of order updates, in order */
	size_t n_numbers;
	unsigned gaps;
	uint64_t gap_now;

	bool closing; /* it was told to */
	bool aborted;
};

/* What the core is asked; answered by kit_answer(). */
struct kit {
	struct hub *hub;
	int64_t now_us;
	uint64_t asked[64];
	struct guard_request questions[64];
	size_t n_asked;
	char keys[64];
	struct keyring *ring;
};

/* A hub with the three spellings, a keyring, and the clock at zero. */
void kit_begin(struct kit *kit);
/* The same with what of ASKED is about the past of order updates. */
void kit_begin_with(struct kit *kit, const struct hub_settings *asked);
void kit_end(struct kit *kit);

/* Let the time pass, in ticks of 100 ms, and write out what there is. */
void kit_wait(struct kit *kit, int64_t us);
/* Write out what there is. */
void kit_pump(struct kit *kit);

/* Come in by SPELLING's path; the status is the door's. */
enum status kit_join(struct kit *kit, struct listener *listener,
	const struct knock *knock);
/* The same where it must succeed, on "/open". */
void kit_listen(struct kit *kit, struct listener *listener);
void kit_leave(struct listener *listener);

/* A token of USER for USE, good for LIFE_US; valid until the next call. */
const char *kit_token(struct kit *kit, uint32_t user, uint32_t epoch,
	struct ident session, enum token_use use, int64_t life_us);
/* On "/own" as USER, by a token for 60 s and SESSION. */
enum status kit_join_as(struct kit *kit, struct listener *listener,
	uint32_t user, struct ident session);
/* Answer all questions with VERDICT. */
void kit_answer(struct kit *kit, uint32_t verdict);

/* A market of SYMBOL, shown as it stands in SLOT. */
struct topic *kit_market(struct kit *kit, uint16_t instrument,
	const char *symbol);

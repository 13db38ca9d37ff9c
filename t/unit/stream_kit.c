/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_kit.c - listeners, their spelling, and what they make of it.
 */
#include "t/unit/stream_kit.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/topic.h"
#include "t/harness/suite.h"

#define KEY_FILE "0000000001-0a.key"

/* ---- The spelling ------------------------------------------------------ */

static void
write_levels(struct reply *reply, const char *key,
	const struct book_level *levels, size_t n)
{
	size_t i;

	reply_array(reply, key);
	for (i = 0; i < n; i++) {
		reply_array(reply, NULL);
		reply_int(reply, NULL, levels[i].price);
		reply_int(reply, NULL, levels[i].quantity);
		reply_end(reply);
	}
	reply_end(reply);
}

static void
write_state(struct reply *reply, const char *type, uint64_t seq,
	uint64_t command)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", type);
	reply_int(reply, "seq", (int64_t)seq);
	reply_int(reply, "command", (int64_t)command);
}

static bool
write_snapshot(struct reply *reply, const struct market_view *view)
{
	write_state(reply, "snapshot", view->seq, view->slot->seq);
	write_levels(reply, "bids", view->slot->bids, view->slot->n_bids);
	write_levels(reply, "asks", view->slot->asks, view->slot->n_asks);
	reply_end(reply);
	return true;
}

static bool
write_update(struct reply *reply, const struct market_change *change)
{
	write_state(reply, "update", change->view.seq, change->view.slot->seq);
	write_levels(reply, "bids", change->bids, change->n_bids);
	write_levels(reply, "asks", change->asks, change->n_asks);
	reply_end(reply);
	return true;
}

static bool
write_trade(struct reply *reply, const struct market_trade *trade)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", "trade");
	reply_int(reply, "quantity", trade->trade->quantity);
	reply_end(reply);
	return true;
}

/* Notices have no message here, and trades none for balances. */
static bool
write_event(struct reply *reply, const struct own_event *event)
{
	if (event->event->type == EV_TRADE && event->kind == OWN_BALANCES)
		return false;
	reply_object(reply, NULL);
	reply_text(reply, "type", "own");
	reply_text(reply, "event", event_name(event->event->type));
	reply_int(reply, "user", event->user);
	reply_int(reply, "kind", event->kind);
	reply_text(reply, "symbol", event->terms ? event->terms->symbol : NULL);
	reply_end(reply);
	return true;
}

/* "token <token>", "follow <symbol>", "unfollow <symbol>". */
static void
receive(struct subscriber *subscriber, const char *text, size_t length)
{
	char word[16] = "", rest[TOKEN_TEXT_MAX] = "", said[2048];
	enum status status = ST_MALFORMED;

	ck_assert_uint_lt(length, sizeof(said));
	memcpy(said, text, length);
	said[length] = '\0';
	sscanf(said, "%15s %1023s", word, rest);
	if (strcmp(word, "token") == 0)
		status = subscriber_present(subscriber, rest, strlen(rest));
	else if (strcmp(word, "follow") == 0)
		status = subscriber_follow(subscriber, rest);
	else if (strcmp(word, "unfollow") == 0)
		status = subscriber_unfollow(subscriber, rest);
	subscriber_say(subscriber, status_name(status),
		strlen(status_name(status)));
}

static void
admitted(struct subscriber *subscriber)
{
	subscriber_say(subscriber, "WELCOME", 7);
}

const struct spelling kit_open_spelling = {
	.edition = "kit",
	.path = "/open",
	.door = DOOR_OPEN,
	.market = true,
	.snapshot = write_snapshot,
	.update = write_update,
	.trade = write_trade,
};

const struct spelling kit_own_spelling = {
	.edition = "kit",
	.path = "/own/{symbol}",
	.door = DOOR_TOKEN,
	.market = true,
	.own = OWN_ORDERS | OWN_BALANCES,
	.trade = write_trade, /* no snapshot: only what happens from now on */
	.event = write_event,
	.admitted = admitted,
};

const struct spelling kit_say_spelling = {
	.edition = "kit",
	.path = "/say",
	.door = DOOR_MESSAGE,
	.own = OWN_TRADES,
	.snapshot = write_snapshot,
	.update = write_update,
	.event = write_event,
	.receive = receive,
};

static bool
write_tick(struct reply *reply, const struct market_tick *tick)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", "tick");
	reply_int(reply, "price", tick->price);
	reply_int(reply, "volume", tick->volume);
	reply_end(reply);
	return true;
}

static bool
write_own_update(struct reply *reply, const struct update_view *view)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", "order");
	reply_int(reply, "seq", (int64_t)view->update->number);
	reply_int(reply, "user", view->update->user);
	reply_end(reply);
	return true;
}

static bool
write_gap(struct reply *reply, const struct update_gap *gap)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", "gap");
	reply_int(reply, "now", (int64_t)gap->now);
	reply_text(reply, "reason", gap->reason);
	reply_end(reply);
	return true;
}

static bool
write_notice(struct reply *reply, const struct notice *notice)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", notice->kind);
	reply_json(reply, "data", notice->data);
	reply_end(reply);
	return true;
}

const struct spelling kit_updates_spelling = {
	.edition = "kit",
	.path = "/updates",
	.door = DOOR_TOKEN,
	.market = true,
	.own = OWN_UPDATES | OWN_NOTICES,
	.tick = write_tick,
	.update_own = write_own_update,
	.gap = write_gap,
	.notice = write_notice,
};

static const struct spelling *const spellings[] = {
	&kit_open_spelling,
	&kit_own_spelling,
	&kit_say_spelling,
	&kit_updates_spelling,
	NULL,
};

/* ---- A listener's book ------------------------------------------------- */

static bool
is_before(bool bids, int64_t a, int64_t b)
{
	return bids ? a > b : a < b;
}

/* One [price, quantity] of a message, into one side. */
static void
apply_level(struct book_level *levels, size_t *n, bool bids, int64_t price,
	int64_t quantity)
{
	size_t i = 0;

	while (i < *n && is_before(bids, levels[i].price, price))
		i++;
	if (i < *n && levels[i].price == price) {
		levels[i].quantity = quantity;
		if (quantity == 0) {
			(*n)--;
			memmove(levels + i, levels + i + 1,
				(*n - i) * sizeof(*levels));
		}
		return;
	}
	/* A level that is gone must have been there. */
	ck_assert_int_gt(quantity, 0);
	ck_assert_uint_lt(*n, 2 * BOOK_PAGE_LEVELS);
	memmove(levels + i + 1, levels + i, (*n - i) * sizeof(*levels));
	levels[i] = (struct book_level){price, quantity};
	(*n)++;
}

static void
apply_side(struct book_level *out, size_t *n, bool bids, const json_t *list)
{
	/* While a message is applied, both old and new levels are there. */
	struct book_level levels[2 * BOOK_PAGE_LEVELS + 1];
	const json_t *level;
	size_t i;

	memcpy(levels, out, *n * sizeof(*levels));
	json_array_foreach(list, i, level)
		apply_level(levels, n, bids,
			json_integer_value(json_array_get(level, 0)),
			json_integer_value(json_array_get(level, 1)));
	ck_assert_uint_le(*n, BOOK_PAGE_LEVELS);
	memcpy(out, levels, *n * sizeof(*levels));
}

static void
hear_state(struct listener *listener, const json_t *message, bool snapshot)
{
	uint64_t seq = (uint64_t)json_integer_value(
		json_object_get(message, "seq"));

	listener->command = (uint64_t)json_integer_value(
		json_object_get(message, "command"));
	if (snapshot) {
		ck_assert_uint_eq(listener->snapshots++, 0);
		listener->first_command = listener->command;
	} else {
		ck_assert_uint_eq(listener->snapshots, 1);
		ck_assert_uint_eq(seq, listener->seq + 1);
		listener->updates++;
	}
	listener->seq = seq;
	listener->trades_before = listener->n_trades;
	apply_side(listener->bids, &listener->n_bids, true,
		json_object_get(message, "bids"));
	apply_side(listener->asks, &listener->n_asks, false,
		json_object_get(message, "asks"));
}

static void
hear(struct listener *listener, const struct parcel *parcel)
{
	const char *text = (const char *)parcel->bytes + PARCEL_HEADROOM;
	json_t *message = json_loadb(text, parcel->length, 0, NULL);
	const char *type = json_string_value(json_object_get(message, "type"));

	listener->messages++;
	snprintf(listener->last, sizeof(listener->last), "%.*s",
		(int)parcel->length, text);
	if (type && strcmp(type, "snapshot") == 0) {
		hear_state(listener, message, true);
	} else if (type && strcmp(type, "update") == 0) {
		hear_state(listener, message, false);
	} else if (type && strcmp(type, "trade") == 0) {
		ck_assert_uint_lt(listener->n_trades, KIT_TRADES_MAX);
		listener->trades[listener->n_trades++] =
			(uint64_t)json_integer_value(
				json_object_get(message, "quantity"));
	}
	if (type && strcmp(type, "tick") == 0) {
		ck_assert_uint_lt(listener->n_ticks, KIT_TRADES_MAX);
		listener->ticks[listener->n_ticks++] =
			(uint64_t)json_integer_value(
				json_object_get(message, "volume"));
	} else if (type && strcmp(type, "order") == 0) {
		ck_assert_uint_lt(listener->n_numbers, KIT_TRADES_MAX);
		listener->numbers[listener->n_numbers++] =
			(uint64_t)json_integer_value(
				json_object_get(message, "seq"));
	} else if (type && strcmp(type, "gap") == 0) {
		listener->gaps++;
		listener->gap_now = (uint64_t)json_integer_value(
			json_object_get(message, "now"));
	}
	json_decref(message);
}

/* ---- The transport ----------------------------------------------------- */

static void
serve(struct listener *listener)
{
	struct subscriber *subscriber = &listener->subscriber;
	struct parcel *parcel;

	while (!listener->stalled || subscriber->overdue) {
		switch (subscriber_work(subscriber, &parcel)) {
		case WORK_NONE:
			return;
		case WORK_SEND:
			hear(listener, parcel);
			subscriber_sent(subscriber);
			break;
		case WORK_PING:
			listener->pings++;
			break;
		case WORK_CLOSE:
			ck_assert(!listener->closing);
			listener->closing = true;
			break;
		case WORK_ABORT:
			listener->aborted = true;
			kit_leave(listener);
			return;
		}
	}
}

void
kit_pump(struct kit *kit)
{
	struct subscriber *subscriber;

	do {
		hub_catch_up(kit->hub);
		while ((subscriber = hub_ready(kit->hub)) != NULL)
			serve(subscriber->transport);
	} while (hub_is_behind(kit->hub));
}

void
kit_wait(struct kit *kit, int64_t us)
{
	int64_t until_us = kit->now_us + us;

	while (kit->now_us < until_us) {
		kit->now_us += 100000;
		if (kit->now_us > until_us)
			kit->now_us = until_us;
		hub_time(kit->hub, kit->now_us, KIT_WALL_US + kit->now_us);
		hub_tick(kit->hub);
		kit_pump(kit);
	}
}

enum status
kit_join(struct kit *kit, struct listener *listener, const struct knock *knock)
{
	struct ctx ctx = {.arena = arena_new()};
	struct admission admission;
	enum status status = door_open(kit->hub, &ctx, knock, &admission);

	arena_free(ctx.arena);
	memset(listener, 0, sizeof(*listener));
	if (status != ST_OK)
		return status;
	hub_join(kit->hub, &admission, listener, &listener->subscriber);
	listener->joined = true;
	return ST_OK;
}

void
kit_listen(struct kit *kit, struct listener *listener)
{
	ck_assert_int_eq(
		kit_join(kit, listener, &(struct knock){.path = "/open"}),
		ST_OK);
}

void
kit_leave(struct listener *listener)
{
	if (listener->joined)
		hub_leave(&listener->subscriber);
	listener->joined = false;
}

/* ---- Users ------------------------------------------------------------- */

static void
ask(void *arg, uint64_t number, const struct guard_request *question)
{
	struct kit *kit = arg;

	ck_assert_uint_lt(kit->n_asked, N_ELEMENTS(kit->asked));
	kit->asked[kit->n_asked] = number;
	kit->questions[kit->n_asked++] = *question;
}

void
kit_answer(struct kit *kit, uint32_t verdict)
{
	size_t i, n = kit->n_asked;

	kit->n_asked = 0;
	for (i = 0; i < n; i++)
		hub_answered(kit->hub, kit->asked[i], verdict);
	kit_pump(kit);
}

const char *
kit_token(struct kit *kit, uint32_t user, uint32_t epoch, struct ident session,
	enum token_use use, int64_t life_us)
{
	static char text[TOKEN_TEXT_MAX];
	struct session who = {
		.id = session,
		.public_id = ident_make(1, 2, user),
		.user = user,
		.epoch = epoch,
		.issued_us = KIT_WALL_US + kit->now_us,
		.expires_us = KIT_WALL_US + kit->now_us + life_us,
	};

	ck_assert_int_eq(token_sign(kit->ring, &who, use, text), ST_OK);
	return text;
}

enum status
kit_join_as(struct kit *kit, struct listener *listener, uint32_t user,
	struct ident session)
{
	return kit_join(kit, listener,
		&(struct knock){.path = "/own/BTC/USD",
			.token = kit_token(kit, user, 1, session, TOKEN_ACCESS,
				60 * US_PER_SECOND)});
}

/* ---- Beginning and end ------------------------------------------------- */

static void
make_keys(struct kit *kit)
{
	static const char hex[] =
		"00112233445566778899aabbccddeeff"
		"00112233445566778899aabbccddeeff\n";
	char path[128], *reason = NULL;
	FILE *file;

	snprintf(kit->keys, sizeof(kit->keys), "/tmp/stream-kit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(kit->keys));
	snprintf(path, sizeof(path), "%s/" KEY_FILE, kit->keys);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(hex, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_ge(sodium_init(), 0);
	kit->ring = keyring_open(kit->keys, "quantora", "quantora", &reason);
	ck_assert_msg(kit->ring != NULL, "%s", reason);
}

void
kit_begin(struct kit *kit)
{
	kit_begin_with(kit, &(struct hub_settings){.history_room = 0});
}

void
kit_begin_with(struct kit *kit, const struct hub_settings *asked)
{
	struct hub_settings settings = {
		.spellings = spellings,
		.default_market = "BTC/USD",
		.origins = "https://desk.example.com, http://localhost:3000",
		.connections_max = 1000,
		.history_room = asked->history_room,
		.replay_back_max = asked->replay_back_max,
		.journal = asked->journal,
		.ask = ask,
		.arg = kit,
	};

	memset(kit, 0, sizeof(*kit));
	make_keys(kit);
	settings.keyring = kit->ring;
	kit->hub = hub_new(&settings);
	hub_time(kit->hub, 0, KIT_WALL_US);
}

void
kit_end(struct kit *kit)
{
	char path[128];

	hub_free(kit->hub);
	keyring_free(kit->ring);
	snprintf(path, sizeof(path), "%s/" KEY_FILE, kit->keys);
	unlink(path);
	rmdir(kit->keys);
}

struct topic *
kit_market(struct kit *kit, uint16_t instrument, const char *symbol)
{
	struct topic *topic = topic_get(kit->hub, instrument);
	struct book_slot slot = {.seq = 10, .used = 1};

	slot.terms.instrument = instrument;
	snprintf(slot.terms.symbol, sizeof(slot.terms.symbol), "%s", symbol);
	topic_take(topic, &slot, 10);
	topic_show(topic);
	return topic;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream.c - API Interfaces "WebSocket API": /ws/v1.
 *
 * What a client says is an object with a "type":
 *
 *	auth         token; also later, with a fresh one of the same user
 *	subscribe    stream: market_data (symbols, exchange), order_updates
 *	             (after_seq), risk_alerts
 *	unsubscribe  stream; market_data: symbols, or all without them
 *	ping
 *
 * and each is answered: {"type":"auth","status":"ok"}, {"type":"subscribed"},
 * {"type":"unsubscribed"}, {"type":"pong"}, or {"type":"error","code",
 * "message","details"}, whose codes are those of the document's replies.  After
 * an error the connection stays as it is, unless it was the log-in.
 *
 * market_data comes with each trade; when there are very many, as their last
 * price and their whole volume.  order_update has what handlers/streams.h
 * tells; "subscribed" has the seq behind which they begin.  Whoever wants
 * risk_alerts hears of all notices, price_alert among them.
 */
#include <string.h>

#include "domain/market_data.h"
#include "handlers/editions.h"
#include "handlers/interfaces/edition.h"
#include "handlers/orders.h"
#include "handlers/streams.h"
#include "stream/subscriber.h"

#define SYMBOLS_MAX 64

/* ---- What is answered -------------------------------------------------- */

/* A message under way, in the memory of what the client said. */
struct answer {
	struct subscriber *subscriber;
	struct reply reply;
};

static struct reply *
begin(struct answer *answer, struct subscriber *subscriber, const char *type)
{
	answer->subscriber = subscriber;
	reply_init(&answer->reply, subscriber_arena(subscriber), NUMBERS_JSON);
	reply_object(&answer->reply, NULL);
	reply_text(&answer->reply, "type", type);
	return &answer->reply;
}

static void
end(struct answer *answer)
{
	const char *text;
	size_t length;

	reply_end(&answer->reply);
	text = reply_text_of(&answer->reply, &length);
	subscriber_say(answer->subscriber, text, length);
}

static void
say_error(struct subscriber *subscriber, const struct ctx *ctx,
	enum status status)
{
	struct outcome outcome = outcome_of(&interfaces, ctx, status);
	const struct fault *fault = &ctx->fault;
	struct answer answer;
	struct reply *r = begin(&answer, subscriber, "error");

	reply_text(r, "code", outcome.code);
	reply_text(r, "message", fault_message(ctx, &outcome));
	reply_object(r, "details");
	if (fault->field) {
		reply_text(r, "field", fault->field);
		reply_text(r, "reason", fault_message(ctx, &outcome));
	}
	reply_end(r);
	end(&answer);
}

/* ---- What it says ------------------------------------------------------ */

enum said { SAID_AUTH, SAID_SUBSCRIBE, SAID_UNSUBSCRIBE, SAID_PING };
enum stream { STREAM_MARKET, STREAM_ORDERS, STREAM_RISK };

static const struct word types[] = {
	{"auth", SAID_AUTH},
	{"subscribe", SAID_SUBSCRIBE},
	{"unsubscribe", SAID_UNSUBSCRIBE},
	{"ping", SAID_PING},
	{NULL, 0},
};

static const struct word streams[] = {
	{"market_data", STREAM_MARKET},
	{"order_updates", STREAM_ORDERS},
	{"risk_alerts", STREAM_RISK},
	{NULL, 0},
};

struct said_in {
	enum said type;
	int stream;
	const char *token;
	json_t *symbols;
	const char *exchange;
	int64_t after_seq;
};

static const struct field said_fields[] = {
	FIELD_ENUM(said_in, type, REQUIRED, types),
	FIELD_ENUM(said_in, stream, OPTIONAL, streams),
	FIELD_TEXT(said_in, token, OPTIONAL, 0, TOKEN_TEXT_MAX),
	FIELD_ARRAY(said_in, symbols, OPTIONAL),
	FIELD_TEXT(said_in, exchange, OPTIONAL, 0, ORDER_EXCHANGE_MAX),
	FIELD_INT_OR(said_in, after_seq, OPTIONAL, -1, 0, UPDATE_NUMBER_MAX),
	FIELD_END,
};
static const struct shape said_shape = SHAPE(said_in, said_fields);

/* ---- Who it is --------------------------------------------------------- */

static enum status
authenticate(struct ctx *ctx, struct subscriber *subscriber,
	const struct said_in *in)
{
	enum status status;

	if (!in->token || !*in->token)
		return fail(ctx, ST_INVALID, "token", "a token is needed");
	status = subscriber_present(subscriber, in->token, strlen(in->token));
	if (status == ST_FORBIDDEN)
		return fail(ctx, status, "token", "it is another user's token");
	if (status == ST_RATE_LIMITED)
		return fail(ctx, status, NULL,
			"this user has as many connections as he may");
	if (status == ST_UNAUTHENTICATED)
		return fail(ctx, status, "token",
			"the token is not valid, or not any more");
	return status;
}

static void
admitted(struct subscriber *subscriber)
{
	struct answer answer;
	struct reply *r = begin(&answer, subscriber, "auth");

	reply_text(r, "status", "ok");
	reply_ident(r, "user_id", subscriber->session.public_id);
	reply_time(r, "expires_at", subscriber->session.until_us);
	end(&answer);
}

static void
refused(struct subscriber *subscriber, enum status status, const char *reason)
{
	struct ctx ctx = {.arena = subscriber_arena(subscriber)};

	fail(&ctx, status, NULL, "%s", reason);
	say_error(subscriber, &ctx, status);
}

/* ---- Markets ----------------------------------------------------------- */

/* What one word of the list asks for; its own error if there is one. */
static const struct instrument_terms *
market_named(struct subscriber *subscriber, const json_t *word)
{
	const char *symbol = json_string_text(word);
	const struct instrument_terms *terms =
		symbol ? subscriber_terms(subscriber, symbol) : NULL;
	struct ctx ctx = {.arena = subscriber_arena(subscriber)};

	if (terms)
		return terms;
	if (symbol)
		fail(&ctx, ST_INVALID, "symbols", "there is no symbol %.*s",
			SYMBOL_MAX, symbol);
	else
		fail(&ctx, ST_INVALID, "symbols", "a symbol is a text");
	say_error(subscriber, &ctx, ST_INVALID);
	return NULL;
}

static bool
follow(struct subscriber *subscriber, const char *symbol)
{
	enum status status = subscriber_follow(subscriber, symbol);
	struct ctx ctx = {.arena = subscriber_arena(subscriber)};

	if (status == ST_OK || status == ST_CONFLICT)
		return true;
	fail(&ctx, ST_INVALID, "symbols", "%s: at most %d can be followed",
		symbol, SYMBOLS_MAX);
	say_error(subscriber, &ctx, ST_INVALID);
	return false;
}

static bool
unfollow(struct subscriber *subscriber, const char *symbol)
{
	enum status status = subscriber_unfollow(subscriber, symbol);

	/* Who follows it no more, or never did, has what he wants. */
	return status == ST_OK || status == ST_CONFLICT;
}

/* The rest holds, whatever is wrong with one of the symbols. */
static void
each_market(struct subscriber *subscriber, const struct said_in *in)
{
	bool begins = in->type == SAID_SUBSCRIBE;
	size_t i, n = 0;
	struct answer answer;
	struct reply *r = begin(&answer, subscriber,
		begins ? "subscribed" : "unsubscribed");

	reply_text(r, "stream", "market_data");
	reply_array(r, "symbols");
	for (i = 0; i < json_array_size(in->symbols); i++) {
		const struct instrument_terms *terms = market_named(subscriber,
			json_array_get(in->symbols, i));

		if (!terms || !(begins ? follow : unfollow)(subscriber,
				      terms->symbol))
			continue;
		reply_text(r, NULL, terms->symbol);
		n++;
	}
	reply_end(r);
	reply_text(r, "exchange", VENUE_HOUSE);
	if (n > 0)
		end(&answer);
}

static enum status
say_markets(struct ctx *ctx, struct subscriber *subscriber,
	const struct said_in *in)
{
	struct answer answer;
	struct reply *r;

	TRY(order_exchange_is_ours(ctx, in->exchange));
	if (!in->symbols && in->type == SAID_UNSUBSCRIBE) {
		subscriber_unfollow_all(subscriber);
		r = begin(&answer, subscriber, "unsubscribed");
		reply_text(r, "stream", "market_data");
		reply_null(r, "symbols");
		reply_text(r, "exchange", VENUE_HOUSE);
		end(&answer);
		return ST_OK;
	}
	if (!in->symbols || json_array_size(in->symbols) == 0)
		return fail(ctx, ST_INVALID, "symbols",
			"a list of symbols is needed");
	if (json_array_size(in->symbols) > SYMBOLS_MAX)
		return fail(ctx, ST_INVALID, "symbols",
			"at most %d can be followed", SYMBOLS_MAX);
	each_market(subscriber, in);
	return ST_OK;
}

/* ---- One's own --------------------------------------------------------- */

static void
say_own(struct subscriber *subscriber, const struct said_in *in)
{
	bool begins = in->type == SAID_SUBSCRIBE;
	struct answer answer;
	struct reply *r = begin(&answer, subscriber,
		begins ? "subscribed" : "unsubscribed");
	uint64_t now = subscriber_number(subscriber);

	if (in->stream == STREAM_RISK) {
		subscriber_want(subscriber, OWN_NOTICES, begins);
		reply_text(r, "stream", "risk_alerts");
		end(&answer);
		return;
	}
	reply_text(r, "stream", "order_updates");
	if (begins)
		reply_int(r, "seq",
			in->after_seq >= 0 ? in->after_seq : (int64_t)now);
	end(&answer);
	if (begins)
		subscriber_updates(subscriber,
			in->after_seq >= 0 ? (uint64_t)in->after_seq
					   : UPDATES_NOW);
	else
		subscriber_no_updates(subscriber);
}

static enum status
say_stream(struct ctx *ctx, struct subscriber *subscriber,
	const struct said_in *in)
{
	if (in->stream == WORD_NONE)
		return fail(ctx, ST_INVALID, "stream",
			"it is market_data, order_updates or risk_alerts");
	if (in->stream == STREAM_MARKET)
		return say_markets(ctx, subscriber, in);
	say_own(subscriber, in);
	return ST_OK;
}

/* ---- All that it says -------------------------------------------------- */

static enum status
take(struct ctx *ctx, struct subscriber *subscriber, const char *text,
	size_t length)
{
	struct fields_given given;
	struct said_in in;
	struct answer answer;
	json_t *said;

	TRY(json_read(ctx, text, length, &said));
	if (!json_is_object(said))
		return fail(ctx, ST_MALFORMED, NULL,
			"a message is a JSON object");
	TRY(json_decode(ctx, &said_shape, said, &in, &given));
	if (in.type == SAID_AUTH)
		return authenticate(ctx, subscriber, &in);
	if (subscriber->standing != STANDING_GOOD)
		return fail(ctx, ST_UNAUTHENTICATED, NULL,
			"the first message must be auth, with a token");
	if (in.type != SAID_PING)
		return say_stream(ctx, subscriber, &in);
	begin(&answer, subscriber, "pong");
	end(&answer);
	return ST_OK;
}

static void
receive(struct subscriber *subscriber, const char *text, size_t length)
{
	struct ctx ctx = {.arena = subscriber_arena(subscriber)};
	enum status status = take(&ctx, subscriber, text, length);

	if (status == ST_OK)
		return;
	say_error(subscriber, &ctx, status);
	if (subscriber->standing == STANDING_NOBODY)
		subscriber_part(subscriber, CLOSE_POLICY,
			"the first message must be a good token");
}

/* ---- What it is told --------------------------------------------------- */

static bool
tick(struct reply *reply, const struct market_tick *tick)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", "market_data");
	reply_text(reply, "symbol", tick->terms->symbol);
	reply_text(reply, "exchange", VENUE_HOUSE);
	reply_dec(reply, "price", stream_decimal(tick->price));
	reply_dec(reply, "volume", stream_decimal(tick->volume));
	reply_time(reply, "timestamp", tick->time_us);
	reply_end(reply);
	return true;
}

static const char *
status_word(const struct order_update *update)
{
	switch ((enum order_status)update->status) {
	case ORDER_OPEN:
	case ORDER_WAITING:
		return update->filled > 0 ? "partially_filled" : "placed";
	case ORDER_FILLED:
		return "filled";
	case ORDER_CANCELLED:
		return "cancelled";
	}
	return NULL;
}

static bool
update_own(struct reply *reply, const struct update_view *view)
{
	const struct order_update *update = view->update;

	reply_object(reply, NULL);
	reply_text(reply, "type", "order_update");
	reply_ident(reply, "order_id", update->order);
	reply_text(reply, "status", status_word(update));
	reply_dec(reply, "filled_quantity", stream_decimal(update->filled));
	reply_dec(reply, "avg_fill_price", stream_average(update));
	reply_time(reply, "timestamp", update->time_us);
	stream_update_more(reply, view, view->terms ? view->terms->symbol : NULL,
		update->side == SIDE_BUY ? "buy" : "sell");
	reply_end(reply);
	return true;
}

static bool
gap(struct reply *reply, const struct update_gap *gap)
{
	stream_gap(reply, gap, "/api/v1/trading/orders");
	return true;
}

static bool
notice(struct reply *reply, const struct notice *notice)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", notice->kind);
	if (notice->id != 0)
		reply_int(reply, "id", (int64_t)notice->id);
	else
		reply_null(reply, "id");
	reply_text(reply, "level", notice->level);
	reply_text(reply, "message", notice->message);
	reply_text(reply, "symbol", notice->symbol);
	reply_json(reply, "data", notice->data);
	reply_time(reply, "timestamp", notice->at_us);
	reply_end(reply);
	return true;
}

const struct spelling interfaces_stream = {
	.edition = "interfaces",
	.path = "/ws/v1",
	.door = DOOR_MESSAGE,
	.numbers = NUMBERS_JSON,
	.tick = tick,
	.update_own = update_own,
	.gap = gap,
	.notice = notice,
	.receive = receive,
	.admitted = admitted,
	.refused = refused,
};

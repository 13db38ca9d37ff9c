/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streamd_test.c - streamd with addresses for its own tests.
 *
 * What all documents share is tested by these: connections of users, in each
 * of the ways to say who one is.
 *
 *	/t/market/{symbol}	a token with the request; trades, and one's own
 *	/t/say			the first message is "token TOKEN"
 *
 * Messages are {"type", …}; what a client says is a word and its argument.
 */
#include <stdio.h>
#include <string.h>

#include "daemons/streamd.h"

static bool
write_trade(struct reply *reply, const struct market_trade *trade)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", "trade");
	reply_dec(reply, "price", (struct decimal){trade->trade->price});
	reply_end(reply);
	return true;
}

static bool
write_event(struct reply *reply, const struct own_event *event)
{
	static const char *const kinds[] = {
		[OWN_ORDERS] = "orders",
		[OWN_TRADES] = "trades",
		[OWN_BALANCES] = "balances",
	};

	reply_object(reply, NULL);
	reply_text(reply, "type", kinds[event->kind]);
	reply_text(reply, "event", event_name(event->event->type));
	reply_text(reply, "symbol", event->terms ? event->terms->symbol : NULL);
	reply_time_ms(reply, "timestamp", event->record->time_us);
	reply_end(reply);
	return true;
}

static void
say(struct subscriber *subscriber, const char *word)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "{\"type\":\"%s\"}", word);

	subscriber_say(subscriber, text, (size_t)n);
}

static void
admitted(struct subscriber *subscriber)
{
	say(subscriber, "welcome");
}

static void
receive(struct subscriber *subscriber, const char *text, size_t length)
{
	char said[TOKEN_TEXT_MAX + 64], *rest;
	enum status status = ST_MALFORMED;

	if (length < sizeof(said)) {
		memcpy(said, text, length);
		said[length] = '\0';
		rest = said + strcspn(said, " ");
		rest += *rest == ' ';
		if (strncmp(said, "token ", 6) == 0)
			status = subscriber_present(subscriber, rest,
				strlen(rest));
		else if (strncmp(said, "follow ", 7) == 0)
			status = subscriber_follow(subscriber, rest);
	}
	say(subscriber, status_name(status));
}

static const struct spelling market = {
	.edition = "botplatform",
	.path = "/t/market/{symbol}",
	.door = DOOR_TOKEN,
	.market = true,
	.own = OWN_ORDERS | OWN_BALANCES,
	.trade = write_trade,
	.event = write_event,
	.admitted = admitted,
};

static const struct spelling first_message = {
	.edition = "interfaces",
	.path = "/t/say",
	.door = DOOR_MESSAGE,
	.own = OWN_TRADES,
	.trade = write_trade,
	.event = write_event,
	.receive = receive,
	.admitted = admitted,
};

static const struct spelling *const spellings[] = {
	&market,
	&first_message,
	NULL,
};

int
main(int argc, char **argv)
{
	return streamd_main(argc, argv, spellings);
}

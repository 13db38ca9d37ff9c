/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market.c - QuantEnergX "Market Data": prices, history, and where the live
 * feeds are.
 */
#include "handlers/market.h"

#include <string.h>

#include "base/conf.h"
#include "domain/ticker.h"
#include "handlers/quantenergx/edition.h"

/* ---- Prices ---------------------------------------------------------------- */

struct prices_in {
	const char *symbol;
};

static const struct field prices_fields[] = {
	FIELD_TEXT(prices_in, symbol, OPTIONAL, 1, 32),
	FIELD_END,
};
static const struct shape prices_shape = SHAPE(prices_in, prices_fields);

static enum status
read_prices(struct req *req, struct ticker_list *out)
{
	const struct prices_in *in = req->query;
	struct market market;

	if (!in->symbol)
		return ticker_list(&req->ctx, out);
	TRY(market_find(&req->ctx, in->symbol, &market));
	out->rows = arena_alloc(req->ctx.arena, sizeof(*out->rows));
	out->n = 1;
	return ticker_day(&req->ctx, &market, out->rows);
}

static void
write_price(struct req *req, struct reply *r, const struct ticker_day *day)
{
	reply_object(r, NULL);
	reply_text(r, "symbol", day->market.symbol);
	reply_dec(r, "price", day->now.price);
	reply_dec(r, "bid", day->now.bid);
	reply_dec(r, "ask", day->now.ask);
	reply_dec(r, "change_24h", day->change);
	reply_dec(r, "change_percent_24h", day->percent);
	reply_dec(r, "high_24h", day->high);
	reply_dec(r, "low_24h", day->low);
	reply_sum(r, "volume_24h", day->volume, 0);
	reply_sum(r, "quote_volume_24h", day->quote_volume, 0);
	reply_time(r, "last_trade_at", day->now.time_us);
	reply_time(r, "timestamp", market_now_us(req));
	reply_end(r);
}

static enum status
prices(struct req *req)
{
	struct ticker_list list;
	struct reply *r;
	size_t i;

	TRY(read_prices(req, &list));
	r = req_reply(req);
	reply_array(r, "prices");
	for (i = 0; i < list.n; i++)
		write_price(req, r, &list.rows[i]);
	reply_end(r);
	return req_done(req);
}

/* ---- History --------------------------------------------------------------- */

static const struct field history_fields[] = {
	CANDLES_FIELDS(OPTIONAL, OPTIONAL, INTERVAL_1H, 100)};
static const struct shape history_shape = SHAPE(candles_in, history_fields);

static enum status
history(struct req *req)
{
	const struct candles_in *in = req->query;
	struct candles_out out;
	struct reply *r;
	size_t i;

	TRY(market_candles(req, &out));
	r = req_reply(req);
	reply_text(r, "symbol", out.of.market.symbol);
	reply_text(r, "interval", interval_name(in->interval));
	reply_array(r, "history");
	for (i = 0; i < out.list.n; i++)
		market_write_candle(r, &out.list.rows[i],
			out.of.market.price_places);
	reply_end(r);
	return req_done(req);
}

/* ---- Feeds ----------------------------------------------------------------- */

/* The streams of all documents that tell of markets. */
static const struct feed {
	const char *name;
	const char *path; /* if it ends in '=' or '/', the symbol follows */
	const char *login; /* how it wants to know who listens */
} feeds_served[] = {
	{"quantora", "/ws?symbol=", "none"},
	{"interfaces", "/ws/v1", "first_message"},
	{"botplatform", "/api/v1/ws/market/", "token"},
};

/*
 * Ours is the host of the settings.  Its port there is that of one scheme: if
 * the request came to that host by another, then so will its streams.
 */
static const char *
public_host(struct req *req)
{
	const char *ours = conf_text(req->ctx.conf, CONF_HTTP_PUBLIC_HOST);
	const char *sent = req_header(req, "Host");
	size_t length = strcspn(ours, ":"), digits;

	if (!sent || strncmp(sent, ours, length) != 0 || sent[length] != ':')
		return ours;
	digits = strspn(sent + length + 1, "0123456789");
	if (digits == 0 || digits > 5 || sent[length + 1 + digits])
		return ours;
	return sent;
}

static const char *
origin(struct req *req)
{
	const char *scheme = req_header(req, "X-Forwarded-Proto");

	return arena_printf(req->ctx.arena, "%s://%s",
		scheme && strcmp(scheme, "https") == 0 ? "wss" : "ws",
		public_host(req));
}

static void
write_feed(struct reply *r, const struct feed *feed, const char *name,
	const char *url, const struct market *markets, size_t n)
{
	size_t i;

	reply_object(r, NULL);
	reply_text(r, "name", name);
	reply_text(r, "url", url);
	reply_array(r, "symbols");
	for (i = 0; i < n; i++)
		reply_text(r, NULL, markets[i].symbol);
	reply_end(r);
	reply_text(r, "login", feed->login);
	reply_end(r);
}

/* One for all markets, or one for each. */
static void
write_feeds(struct req *req, struct reply *r, const struct feed *feed,
	const struct market_list *list)
{
	const char *from = origin(req);
	struct arena *arena = req->ctx.arena;
	size_t i;

	if (!strchr("=/", feed->path[strlen(feed->path) - 1])) {
		write_feed(r, feed, feed->name,
			arena_printf(arena, "%s%s", from, feed->path),
			list->rows, list->n);
		return;
	}
	for (i = 0; i < list->n; i++) {
		const char *symbol = list->rows[i].symbol;

		write_feed(r, feed,
			arena_printf(arena, "%s %s", feed->name, symbol),
			arena_printf(arena, "%s%s%s", from, feed->path,
				market_plain_symbol(req, symbol)),
			&list->rows[i], 1);
	}
}

static enum status
feeds(struct req *req)
{
	struct market_list list;
	struct reply *r;
	size_t i;

	TRY(market_list(&req->ctx, &list));
	r = req_reply(req);
	reply_array(r, "feeds");
	for (i = 0; i < N_ELEMENTS(feeds_served); i++)
		write_feeds(req, r, &feeds_served[i], &list);
	reply_end(r);
	return req_done(req);
}

/* clang-format off */
const struct route quantenergx_market[] = {
	{GET, "/v1/market/prices", prices, AUTH_USER, RATE_REALTIME, POOL_API,
		.query = &prices_shape},
	{GET, "/v1/market/history/{symbol}", history, AUTH_USER, RATE_REALTIME,
		POOL_API, .query = &history_shape},
	{GET, "/v1/market/feeds", feeds, AUTH_USER, RATE_REALTIME, POOL_API,
		NO_INPUT},
	ROUTE_END
};
/* clang-format on */

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streamd_request.c - the HTTP before a WebSocket.
 *
 * libwebsockets would hang up on an upgrade that is not as it should be, and
 * the client would be told that the gateway is bad.  So what it demands is
 * checked here first, and each refusal is a status with a body in the shape of
 * the document whose address it is.
 */
#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "daemons/streamd.h"
#include "handlers/editions.h"

/* What a request is refused with; the edition renders it. */
struct refusal_words {
	enum status status;
	struct outcome outcome; /* http 0: as the edition calls the status */
	const char *headers;    /* more of them, each with its line's end */
};

/* A number that no document has, so it is no outcome of theirs. */
static const struct refusal_words upgrade_required = {
	.status = ST_INVALID,
	.outcome = {426, "UPGRADE_REQUIRED",
		"This address is a WebSocket: connect with an upgrade"},
	.headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
};

/* ---- What was asked ---------------------------------------------------- */

/* The value of a header, in the arena; NULL: there is none. */
static const char *
header(struct streamd *streamd, struct lws *wsi, enum lws_token_indexes name)
{
	int length = lws_hdr_total_length(wsi, name);
	char *value;

	if (length <= 0)
		return NULL;
	value = arena_alloc(streamd->arena, (size_t)length + 1);
	if (lws_hdr_copy(wsi, value, length + 1, name) < 0)
		return NULL;
	return value;
}

/* The same for one that libwebsockets has no number for: "x-real-ip:". */
static const char *
other_header(struct streamd *streamd, struct lws *wsi, const char *name)
{
	int n = (int)strlen(name);
	int length = lws_hdr_custom_length(wsi, name, n);
	char *value;

	if (length <= 0)
		return NULL;
	value = arena_alloc(streamd->arena, (size_t)length + 1);
	if (lws_hdr_custom_copy(wsi, value, length + 1, name, n) < 0)
		return NULL;
	return value;
}

/* A parameter of the query, decoded; the first of its name counts. */
static const char *
parameter(struct streamd *streamd, struct lws *wsi, const char *name)
{
	enum lws_token_indexes all = WSI_TOKEN_HTTP_URI_ARGS;
	size_t room = (size_t)lws_hdr_total_length(wsi, all) + 1;
	size_t n = strlen(name);
	char *text = arena_alloc(streamd->arena, room);
	int i;

	for (i = 0; lws_hdr_copy_fragment(wsi, text, (int)room, all, i) >= 0;
		i++)
		if (strncmp(text, name, n) == 0 && text[n] == '=')
			return text + n + 1;
	return NULL;
}

/*
 * The path as libwebsockets decoded it; "" when there is none, or when it
 * holds what divides a query, at which it would be cut.
 */
static const char *
path_of(struct streamd *streamd, struct lws *wsi)
{
	const char *copy;
	char *path;
	int length;

	if (lws_http_get_uri_and_method(wsi, &path, &length) < 0)
		return "";
	copy = arena_strndup(streamd->arena, path, (size_t)length);
	return strlen(copy) == (size_t)length ? copy : "";
}

static void
read_knock(struct streamd *streamd, struct lws *wsi, struct knock *knock)
{
	*knock = (struct knock){
		.path = path_of(streamd, wsi),
		.symbol = parameter(streamd, wsi, "symbol"),
		.after_seq = parameter(streamd, wsi, "after_seq"),
		.token = parameter(streamd, wsi, "token"),
		.ticket = parameter(streamd, wsi, "ticket"),
		.authorization =
			header(streamd, wsi, WSI_TOKEN_HTTP_AUTHORIZATION),
		.origin = header(streamd, wsi, WSI_TOKEN_ORIGIN),
		.host = header(streamd, wsi, WSI_TOKEN_HOST),
		.scheme = other_header(streamd, wsi, "x-forwarded-proto:"),
	};
}

static bool
names_upgrade(const char *connection)
{
	size_t n;

	for (; connection && *connection; connection += n) {
		connection += strspn(connection, " \t,");
		n = strcspn(connection, " \t,");
		if (n == 7 && strncasecmp(connection, "upgrade", n) == 0)
			return true;
	}
	return false;
}

/* Is it an upgrade that libwebsockets will carry out? */
static bool
is_upgrade(struct streamd *streamd, struct lws *wsi)
{
	const char *upgrade = header(streamd, wsi, WSI_TOKEN_UPGRADE);
	const char *version = header(streamd, wsi, WSI_TOKEN_VERSION);
	const char *key = header(streamd, wsi, WSI_TOKEN_KEY);

	return upgrade && strcasecmp(upgrade, "websocket") == 0 &&
	       lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0 &&
	       names_upgrade(header(streamd, wsi, WSI_TOKEN_CONNECTION)) &&
	       version && strcmp(version, "13") == 0 && key &&
	       strlen(key) == 24 && header(streamd, wsi, WSI_TOKEN_HOST) &&
	       /* No subprotocol is spoken; who insists on one is refused. */
	       lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) <= 0;
}

/* ---- What is answered -------------------------------------------------- */

/* Whose address it is, or would be. */
static const struct edition *
edition_for(struct streamd *streamd, struct lws *wsi, const char *path)
{
	const struct edition *named = edition_named(&editions,
		other_header(streamd, wsi, "x-quantora-edition:"));
	const struct spelling *spelling;
	struct match match;
	const char *symbol;

	spelling = door_find(streamd->hub, path, &symbol);
	if (spelling)
		return edition_named(&editions, spelling->edition);
	/* Only who answers is of interest here, not what is found. */
	if (router_find(streamd->router, streamd->arena, METHODS, path,
		    strlen(path), named, &match) == ST_OK)
		return match.edition;
	return match.edition;
}

static void
write_refusal(struct streamd *streamd, struct lws *wsi, const struct ctx *ctx,
	const struct edition *edition, const struct refusal_words *words)
{
	struct outcome outcome = words->outcome;
	const char *body;
	struct reply reply;
	size_t length;
	char *text;

	if (outcome.http == 0)
		outcome = outcome_of(edition, ctx, words->status);
	reply_init(&reply, streamd->arena, edition->numbers);
	edition->render_error(ctx, words->status, &outcome, &reply);
	body = reply_text_of(&reply, &length);
	text = arena_printf(streamd->arena,
		"%*sHTTP/1.1 %d %s\r\n"
		"Content-Type: application/json\r\n"
		"Content-Length: %zu\r\n"
		"Cache-Control: no-store\r\n"
		"%s"
		"Connection: close\r\n"
		"\r\n%s",
		LWS_PRE, "", outcome.http, http_phrase(outcome.http), length,
		words->headers ? words->headers : "", body);
	if (lws_write(wsi, (unsigned char *)text + LWS_PRE,
		    strlen(text + LWS_PRE), LWS_WRITE_HTTP_FINAL) < 0)
		return; /* it is gone already */
}

static const char *
headers_of(enum status status)
{
	switch ((int)status) {
	case ST_METHOD:
		return "Allow: GET\r\n";
	case ST_RATE_LIMITED:
	case ST_UNAVAILABLE:
		return "Retry-After: 5\r\n";
	case ST_UNAUTHENTICATED:
		return "WWW-Authenticate: Bearer\r\n";
	default:
		return NULL;
	}
}

static struct ctx
begin(struct streamd *streamd, struct lws *wsi)
{
	arena_reset(streamd->arena);
	return (struct ctx){
		.arena = streamd->arena,
		.now_us = clock_wall_us(),
		.request_id = other_header(streamd, wsi, "x-request-id:"),
		.remote_address = other_header(streamd, wsi, "x-real-ip:"),
		.conf = streamd->conf,
	};
}

enum status
request_admit(struct streamd *streamd, struct lws *wsi, struct admission *out)
{
	struct refusal_words words = upgrade_required;
	struct ctx ctx = begin(streamd, wsi);
	struct knock knock;

	read_knock(streamd, wsi, &knock);
	if (streamd->stopping)
		words.status = fail(&ctx, ST_UNAVAILABLE, NULL,
			"the service is being restarted");
	else
		words.status = door_open(streamd->hub, &ctx, &knock, out);
	if (words.status == ST_OK && is_upgrade(streamd, wsi))
		return ST_OK;
	if (words.status == ST_OK)
		words.status = upgrade_required.status;
	else
		words = (struct refusal_words){.status = words.status,
			.headers = headers_of(words.status)};
	write_refusal(streamd, wsi, &ctx, edition_for(streamd, wsi, knock.path),
		&words);
	return words.status;
}

void
request_refuse(struct streamd *streamd, struct lws *wsi)
{
	struct refusal_words words = upgrade_required;
	struct ctx ctx = begin(streamd, wsi);
	const char *path = path_of(streamd, wsi), *symbol;

	if (!door_find(streamd->hub, path, &symbol))
		words = (struct refusal_words){.status = ST_NOT_FOUND};
	else if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) <= 0)
		words = (struct refusal_words){.status = ST_METHOD,
			.headers = headers_of(ST_METHOD)};
	write_refusal(streamd, wsi, &ctx, edition_for(streamd, wsi, path),
		&words);
}

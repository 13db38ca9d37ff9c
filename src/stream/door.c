/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * door.c - the checks of an upgrade.
 */
#include "stream/door.h"

#include <string.h>
#include <strings.h>

#include "stream/hub_state.h"
#include "stream/ticket.h"
#include "stream/topic.h"

#define SYMBOL_PART "{symbol}"

/* ---- Which address ----------------------------------------------------- */

/* A symbol, which may have a slash, stands last. */
static bool
path_matches(const char *pattern, const char *path, const char **symbol)
{
	const char *part = strstr(pattern, SYMBOL_PART);
	size_t head;

	*symbol = NULL;
	if (!part)
		return strcmp(pattern, path) == 0;
	head = (size_t)(part - pattern);
	if (strncmp(pattern, path, head) != 0 || path[head] == '\0')
		return false;
	*symbol = path + head;
	return true;
}

const struct spelling *
door_find(const struct hub *hub, const char *path, const char **symbol)
{
	size_t i;

	for (i = 0; i < hub->n_spellings; i++)
		if (path_matches(hub->settings.spellings[i]->path, path,
			    symbol))
			return hub->settings.spellings[i];
	return NULL;
}

/* ---- From where -------------------------------------------------------- */

static bool
is_listed(const char *origin, const char *allowed)
{
	size_t length = strlen(origin), n;

	for (; *allowed; allowed += n) {
		allowed += strspn(allowed, " ,");
		n = strcspn(allowed, " ,");
		if (n == length && strncasecmp(allowed, origin, n) == 0)
			return true;
	}
	return false;
}

/* ORIGIN is SCHEME://HOST; without a SCHEME either of the two. */
static bool
is_own(const char *origin, const char *scheme, const char *host)
{
	static const char mark[] = "://";
	const char *rest = strstr(origin, mark);
	size_t length = rest ? (size_t)(rest - origin) : 0;

	if (!rest || !host || !*host ||
		strcasecmp(rest + sizeof(mark) - 1, host) != 0)
		return false;
	if (scheme)
		return strlen(scheme) == length &&
		       strncasecmp(origin, scheme, length) == 0;
	return (length == 4 && strncasecmp(origin, "http", 4) == 0) ||
	       (length == 5 && strncasecmp(origin, "https", 5) == 0);
}

bool
origin_allowed(const char *origin, const char *scheme, const char *host,
	const char *allowed)
{
	return !origin || is_own(origin, scheme, host) ||
	       (*origin && is_listed(origin, allowed));
}

/* ---- To which market --------------------------------------------------- */

static enum status
find_market(struct hub *hub, struct ctx *ctx, const char *symbol,
	enum fault_place place, struct topic **out)
{
	const char *name = symbol ? symbol : hub->settings.default_market;
	struct topic *topic = topic_find(hub, name, strlen(name));

	if (topic) {
		*out = topic;
		return ST_OK;
	}
	if (!symbol || topic_is_coming(hub, name, strlen(name)))
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"the market %s is not there yet", name);
	fail(ctx, ST_INVALID, "symbol", "there is no such symbol");
	ctx->fault.place = place;
	return ST_INVALID;
}

/* ---- As whom ----------------------------------------------------------- */

/* "Bearer", in any case, one or more spaces, and the token. */
static const char *
bearer(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (!authorization ||
		strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	authorization += sizeof(scheme) - 1;
	return authorization + strspn(authorization, " ");
}

static enum status
read_token(struct hub *hub, const struct knock *knock, struct session *out)
{
	const char *token = knock->token;
	struct keyring *keyring = hub->settings.keyring;
	size_t length;

	if (!keyring)
		return ST_UNAUTHENTICATED;
	if (knock->ticket) {
		length = strlen(knock->ticket);
		TRY(token_verify(keyring, knock->ticket, length, TOKEN_STREAM,
			hub->wall_us, out));
		/* One of before we began may have been used then. */
		if (out->issued_us < hub->born_us)
			return ST_UNAUTHENTICATED;
		return tickets_use(hub->tickets, knock->ticket, length,
			out->expires_us, hub->wall_us);
	}
	if (!token)
		token = bearer(knock->authorization);
	if (!token)
		return ST_UNAUTHENTICATED;
	return token_verify(keyring, token, strlen(token), TOKEN_ACCESS,
		hub->wall_us, out);
}

static enum status
identify(struct hub *hub, struct ctx *ctx, const struct knock *knock,
	struct session *out)
{
	const struct person *person;

	if (!knock->ticket && !knock->token && !knock->authorization) {
		ctx->fault = (struct fault){.place = FAULT_HEADER,
			.kind = FAULT_MISSING,
			.field = "Authorization"};
		return ST_UNAUTHENTICATED;
	}
	TRY(read_token(hub, knock, out));
	person = person_find(hub, out->user);
	if (person && person->count >= person_room(hub))
		return fail(ctx, ST_RATE_LIMITED, NULL,
			"a user has at most %zu connections",
			person_room(hub));
	return ST_OK;
}

/* ---- Behind what ------------------------------------------------------- */

static enum status
read_after(struct ctx *ctx, const struct knock *knock, struct admission *out)
{
	const char *text = knock->after_seq;
	size_t i;

	if (!text || !(out->spelling->own & OWN_UPDATES))
		return ST_OK;
	for (i = 0; text[i] >= '0' && text[i] <= '9' &&
		    out->after <= UPDATE_NUMBER_MAX;
		i++)
		out->after = out->after * 10 + (uint64_t)(text[i] - '0');
	out->has_after = true;
	if (i > 0 && text[i] == '\0' && out->after <= UPDATE_NUMBER_MAX)
		return ST_OK;
	fail(ctx, ST_INVALID, "after_seq", "it is the seq of a message");
	ctx->fault.place = FAULT_QUERY;
	return ST_INVALID;
}

enum status
door_open(struct hub *hub, struct ctx *ctx, const struct knock *knock,
	struct admission *out)
{
	struct admission admission = {.topic = NULL};
	const char *symbol;

	admission.spelling = door_find(hub, knock->path, &symbol);
	if (!admission.spelling)
		return ST_NOT_FOUND;
	if (!origin_allowed(knock->origin, knock->scheme, knock->host,
		    hub->settings.origins))
		return fail(ctx, ST_FORBIDDEN, NULL,
			"pages of this origin may not connect");
	if (hub->connections >= hub->settings.connections_max)
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"there are too many connections");
	if (admission.spelling->door == DOOR_TOKEN)
		TRY(identify(hub, ctx, knock, &admission.session));
	if (admission.spelling->market)
		TRY(find_market(hub, ctx, symbol ? symbol : knock->symbol,
			symbol ? FAULT_PATH : FAULT_QUERY, &admission.topic));
	TRY(read_after(ctx, knock, &admission));
	*out = admission;
	return ST_OK;
}

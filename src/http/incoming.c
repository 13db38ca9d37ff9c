/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * incoming.c - sorting a request's parameters.
 */
#include "http/incoming.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Where a parameter of interest goes. */
static const struct {
	const char *name;
	size_t length;
	size_t offset;
} wanted[] = {
#define WANTED(name, member) {name, sizeof(name) - 1, offsetof(struct incoming, member)}
	WANTED("REQUEST_METHOD", method),
	WANTED("REQUEST_URI", uri),
	WANTED("CONTENT_TYPE", content_type),
	WANTED("CONTENT_LENGTH", content_length),
	WANTED("HTTP_AUTHORIZATION", authorization),
	WANTED("REQUEST_ID", request_id),
	WANTED("REMOTE_ADDR", remote_address),
	WANTED("QUANTORA_EDITION", edition),
#undef WANTED
};

static size_t
no_body(void *source, char *buf, size_t n)
{
	(void)source;
	(void)buf;
	(void)n;
	return 0;
}

void
incoming_init(struct incoming *in)
{
	/* Not the list: it is long, and none of it is in use. */
	memset(in, 0, offsetof(struct incoming, params));
	in->method = "";
	in->uri = "";
	in->remote_address = "";
	in->read_body = no_body;
}

void
incoming_add(struct incoming *in, const char *name, size_t name_length,
	const char *value)
{
	size_t i;

	/* An empty parameter is how nginx says "none". */
	if (!*value)
		return;
	for (i = 0; i < N_ELEMENTS(wanted); i++)
		if (wanted[i].length == name_length &&
			memcmp(wanted[i].name, name, name_length) == 0) {
			memcpy((char *)in + wanted[i].offset, &value,
				sizeof(value));
			return;
		}
	if (in->n_params < INCOMING_PARAMS_MAX)
		in->params[in->n_params++] =
			(struct incoming_param){name, value};
}

/* "X-Device-Token" against "HTTP_X_DEVICE_TOKEN". */
static bool
is_header(const char *param, const char *name)
{
	if (strncmp(param, "HTTP_", 5) != 0)
		return false;
	for (param += 5; *name; name++, param++)
		if (*param !=
			(*name == '-' ? '_' : toupper((unsigned char)*name)))
			return false;
	return *param == '\0';
}

const char *
incoming_header(const struct incoming *in, const char *name)
{
	size_t i;

	for (i = 0; i < in->n_params; i++)
		if (is_header(in->params[i].name, name))
			return in->params[i].value;
	return NULL;
}

const char *
incoming_token(const struct incoming *in)
{
	const char *text = in->authorization;

	if (!text || strncasecmp(text, "Bearer ", 7) != 0)
		return NULL;
	text += 7;
	while (*text == ' ')
		text++;
	return *text ? text : NULL;
}

enum status
incoming_length(const struct incoming *in, size_t *out)
{
	const char *c = in->content_length ? in->content_length : "0";
	size_t length = 0;

	for (; *c >= '0' && *c <= '9'; c++) {
		if (length > SIZE_MAX / 10 - 1)
			return ST_MALFORMED;
		length = length * 10 + (size_t)(*c - '0');
	}
	if (*c != '\0')
		return ST_MALFORMED;
	*out = length;
	return ST_OK;
}

/* Skip spaces, then WORD in any case; NULL when it is not there. */
static const char *
skip_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	while (*text == ' ' || *text == '\t')
		text++;
	return strncasecmp(text, word, length) == 0 ? text + length : NULL;
}

static bool
is_end(const char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	return *text == '\0' || *text == ';';
}

bool
incoming_is_json(const struct incoming *in)
{
	const char *at = skip_word(in->content_type ? in->content_type : "",
		"application/json");

	if (!at || !is_end(at))
		return false;
	/* Of the parameters only the charset means anything. */
	while ((at = strchr(at, ';')) != NULL) {
		const char *charset = skip_word(++at, "charset=");

		if (!charset)
			continue;
		charset += *charset == '"';
		charset = skip_word(charset, "utf-8");
		if (!charset || !is_end(charset + (*charset == '"')))
			return false;
	}
	return true;
}

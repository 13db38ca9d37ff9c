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
	WANTED("QUANTORA_ARRIVED", arrived),
#undef WANTED
};

static void
keep(struct incoming *out, const char *param, size_t name_length)
{
	size_t i;

	for (i = 0; i < N_ELEMENTS(wanted); i++)
		if (wanted[i].length == name_length &&
			memcmp(wanted[i].name, param, name_length) == 0) {
			const char *value = param + name_length + 1;

			/* An empty parameter is how nginx says "none". */
			if (*value)
				memcpy((char *)out + wanted[i].offset, &value,
					sizeof(value));
			return;
		}
}

void
incoming_read(char *const *params, struct incoming *out)
{
	char *const *param;

	*out = (struct incoming){.method = "",
		.uri = "",
		.remote_address = "",
		.params = params};
	for (param = params; *param; param++) {
		const char *equals = strchr(*param, '=');

		if (equals)
			keep(out, *param, (size_t)(equals - *param));
	}
}

/* "X-Device-Token" against "HTTP_X_DEVICE_TOKEN=". */
static const char *
header_value(const char *param, const char *name)
{
	if (strncmp(param, "HTTP_", 5) != 0)
		return NULL;
	for (param += 5; *name; name++, param++)
		if (*param !=
			(*name == '-' ? '_' : toupper((unsigned char)*name)))
			return NULL;
	return *param == '=' ? param + 1 : NULL;
}

const char *
incoming_header(const struct incoming *in, const char *name)
{
	char *const *param;

	for (param = in->params; *param; param++) {
		const char *value = header_value(*param, name);

		if (value && *value)
			return value;
	}
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

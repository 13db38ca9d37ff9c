/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * incoming.h - a request as nginx hands it on, before anything is believed.
 *
 * The parameters are gone through once; what every request needs is kept by
 * name, the rest can be looked up.  All texts live as long as the parameters.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct incoming {
	const char *method; /* none of these is NULL, but what says so */
	const char *uri;    /* path and query, as they were sent */
	const char *content_type;   /* NULL: none */
	const char *content_length; /* NULL: none */
	const char *authorization;  /* NULL: none */
	const char *request_id;     /* the edge's; NULL: none */
	const char *remote_address;
	const char *edition; /* that the edge chose; NULL: none */
	const char *arrived; /* at the edge, in seconds; NULL: none */
	char *const *params; /* "NAME=value", ended by NULL */

	/* Read up to N bytes of the body; fewer only at its end. */
	size_t (*read_body)(void *source, char *buf, size_t n);
	void *source;
};

/* Sort out PARAMS; reading the body is left to the caller. */
void incoming_read(char *const *params, struct incoming *out);

/* The value of a header ("X-Device-Token"), or NULL. */
const char *incoming_header(const struct incoming *in, const char *name);

/* The text behind "Bearer ", or NULL when there is none. */
const char *incoming_token(const struct incoming *in);

/* 0 without a body; ST_MALFORMED when it is no number. */
enum status incoming_length(const struct incoming *in,
	size_t *out) MUST_USE;

/* Whether the body says that it is JSON, in UTF-8. */
bool incoming_is_json(const struct incoming *in);

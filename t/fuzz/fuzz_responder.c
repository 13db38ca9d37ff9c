/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_responder.c - any bytes as what a web server sends.
 *
 * Either it is a request, whose body can be read and which is answered, or the
 * connection is closed.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/responder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes);

/* What a socket takes at once, without somebody reading. */
#define SENT_MAX 65536

static void
use(struct responder *responder, struct arena *arena, struct incoming *in)
{
	size_t length, i, body = 0, n;
	char buf[100];

	assert(strlen(in->method) < SENT_MAX && strlen(in->uri) < SENT_MAX);
	for (i = 0; i < in->n_params; i++)
		assert(strlen(in->params[i].name) +
				strlen(in->params[i].value) <
			SENT_MAX);
	(void)incoming_token(in);
	(void)incoming_is_json(in);
	(void)!incoming_length(in, &length);
	while ((n = in->read_body(in->source, buf, sizeof(buf))) > 0)
		body += n;
	assert(body < SENT_MAX);
	responder_answer(responder, arena, (struct responder_text){"head", 4},
		(struct responder_text){"body", 4});
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct responder *responder = responder_new(-1);
	struct arena *arena = arena_new();
	struct incoming in;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		abort();
	if (len_bytes > SENT_MAX)
		len_bytes = SENT_MAX;
	if (send(fds[0], data, len_bytes, MSG_NOSIGNAL) < 0)
		abort();
	shutdown(fds[0], SHUT_WR);
	if (responder_take(responder, fds[1], arena, &in) == ST_OK)
		use(responder, arena, &in);
	responder_free(responder);
	arena_free(arena);
	close(fds[0]);
	return 0;
}

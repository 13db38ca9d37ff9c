/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * responder.c - reading one request, writing one reply.
 *
 * The socket is read into one buffer of the size that requests have; records
 * are taken out of it as they are needed, so that the body is read only when
 * a handler's row wants it.
 */
#include "http/responder.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER_BYTES 16384
#define PARAMS_BYTES_MAX 65535
#define RECORD_BYTES_MAX 65535
#define DRAIN_MS 2000
#define DRAIN_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* The protocol's numbers; FastCGI specification 1.0, section 8. */
enum record_type {
	BEGIN_REQUEST = 1,
	ABORT_REQUEST = 2,
	END_REQUEST = 3,
	PARAMS = 4,
	STDIN = 5,
	STDOUT = 6
};

#define PROTOCOL 1
#define RESPONDER 1
#define HEADER_BYTES 8

struct responder {
	int listen_fd;
	int fd; /* -1: no connection */
	unsigned request_id;
	/* Of the record whose content is being read: */
	enum record_type type;
	size_t content; /* bytes of it that are still to come */
	size_t padding;
	bool stdin_ended;
	size_t from, to; /* what is in the buffer */
	unsigned char buffer[BUFFER_BYTES];
};

struct responder *
responder_new(int listen_fd)
{
	struct responder *responder = malloc(sizeof(*responder));

	if (!responder)
		abort();
	responder->listen_fd = listen_fd;
	responder->fd = -1;
	return responder;
}

static void
hang_up(struct responder *responder)
{
	if (responder->fd >= 0)
		close(responder->fd);
	responder->fd = -1;
}

void
responder_free(struct responder *responder)
{
	if (!responder)
		return;
	hang_up(responder);
	free(responder);
}

/* ---- Reading ----------------------------------------------------------- */

/* Have something in the buffer; false at the end of the connection. */
static bool
fill(struct responder *responder)
{
	ssize_t n;

	if (responder->from < responder->to)
		return true;
	do
		n = recv(responder->fd, responder->buffer, BUFFER_BYTES, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	responder->from = 0;
	responder->to = (size_t)n;
	return true;
}

/* Exactly N bytes to OUT (NULL: thrown away). */
static bool
get(struct responder *responder, void *out, size_t n)
{
	unsigned char *to = out;

	while (n > 0) {
		size_t have;

		if (!fill(responder))
			return false;
		have = responder->to - responder->from;
		if (have > n)
			have = n;
		if (to) {
			memcpy(to, responder->buffer + responder->from, have);
			to += have;
		}
		responder->from += have;
		n -= have;
	}
	return true;
}

/*
 * The header of the next record of our request; records of no request (a
 * server's questions about the application) are skipped.
 */
static bool
next_record(struct responder *responder)
{
	unsigned char header[HEADER_BYTES];
	unsigned id;

	for (;;) {
		if (!get(responder, NULL, responder->content + responder->padding) ||
			!get(responder, header, sizeof(header)) ||
			header[0] != PROTOCOL)
			return false;
		id = (unsigned)header[2] << 8 | header[3];
		responder->type = header[1];
		responder->content = (size_t)header[4] << 8 | header[5];
		responder->padding = header[6];
		if (id == 0)
			continue;
		if (responder->type == BEGIN_REQUEST)
			responder->request_id = id;
		else if (id != responder->request_id)
			return false; /* two at once, on one connection */
		return responder->type != ABORT_REQUEST;
	}
}

static bool
read_begin(struct responder *responder)
{
	unsigned char body[8];

	if (!next_record(responder) || responder->type != BEGIN_REQUEST ||
		responder->content != sizeof(body) ||
		!get(responder, body, sizeof(body)))
		return false;
	responder->content = 0;
	return body[0] == 0 && body[1] == RESPONDER;
}

/* The whole stream of parameters, in the arena. */
static bool
read_params(struct responder *responder, struct arena *arena,
	unsigned char **params, size_t *length)
{
	unsigned char *stream = NULL;
	size_t have = 0;

	for (;;) {
		unsigned char *longer;

		if (!next_record(responder) || responder->type != PARAMS)
			return false;
		if (responder->content == 0)
			break;
		if (have + responder->content > PARAMS_BYTES_MAX)
			return false;
		longer = arena_alloc(arena, have + responder->content);
		if (have > 0)
			memcpy(longer, stream, have);
		stream = longer;
		if (!get(responder, stream + have, responder->content))
			return false;
		have += responder->content;
		responder->content = 0;
	}
	*params = stream;
	*length = have;
	return true;
}

/* A length of one byte, or of four when its top bit is set. */
static bool
take_length(const unsigned char **at, const unsigned char *end, size_t *out)
{
	const unsigned char *p = *at;

	if (p < end && p[0] < 0x80) {
		*out = p[0];
		*at = p + 1;
		return true;
	}
	if (end - p < 4)
		return false;
	*out = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
	       (size_t)p[2] << 8 | p[3];
	*at = p + 4;
	return true;
}

/* Cut the stream into pairs of NUL-terminated texts. */
static bool
cut_params(struct arena *arena, const unsigned char *at, size_t length,
	struct incoming *in)
{
	const unsigned char *end = at + length;
	/* Two length bytes at least a pair: as much as their two NULs. */
	char *text = arena_alloc(arena, length + 1);

	while (at < end) {
		size_t name, value;
		char *start = text;

		if (!take_length(&at, end, &name) ||
			!take_length(&at, end, &value) ||
			name > (size_t)(end - at) ||
			value > (size_t)(end - at) - name)
			return false;
		memcpy(text, at, name);
		text[name] = '\0';
		text += name + 1;
		memcpy(text, at + name, value);
		text[value] = '\0';
		incoming_add(in, start, name, text);
		text += value + 1;
		at += name + value;
	}
	return true;
}

/* The reader of an incoming body. */
static size_t
read_body(void *source, char *buf, size_t n)
{
	struct responder *responder = source;
	size_t got = 0;

	while (got < n && !responder->stdin_ended) {
		size_t some = n - got;

		if (responder->content == 0 || responder->type != STDIN) {
			if (!next_record(responder) || responder->type != STDIN)
				break;
			responder->stdin_ended = responder->content == 0;
			continue;
		}
		if (some > responder->content)
			some = responder->content;
		if (!get(responder, buf + got, some))
			break;
		responder->content -= some;
		got += some;
	}
	return got;
}

enum status
responder_take(struct responder *responder, int fd, struct arena *arena,
	struct incoming *in)
{
	unsigned char *params = NULL;
	size_t length = 0;

	responder->fd = fd;
	responder->from = 0;
	responder->to = 0;
	responder->content = 0;
	responder->padding = 0;
	responder->stdin_ended = false;
	incoming_init(in);
	if (read_begin(responder) &&
		read_params(responder, arena, &params, &length) &&
		(length == 0 || cut_params(arena, params, length, in))) {
		in->read_body = read_body;
		in->source = responder;
		return ST_OK;
	}
	hang_up(responder);
	return ST_MALFORMED;
}

enum status
responder_accept(struct responder *responder, struct arena *arena,
	struct incoming *in)
{
	int fd = accept4(responder->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		return responder_take(responder, fd, arena, in);
	switch (errno) {
	case EINTR:
		return ST_CONFLICT;
	case ECONNABORTED:
		return ST_MALFORMED;
	default:
		return ST_UNAVAILABLE;
	}
}

/* ---- Writing ----------------------------------------------------------- */

static void
put_header(unsigned char *to, const struct responder *responder,
	enum record_type type, size_t content)
{
	to[0] = PROTOCOL;
	to[1] = (unsigned char)type;
	to[2] = (unsigned char)(responder->request_id >> 8);
	to[3] = (unsigned char)responder->request_id;
	to[4] = (unsigned char)(content >> 8);
	to[5] = (unsigned char)content;
	to[6] = 0;
	to[7] = 0;
}

static struct iovec
piece(const void *bytes, size_t length)
{
	/* writev() only reads, but is not declared so. */
	return (struct iovec){(void *)(uintptr_t)bytes, length};
}

/* All of it, however many calls that takes. */
static bool
write_all(int fd, struct iovec *pieces, size_t n)
{
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = n};

	while (message.msg_iovlen > 0) {
		ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
		size_t left;

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		for (left = (size_t)sent; message.msg_iovlen > 0 &&
					  left >= message.msg_iov->iov_len;
			message.msg_iov++, message.msg_iovlen--)
			left -= message.msg_iov->iov_len;
		if (message.msg_iovlen > 0) {
			message.msg_iov->iov_base =
				(char *)message.msg_iov->iov_base + left;
			message.msg_iov->iov_len -= left;
		}
	}
	return true;
}

/*
 * What is left of a request that was answered early: closed on, it could make
 * nginx fail to send it and never look at the answer.
 */
static void
drain(struct responder *responder)
{
	struct pollfd poll_fd = {.fd = responder->fd, .events = POLLIN};
	size_t all = 0;
	ssize_t n;

	while (all < DRAIN_BYTES_MAX && poll(&poll_fd, 1, DRAIN_MS) > 0) {
		n = recv(responder->fd, responder->buffer, BUFFER_BYTES, 0);
		if (n <= 0)
			break;
		all += (size_t)n;
	}
}

/* Whether the end of the body is, at most, what is in the buffer already. */
static bool
all_came(struct responder *responder)
{
	while (!responder->stdin_ended) {
		if (responder->to - responder->from <
			responder->content + responder->padding + HEADER_BYTES)
			return false;
		if (!next_record(responder) || responder->type != STDIN)
			return false;
		responder->stdin_ended = responder->content == 0;
	}
	return true;
}

bool
responder_answer(struct responder *responder, struct arena *arena,
	struct responder_text head, struct responder_text body)
{
	/* The stream's end, and the request's: status 0, complete. */
	unsigned char end[3 * HEADER_BYTES] = {0};
	size_t n = body.length / RECORD_BYTES_MAX + 2, i = 0, at;
	struct iovec *pieces = arena_array(arena, 2 * n + 2, sizeof(*pieces));
	unsigned char *headers = arena_array(arena, n, HEADER_BYTES);
	size_t first = RECORD_BYTES_MAX - head.length;
	bool sent;

	assert(head.length < RECORD_BYTES_MAX);
	/* The head and as much of the body as fits are the first record. */
	if (first > body.length)
		first = body.length;
	put_header(headers, responder, STDOUT, head.length + first);
	pieces[i++] = piece(headers, HEADER_BYTES);
	pieces[i++] = piece(head.bytes, head.length);
	pieces[i++] = piece(body.bytes, first);
	for (at = first; at < body.length;) {
		size_t some = body.length - at;

		if (some > RECORD_BYTES_MAX)
			some = RECORD_BYTES_MAX;
		headers += HEADER_BYTES;
		put_header(headers, responder, STDOUT, some);
		pieces[i++] = piece(headers, HEADER_BYTES);
		pieces[i++] = piece(body.bytes + at, some);
		at += some;
	}
	put_header(end, responder, STDOUT, 0);
	put_header(end + HEADER_BYTES, responder, END_REQUEST, HEADER_BYTES);
	pieces[i++] = piece(end, sizeof(end));
	sent = write_all(responder->fd, pieces, i);
	if (sent && !all_came(responder))
		drain(responder);
	hang_up(responder);
	return sent;
}

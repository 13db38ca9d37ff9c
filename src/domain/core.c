/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * core.c - the blocking client of the matcher.
 *
 * A request is one send() and, as a rule, one recv(): the answer is small and
 * comes whole.  Time-outs are the socket's own (SO_RCVTIMEO), so that the
 * usual case needs no poll().
 *
 * After anything but a complete, well-formed answer to our own question the
 * connection is closed: what may still arrive on it can then never be taken
 * for the answer to a later question.
 */
#include "domain/core.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth/session.h"
#include "base/clock.h"
#include "domain/settled.h"

#define IN_ROOM_FIRST ((size_t)64 * 1024)
/* An answer of 1,000 fills is well below; more is no answer of ours. */
#define ANSWER_MAX ((size_t)16 * 1024 * 1024)
#define OUT_ROOM ((size_t)64 * 1024)

struct core {
	struct sockaddr_un address;
	int fd; /* -1: not connected */
	int64_t patience_us;
	uint64_t tag;
	uint64_t tag_received; /* of the last answer, for core_receive() */
	char *in;
	size_t in_room;
	size_t in_from; /* what was received and not yet taken */
	size_t in_to;
	char out[OUT_ROOM]; /* queued by core_send() */
	size_t out_length;
};

struct core *
core_new(const char *path)
{
	struct core *core = calloc(1, sizeof(*core));

	if (!core)
		abort();
	core->fd = -1;
	core->patience_us = CORE_PATIENCE_US;
	core->address.sun_family = AF_UNIX;
	/* A path that is too long can't be connected to; nor is it cut. */
	if (strlen(path) < sizeof(core->address.sun_path))
		memcpy(core->address.sun_path, path, strlen(path) + 1);
	core->in_room = IN_ROOM_FIRST;
	core->in = malloc(core->in_room);
	if (!core->in)
		abort();
	return core;
}

static void
disconnect(struct core *core)
{
	if (core->fd >= 0)
		close(core->fd);
	core->fd = -1;
	core->in_from = 0;
	core->in_to = 0;
	core->out_length = 0;
	core->tag_received = core->tag;
}

void
core_free(struct core *core)
{
	if (!core)
		return;
	disconnect(core);
	free(core->in);
	free(core);
}

void
core_set_patience(struct core *core, int64_t patience_us)
{
	disconnect(core);
	core->patience_us = patience_us;
}

/* ---- The socket -------------------------------------------------------- */

static bool
set_patience(int fd, int64_t patience_us)
{
	struct timeval time = {.tv_sec = patience_us / US_PER_SECOND,
		.tv_usec = patience_us % US_PER_SECOND};

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) ==
		       0 &&
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) ==
		       0;
}

static bool
connect_core(struct core *core)
{
	if (core->fd >= 0)
		return true;
	core->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (core->fd < 0)
		return false;
	if (core->address.sun_path[0] != '\0' &&
		set_patience(core->fd, core->patience_us) &&
		connect(core->fd, (struct sockaddr *)&core->address,
			sizeof(core->address)) == 0)
		return true;
	disconnect(core);
	return false;
}

enum sent { SENT_ALL, SENT_NOTHING, SENT_SOME };

/* Send N bytes; SENT_SOME when the matcher may have got a part. */
static enum sent
send_all(struct core *core, const char *bytes, size_t n)
{
	size_t sent = 0;

	while (sent < n) {
		ssize_t some = send(core->fd, bytes + sent, n - sent,
			MSG_NOSIGNAL);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return sent == 0 ? SENT_NOTHING : SENT_SOME;
		sent += (size_t)some;
	}
	return SENT_ALL;
}

/*
 * Send a request.  A connection that was made earlier may have been closed
 * since (the matcher was restarted): then nothing of it has arrived, and one
 * more try on a new one is safe.
 */
static enum status
send_request(struct core *core, const char *bytes, size_t n)
{
	bool fresh = core->fd < 0;
	enum sent sent;

	if (!connect_core(core))
		return ST_UNAVAILABLE;
	sent = send_all(core, bytes, n);
	if (sent == SENT_NOTHING && !fresh) {
		disconnect(core);
		if (!connect_core(core))
			return ST_UNAVAILABLE;
		sent = send_all(core, bytes, n);
	}
	if (sent == SENT_ALL)
		return ST_OK;
	disconnect(core);
	return sent == SENT_NOTHING ? ST_UNAVAILABLE : ST_OUTCOME_UNKNOWN;
}

/* Make room for N bytes from in_from on. */
static void
make_room(struct core *core, size_t n)
{
	if (core->in_from > 0) {
		memmove(core->in, core->in + core->in_from,
			core->in_to - core->in_from);
		core->in_to -= core->in_from;
		core->in_from = 0;
	}
	if (core->in_room >= n)
		return;
	while (core->in_room < n)
		core->in_room *= 2;
	core->in = realloc(core->in, core->in_room);
	if (!core->in)
		abort();
}

/* Wait until DEADLINE_US (monotonic) for the socket to be readable. */
static bool
wait_readable(const struct core *core, int64_t deadline_us)
{
	struct pollfd poll_fd = {.fd = core->fd, .events = POLLIN};

	for (;;) {
		int64_t left_us = deadline_us - clock_monotonic_us();
		int n;

		if (left_us <= 0)
			return false;
		n = poll(&poll_fd, 1, (int)((left_us + 999) / 1000));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/*
 * Have N bytes in the buffer, or false.  PATIENT: the socket's own time-out
 * is what is left until the deadline, so the first recv() needs no poll().
 */
static bool
receive(struct core *core, size_t n, int64_t deadline_us, bool patient)
{
	if (core->in_to - core->in_from >= n)
		return true;
	make_room(core, n);
	while (core->in_to - core->in_from < n) {
		ssize_t some;

		if (!patient && !wait_readable(core, deadline_us))
			return false;
		some = recv(core->fd, core->in + core->in_to,
			core->in_room - core->in_to, 0);
		if (some == 0 || (some < 0 && errno != EINTR))
			return false;
		if (some > 0)
			core->in_to += (size_t)some;
		patient = false;
	}
	return true;
}

/*
 * The next answer, which must be to TAG and of TYPE or a refusal; NULL when
 * none came, or something else.  It stays in the buffer until the next call.
 */
static const struct frame *
receive_answer(struct core *core, uint64_t tag, enum frame_type type,
	int64_t deadline_us, bool patient)
{
	const struct frame *frame;
	size_t length;

	if (!receive(core, sizeof(*frame), deadline_us, patient))
		return NULL;
	frame = (const void *)(core->in + core->in_from);
	length = frame->length;
	if (length < sizeof(*frame) || length > ANSWER_MAX || length % 8 != 0 ||
		!receive(core, length, deadline_us, false))
		return NULL;
	frame = (const void *)(core->in + core->in_from);
	if (frame->tag != tag || frame->length != length ||
		(frame->type != type && frame->type != FRAME_REFUSED))
		return NULL;
	if (frame->type == FRAME_REFUSED &&
		(length != sizeof(*frame) || frame->refusal == 0))
		return NULL;
	core->in_from += length;
	/* As a rule nothing follows, and the next answer needs no move. */
	if (core->in_from == core->in_to) {
		core->in_from = 0;
		core->in_to = 0;
	}
	core->tag_received = tag;
	return frame;
}

/* ---- Commands ---------------------------------------------------------- */

/* A request in one piece. */
struct command_frame {
	struct frame head;
	struct command_envelope who;
	char command[FRAME_REQUEST_MAX];
};

static size_t
build_command(struct core *core, const struct command_envelope *who,
	const struct message *command, struct command_frame *out)
{
	size_t length = offsetof(struct command_frame, command) + command->size;

	assert(command->size <= FRAME_REQUEST_MAX - sizeof(*who) -
					sizeof(struct frame));
	out->head = (struct frame){.length = (uint32_t)length,
		.type = FRAME_COMMAND,
		.tag = ++core->tag};
	out->who = *who;
	memcpy(out->command, command, command->size);
	return length;
}

/* Done, and the record is whole; NULL when the answer is not to be believed. */
static const struct answer_done *
done_of(const struct frame *frame, const struct record **record)
{
	const struct answer_done *done = (const void *)(frame + 1);
	size_t length = frame->length;

	if (length < sizeof(*frame) + sizeof(*done) + sizeof(struct record))
		return NULL;
	*record = (const void *)(done + 1);
	length -= sizeof(*frame) + sizeof(*done);
	if (!record_well_formed(*record, length) ||
		(*record)->length != length)
		return NULL;
	return done;
}

enum status
core_refused(struct ctx *ctx, unsigned refusal)
{
	const struct refusal_row *row = refusal_row(refusal);

	ctx->fault.kind = FAULT_VALUE;
	ctx->fault.field = row->field;
	ctx->fault.reason = row->text;
	return row->status;
}

static enum status
lost(struct ctx *ctx, enum status status)
{
	ctx->fault.field = NULL;
	ctx->fault.reason = status == ST_UNAVAILABLE
				    ? "the exchange cannot be reached"
				    : NULL;
	return status;
}

enum status
core_submit(struct ctx *ctx, const struct message *command,
	struct core_answer *out)
{
	struct core *core = ctx->core;
	/* The clock itself: what came before may have taken its time. */
	int64_t deadline_us = clock_monotonic_us() + core->patience_us;
	struct command_envelope who = {.not_after_us = deadline_us};
	struct command_frame request;
	const struct frame *frame;
	const struct answer_done *done;
	const struct record *record;
	enum status status;
	size_t length;

	if (ctx->session) {
		who.session = ctx->session->id;
		who.user = ctx->session->user;
		who.epoch = ctx->session->epoch;
	}
	length = build_command(core, &who, command, &request);
	status = send_request(core, (const char *)&request, length);
	if (status != ST_OK)
		return lost(ctx, status);
	frame = receive_answer(core, core->tag, FRAME_DONE, deadline_us, true);
	if (frame && frame->type == FRAME_REFUSED)
		return core_refused(ctx, frame->refusal);
	done = frame ? done_of(frame, &record) : NULL;
	if (!done) {
		disconnect(core);
		return lost(ctx, ST_OUTCOME_UNKNOWN);
	}
	/* What this request reads from now on has to hold what it did. */
	if (ctx->settled)
		settled_expect(ctx->settled, done->seq);
	if (out) {
		struct record *copy = arena_alloc(ctx->arena, record->length);

		memcpy(copy, record, record->length);
		*out = (struct core_answer){copy, done->seq,
			(done->flags & ANSWER_DUPLICATE) != 0};
	}
	return ST_OK;
}

enum status
core_command(struct ctx *ctx, const struct message *command,
	const struct record **out)
{
	struct core_answer answer;

	TRY(core_submit(ctx, command, &answer));
	if (out)
		*out = answer.record;
	return ST_OK;
}

const struct message *
core_event(const struct record *record, const struct message *after)
{
	const struct message *event = after ? message_next(after)
					    : record_events(record);
	const char *end = (const char *)record + record->length;

	return (const char *)event < end ? event : NULL;
}

/* ---- Questions --------------------------------------------------------- */

/* Ask, and copy the N bytes of the answer's body to OUT; changes nothing. */
static enum status
ask(struct ctx *ctx, struct core *core, enum frame_type type,
	const void *body, size_t body_length, enum frame_type want,
	int64_t patience_us, void *out, size_t n)
{
	struct {
		struct frame head;
		char body[64];
	} request = {.head = {.length = (uint32_t)(sizeof(struct frame) +
				      body_length),
			     .type = (uint16_t)type,
			     .tag = ++core->tag}};
	int64_t deadline_us = clock_monotonic_us() + patience_us;
	const struct frame *frame;

	assert(body_length <= sizeof(request.body));
	if (body_length > 0)
		memcpy(request.body, body, body_length);
	if (send_request(core, (const char *)&request, request.head.length) !=
		ST_OK)
		return lost(ctx, ST_UNAVAILABLE);
	frame = receive_answer(core, core->tag, want, deadline_us,
		patience_us == core->patience_us);
	if (frame && frame->type == FRAME_REFUSED)
		return core_refused(ctx, frame->refusal);
	/* A newer matcher may say more. */
	if (!frame || frame->length < sizeof(*frame) + n) {
		disconnect(core);
		return lost(ctx, ST_UNAVAILABLE);
	}
	memcpy(out, frame + 1, n);
	return ST_OK;
}

enum status
core_ask(struct ctx *ctx, const struct guard_request *question,
	struct guard_answer *out)
{
	return ask(ctx, ctx->core, FRAME_GUARD, question, sizeof(*question),
		FRAME_GUARDED, ctx->core->patience_us, out, sizeof(*out));
}

enum status
core_guard(struct ctx *ctx, struct guard_answer *out)
{
	struct guard_request question = {.session = ctx->session->id,
		.user = ctx->session->user,
		.epoch = ctx->session->epoch};
	struct guard_answer answer;

	TRY(core_ask(ctx, &question, &answer));
	switch (answer.verdict) {
	case GUARD_OK:
		*out = answer;
		return ST_OK;
	case GUARD_LOCKED:
		return core_refused(ctx, REFUSED_USER_LOCKED);
	default:
		return core_refused(ctx, REFUSED_SESSION_ENDED);
	}
}

enum status
core_stats(struct ctx *ctx, struct stats_answer *out)
{
	return ask(ctx, ctx->core, FRAME_STATS, NULL, 0, FRAME_STATISTICS,
		ctx->core->patience_us, out, sizeof(*out));
}

enum status
core_hash(struct ctx *ctx, enum frame_type question, int64_t patience_us,
	struct hash_answer *out)
{
	return ask(ctx, ctx->core, question, NULL, 0,
		question == FRAME_SNAPSHOT ? FRAME_SNAPPED : FRAME_HASHED,
		patience_us, out, sizeof(*out));
}

/* ---- Many at once ------------------------------------------------------ */

enum status
core_flush(struct core *core)
{
	size_t length = core->out_length;

	if (length == 0)
		return ST_OK;
	core->out_length = 0;
	if (!connect_core(core))
		return ST_UNAVAILABLE;
	if (send_all(core, core->out, length) == SENT_ALL)
		return ST_OK;
	disconnect(core);
	return ST_OUTCOME_UNKNOWN;
}

enum status
core_send(struct core *core, const struct command_envelope *who,
	const struct message *command)
{
	struct command_frame request;
	size_t length = build_command(core, who, command, &request);

	if (core->out_length + length > OUT_ROOM)
		TRY(core_flush(core));
	memcpy(core->out + core->out_length, &request, length);
	core->out_length += length;
	return ST_OK;
}

enum status
core_receive(struct core *core, int64_t patience_us, struct core_reply *out)
{
	int64_t deadline_us = clock_monotonic_us() + patience_us;
	const struct answer_done *done;
	const struct frame *frame;

	*out = (struct core_reply){0};
	frame = core->fd < 0 ? NULL
			     : receive_answer(core, core->tag_received + 1,
				       FRAME_DONE, deadline_us, false);
	if (!frame) {
		disconnect(core);
		return ST_OUTCOME_UNKNOWN;
	}
	out->refusal = frame->refusal;
	if (frame->type == FRAME_REFUSED)
		return ST_OK;
	done = done_of(frame, &out->record);
	if (!done) {
		disconnect(core);
		return ST_OUTCOME_UNKNOWN;
	}
	out->seq = done->seq;
	out->duplicate = (done->flags & ANSWER_DUPLICATE) != 0;
	return ST_OK;
}

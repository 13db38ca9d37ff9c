/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streamd_socket.c - WebSockets, by libwebsockets.
 *
 * A connection is written to from outside of libwebsockets' own "writable"
 * callback: straight away, unless an earlier message is still half sent.  That
 * saves two system calls and a turn of the loop for each message.  What the
 * socket does not take libwebsockets keeps, at most one buffer of it, and it
 * says when that has gone.
 *
 * Frames of a server are not masked, so their header is the same for all
 * readers: it is written into the parcel's own headroom, and several parcels
 * that wait for one reader are sent as one piece.
 *
 * libwebsockets' timers are lists that are searched from the front; so none is
 * set for each connection, its own keep-alive is off, and pings are the hub's.
 */
#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/unix_listen.h"
#include "daemons/streamd.h"

#define FRAME_TEXT 0x81 /* final, text */
#define FRAME_CLOSE 0x88
#define FRAME_PING 0x89
#define FRAME_HEAD_MAX 10
#define CONTROL_MAX 125
/* Parcels that wait together are sent in pieces of at most this size. */
#define PIECE_BYTES ((size_t)64 * 1024)
/* A client's message: the longest is one with a token in it. */
#define SAID_BYTES_MAX ((size_t)4096)
#define READ_BYTES 1024
#define ACCEPTS_A_TURN 32
/* The whole of a request; nginx lets through a little less. */
#define REQUEST_BYTES 40960

_Static_assert(PARCEL_HEADROOM >= FRAME_HEAD_MAX, "a header fits");

struct connection {
	struct subscriber subscriber;
	struct admission admission;
	struct lws *wsi;
	bool joined;
	bool noted; /* in the log, that we could not serve it */
	char *said; /* a message of which more is to come */
	size_t said_length;
};

static struct streamd *
streamd_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

/* ---- Writing ----------------------------------------------------------- */

/* Put the header of a frame of LENGTH bytes before AT; returns its size. */
static size_t
put_head(unsigned char *at, unsigned char kind, size_t length)
{
	size_t i, n = length < 126 ? 0 : length < 65536 ? 2 : 8;

	at -= 2 + n;
	at[0] = kind;
	at[1] = (unsigned char)(n == 0 ? length : n == 2 ? 126 : 127);
	for (i = 0; i < n; i++)
		at[2 + i] = (unsigned char)(length >> 8 * (n - 1 - i));
	return 2 + n;
}

/*
 * The peer is gone, or has been given up.  What we hear next from the socket
 * is its end, and libwebsockets then closes it as any other.
 */
static void
hang_up(struct connection *c)
{
	shutdown(lws_get_socket_fd(c->wsi), SHUT_RDWR);
}

static bool
send_bytes(struct connection *c, unsigned char *bytes, size_t length)
{
	if (lws_write(c->wsi, bytes, length, LWS_WRITE_RAW) >= 0)
		return true;
	hang_up(c);
	return false;
}

static bool
send_control(struct connection *c, unsigned char kind, const void *body,
	size_t length)
{
	unsigned char bytes[LWS_PRE + FRAME_HEAD_MAX + CONTROL_MAX];
	unsigned char *at = bytes + LWS_PRE + FRAME_HEAD_MAX;
	size_t head = put_head(at, kind, length);

	memcpy(at, body, length);
	return send_bytes(c, at - head, head + length);
}

static bool
send_parcel(struct connection *c, struct parcel *parcel)
{
	unsigned char *text = parcel_text(parcel);
	size_t head = put_head(text, FRAME_TEXT, parcel->length);
	bool sent = send_bytes(c, text - head, head + parcel->length);

	subscriber_sent(&c->subscriber);
	return sent;
}

/* As many of those that wait as fit into a piece, the first being PARCEL. */
static bool
send_piece(struct connection *c, struct parcel *parcel)
{
	static unsigned char bytes[LWS_PRE + PIECE_BYTES];
	unsigned char *at = bytes + LWS_PRE;
	unsigned char head[FRAME_HEAD_MAX];
	size_t n;

	do {
		n = put_head(head + sizeof(head), FRAME_TEXT, parcel->length);
		if (n + parcel->length >
			(size_t)(bytes + sizeof(bytes) - at))
			break;
		memcpy(at, head + sizeof(head) - n, n);
		memcpy(at + n, parcel_text(parcel), parcel->length);
		at += n + parcel->length;
		subscriber_sent(&c->subscriber);
	} while ((parcel = outbox_first(&c->subscriber.outbox)) != NULL);
	if (at == bytes + LWS_PRE) /* longer than any piece */
		return send_parcel(c, parcel);
	return send_bytes(c, bytes + LWS_PRE,
		(size_t)(at - bytes) - LWS_PRE);
}

/*
 * Say why, and close: the peer gets time to say it too.  From one that is not
 * there, or when we end, no answer is waited for.
 *
 * libwebsockets would do this itself, were it not that the libuv part of its
 * Debian build closes each connection twice, for a test, and so at once.
 */
static void
take_leave(struct connection *c)
{
	const struct subscriber *subscriber = &c->subscriber;
	size_t length = strlen(subscriber->close_reason);
	char body[CONTROL_MAX];

	body[0] = (char)(subscriber->close_code >> 8);
	body[1] = (char)subscriber->close_code;
	memcpy(body + 2, subscriber->close_reason, length);
	if (send_control(c, FRAME_CLOSE, body, 2 + length) &&
		(subscriber->deserted || streamd_of(c->wsi)->stopping))
		hang_up(c);
}

static void
serve(struct connection *c)
{
	struct subscriber *subscriber = &c->subscriber;
	struct parcel *parcel;
	bool more = true;

	while (more) {
		if (lws_partial_buffered(c->wsi) && !subscriber->overdue)
			return; /* we are called when it has gone */
		switch (subscriber_work(subscriber, &parcel)) {
		case WORK_NONE:
			return;
		case WORK_SEND:
			more = subscriber->outbox.count == 1
				       ? send_parcel(c, parcel)
				       : send_piece(c, parcel);
			break;
		case WORK_PING:
			/* We are not told of a pong without contents. */
			more = send_control(c, FRAME_PING, "?", 1);
			break;
		case WORK_CLOSE:
			take_leave(c);
			return;
		case WORK_ABORT:
			hang_up(c);
			return;
		}
	}
}

/* Who goes because of us, and not of himself, is worth a line. */
static void
note_close(struct connection *c)
{
	const struct subscriber *subscriber = &c->subscriber;

	if (c->noted || subscriber->close_code != CLOSE_TRY_AGAIN)
		return;
	c->noted = true;
	log_info("closing a connection of %s: %s",
		subscriber->spelling->path, subscriber->close_reason);
}

void
sockets_serve(struct streamd *streamd)
{
	struct subscriber *subscriber;

	while ((subscriber = hub_ready(streamd->hub)) != NULL) {
		note_close(subscriber->transport);
		serve(subscriber->transport);
	}
}

/* ---- Reading ----------------------------------------------------------- */

/* Add LENGTH bytes to the message; false when it has become too long. */
static bool
collect(struct connection *c, const char *text, size_t length)
{
	char *grown;

	if (c->said_length + length > SAID_BYTES_MAX)
		return false;
	grown = realloc(c->said, c->said_length + length);
	if (!grown && c->said_length + length > 0)
		abort();
	if (length > 0)
		memcpy(grown + c->said_length, text, length);
	c->said = grown;
	c->said_length += length;
	return true;
}

static void
forget_said(struct connection *c)
{
	free(c->said);
	c->said = NULL;
	c->said_length = 0;
}

static void
on_receive(struct connection *c, const char *text, size_t length)
{
	struct subscriber *subscriber = &c->subscriber;
	bool last = lws_is_final_fragment(c->wsi) &&
		    lws_remaining_packet_payload(c->wsi) == 0;

	if (lws_frame_is_binary(c->wsi)) {
		subscriber_close(subscriber, CLOSE_UNSUPPORTED,
			"only text is understood");
	} else if (last && c->said_length == 0 && length <= SAID_BYTES_MAX) {
		hub_said(subscriber, text, length);
	} else if (!collect(c, text, length)) {
		forget_said(c);
		subscriber_close(subscriber, CLOSE_TOO_BIG,
			"a message is longer than 4096 bytes");
	} else if (last) {
		hub_said(subscriber, c->said, c->said_length);
		forget_said(c);
	} else {
		hub_heard(subscriber);
	}
}

/* ---- Coming and going -------------------------------------------------- */

static int
on_upgrade(struct streamd *streamd, struct lws *wsi)
{
	struct admission admission;
	struct connection *c;

	if (request_admit(streamd, wsi, &admission) != ST_OK)
		return -1;
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->wsi = wsi;
	c->admission = admission;
	lws_set_opaque_user_data(wsi, c);
	return 0;
}

static void
leave(struct connection *c)
{
	if (c->joined)
		hub_leave(&c->subscriber);
	c->joined = false;
}

static int
on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user,
	void *in, size_t length)
{
	struct streamd *streamd = streamd_of(wsi);
	struct connection *c = lws_get_opaque_user_data(wsi);

	(void)user;
	/* Only what follows is of interest; the rest is left as it is. */
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		streamd_time(streamd);
		return on_upgrade(streamd, wsi);
	case LWS_CALLBACK_HTTP:
		streamd_time(streamd);
		request_refuse(streamd, wsi);
		return -1;
	case LWS_CALLBACK_ESTABLISHED:
		streamd_time(streamd);
		c->joined = true;
		hub_join(streamd->hub, &c->admission, c, &c->subscriber);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		if (c && c->joined)
			serve(c);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		streamd_time(streamd);
		if (c && c->joined)
			on_receive(c, in, length);
		return 0;
	case LWS_CALLBACK_RECEIVE_PONG:
		streamd_time(streamd);
		if (c && c->joined)
			hub_heard(&c->subscriber);
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		/* An answer to ours ends it; else it is answered for us. */
		return c && c->subscriber.leave_taken ? -1 : 0;
	case LWS_CALLBACK_CLOSED:
		if (c)
			leave(c);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (c) {
			leave(c);
			forget_said(c);
			free(c);
			lws_set_opaque_user_data(wsi, NULL);
		}
		return 0;
	case LWS_CALLBACK_RAW_ADOPT: /* CONNECT would make it a pipe */
	case LWS_CALLBACK_RAW_RX:
		return -1;
	default:
		return 0;
	}
}

/* ---- Listening --------------------------------------------------------- */

/* A listening socket at PATH, or -1 with the reason logged. */
static int
listen_at(const char *path)
{
	int fd = unix_listen(path, SOMAXCONN, SOCK_NONBLOCK);

	if (fd < 0 && errno == EADDRINUSE)
		log_error("another program listens at %s", path);
	else if (fd < 0)
		log_error("%s: %s", path, strerror(errno));
	return fd;
}

/*
 * Take connections, a few a turn.  libwebsockets gives each a timer until its
 * request has been read, which nginx has sent with it; so with the turn's few
 * the list of timers stays short, when after a restart everybody comes back at
 * once.
 */
static void
on_knock(uv_poll_t *poll, int status, int events)
{
	struct streamd *streamd = poll->data;
	unsigned i;
	int fd;

	(void)status;
	(void)events;
	for (i = 0; i < ACCEPTS_A_TURN; i++) {
		fd = accept4(streamd->listener, NULL, NULL,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			lws_adopt_socket_vhost(streamd->vhost, fd);
			continue;
		}
		if (errno != EMFILE && errno != ENFILE)
			return;
		/* They wait, and we are not told of them over and over. */
		log_warn("no more descriptors for connections");
		uv_poll_stop(poll);
		streamd->deaf = true;
		return;
	}
}

void
sockets_listen_again(struct streamd *streamd)
{
	if (!streamd->deaf || streamd->stopping)
		return;
	streamd->deaf = false;
	uv_poll_start(&streamd->knocks, UV_READABLE, on_knock);
}

static bool
start_listening(struct streamd *streamd)
{
	streamd->listener =
		listen_at(conf_text(streamd->conf, CONF_SOCKETS_STREAMD));
	if (streamd->listener < 0)
		return false;
	uv_poll_init(&streamd->loop, &streamd->knocks, streamd->listener);
	streamd->knocks.data = streamd;
	uv_poll_start(&streamd->knocks, UV_READABLE, on_knock);
	return true;
}

void
sockets_stop_listening(struct streamd *streamd)
{
	if (streamd->listener < 0)
		return;
	uv_close((uv_handle_t *)&streamd->knocks, NULL);
	close(streamd->listener);
	unlink(conf_text(streamd->conf, CONF_SOCKETS_STREAMD));
	streamd->listener = -1;
}

/* ---- libwebsockets ----------------------------------------------------- */

/* Its warnings are about clients, who could fill our log. */
static void
on_log(int level, const char *line)
{
	(void)level;
	log_error("libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

static const struct lws_protocols protocols[] = {
	{.name = "",
		.callback = on_event,
		.rx_buffer_size = READ_BYTES,
		.tx_packet_size = PIECE_BYTES + FRAME_HEAD_MAX},
	{.name = NULL},
};

/* Its pings and time-outs are the hub's affair. */
static const lws_retry_bo_t no_keep_alive = {.secs_since_valid_ping = 0};

bool
sockets_open(struct streamd *streamd)
{
	void *loops[] = {&streamd->loop};
	struct lws_context_creation_info info = {
		.options = LWS_SERVER_OPTION_LIBUV |
			   LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_VALIDATE_UTF8,
		.foreign_loops = loops,
		.user = streamd,
		.gid = -1,
		.uid = -1,
		.max_http_header_data2 = REQUEST_BYTES,
		.protocols = protocols,
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.retry_and_idle_policy = &no_keep_alive,
		.vhost_name = "streamd",
		.timeout_secs = 10,
	};

	lws_set_log_level(LLL_ERR, on_log);
	streamd->lws = lws_create_context(&info);
	if (!streamd->lws)
		return false;
	streamd->vhost = lws_create_vhost(streamd->lws, &info);
	return streamd->vhost && start_listening(streamd);
}

void
sockets_close(struct streamd *streamd)
{
	sockets_stop_listening(streamd);
	if (streamd->lws)
		lws_context_destroy(streamd->lws);
	streamd->lws = NULL;
}

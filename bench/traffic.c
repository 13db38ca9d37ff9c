/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * traffic.c - one thread, a few connections, a window of commands on each.
 */
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/decimal.h"
#include "wire/command.h"
#include "wire/event.h"
#include "wire/ids.h"
#include "wire/record.h"
#include "wire/refusal.h"

#define IN_BYTES ((size_t)1024 * 1024)
#define OUT_BYTES ((size_t)256 * 1024)
#define LIVE_MAX 10000
#define LIVE_ROOM (4 * LIVE_MAX)
#define GRAIN 10000 /* tick and lot; their product is one unit of money */
#define MID_TICKS 1000000
#define NEAR 50

struct request {
	struct frame frame;
	struct command_envelope who;
	char command[FRAME_REQUEST_MAX];
};

static uint64_t
random_below(struct traffic *traffic, uint64_t bound)
{
	uint64_t z = traffic->state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (uint64_t)((unsigned __int128)(z ^ z >> 31) * bound >> 64);
}

static void
put(struct traffic *traffic, struct traffic_connection *c, const void *command)
{
	const struct message *head = command;
	struct frame frame = {
		.length = (uint32_t)(sizeof(struct frame) +
			sizeof(struct command_envelope) + head->size),
		.type = FRAME_COMMAND,
		.tag = ++traffic->tag,
	};
	static const struct command_envelope nobody;
	char *to = c->out + c->out_to;

	memcpy(to, &frame, sizeof(frame));
	memcpy(to + sizeof(frame), &nobody, sizeof(nobody));
	memcpy(to + sizeof(frame) + sizeof(nobody), command, head->size);
	c->out_to += frame.length;
	c->under_way++;
}

/* ---- What is live -------------------------------------------------------- */

static void
add_live(struct traffic *traffic, struct ident id)
{
	struct order_name name;

	if (traffic->n_live == LIVE_ROOM || !order_ident_split(id, &name))
		return;
	traffic->live[traffic->n_live] =
		(struct live_order){id, name.user, name.slot};
	traffic->place_of_slot[name.slot] = ++traffic->n_live;
}

static void
remove_live(struct traffic *traffic, uint32_t slot)
{
	uint32_t place = traffic->place_of_slot[slot];
	struct live_order *last = &traffic->live[traffic->n_live - 1];

	if (place == 0)
		return;
	traffic->live[place - 1] = *last;
	traffic->place_of_slot[last->slot] = place;
	traffic->place_of_slot[slot] = 0;
	traffic->n_live--;
}

static void
remove_ident(struct traffic *traffic, struct ident id)
{
	struct order_name name;

	if (order_ident_split(id, &name) &&
		traffic->place_of_slot[name.slot] != 0 &&
		ident_equal(traffic->live[traffic->place_of_slot[name.slot] - 1]
				    .id,
			id))
		remove_live(traffic, name.slot);
}

/* ---- Sending ------------------------------------------------------------- */

static void
put_cancel(struct traffic *traffic, struct traffic_connection *c)
{
	struct live_order *order =
		&traffic->live[random_below(traffic, traffic->n_live)];
	struct cmd_order_cancel cancel = {
		.head = {ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL, order->user},
		.order = order->id,
	};

	remove_live(traffic, order->slot);
	put(traffic, c, &cancel);
}

static void
put_order(struct traffic *traffic, struct traffic_connection *c, bool through)
{
	uint8_t side = (uint8_t)random_below(traffic, 2);
	int64_t far = 1 + (int64_t)random_below(traffic, NEAR);
	struct cmd_order_place place = {
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE,
			1 + traffic->next_user++ % TRAFFIC_USERS},
		.side = side,
		.tif = through ? TIF_IOC : TIF_GTC,
		.stp = STP_NONE,
		.quantity = GRAIN * (1 + (int64_t)random_below(traffic, 100)),
	};

	traffic->mid += (int64_t)random_below(traffic, 3) - 1;
	/* Below the mid to rest as a bid, above it to go through the asks. */
	place.price = GRAIN * (traffic->mid +
		((side == SIDE_BUY) == through ? far : -far));
	put(traffic, c, &place);
}

static void
put_next(struct traffic *traffic, struct traffic_connection *c)
{
	uint64_t dice = random_below(traffic, 10);

	if (traffic->n_live < LIVE_MAX / 2)
		put_order(traffic, c, false);
	else if (traffic->n_live > LIVE_MAX || (dice >= 5 && dice < 9))
		put_cancel(traffic, c);
	else
		put_order(traffic, c, dice == 9);
}

static bool
send_some(struct traffic_connection *c)
{
	ssize_t n;

	if (c->out_from == c->out_to)
		return true;
	n = send(c->fd, c->out + c->out_from, c->out_to - c->out_from,
		MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->out_from += (size_t)n;
	if (c->out_from == c->out_to)
		c->out_from = c->out_to = 0;
	return true;
}

/* ---- Answers ------------------------------------------------------------- */

static void
take_record(struct traffic *traffic, const struct record *record)
{
	const struct message *event = record_events(record);
	struct ident opened = IDENT_NONE;
	uint32_t i;

	for (i = 0; i < record->n_events; i++, event = message_next(event)) {
		const struct ev_order_opened *o = (const void *)event;
		const struct ev_order_closed *c = (const void *)event;

		if (event->type == EV_ORDER_OPENED) {
			opened = o->order;
		} else if (event->type == EV_TRADE) {
			traffic->trades++;
		} else if (event->type == EV_ORDER_CLOSED) {
			if (ident_equal(c->order, opened))
				opened = IDENT_NONE;
			else
				remove_ident(traffic, c->order);
		}
	}
	if (!ident_is_none(opened))
		add_live(traffic, opened);
}

static void
take_answer(struct traffic *traffic, const struct frame *frame)
{
	traffic->answers++;
	if (frame->type == FRAME_DONE) {
		take_record(traffic,
			(const void *)((const struct answer_done *)(frame + 1) +
				1));
		return;
	}
	/* What is cancelled may have traded since. */
	if (frame->refusal == REFUSED_ORDER_ENDED)
		return;
	traffic->refused++;
	traffic->last_refusal = frame->refusal;
}

static bool
receive_some(struct traffic *traffic, struct traffic_connection *c, int flags)
{
	ssize_t n = recv(c->fd, c->in + c->in_to, IN_BYTES - c->in_to, flags);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->in_to += (size_t)n;
	while (c->in_to - c->in_from >= sizeof(struct frame)) {
		const struct frame *frame = (const void *)(c->in + c->in_from);

		if (c->in_to - c->in_from < frame->length)
			break;
		take_answer(traffic, frame);
		c->under_way--;
		c->in_from += frame->length;
	}
	if (c->in_from == c->in_to) {
		c->in_from = c->in_to = 0;
	} else if (c->in_from > IN_BYTES / 2) {
		memmove(c->in, c->in + c->in_from, c->in_to - c->in_from);
		c->in_to -= c->in_from;
		c->in_from = 0;
	}
	return true;
}

/* ---- Running ------------------------------------------------------------- */

static void
fill_window(struct traffic *traffic, struct traffic_connection *c)
{
	/* Not a command at a time: a write should be worth its while. */
	if (c->out_to != 0 || c->under_way > traffic->window * 3 / 4)
		return;
	while (c->under_way < traffic->window &&
		c->out_to + sizeof(struct request) <= OUT_BYTES)
		put_next(traffic, c);
}

static bool
turn(struct traffic *traffic, bool more)
{
	struct pollfd fds[TRAFFIC_CONNECTIONS_MAX];
	unsigned i;

	for (i = 0; i < traffic->n; i++) {
		struct traffic_connection *c = &traffic->connections[i];

		if (more)
			fill_window(traffic, c);
		if (!send_some(c))
			return false;
		fds[i] = (struct pollfd){c->fd,
			(short)(POLLIN | (c->out_to > 0 ? POLLOUT : 0)), 0};
	}
	if (poll(fds, traffic->n, 5000) <= 0)
		return false;
	for (i = 0; i < traffic->n; i++)
		if ((fds[i].revents & (POLLIN | POLLHUP)) &&
			!receive_some(traffic, &traffic->connections[i],
				MSG_DONTWAIT))
			return false;
	return true;
}

static unsigned
under_way(const struct traffic *traffic)
{
	unsigned i, sum = 0;

	for (i = 0; i < traffic->n; i++)
		sum += traffic->connections[i].under_way;
	return sum;
}

bool
traffic_run(struct traffic *traffic, double seconds)
{
	int64_t end_us = clock_monotonic_us() + (int64_t)(seconds * 1e6);

	while (clock_monotonic_us() < end_us)
		if (!turn(traffic, true))
			return false;
	while (under_way(traffic) > 0)
		if (!turn(traffic, false))
			return false;
	return true;
}

/* Send what is put, and wait for all answers. */
static bool
finish(struct traffic *traffic, struct traffic_connection *c)
{
	while (c->under_way > 0)
		if (!send_some(c) || !receive_some(traffic, c, 0))
			return false;
	return true;
}

bool
traffic_blocking(struct traffic *traffic, unsigned n, int64_t *times_us)
{
	struct traffic_connection *c = &traffic->connections[0];
	unsigned i;

	for (i = 0; i < n; i++) {
		int64_t begun_us = clock_monotonic_us();

		put_next(traffic, c);
		if (!finish(traffic, c))
			return false;
		times_us[i] = clock_monotonic_us() - begun_us;
	}
	return true;
}

/* ---- Opening ------------------------------------------------------------- */

static int
connect_to(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool
traffic_open(struct traffic *traffic, const char *socket_path, unsigned n,
	unsigned window)
{
	unsigned i;

	if (!traffic->live) {
		traffic->live = calloc(LIVE_ROOM, sizeof(*traffic->live));
		traffic->place_of_slot = calloc((size_t)SLOT_MAX + 1,
			sizeof(*traffic->place_of_slot));
		traffic->mid = MID_TICKS;
	}
	traffic->n = n;
	traffic->window = window;
	for (i = 0; i < n; i++) {
		struct traffic_connection *c = &traffic->connections[i];

		*c = (struct traffic_connection){.fd = connect_to(socket_path)};
		c->in = aligned_alloc(64, IN_BYTES);
		c->out = aligned_alloc(64, OUT_BYTES);
		if (c->fd < 0 || !c->in || !c->out)
			return false;
	}
	return traffic->live && traffic->place_of_slot;
}

void
traffic_close(struct traffic *traffic)
{
	unsigned i;

	for (i = 0; i < traffic->n; i++) {
		close(traffic->connections[i].fd);
		free(traffic->connections[i].in);
		free(traffic->connections[i].out);
	}
	traffic->n = 0;
}

#define HEAD(symbol, type, user) {sizeof(struct type), CMD_##symbol, user}

bool
traffic_make_market(const char *socket_path)
{
	static struct traffic traffic;
	struct traffic_connection *c = &traffic.connections[0];
	struct cmd_asset_set asset = {
		.head = HEAD(ASSET_SET, cmd_asset_set, 0)};
	struct cmd_instrument_set set = {
		.head = HEAD(INSTRUMENT_SET, cmd_instrument_set, 0),
		.terms = {.base = 1,
			.symbol = "B/Q",
			.tick = GRAIN,
			.lot = GRAIN,
			.maker_rate = 1000,
			.taker_rate = 2000,
			.collar = 50000},
	};
	uint32_t user;

	if (!traffic_open(&traffic, socket_path, 1, 1))
		return false;
	memcpy(asset.code, "Q", 2);
	put(&traffic, c, &asset);
	asset.asset = 1;
	memcpy(asset.code, "B", 2);
	put(&traffic, c, &asset);
	put(&traffic, c, &set);
	for (user = 1; user <= TRAFFIC_USERS; user++) {
		struct cmd_user_create create = {
			.head = HEAD(USER_CREATE, cmd_user_create, user)};
		struct cmd_deposit deposit = {
			.head = HEAD(DEPOSIT, cmd_deposit, user),
			.amount = INT64_MAX / TRAFFIC_USERS / 2};

		put(&traffic, c, &create);
		put(&traffic, c, &deposit);
		deposit.asset = 1;
		put(&traffic, c, &deposit);
	}
	if (!finish(&traffic, c))
		return false;
	traffic_close(&traffic);
	return traffic.refused == 0;
}

bool
traffic_stats(const char *socket_path, struct stats_answer *out)
{
	struct frame ask = {.length = sizeof(ask), .type = FRAME_STATS};
	struct {
		struct frame frame;
		struct stats_answer stats;
	} answer;
	int fd = connect_to(socket_path);
	bool good = fd >= 0 &&
		send(fd, &ask, sizeof(ask), MSG_NOSIGNAL) == sizeof(ask) &&
		recv(fd, &answer, sizeof(answer), MSG_WAITALL) ==
			sizeof(answer);

	if (fd >= 0)
		close(fd);
	if (good)
		*out = answer.stats;
	return good;
}

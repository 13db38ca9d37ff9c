/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * replay.c - messages into commands, a window of them under way.
 *
 * Orders are found by LOBSTER's id through a hash table (linear probing, never
 * emptied), and by the matcher's id through its slot.
 */
#include "work/replay.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "wire/ids.h"

#define PATIENCE_US (30 * INT64_C(1000000))
#define NOBODY UINT32_MAX

enum life { LIFE_PENDING, LIFE_OPEN, LIFE_ENDED };

struct flow_order {
	uint64_t lobster;
	struct ident id; /* once open */
	int64_t total;   /* sizes that were cancelled taken off */
	unsigned maker;
	uint8_t life;
};

/* What an answer is an answer to. */
struct question {
	uint16_t type;  /* of the command */
	uint32_t order; /* index, or NOBODY of a taker's */
	int64_t size;   /* of a taker's, in units */
};

struct replay {
	const struct replay_options *options;
	struct replay_figures figures;
	struct flow_order *orders;
	uint32_t n_orders, orders_room;
	uint32_t *index; /* order + 1 by hash; 0: free */
	uint32_t index_mask;
	uint32_t *slots; /* order + 1 by slot of the matcher's id */
	uint32_t slots_room;
	unsigned *open; /* orders of each maker, pending ones included */
	unsigned next_taker;
	struct question *ring; /* unanswered, oldest first */
	unsigned first, waiting;
};

static void *
must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct replay *
replay_new(const struct replay_options *options)
{
	struct replay *replay = must(calloc(1, sizeof(*replay)));

	assert(options->n_makers > 0 && options->n_takers > 0 &&
		options->window > 0);
	replay->options = options;
	replay->index_mask = 0xffff;
	replay->index = must(calloc((size_t)replay->index_mask + 1,
		sizeof(*replay->index)));
	replay->open = must(calloc(options->n_makers, sizeof(*replay->open)));
	replay->ring = must(calloc(options->window, sizeof(*replay->ring)));
	return replay;
}

void
replay_free(struct replay *replay)
{
	if (!replay)
		return;
	free(replay->orders);
	free(replay->index);
	free(replay->slots);
	free(replay->open);
	free(replay->ring);
	free(replay);
}

const struct replay_figures *
replay_figures(const struct replay *replay)
{
	return &replay->figures;
}

/* ---- Finding orders ------------------------------------------------------ */

/* The place of ID in the index: where it is, or where it would be. */
static uint32_t
place_of(const struct replay *replay, uint64_t id)
{
	uint32_t at = (uint32_t)(id * UINT64_C(0x9E3779B97F4A7C15) >> 32) &
		replay->index_mask;

	while (replay->index[at] != 0 &&
		replay->orders[replay->index[at] - 1].lobster != id)
		at = (at + 1) & replay->index_mask;
	return at;
}

/* NOBODY when no message 1 has had ID. */
static uint32_t
find_order(const struct replay *replay, uint64_t id)
{
	return replay->index[place_of(replay, id)] - 1;
}

static void
grow_index(struct replay *replay)
{
	uint32_t i;

	free(replay->index);
	replay->index_mask = replay->index_mask * 2 + 1;
	replay->index = must(calloc((size_t)replay->index_mask + 1,
		sizeof(*replay->index)));
	for (i = 0; i < replay->n_orders; i++)
		replay->index[place_of(replay, replay->orders[i].lobster)] =
			i + 1;
}

static uint32_t
add_order(struct replay *replay, const struct flow_order *order)
{
	uint32_t n = replay->n_orders;

	if (n == replay->orders_room) {
		replay->orders_room = n ? 2 * n : 65536;
		replay->orders = must(reallocarray(replay->orders,
			replay->orders_room, sizeof(*replay->orders)));
	}
	replay->orders[n] = *order;
	replay->n_orders++;
	if (n > replay->index_mask / 2)
		grow_index(replay);
	else
		replay->index[place_of(replay, order->lobster)] = n + 1;
	return n;
}

static void
note_slot(struct replay *replay, uint32_t order, struct ident id)
{
	struct order_name name;
	uint32_t room = replay->slots_room ? replay->slots_room : 65536;

	if (!order_ident_split(id, &name))
		return;
	while (room <= name.slot)
		room *= 2;
	if (room != replay->slots_room) {
		replay->slots = must(reallocarray(replay->slots, room,
			sizeof(*replay->slots)));
		memset(replay->slots + replay->slots_room, 0,
			(room - replay->slots_room) * sizeof(*replay->slots));
		replay->slots_room = room;
	}
	replay->slots[name.slot] = order + 1;
}

/* The order of that id of the matcher's; NULL: none of ours that rests. */
static struct flow_order *
order_named(struct replay *replay, struct ident id)
{
	struct order_name name;
	struct flow_order *order;

	if (!order_ident_split(id, &name) || name.slot >= replay->slots_room ||
		replay->slots[name.slot] == 0)
		return NULL;
	order = &replay->orders[replay->slots[name.slot] - 1];
	return order->life == LIFE_OPEN && ident_equal(order->id, id) ? order
								      : NULL;
}

static void
end_order(struct replay *replay, struct flow_order *order)
{
	if (order->life == LIFE_ENDED)
		return;
	order->life = LIFE_ENDED;
	replay->open[order->maker]--;
}

/* ---- Answers ------------------------------------------------------------- */

static void
take_event(struct replay *replay, const struct message *event)
{
	const struct ev_trade *trade = (const void *)event;
	const struct ev_order_closed *closed = (const void *)event;
	struct flow_order *order;

	if (event->type == EV_TRADE) {
		replay->figures.trades++;
		replay->figures.volume += trade->quantity;
	} else if (event->type == EV_ORDER_CLOSED) {
		replay->figures.self_trades +=
			closed->reason == CLOSE_SELF_TRADE;
		order = order_named(replay, closed->order);
		if (order)
			end_order(replay, order);
	}
}

static void
take_record(struct replay *replay, const struct question *question,
	const struct record *record)
{
	const struct message *event = core_event(record, NULL);
	int64_t filled = 0;

	if (question->type == CMD_ORDER_PLACE && question->order != NOBODY) {
		struct flow_order *order = &replay->orders[question->order];

		order->id = ((const struct ev_order_opened *)event)->order;
		order->life = LIFE_OPEN;
		note_slot(replay, question->order, order->id);
	}
	for (; event; event = core_event(record, event)) {
		if (event->type == EV_TRADE)
			filled += ((const struct ev_trade *)event)->quantity;
		take_event(replay, event);
	}
	if (question->order == NOBODY && filled < question->size)
		replay->figures.unfilled++;
}

static void
take_refusal(struct replay *replay, const struct question *question,
	unsigned refusal)
{
	bool of_known = question->order != NOBODY;

	if (of_known && (refusal == REFUSED_ORDER_ENDED ||
				refusal == REFUSED_UNKNOWN_ORDER)) {
		replay->figures.ended++;
		end_order(replay, &replay->orders[question->order]);
		return;
	}
	if (of_known && question->type == CMD_ORDER_PLACE)
		end_order(replay, &replay->orders[question->order]);
	replay->figures.refused++;
	replay->figures.last_refusal = refusal;
}

static void
count_done(struct replay_figures *figures, const struct question *question)
{
	if (question->type == CMD_ORDER_AMEND)
		figures->amended++;
	else if (question->type == CMD_ORDER_CANCEL)
		figures->cancelled++;
	else if (question->order == NOBODY)
		figures->taken++;
	else
		figures->placed++;
}

/* Take answers until at most LEFT are awaited. */
static enum status
receive(struct replay *replay, unsigned left)
{
	struct core_reply reply;

	if (replay->waiting <= left)
		return ST_OK;
	TRY(core_flush(replay->options->core));
	while (replay->waiting > left) {
		const struct question *question = &replay->ring[replay->first];

		TRY(core_receive(replay->options->core, PATIENCE_US, &reply));
		replay->first = (replay->first + 1) % replay->options->window;
		replay->waiting--;
		if (reply.refusal != REFUSED_NONE) {
			take_refusal(replay, question, reply.refusal);
			continue;
		}
		count_done(&replay->figures, question);
		take_record(replay, question, reply.record);
	}
	return ST_OK;
}

enum status
replay_settle(struct replay *replay)
{
	return receive(replay, 0);
}

static enum status
ask(struct replay *replay, const struct message *command,
	const struct question *question)
{
	static const struct command_envelope nobody = {.not_after_us = 0};
	unsigned window = replay->options->window, at;

	/* Half a window is under way while the other half is answered. */
	if (replay->waiting == window)
		TRY(receive(replay, window / 2));
	at = (replay->first + replay->waiting) % window;
	replay->ring[at] = *question;
	replay->waiting++;
	return core_send(replay->options->core, &nobody, command);
}

/* ---- Messages ------------------------------------------------------------ */

enum status
replay_clear(struct replay *replay)
{
	const struct replay_options *options = replay->options;
	struct question question = {CMD_ORDER_CANCEL_ALL, NOBODY, 0};
	unsigned i;

	for (i = 0; i < options->n_makers + options->n_takers; i++) {
		struct cmd_order_cancel_all clear = {
			.head = CORE_COMMAND(ORDER_CANCEL_ALL,
				cmd_order_cancel_all,
				i < options->n_makers
					? options->makers[i]
					: options->takers[i -
						  options->n_makers]),
			.instrument = options->instrument,
			.side = SIDE_BOTH,
		};

		TRY(ask(replay, &clear.head, &question));
	}
	TRY(replay_settle(replay));
	replay->figures = (struct replay_figures){0};
	return ST_OK;
}

static unsigned
least_busy(const struct replay *replay)
{
	unsigned i, best = 0;

	for (i = 1; i < replay->options->n_makers; i++)
		if (replay->open[i] < replay->open[best])
			best = i;
	return best;
}

static enum status
play_new(struct replay *replay, const struct lobster_message *message)
{
	const struct replay_options *options = replay->options;
	struct flow_order order = {.lobster = message->order,
		.total = message->size * options->lot,
		.maker = least_busy(replay),
		.life = LIFE_PENDING};
	struct cmd_order_place place = {
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE,
			options->makers[order.maker]},
		.instrument = options->instrument,
		.side = message->side,
		.price = message->price * REPLAY_PRICE_UNITS,
		.quantity = order.total,
	};
	struct question question = {.type = CMD_ORDER_PLACE};

	/* An id that was had before would make the first one unreachable. */
	if (find_order(replay, message->order) != NOBODY) {
		replay->figures.ended++;
		return ST_OK;
	}
	replay->open[order.maker]++;
	question.order = add_order(replay, &order);
	return ask(replay, &place.head, &question);
}

static enum status
play_execution(struct replay *replay, const struct lobster_message *message)
{
	const struct replay_options *options = replay->options;
	struct question question = {CMD_ORDER_PLACE, NOBODY,
		message->size * options->lot};
	struct cmd_order_place place = {
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE,
			options->takers[replay->next_taker]},
		.instrument = options->instrument,
		.side = message->side == SIDE_BUY ? SIDE_SELL : SIDE_BUY,
		.tif = TIF_IOC,
		.price = message->price * REPLAY_PRICE_UNITS,
		.quantity = question.size,
	};

	replay->next_taker = (replay->next_taker + 1) % options->n_takers;
	return ask(replay, &place.head, &question);
}

/* Of a known order that has not ended: cancel it, or a part of it. */
static enum status
play_change(struct replay *replay, const struct lobster_message *message,
	uint32_t index)
{
	struct flow_order *order = &replay->orders[index];
	uint32_t user = replay->options->makers[order->maker];
	struct question question = {CMD_ORDER_CANCEL, index, 0};
	struct cmd_order_cancel cancel = {
		.head = {ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL, user},
		.order = order->id,
	};
	struct cmd_order_amend amend = {
		.head = CORE_COMMAND(ORDER_AMEND, cmd_order_amend, user),
		.order = order->id,
	};

	if (message->type == LOBSTER_PARTIAL) {
		order->total -= message->size * replay->options->lot;
		amend.quantity = order->total;
	}
	/* A total of 0 would mean "as it is". */
	if (message->type == LOBSTER_DELETE || order->total <= 0)
		return ask(replay, &cancel.head, &question);
	question.type = CMD_ORDER_AMEND;
	return ask(replay, &amend.head, &question);
}

static enum status
play_known(struct replay *replay, const struct lobster_message *message)
{
	uint32_t index = find_order(replay, message->order);

	if (index == NOBODY) {
		replay->figures.before++;
		return ST_OK;
	}
	if (message->type == LOBSTER_EXECUTE)
		return play_execution(replay, message);
	while (replay->orders[index].life == LIFE_PENDING)
		TRY(receive(replay, replay->waiting - 1));
	if (replay->orders[index].life == LIFE_ENDED) {
		replay->figures.ended++;
		return ST_OK;
	}
	return play_change(replay, message, index);
}

enum status
replay_play(struct replay *replay, const struct lobster_message *message)
{
	replay->figures.messages++;
	if (message->type >= LOBSTER_HIDDEN) {
		replay->figures.hidden++;
		return ST_OK;
	}
	if (message->price * REPLAY_PRICE_UNITS % replay->options->tick != 0) {
		replay->figures.off_tick++;
		return ST_OK;
	}
	if (message->type == LOBSTER_NEW)
		return play_new(replay, message);
	return play_known(replay, message);
}

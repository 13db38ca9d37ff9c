/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * timer.c - dead-man switches: a binary heap of users by (due, number), each
 * of whom knows his place in it.
 */
#include "engine/orders.h"

static bool
before(const struct timer *a, const struct timer *b)
{
	return a->due_us < b->due_us ||
		(a->due_us == b->due_us && a->user < b->user);
}

static void
put(struct engine *engine, uint32_t at, struct timer timer)
{
	engine->timers[at] = timer;
	engine->users[timer.user].timer = at;
}

/* TIMER belongs at AT, or above, or below it. */
static void
settle_at(struct engine *engine, uint32_t at, struct timer timer)
{
	struct timer *heap = engine->timers;
	uint32_t count = engine->state->timers_count, child;

	for (; at > 1 && before(&timer, &heap[at / 2]); at /= 2)
		put(engine, at, heap[at / 2]);
	for (;;) {
		child = at * 2;
		if (child + 1 <= count && before(&heap[child + 1], &heap[child]))
			child++;
		if (child > count || !before(&heap[child], &timer))
			break;
		put(engine, at, heap[child]);
		at = child;
	}
	put(engine, at, timer);
}

static void
switch_off(struct engine *engine, struct user *user)
{
	uint32_t at = user->timer;
	struct timer last;

	if (at == NONE)
		return;
	user->timer = NONE;
	last = engine->timers[engine->state->timers_count--];
	if (at <= engine->state->timers_count)
		settle_at(engine, at, last);
}

static void
emit_cancel_after(struct engine *engine, uint32_t user, int64_t due_us)
{
	struct ev_cancel_after *ev =
		emit(engine, EV_CANCEL_AFTER, sizeof(*ev), user);

	ev->due_us = due_us;
}

enum refusal
apply_cancel_after(struct engine *engine, const struct cmd_cancel_after *cmd)
{
	struct user *user = user_find(engine, cmd->head.user);
	struct timer timer = {
		.due_us = engine->now_us + cmd->after_us,
		.user = cmd->head.user,
	};

	if (!user)
		return REFUSED_UNKNOWN_USER;
	if (cmd->after_us < 0 || cmd->after_us > CANCEL_AFTER_MAX_US)
		return REFUSED_BAD_AMOUNT;
	if (cmd->after_us == 0) {
		switch_off(engine, user);
		timer.due_us = 0;
	} else {
		settle_at(engine,
			user->timer != NONE ? user->timer
					    : ++engine->state->timers_count,
			timer);
	}
	emit_cancel_after(engine, cmd->head.user, timer.due_us);
	return REFUSED_NONE;
}

int64_t
timer_due_us(const struct engine *engine)
{
	return engine->state->timers_count > 0 ? engine->timers[1].due_us
					       : INT64_MAX;
}

void
timer_fire(struct engine *engine)
{
	uint32_t number = engine->timers[1].user;
	struct user *user = &engine->users[number];

	switch_off(engine, user);
	emit_cancel_after(engine, number, 0);
	user->last_seq = engine->seq;
	cancel_all(engine, user, INSTRUMENT_ANY, SIDE_BOTH, CLOSE_DEADLINE);
}

bool
timers_sound(const struct engine *engine)
{
	uint32_t i;

	for (i = 1; i <= engine->state->timers_count; i++)
		if (engine->users[engine->timers[i].user].timer != i ||
			(i > 1 && before(&engine->timers[i],
					  &engine->timers[i / 2])))
			return false;
	return true;
}

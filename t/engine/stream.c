/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream.c - commands from dice.
 */
#include "stream.h"

#include "base/decimal.h"

#define MS INT64_C(1000)
#define HOUR (INT64_C(3600) * 1000 * MS)

/* ---- Dice ---------------------------------------------------------------- */

struct dice
dice_seeded(uint64_t seed)
{
	return (struct dice){.state = seed};
}

struct dice
dice_given(const uint8_t *bytes, size_t length)
{
	static const uint8_t none;

	return (struct dice){
		.bytes = bytes ? bytes : &none,
		.left = length,
	};
}

bool
dice_over(const struct dice *d)
{
	return d->bytes && d->left == 0;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t
generate(struct dice *d)
{
	uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
roll(struct dice *d, uint64_t n)
{
	uint64_t number = 0;
	size_t want = n <= 256 ? 1 : n <= 65536 ? 2 : 8;

	if (!d->bytes)
		return generate(d) % n;
	for (; want > 0 && d->left > 0; want--, d->left--)
		number = number << 8 | *d->bytes++;
	return number % n;
}

bool
chance(struct dice *d, uint64_t one)
{
	/* The last, so that dice that are over choose what is common. */
	return roll(d, one) == one - 1;
}

/* ---- Parts of commands --------------------------------------------------- */

int64_t
stream_hostile(struct stream *s, int64_t near)
{
	static const int64_t values[] = {0, -1, 1, INT64_MAX, INT64_MIN,
		INT64_MAX - 1, -INT64_MAX, INT64_MAX / 2, INT64_MAX / 2 + 1,
		100000000, 4611686018400000000};
	uint64_t i = roll(&s->dice, N_ELEMENTS(values) + 6);

	if (i < N_ELEMENTS(values))
		return values[i];
	if (i == N_ELEMENTS(values))
		return (int64_t)roll(&s->dice, UINT64_MAX);
	if (i == N_ELEMENTS(values) + 1)
		return (int64_t)-(uint64_t)near;
	if (i == N_ELEMENTS(values) + 2)
		return INT64_MAX - INT64_MAX % (near > 0 ? near : 1);
	return (int64_t)((uint64_t)near + roll(&s->dice, 5) - 2);
}

void
stream_spoil(struct stream *s, void *bytes, size_t size)
{
	uint8_t *at = bytes;

	at += roll(&s->dice, size);
	*at ^= (uint8_t)roll(&s->dice, 256);
}

uint32_t
stream_user(struct stream *s)
{
	if (chance(&s->dice, 100))
		return (uint32_t)roll(&s->dice, UINT64_C(1) << 32);
	if (chance(&s->dice, 100)) {
		uint32_t far = 250 * (uint32_t)roll(&s->dice, 2);

		return far + (uint32_t)roll(&s->dice, STREAM_USERS + 4);
	}
	return 1 + (uint32_t)roll(&s->dice, STREAM_USERS - 1);
}

uint16_t
stream_instrument(struct stream *s)
{
	if (chance(&s->dice, 80))
		return (uint16_t)roll(&s->dice, 65536);
	if (chance(&s->dice, 40))
		return (uint16_t)roll(&s->dice, STREAM_INSTRUMENTS);
	return chance(&s->dice, 5);
}

int64_t
stream_number(struct stream *s, uint64_t most, uint64_t bits)
{
	int64_t number = 1 + (int64_t)roll(&s->dice, most);

	return number << roll(&s->dice, bits);
}

int64_t
stream_amount(struct stream *s)
{
	if (chance(&s->dice, 20))
		return stream_hostile(s, 1000000);
	if (s->rich)
		return INT64_MAX >> roll(&s->dice, 20);
	return stream_number(s, 50, 36);
}

int64_t
stream_value(struct stream *s, uint16_t instrument)
{
	unsigned i = instrument % STREAM_INSTRUMENTS;
	const struct instrument_terms *t = &s->terms[i];
	__int128 unit = (__int128)t->tick * t->lot / DECIMAL_ONE;
	__int128 value = unit * s->middle[i] * (int64_t)(1 + roll(&s->dice, 80));

	value /= (int64_t)(1 + roll(&s->dice, 4));
	return value < INT64_MAX ? (int64_t)value : INT64_MAX;
}

/* ---- The stream ---------------------------------------------------------- */

struct engine_options
stream_options(struct dice *d)
{
	static const uint32_t sizes[] = {1, 2, 3, 5, 8, 40, 200};
#define SIZE(from) sizes[from + roll(d, N_ELEMENTS(sizes) - from)]
	return (struct engine_options){
		.users = 256,
		.orders = chance(d, 5) ? SIZE(3) : SIZE(5),
		.client_ids = SIZE(0),
		.client_ids_user = SIZE(0),
		.intents = SIZE(0),
		.sessions = SIZE(0),
		.withdrawals = SIZE(0),
		.limits = 1024,
		.open_orders_user = SIZE(3),
		.ignore_self_trades = chance(d, 50),
	};
#undef SIZE
}

void
stream_init(struct stream *s, struct dice dice)
{
	unsigned i;

	memset(s, 0, sizeof(*s));
	s->dice = dice;
	s->now = INT64_C(1750000000) * 1000 * MS;
	s->rich = chance(&s->dice, 4);
	s->poor = !s->rich && chance(&s->dice, 3);
	s->deadline_us = INT64_MAX;
	for (i = 0; i < STREAM_INSTRUMENTS; i++) {
		struct instrument_terms *t = &s->terms[i];

		stream_terms(s, t);
		t->instrument = (uint16_t)i;
		t->base = (uint16_t)(1 + i % 2);
		t->quote = t->fee_asset = (uint16_t)(i == 1);
		t->symbol[0] = (char)('a' + i);
		s->middle[i] = 3 + (int64_t)roll(&s->dice, 60);
		if (s->rich && chance(&s->dice, 2))
			s->middle[i] = (INT64_MAX / t->tick) >>
				roll(&s->dice, 40);
	}
}

/* What has to be there first: assets, instruments, users, their money. */
static size_t
set_up(struct stream *s, void *out)
{
	unsigned step = (unsigned)s->step;
	struct cmd_asset_set *asset = out;
	struct cmd_instrument_set *instrument = out;
	struct cmd_user_create *user = out;
	struct cmd_deposit *money = out;

	if (step < 3) {
		asset->head.type = CMD_ASSET_SET;
		asset->asset = (uint16_t)step;
		asset->code[0] = (char)('A' + step);
		if (step == 0 && !chance(&s->dice, 12))
			memcpy(asset->code, "USD", 3);
		return sizeof(*asset);
	}
	step -= 3;
	if (step < 2) {
		instrument->head.type = CMD_INSTRUMENT_SET;
		instrument->terms = s->terms[step];
		return sizeof(*instrument);
	}
	step -= 2;
	if (step < STREAM_USERS - 1) {
		user->head.type = CMD_USER_CREATE;
		user->head.user = 1 + step;
		return sizeof(*user);
	}
	step -= STREAM_USERS - 1;
	if (step >= 3 * (STREAM_USERS - 1))
		return 0;
	money->head.type = CMD_DEPOSIT;
	money->head.user = 1 + step / 3;
	money->asset = (uint16_t)(step % 3);
	money->amount = INT64_MAX >> (s->rich ? 3 + roll(&s->dice, 4)
					      : 15 + roll(&s->dice, 20));
	if (s->poor)
		money->amount = money->asset == 0
			? stream_value(s, 0)
			: (int64_t)(1 + roll(&s->dice, 60)) *
				s->terms[money->asset - 1].lot;
	return sizeof(*money);
}

static size_t
resend(struct stream *s, void *out)
{
	size_t n = s->n_sent;
	const union stream_command *sent;

	if (n == 0)
		return stream_tick(s, out);
	if (n > N_ELEMENTS(s->sent))
		n = N_ELEMENTS(s->sent);
	sent = &s->sent[roll(&s->dice, n)];
	memcpy(out, sent, sizeof(*sent));
	return sent->head.size;
}

static size_t
some_command(struct stream *s, void *out)
{
	uint64_t kind = roll(&s->dice, 100);

	if (s->deadline_us <= s->now && !chance(&s->dice, 6))
		return stream_tick(s, out);
	if (kind < 40)
		return stream_place(s, out);
	if (kind < 52)
		return stream_stop(s, out);
	if (kind < 57)
		return stream_pair(s, out);
	if (kind < 58)
		return stream_cancel_after(s, out);
	if (kind < 65)
		return stream_cancel(s, out);
	if (kind < 76)
		return stream_amend(s, out);
	if (kind < 77)
		return stream_cancel_all(s, out);
	if (kind < 80)
		return resend(s, out);
	return stream_house(s, out);
}

/* Something in it is not as it should be; still well formed. */
static size_t
spoil(struct stream *s, union stream_command *out, size_t size)
{
	struct dice *d = &s->dice;
	size_t least = command_size_min(out->head.type), at;
	int64_t hostile;

	if (chance(d, 3)) { /* a later version's, or an earlier one's */
		size = least + 8 * roll(d, 8);
		for (at = least; chance(d, 2) && at < size; at++)
			out->bytes[at] = (uint8_t)roll(d, 256);
	} else if (size > sizeof(out->head) && chance(d, 2)) {
		at = sizeof(out->head) +
			roll(d, size - sizeof(out->head));
		out->bytes[at] = (uint8_t)roll(d, 256);
	} else if (size > sizeof(out->head)) {
		at = sizeof(out->head) +
			8 * roll(d, (size - sizeof(out->head)) / 8);
		memcpy(&hostile, out->bytes + at, sizeof(hostile));
		hostile = stream_hostile(s, hostile);
		memcpy(out->bytes + at, &hostile, sizeof(hostile));
	} else
		out->head.user = (uint32_t)roll(d, UINT64_C(1) << 32);
	return size;
}

/* Prices wander, so that there is something to follow and to trigger. */
static void
drift(struct stream *s)
{
	struct dice *d = &s->dice;
	int64_t *middle = &s->middle[roll(d, STREAM_INSTRUMENTS)];

	if (!chance(d, 4))
		return;
	if (chance(d, 2) && *middle < INT64_MAX / 2)
		*middle += 1 + (int64_t)roll(d, 3);
	else if (*middle > 8)
		*middle -= 1 + (int64_t)roll(d, 3);
}

void
stream_next(struct stream *s, union stream_command *out, int64_t *time_us)
{
	struct dice *d = &s->dice;
	size_t size;

	memset(out, 0, sizeof(*out));
	size = set_up(s, out);
	if (size == 0) {
		size = some_command(s, out);
		if (chance(d, 24))
			size = spoil(s, out, size);
	}
	out->head.size = (uint16_t)size;
	s->sent[s->n_sent++ % N_ELEMENTS(s->sent)] = *out;
	if (chance(d, 2))
		s->now += (int64_t)roll(d, 200 * MS);
	if (chance(d, 200))
		s->now += (int64_t)roll(d, 26) * HOUR;
	/* To the deadline, or just before it. */
	if (s->deadline_us - s->now < HOUR && s->deadline_us > s->now &&
		chance(d, 30))
		s->now = s->deadline_us - (int64_t)roll(d, 2);
	drift(s);
	s->step++;
	*time_us = s->now;
}

/* Most of those that have ended are not worth coming back to. */
static void
forget_order(struct stream *s, struct ident id)
{
	size_t i, n = s->n_orders;

	for (i = 0; i < n && s->step % 32 != 0; i++)
		if (ident_equal(s->orders[i].id, id)) {
			memmove(&s->orders[i], &s->orders[i + 1],
				(n - i - 1) * sizeof(s->orders[0]));
			s->n_orders--;
			return;
		}
}

static void
see_order(struct stream *s, struct ident id, uint32_t user)
{
	if (s->n_orders == N_ELEMENTS(s->orders))
		memmove(&s->orders[0], &s->orders[1],
			--s->n_orders * sizeof(s->orders[0]));
	s->orders[s->n_orders++] = (struct seen){id, user};
}

static void
see_event(struct stream *s, const struct message *m)
{
	const void *event = m;

	if (m->type == EV_ORDER_OPENED) {
		const struct ev_order_opened *e = event;

		see_order(s, e->order, m->user);
	} else if (m->type == EV_ORDER_CLOSED) {
		const struct ev_order_closed *e = event;

		forget_order(s, e->order);
	} else if (m->type == EV_WITHDRAWAL) {
		const struct ev_withdrawal *e = event;

		if (e->state == WITHDRAWAL_HELD)
			s->withdrawals[s->n_withdrawals++ %
				N_ELEMENTS(s->withdrawals)] =
				(struct seen){e->withdrawal, m->user};
	} else if (m->type == EV_INSTRUMENT) {
		const struct ev_instrument *e = event;

		if (e->terms.instrument < STREAM_INSTRUMENTS)
			s->terms[e->terms.instrument] = e->terms;
	} else if (m->type == EV_TRADE) {
		const struct ev_trade *e = event;

		if (e->instrument < STREAM_INSTRUMENTS)
			s->last[e->instrument] = e->price;
	}
}

void
stream_saw(struct stream *s, const struct record *record, int64_t deadline_us)
{
	const struct message *m;
	uint32_t i;

	s->deadline_us = deadline_us;
	if (!record)
		return;
	m = record_events(record);
	for (i = 0; i < record->n_events; i++, m = message_next(m))
		see_event(s, m);
}

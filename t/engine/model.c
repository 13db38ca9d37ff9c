/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * model.c - holding the two engines against each other.
 */
#include "model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "naive.h"
#include "print.h"

#define USERS_ASKED 10
#define ASSETS_ASKED 5
#define LEVELS_ASKED 24

struct step {
	int64_t time_us;
	struct message *command;
	bool accepted;
	unsigned dropped; /* not 0: in this round of making it shorter */
};

struct model {
	struct engine_options options;
	struct engine *engine;
	struct naive *naive;
	struct record *of_engine;
	struct record *of_naive;
	struct step *steps;
	size_t n_steps;
	struct ident sessions[8]; /* revoked at some time */
	size_t n_sessions;
	char *why;
	size_t why_size;
};

static struct record *
new_record(void)
{
	struct record *record = malloc(RECORD_MAX_BYTES);

	if (!record)
		abort();
	return record;
}

struct model *
model_new(const struct engine_options *options)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->options = *options;
	m->engine = engine_new(options);
	if (!m->engine)
		abort();
	m->naive = naive_new(options);
	m->of_engine = new_record();
	m->of_naive = new_record();
	return m;
}

void
model_free(struct model *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; i < m->n_steps; i++)
		free(m->steps[i].command);
	engine_free(m->engine);
	naive_free(m->naive);
	free(m->of_engine);
	free(m->of_naive);
	free(m->steps);
	free(m->why);
	free(m);
}

const char *
model_why(const struct model *m)
{
	return m->why ? m->why : "";
}

/* Say what is wrong.  Always false, for "return wrong(…)". */
static bool PRINTF_LIKE(2, 3)
wrong(struct model *m, const char *format, ...)
{
	va_list args;
	FILE *f;

	free(m->why);
	m->why = NULL;
	f = open_memstream(&m->why, &m->why_size);
	if (!f)
		abort();
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	fclose(f);
	return false;
}

/* ---- One command --------------------------------------------------------- */

static struct step *
keep(struct model *m, int64_t time_us, const struct message *command)
{
	struct step *step;

	m->steps = realloc(m->steps, (m->n_steps + 1) * sizeof(*m->steps));
	if (!m->steps)
		abort();
	step = &m->steps[m->n_steps++];
	*step = (struct step){.time_us = time_us};
	step->command = malloc(command->size);
	if (!step->command)
		abort();
	memcpy(step->command, command, command->size);
	return step;
}

static bool
records_differ(struct model *m)
{
	const uint8_t *e = (const uint8_t *)m->of_engine;
	const uint8_t *n = (const uint8_t *)m->of_naive;
	size_t at = 0;
	FILE *f;

	if (m->of_engine->length == m->of_naive->length &&
		memcmp(m->of_engine, m->of_naive, m->of_naive->length) == 0 &&
		record_well_formed(m->of_engine, m->of_engine->length))
		return false;
	free(m->why);
	m->why = NULL;
	f = open_memstream(&m->why, &m->why_size);
	if (!f)
		abort();
	fprintf(f, "the records differ\n  engine: ");
	if (record_well_formed(m->of_engine, RECORD_MAX_BYTES))
		print_record(f, m->of_engine);
	else
		fprintf(f, "not well formed\n");
	fprintf(f, "  naive:  ");
	print_record(f, m->of_naive);
	while (at < m->of_naive->length - 1 && e[at] == n[at])
		at++;
	fprintf(f, "  first at byte %zu: %02x, in the naive one %02x\n", at,
		e[at], n[at]);
	fclose(f);
	return true;
}

static void
note_session(struct model *m, const struct message *command)
{
	struct cmd_session_revoke c;

	if (command->type != CMD_SESSION_REVOKE)
		return;
	message_read(command, &c, sizeof(c));
	m->sessions[m->n_sessions++ % N_ELEMENTS(m->sessions)] = c.session;
}

static bool
apply_both(struct model *m, int64_t time_us, const struct message *command,
	bool *accepted)
{
	enum refusal engine_says, naive_says;
	uint64_t engine_done = 99, naive_done = 99;
	uint8_t before[16], after[16];

	note_session(m, command);
	engine_hash(m->engine, before);
	memset(m->of_engine, 0x5a, sizeof(*m->of_engine));
	naive_says = naive_apply(m->naive, time_us, command, m->of_naive,
		&naive_done);
	engine_expect(m->engine, command); /* a hint changes nothing */
	engine_expect_soon(m->engine, command);
	engine_says = engine_apply(m->engine, time_us, command, m->of_engine,
		&engine_done);
	*accepted = naive_says == REFUSED_NONE && naive_done == 0;
	if (engine_says != naive_says)
		return wrong(m, "the engine says %s, the naive one %s",
			refusal_row(engine_says)->name,
			refusal_row(naive_says)->name);
	if (engine_done != naive_done)
		return wrong(m, "done as %" PRIu64 ", in the naive one %" PRIu64,
			engine_done, naive_done);
	if (*accepted)
		return !records_differ(m);
	engine_hash(m->engine, after);
	if (memcmp(before, after, sizeof(after)) != 0)
		return wrong(m, "a command that was not applied (%s) "
				"changed the state's hash",
			refusal_row(engine_says)->name);
	return true;
}

bool
model_step(struct model *m, int64_t time_us, const struct message *command,
	const struct record **record)
{
	struct step *step = keep(m, time_us, command);

	*record = NULL;
	if (!apply_both(m, time_us, command, &step->accepted))
		return false;
	if (step->accepted)
		*record = m->of_naive;
	return true;
}

int64_t
model_deadline_us(const struct model *m)
{
	return naive_deadline_us(m->naive);
}

/* ---- Questions ----------------------------------------------------------- */

#define SAME(what, ...)                                                        \
	do {                                                                   \
		int64_t e_ = (int64_t)engine_##what(m->engine, ##__VA_ARGS__); \
		int64_t n_ = (int64_t)naive_##what(m->naive, ##__VA_ARGS__);   \
		if (e_ != n_)                                                  \
			return wrong(m, "%s is %" PRId64 ", in the naive one " \
				"%" PRId64, #what "(" #__VA_ARGS__ ")", e_, n_); \
	} while (0)

static bool
compare_books(struct model *m, uint16_t i)
{
	struct depth_level e[LEVELS_ASKED], n[LEVELS_ASKED];
	const struct instrument_terms *terms = engine_terms(m->engine, i);
	size_t side, most, of_engine, of_naive;

	if (!terms != !naive_terms(m->naive, i))
		return wrong(m, "instrument %u is known to one", i);
	if (terms && memcmp(terms, naive_terms(m->naive, i), sizeof(*terms)))
		return wrong(m, "the terms of instrument %u differ", i);
	SAME(last_price, i);
	SAME(reference, i);
	for (side = SIDE_BUY; side <= SIDE_SELL; side++)
		for (most = 0; most <= LEVELS_ASKED; most += 3) {
			of_engine = engine_depth(m->engine, i, side, e, most);
			of_naive = naive_depth(m->naive, i, side, n, most);
			if (of_engine != of_naive ||
				memcmp(e, n, of_naive * sizeof(*n)) != 0)
				return wrong(m, "the depth of instrument %u, "
						"side %zu differs", i, side);
		}
	return true;
}

static bool
compare_user(struct model *m, uint32_t user)
{
	struct user_facts e = engine_user(m->engine, user);
	struct user_facts n = naive_user(m->naive, user);
	uint16_t asset;

	if (e.exists != n.exists)
		return wrong(m, "user %u exists in one", user);
	if (e.last_seq != n.last_seq)
		return wrong(m, "the last record of user %u is %" PRIu64
				", in the naive one %" PRIu64, user,
			e.last_seq, n.last_seq);
	if (e.epoch != n.epoch || e.role != n.role || e.locked != n.locked ||
		e.reduce_only != n.reduce_only)
		return wrong(m, "the facts of user %u differ", user);
	for (asset = 0; asset < ASSETS_ASKED; asset++) {
		struct balance be = engine_balance(m->engine, user, asset);
		struct balance bn = naive_balance(m->naive, user, asset);

		if (be.available != bn.available || be.held != bn.held)
			return wrong(m, "user %u has %" PRId64 " and %" PRId64
					" of asset %u, in the naive one %"
					PRId64 " and %" PRId64,
				user, be.available, be.held, asset,
				bn.available, bn.held);
	}
	return true;
}

bool
model_compare(struct model *m)
{
	char why[256] = "";
	unsigned i, account;

	SAME(seq);
	SAME(time_us);
	SAME(deadline_us);
	SAME(instruments);
	SAME(open_orders);
	SAME(users);
	SAME(trades);
	for (i = 0; i < USERS_ASKED; i++)
		if (!compare_user(m, i))
			return false;
	for (i = 0; i < naive_instruments(m->naive) + 1; i++)
		if (!compare_books(m, (uint16_t)i))
			return false;
	for (i = 0; i < ASSETS_ASKED; i++)
		for (account = ACCOUNT_FEES; account <= ACCOUNT_CORRECTIONS;
			account++)
			SAME(house, account, (uint16_t)i);
	/* An expired one may be remembered for longer than it need be. */
	for (i = 0; i < N_ELEMENTS(m->sessions) && i < m->n_sessions; i++)
		if (naive_session_revoked(m->naive, m->sessions[i]) &&
			!engine_session_revoked(m->engine, m->sessions[i]))
			return wrong(m, "a revoked session was forgotten");
	if (engine_session_revoked(m->engine, IDENT_NONE))
		return wrong(m, "a session is revoked that never was");
	if (!engine_sound(m->engine, why, sizeof(why)))
		return wrong(m, "not sound: %s", why);
	if (!naive_sound(m->naive, why, sizeof(why)))
		return wrong(m, "the naive one is not sound: %s", why);
	return true;
}

/* ---- The same state again ------------------------------------------------ */

static bool
same_hash(struct model *m, const struct engine *other, const char *what)
{
	uint8_t a[16], b[16];

	engine_hash(m->engine, a);
	engine_hash(other, b);
	return memcmp(a, b, sizeof(a)) == 0 ||
		wrong(m, "the state's hash is another %s", what);
}

bool
model_replay(struct model *m)
{
	struct engine *engine = engine_new(&m->options);
	struct naive *naive = naive_new(&m->options);
	bool same = true;
	uint64_t done;
	size_t i;

	for (i = 0; same && i < m->n_steps; i++) {
		const struct step *step = &m->steps[i];

		if (!step->accepted)
			continue;
		naive_apply(naive, step->time_us, step->command, m->of_naive,
			&done);
		if (engine_apply(engine, step->time_us, step->command,
			m->of_engine, &done) != REFUSED_NONE || done != 0)
			same = wrong(m, "step %zu is refused in a replay", i);
		else
			same = !records_differ(m);
	}
	same = same && same_hash(m, engine, "after a replay");
	engine_free(engine);
	naive_free(naive);
	return same;
}

struct bytes {
	const char *at;
	size_t left;
};

static bool
read_bytes(void *source, struct extent extent)
{
	struct bytes *bytes = source;

	if (extent.length > bytes->left)
		return false;
	memcpy(extent.at, bytes->at, extent.length);
	bytes->at += extent.length;
	bytes->left -= extent.length;
	return true;
}

/* All extents one behind the other, to be freed. */
static char *
snapshot(const struct engine *engine, size_t *length)
{
	struct extent extents[ENGINE_EXTENTS_MAX];
	size_t n = engine_extents(engine, extents), i, at = 0;
	char *all;

	*length = 0;
	for (i = 0; i < n; i++)
		*length += extents[i].length;
	all = malloc(*length);
	if (!all)
		abort();
	for (i = 0; i < n; i++) {
		memcpy(all + at, extents[i].at, extents[i].length);
		at += extents[i].length;
	}
	return all;
}

bool
model_reload(struct model *m)
{
	struct engine *loaded = engine_new(&m->options);
	size_t length;
	char *all = snapshot(m->engine, &length);
	struct bytes bytes = {all, length};
	bool same;

	if (!engine_load(loaded, read_bytes, &bytes))
		same = wrong(m, "the snapshot is not loaded");
	else if (bytes.left != 0)
		same = wrong(m, "%zu bytes are not read back", bytes.left);
	else
		same = same_hash(m, loaded, "after a snapshot");
	free(all);
	if (!same) {
		engine_free(loaded);
		return false;
	}
	engine_free(m->engine);
	m->engine = loaded;
	return true;
}

/* ---- Telling ------------------------------------------------------------- */

static bool
same_first_line(const char *a, const char *b)
{
	size_t length = strcspn(a, "\n");

	return length == strcspn(b, "\n") && memcmp(a, b, length) == 0;
}

/* Whether it still fails so without the steps that are dropped. */
static bool
still_fails(struct model *m)
{
	struct model *again = model_new(&m->options);
	bool fails = false;
	bool accepted;
	size_t i;

	for (i = 0; !fails && i < m->n_steps; i++)
		if (!m->steps[i].dropped)
			fails = !apply_both(again, m->steps[i].time_us,
				m->steps[i].command, &accepted);
	if (!fails)
		fails = !model_compare(again);
	fails = fails && same_first_line(model_why(m), model_why(again));
	if (fails) {
		free(m->why);
		m->why = again->why;
		again->why = NULL;
	}
	model_free(again);
	return fails;
}

/* Drop what can be dropped, in ever smaller pieces. */
static void
shrink(struct model *m)
{
	size_t piece, at, i;
	unsigned round = 0;

	for (piece = m->n_steps / 2; piece > 0; piece /= 2)
		for (at = 0; at < m->n_steps; at += piece) {
			size_t end = at + piece < m->n_steps ? at + piece
							      : m->n_steps;

			round++;
			for (i = at; i < end; i++)
				if (!m->steps[i].dropped)
					m->steps[i].dropped = round;
			if (still_fails(m))
				continue;
			for (i = at; i < end; i++)
				if (m->steps[i].dropped == round)
					m->steps[i].dropped = 0;
		}
}

void
model_tell(struct model *m, FILE *file)
{
	size_t i;

	if (still_fails(m))
		shrink(m);
	else
		fprintf(file, "(it does not fail from the beginning)\n");
	fprintf(file, "users %u orders %u client_ids %u/%u intents %u "
		      "sessions %u withdrawals %u open_orders %u%s\n",
		m->options.users, m->options.orders, m->options.client_ids,
		m->options.client_ids_user, m->options.intents,
		m->options.sessions, m->options.withdrawals,
		m->options.open_orders_user,
		m->options.ignore_self_trades ? " ignore_self_trades" : "");
	for (i = 0; i < m->n_steps; i++)
		if (!m->steps[i].dropped) {
			fprintf(file, "%zu at %" PRId64 " ", i,
				m->steps[i].time_us);
			print_command(file, m->steps[i].command);
		}
	fprintf(file, "%s\n", model_why(m));
}

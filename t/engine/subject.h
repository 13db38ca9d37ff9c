/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * subject.h - the engine and the naive engine behind one face, so that a rule
 * is written once and asked of both.
 */
#pragma once

#include "engine/engine.h"

struct subject {
	const char *name;
	void *(*create)(const struct engine_options *options);
	void (*destroy)(void *it);
	enum refusal (*apply)(void *it, int64_t time_us,
		const struct message *command, struct record *out,
		uint64_t *done_seq);
	uint64_t (*seq)(const void *it);
	int64_t (*time_us)(const void *it);
	struct user_facts (*user)(const void *it, uint32_t user);
	bool (*session_revoked)(const void *it, struct ident session);
	struct balance (*balance)(const void *it, uint32_t user,
		uint16_t asset);
	int64_t (*house)(const void *it, enum account_kind account,
		uint16_t asset);
	int64_t (*deadline_us)(const void *it);
	size_t (*depth)(const void *it, uint16_t instrument, enum side side,
		struct depth_level *out, size_t max);
	const struct instrument_terms *(*terms)(const void *it,
		uint16_t instrument);
	unsigned (*instruments)(const void *it);
	int64_t (*last_price)(const void *it, uint16_t instrument);
	uint64_t (*open_orders)(const void *it);
	uint64_t (*users)(const void *it);
	uint64_t (*trades)(const void *it);
};

extern const struct subject subject_engine;
extern const struct subject subject_naive;

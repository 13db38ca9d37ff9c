/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive.h - the rules of engine.h a second time, as plainly as they can be put.
 *
 * Lists that are searched from the front, books that are sorted arrays, 128
 * bits wherever numbers are multiplied or summed, and nothing that is kept
 * only to be fast.  It shares no code with src/engine, so that the two can be
 * held against each other: the same commands must give the same bytes.
 *
 * It allocates as it goes and ends the process when it cannot.
 */
#pragma once

#include "engine/engine.h"

struct naive;

struct naive *naive_new(const struct engine_options *options);
void naive_free(struct naive *naive);

/* The contract of engine_apply(), and of the questions that follow it. */
enum refusal naive_apply(struct naive *naive, int64_t time_us,
	const struct message *command, struct record *out,
	uint64_t *done_seq);

uint64_t naive_seq(const struct naive *naive);
int64_t naive_time_us(const struct naive *naive);
struct user_facts naive_user(const struct naive *naive, uint32_t user);
bool naive_session_revoked(const struct naive *naive, struct ident session);
struct balance naive_balance(const struct naive *naive, uint32_t user,
	uint16_t asset);
int64_t naive_house(const struct naive *naive, enum account_kind account,
	uint16_t asset);
int64_t naive_deadline_us(const struct naive *naive);
size_t naive_depth(const struct naive *naive, uint16_t instrument,
	enum side side, struct depth_level *out, size_t max);
const struct instrument_terms *naive_terms(const struct naive *naive,
	uint16_t instrument);
unsigned naive_instruments(const struct naive *naive);
int64_t naive_last_price(const struct naive *naive, uint16_t instrument);
int64_t naive_reference(const struct naive *naive, uint16_t instrument);
uint64_t naive_open_orders(const struct naive *naive);
uint64_t naive_users(const struct naive *naive);
uint64_t naive_trades(const struct naive *naive);

/* Whether its state is one that can be; says in WHY what is wrong. */
bool naive_sound(const struct naive *naive, char *why, size_t size);

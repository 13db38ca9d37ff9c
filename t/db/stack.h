/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stack.h - our own programs against the test's server, and a journal for them.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/ident.h"
#include "base/status.h"
#include "settle/waiting.h"
#include "wire/record.h"

#define STACK_DATABASE "stack"

/* Settings, passwords and folders in the server's directory. */
void stack_start(void);
const char *stack_conf(void);
/* The folder that the settings name paths.sql; a copy of ours to tamper with.
 */
const char *stack_sql(void);
/* No schema, no journal, no accounts. */
void stack_reset(void);

/* Run "quantoractl -c conf WORDS…" and return its exit code; OUTPUT is all
 * that it printed, in a buffer of the stack. */
int stack_ctl(const char *words, const char **output);

/* ---- daemons ---- */

/* Start it, and wait until it answers. */
pid_t stack_matcherd(void);
/* Start it; it is not waited for. */
pid_t stack_settlerd(void);
/* Until it has said that it is ready. */
void stack_settlerd_ready(void);
/* Send SIGNAL and wait for its end; the exit code, or minus the signal. */
int stack_end(pid_t pid, int signal);
/* What it has logged since stack_reset(). */
const char *stack_log(void);

/* Ask it for SEQ and wait for the answer.  ST_UNAVAILABLE: it hung up. */
enum status stack_ask(uint64_t seq, struct settle_answer *out);

/* ---- a journal ---- */

/* Open it, made if missing. */
void stack_journal_open(void);
/* Another one in its place. */
void stack_journal_replace(void);
/* Write RECORD as a batch of its own and ring the bell. */
void stack_journal_write(const struct record *record);
struct ident stack_journal_identity(void);
void stack_journal_close(void);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * doorbell.h - telling followers that the journal has grown.
 *
 * A follower binds a datagram socket "<dir>/<name>.bell".  matcherd finds it
 * there and sends it a datagram at most once a batch, after the sync.  A
 * socket that is full is skipped: its owner has reason enough to wake up.
 * One that nobody reads any more is forgotten until it is found again.
 *
 * A ring says that there is something.  How far it goes may be out of date,
 * because rings are skipped; so drain the socket first, then read
 * book_page_durable_seq(), which matcherd sets before it rings.  A socket is
 * found within a second of its making; so look without a ring, too, once a
 * second.
 */
#pragma once

#include <stdint.h>

#include "base/status.h"
#include "journal/reason.h"

#define DOORBELL_SUFFIX ".bell"

/* ---- a follower ---- */

/*
 * Bind "<DIR>/<NAME>.bell", replacing what is there.  OUT is a non-blocking
 * descriptor that the caller polls and closes.
 */
enum status doorbell_bind(const char *dir, const char *name, int *out,
	struct reason *reason) MUST_USE;

/*
 * Take all rings that wait.  DURABLE_SEQ is the highest that they carry.
 * ST_NOT_FOUND when there were none.
 */
enum status doorbell_take(int fd, uint64_t *durable_seq) MUST_USE;

/* Remove the socket's name and close it. */
void doorbell_unbind(const char *dir, const char *name, int fd);

/* ---- matcherd ---- */

struct doorbells;

enum status doorbells_open(const char *dir, struct doorbells **out,
	struct reason *reason) MUST_USE;
void doorbells_close(struct doorbells *bells);

/* Look for new sockets in the directory; about once a second. */
void doorbells_scan(struct doorbells *bells);

/* Tell everybody.  Never blocks. */
void doorbells_ring(struct doorbells *bells, uint64_t durable_seq);

/* How many are known. */
unsigned doorbells_count(const struct doorbells *bells);

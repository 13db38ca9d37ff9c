/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * subscription.h - what is published on a Redis channel, out of bytes.
 *
 * It knows no socket: whoever has a loop of its own connects, sends what
 * subscription_request() says, and hands in what comes back.
 */
#pragma once

#include <stddef.h>

#include "base/status.h"

struct subscription;

/* A published message, valid until the callback returns. */
typedef void subscription_heard(void *arg, const char *text, size_t length);

/* CHANNEL is kept, not copied. */
struct subscription *subscription_new(const char *channel,
	subscription_heard *heard, void *arg);
void subscription_free(struct subscription *subscription);

/* What is to be sent on a new connection; forgets what an old one has said. */
const char *subscription_request(struct subscription *subscription,
	size_t *length);

/* ST_UPSTREAM: what came makes no sense, or is an error; connect anew. */
enum status subscription_feed(struct subscription *subscription,
	const char *bytes, size_t length) MUST_USE;

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * subscription.c - hiredis' reader, without hiredis' connection.
 */
#include "cache/subscription.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

struct subscription {
	const char *channel;
	subscription_heard *heard;
	void *arg;
	redisReader *reader;
	char *request;
	size_t request_length;
};

struct subscription *
subscription_new(const char *channel, subscription_heard *heard, void *arg)
{
	struct subscription *subscription = calloc(1, sizeof(*subscription));
	int length;

	if (!subscription)
		abort();
	subscription->channel = channel;
	subscription->heard = heard;
	subscription->arg = arg;
	length = redisFormatCommand(&subscription->request, "SUBSCRIBE %s",
		channel);
	if (length < 0)
		abort();
	subscription->request_length = (size_t)length;
	return subscription;
}

void
subscription_free(struct subscription *subscription)
{
	if (!subscription)
		return;
	if (subscription->reader)
		redisReaderFree(subscription->reader);
	redisFreeCommand(subscription->request);
	free(subscription);
}

const char *
subscription_request(struct subscription *subscription, size_t *length)
{
	if (subscription->reader)
		redisReaderFree(subscription->reader);
	subscription->reader = redisReaderCreate();
	if (!subscription->reader)
		abort();
	*length = subscription->request_length;
	return subscription->request;
}

/* "message", the channel, the text; "subscribe" comes first and says nothing. */
static enum status
take(struct subscription *subscription, const redisReply *reply)
{
	const redisReply *text;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
		reply->element[0]->type != REDIS_REPLY_STRING)
		return ST_UPSTREAM;
	text = reply->element[2];
	if (strcmp(reply->element[0]->str, "message") == 0 &&
		text->type == REDIS_REPLY_STRING)
		subscription->heard(subscription->arg, text->str, text->len);
	return ST_OK;
}

enum status
subscription_feed(struct subscription *subscription, const char *bytes,
	size_t length)
{
	enum status status = ST_OK;
	void *reply;

	if (redisReaderFeed(subscription->reader, bytes, length) != REDIS_OK)
		return ST_UPSTREAM;
	while (status == ST_OK) {
		if (redisReaderGetReply(subscription->reader, &reply) !=
			REDIS_OK)
			return ST_UPSTREAM;
		if (!reply)
			return ST_OK;
		status = take(subscription, reply);
		freeReplyObject(reply);
	}
	return status;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * person.c - users with connections: who they are, and what is theirs.
 *
 * A connection counts as its user's from the moment that it shows a token,
 * before the core has been asked.  So an end of the session that the feed
 * hands out between the question and its answer closes it, too.
 */
#include <stdlib.h>

#include "stream/hub_state.h"

static struct node *
bucket_of(const struct hub *hub, uint32_t user)
{
	/* Users are numbered one after the other. */
	return (struct node *)(uintptr_t)&hub->persons[user % PERSON_BUCKETS];
}

struct person *
person_find(const struct hub *hub, uint32_t user)
{
	const struct node *bucket = bucket_of(hub, user);
	struct node *at, *after;

	LIST_EACH(at, after, bucket)
		if (NODE_OF(at, person, in_bucket)->user == user)
			return NODE_OF(at, person, in_bucket);
	return NULL;
}

static struct person *
person_get(struct hub *hub, uint32_t user)
{
	struct person *person = person_find(hub, user);

	if (person)
		return person;
	person = calloc(1, sizeof(*person));
	if (!person)
		abort();
	person->user = user;
	node_init(&person->in_bucket);
	node_init(&person->subscribers);
	list_append(bucket_of(hub, user), &person->in_bucket);
	return person;
}

size_t
person_room(const struct hub *hub)
{
	return hub->settings.user_connections_max;
}

static void
ask(struct subscriber *subscriber, const struct session *session)
{
	struct hub *hub = subscriber->hub;

	list_append(&hub->asked, &subscriber->in_asked);
	hub->settings.ask(hub->settings.arg, subscriber->number,
		&(struct guard_request){.session = session->id,
			.user = session->user,
			.epoch = session->epoch});
}

enum status
person_renew(struct subscriber *subscriber, const struct session *session)
{
	if (subscriber->renewing)
		return ST_CONFLICT;
	if (session->user != subscriber->session.user)
		return ST_FORBIDDEN;
	subscriber->renewing = true;
	subscriber->renewal = *session;
	ask(subscriber, session);
	return ST_OK;
}

enum status
person_add(struct subscriber *subscriber, const struct session *session)
{
	struct hub *hub = subscriber->hub;
	struct person *person = person_find(hub, session->user);

	if (person && person->count >= person_room(hub))
		return ST_RATE_LIMITED;
	person = person_get(hub, session->user);
	person->count++;
	list_append(&person->subscribers, &subscriber->in_person);
	subscriber->person = person;
	subscriber->session = *session;
	subscriber->standing = STANDING_ASKED;
	list_append(&hub->known, &subscriber->in_known);
	ask(subscriber, session);
	return ST_OK;
}

void
person_remove(struct subscriber *subscriber)
{
	struct person *person = subscriber->person;

	if (!person)
		return;
	node_take_out(&subscriber->in_person);
	subscriber->person = NULL;
	if (--person->count > 0)
		return;
	node_take_out(&person->in_bucket);
	free(person);
}

/* ---- What the feed says of users --------------------------------------- */

void
hub_user(struct hub *hub, const struct ev_user *user)
{
	struct person *person = person_find(hub, user->head.user);
	struct node *at, *after;

	if (!person)
		return;
	LIST_EACH(at, after, &person->subscribers)
	{
		struct subscriber *subscriber =
			NODE_OF(at, subscriber, in_person);

		if (user->locked)
			subscriber_dismiss(subscriber, ST_LOCKED, CLOSE_POLICY,
				"the account is locked");
		else if (subscriber->session.epoch != user->epoch)
			subscriber_dismiss(subscriber, ST_UNAUTHENTICATED,
				CLOSE_POLICY, "the session has ended");
	}
}

void
hub_session_ended(struct hub *hub, uint32_t user, struct ident session)
{
	struct person *person = person_find(hub, user);
	struct node *at, *after;

	if (!person)
		return;
	LIST_EACH(at, after, &person->subscribers)
	{
		struct subscriber *subscriber =
			NODE_OF(at, subscriber, in_person);

		/* Also when that one is just being left for another. */
		if (ident_equal(subscriber->session.id, session) ||
			(subscriber->renewing &&
				ident_equal(subscriber->renewal.id, session)))
			subscriber_dismiss(subscriber, ST_UNAUTHENTICATED,
				CLOSE_POLICY, "the session has ended");
	}
}

/* ---- What is theirs ---------------------------------------------------- */

static bool
wants(const struct subscriber *subscriber, unsigned kinds)
{
	return subscriber->standing == STANDING_GOOD &&
	       (subscriber->own & kinds) != 0;
}

bool
hub_has(const struct hub *hub, uint32_t user, unsigned kinds)
{
	const struct person *person = person_find(hub, user);
	struct node *at, *after;

	if (!person)
		return false;
	LIST_EACH(at, after, &person->subscribers)
		if (wants(NODE_OF(at, subscriber, in_person), kinds))
			return true;
	return false;
}

/* What each spelling makes of one event, written when it is first needed. */
struct written {
	bool done;
	struct parcel *parcel; /* NULL: no message */
};

void
hub_tell(struct hub *hub, uint32_t user, enum own_kind kind, own_writer *write,
	const void *arg)
{
	struct written written[SPELLINGS_MAX] = {{.done = false}};
	struct person *person = person_find(hub, user);
	struct node *at, *after;
	struct reply reply;
	size_t i;

	if (!person)
		return;
	LIST_EACH(at, after, &person->subscribers)
	{
		struct subscriber *subscriber =
			NODE_OF(at, subscriber, in_person);
		const struct spelling *spelling = subscriber->spelling;
		struct written *mine =
			&written[hub_spelling_number(hub, spelling)];

		if (!wants(subscriber, kind))
			continue;
		if (!mine->done &&
			write(spelling, hub_pen(hub, spelling, &reply), arg))
			mine->parcel = hub_wrap(hub, &reply);
		mine->done = true;
		if (mine->parcel)
			subscriber_post(subscriber, mine->parcel);
	}
	for (i = 0; i < hub->n_spellings; i++)
		parcel_release(written[i].parcel);
}

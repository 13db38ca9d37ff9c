/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * list.h - lists whose links are members of what they hold.
 *
 * A list is a ring through its own head.  A node that is in no list points to
 * itself, so that taking it out once more is harmless.  Adding and taking out
 * cost the same however long the list is: a connection stands in several at
 * once, and ten thousand of them come and go.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct node {
	struct node *next;
	struct node *previous;
};

/* The struct that NODE, its MEMBER, is part of. */
#define NODE_OF(node, type, member)                                            \
	((struct type *)(void *)((char *)(node) - offsetof(struct type, member)))

/* Each node of LIST; the one at hand may be taken out. */
#define LIST_EACH(at, after, list)                                             \
	for ((at) = (list)->next, (after) = (at)->next; (at) != (list);        \
		(at) = (after), (after) = (at)->next)

static inline void
node_init(struct node *node)
{
	node->next = node->previous = node;
}

static inline bool
node_alone(const struct node *node)
{
	return node->next == node;
}

static inline void
node_take_out(struct node *node)
{
	node->next->previous = node->previous;
	node->previous->next = node->next;
	node_init(node);
}

/* Put NODE, out of wherever it is, at the end of LIST. */
static inline void
list_append(struct node *list, struct node *node)
{
	node_take_out(node);
	node->previous = list->previous;
	node->next = list;
	list->previous->next = node;
	list->previous = node;
}

/* The first node, or NULL. */
static inline struct node *
list_first(const struct node *list)
{
	return node_alone(list) ? NULL : list->next;
}

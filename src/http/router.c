/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * router.c - the tree of segments.
 *
 * A node has literal children in a list (a handful each) and at most one
 * parameter child, whatever the rows call it: the name, and with it whether a
 * slash may be in it, is the row's own affair once it is found.
 */
#include "http/router.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/fields.h"

#define SEGMENTS_MAX 12
#define SYMBOL "{symbol}"

/* What one edition answers at a node. */
struct spoken {
	struct spoken *next;
	const struct edition *edition;
	const struct route *routes[METHODS];
};

struct node {
	const char *literal; /* LENGTH bytes; a parameter has none */
	size_t length;
	struct node *next; /* sibling */
	struct node *literals;
	struct node *parameter;
	struct spoken *spoken;
};

struct router {
	const struct edition_list *list;
	struct node root;
};

struct segment {
	const char *text;
	size_t length;
};

/* A path, cut. */
struct segments {
	struct segment list[SEGMENTS_MAX];
	size_t n;
};

/* False when PATH is no "/a/b/c" with segments that are not empty. */
static bool
cut(const char *path, size_t length, struct segments *out)
{
	const char *end = path + length;

	out->n = 0;
	if (length < 2 || *path != '/')
		return false;
	while (path < end) {
		const char *from = path + 1;

		path = memchr(from, '/', (size_t)(end - from));
		if (!path)
			path = end;
		if (path == from || out->n == SEGMENTS_MAX)
			return false;
		out->list[out->n++] =
			(struct segment){from, (size_t)(path - from)};
	}
	return true;
}

static bool
is_parameter(const struct segment *segment)
{
	return segment->text[0] == '{';
}

/* ---- Building ---------------------------------------------------------- */

static void *
allocate(size_t size)
{
	void *ptr = calloc(1, size);

	if (!ptr)
		abort();
	return ptr;
}

static struct node *
literal_child(const struct node *node, const struct segment *segment)
{
	struct node *child;

	for (child = node->literals; child; child = child->next)
		if (child->length == segment->length &&
			memcmp(child->literal, segment->text,
				segment->length) == 0)
			return child;
	return NULL;
}

/* The child of NODE for a row's SEGMENT, made if need be. */
static struct node *
grow(struct node *node, const struct segment *segment)
{
	struct node *child;

	if (is_parameter(segment)) {
		if (!node->parameter)
			node->parameter = allocate(sizeof(*node));
		return node->parameter;
	}
	child = literal_child(node, segment);
	if (child)
		return child;
	child = allocate(sizeof(*child));
	child->literal = segment->text;
	child->length = segment->length;
	child->next = node->literals;
	node->literals = child;
	return child;
}

static struct spoken *
spoken_by(const struct node *node, const struct edition *edition)
{
	struct spoken *spoken;

	for (spoken = node->spoken; spoken; spoken = spoken->next)
		if (spoken->edition == edition)
			return spoken;
	return NULL;
}

static bool
may_be_called(const struct segments *segments)
{
	size_t i, n = 0;

	for (i = 0; i < segments->n; i++)
		n += is_parameter(&segments->list[i]);
	return n <= ROUTE_PARAMS_MAX;
}

static bool
add(struct router *router, const struct edition *edition,
	const struct route *route)
{
	struct segments segments;
	struct node *node = &router->root;
	struct spoken *spoken;
	size_t i;

	if (!cut(route->path, strlen(route->path), &segments) ||
		!may_be_called(&segments) || !route->handler)
		return false;
	for (i = 0; i < segments.n; i++)
		node = grow(node, &segments.list[i]);
	spoken = spoken_by(node, edition);
	if (!spoken) {
		spoken = allocate(sizeof(*spoken));
		spoken->edition = edition;
		spoken->next = node->spoken;
		node->spoken = spoken;
	}
	if (spoken->routes[route->method])
		return false;
	spoken->routes[route->method] = route;
	return true;
}

void
editions_each(const struct edition_list *list,
	void (*each)(const struct edition *edition, const struct route *route,
		void *arg),
	void *arg)
{
	const struct edition *const *edition;
	const struct route *const *table;
	const struct route *route;

	for (edition = list->editions; *edition; edition++)
		for (table = (*edition)->routes; *table; table++)
			for (route = *table; route->path; route++)
				each(*edition, route, arg);
}

struct building {
	struct router *router;
	char *reason;
};

static void
add_each(const struct edition *edition, const struct route *route, void *arg)
{
	struct building *building = arg;

	if (building->reason || add(building->router, edition, route))
		return;
	if (asprintf(&building->reason,
		    "the row %s %s of %s stands twice or is no route",
		    method_name(route->method), route->path,
		    edition->name) < 0)
		abort();
}

struct router *
router_new(const struct edition_list *list, char **reason)
{
	struct building building = {.router = allocate(sizeof(struct router))};

	building.router->list = list;
	editions_each(list, add_each, &building);
	if (!building.reason)
		return building.router;
	router_free(building.router);
	*reason = building.reason;
	return NULL;
}

static void
free_below(struct node *node)
{
	struct node *child = node->literals, *next;
	struct spoken *spoken = node->spoken, *rest;

	for (; spoken; spoken = rest) {
		rest = spoken->next;
		free(spoken);
	}
	for (; child; child = next) {
		next = child->next;
		free_below(child);
		free(child);
	}
	if (node->parameter) {
		free_below(node->parameter);
		free(node->parameter);
	}
}

void
router_free(struct router *router)
{
	if (!router)
		return;
	free_below(&router->root);
	free(router);
}

/* ---- Finding ----------------------------------------------------------- */

/* Literals first; what they don't lead to, the parameter may. */
static const struct node *
descend(const struct node *node, const struct segments *segments, size_t at)
{
	const struct node *child, *found;

	if (at == segments->n)
		return node->spoken ? node : NULL;
	child = literal_child(node, &segments->list[at]);
	found = child ? descend(child, segments, at + 1) : NULL;
	if (!found && node->parameter)
		found = descend(node->parameter, segments, at + 1);
	return found;
}

static bool
is_named(const struct segment *segment, const char *name)
{
	return segment->length == strlen(name) &&
	       memcmp(segment->text, name, segment->length) == 0;
}

/* Whether a row of NODE calls its segment AT a symbol. */
static bool
has_symbol(const struct node *node, size_t at)
{
	const struct spoken *spoken;
	struct segments names;
	enum method m;

	for (spoken = node->spoken; spoken; spoken = spoken->next)
		for (m = 0; m < METHODS; m++) {
			const struct route *route = spoken->routes[m];

			if (route &&
				cut(route->path, strlen(route->path),
					&names) &&
				is_named(&names.list[at], SYMBOL))
				return true;
		}
	return false;
}

/*
 * A symbol may be sent with its slash as it is: where nothing has the path,
 * two segments in a row may be one.
 */
static const struct node *
descend_joined(const struct node *root, struct segments *segments)
{
	const struct node *node;
	size_t i;

	for (i = 0; i + 1 < segments->n; i++) {
		struct segments joined = *segments;

		joined.n--;
		joined.list[i].length += 1 + joined.list[i + 1].length;
		memmove(&joined.list[i + 1], &joined.list[i + 2],
			(joined.n - i - 1) * sizeof(joined.list[0]));
		node = descend(root, &joined, 0);
		if (node && has_symbol(node, i)) {
			*segments = joined;
			return node;
		}
	}
	return NULL;
}

/* Who answers PATH where no row does. */
static const struct edition *
stranger(const struct edition_list *list, const char *path, size_t length,
	const struct edition *named)
{
	const struct edition_prefix *row;

	for (row = list->prefixes;; row++) {
		size_t n = strlen(row->prefix);

		if (n == 0 || (length >= n && memcmp(path, row->prefix, n) == 0 &&
				      (length == n || path[n] == '/')))
			return row->edition ? row->edition : named;
	}
}

static const struct spoken *
choose(const struct node *node, const struct edition *named)
{
	const struct spoken *spoken = spoken_by(node, named);

	return spoken ? spoken : node->spoken;
}

/* "." or ".." between slashes, or alone. */
static bool
has_dot_part(const char *text)
{
	size_t length;

	for (;; text += length + 1) {
		length = strcspn(text, "/");
		if (length > 0 && length <= 2 && strspn(text, ".") == length)
			return true;
		if (!text[length])
			return false;
	}
}

static bool
decode_param(struct arena *arena, const struct segment *name,
	const struct segment *sent, const char **out)
{
	bool slash = is_named(name, SYMBOL) || is_named(name, "{pattern}");
	char *text, *c;

	if (!percent_decode(arena, sent->text, sent->length, false, &text) ||
		!utf8_valid(text, strlen(text)))
		return false;
	for (c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f ||
			(*c == '/' && !slash))
			return false;
	if (has_dot_part(text))
		return false;
	*out = text;
	return true;
}

static bool
decode_params(struct arena *arena, const struct route *route,
	const struct segments *sent, struct match *out)
{
	struct segments names;
	size_t i, n = 0;

	if (!cut(route->path, strlen(route->path), &names))
		return false;
	for (i = 0; i < names.n; i++)
		if (is_parameter(&names.list[i]) &&
			!decode_param(arena, &names.list[i], &sent->list[i],
				&out->params[n++]))
			return false;
	return true;
}

enum status
router_find(const struct router *router, struct arena *arena,
	enum method method, const char *path, size_t length,
	const struct edition *named, struct match *out)
{
	struct segments segments;
	const struct node *node = NULL;
	const struct spoken *spoken;
	enum method m;

	if (!named)
		named = router->list->by_default;
	*out = (struct match){
		.edition = stranger(router->list, path, length, named)};
	if (cut(path, length, &segments)) {
		node = descend(&router->root, &segments, 0);
		if (!node)
			node = descend_joined(&router->root, &segments);
	}
	if (!node)
		return ST_NOT_FOUND;
	spoken = choose(node, named);
	out->edition = spoken->edition;
	for (m = 0; m < METHODS; m++)
		out->methods |= (unsigned)(spoken->routes[m] != NULL) << m;
	if (method >= METHODS || !spoken->routes[method])
		return ST_METHOD;
	if (!decode_params(arena, spoken->routes[method], &segments, out)) {
		out->methods = 0;
		return ST_NOT_FOUND;
	}
	out->route = spoken->routes[method];
	return ST_OK;
}

const struct edition *
edition_named(const struct edition_list *list, const char *name)
{
	const struct edition *const *edition;

	for (edition = list->editions; name && *edition; edition++)
		if (strcmp((*edition)->name, name) == 0)
			return *edition;
	return NULL;
}

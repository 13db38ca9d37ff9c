/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * apid_list.c - the route tables, for people and for nginx.
 */
#include <stdio.h>
#include <string.h>

#include "daemons/apid.h"
#include "handlers/editions.h"

static void
print_route(const struct edition *edition, const struct route *route, void *arg)
{
	enum permission need = route_permission(route);

	(void)arg;
	printf("%s\t%s\t%s\t%s%s\t%s\t%s\t%s\n", edition->name,
		method_name(route->method), route->path, auth_name(route->auth),
		route->auth & AUTH_OTP ? "+otp" : "", pool_name(route->pool),
		rate_name(route->rate),
		need == PERMISSION_NONE ? "-" : permission_name(need));
}

void
api_print_routes(void)
{
	puts("# edition\tmethod\tpath\tauth\tpool\trate\tpermission");
	editions_each(&editions, print_route, NULL);
}

/* A path as a regular expression over what was sent. */
static void
print_pattern(const char *path)
{
	const char *c;

	for (c = path; *c; c++) {
		if (*c == '{') {
			fputs("[^/]+", stdout);
			c += strcspn(c, "}");
		} else {
			if (strchr(".+*?()[]^$|\\", *c))
				putchar('\\');
			putchar(*c);
		}
	}
}

static void
print_row(const char *method, const struct route *route)
{
	if (strchr(route->path, '{')) {
		printf("\"~^%s ", method);
		print_pattern(route->path);
		printf("$\" %s;\n", pool_name(route->pool));
	} else {
		printf("\"%s %s\" %s;\n", method, route->path,
			pool_name(route->pool));
	}
}

/* A path may be two editions', but nginx takes a row once. */
struct printed {
	const struct route *routes[1024];
	size_t n;
};

static bool
is_printed(const struct printed *printed, const struct route *route)
{
	size_t i;

	for (i = 0; i < printed->n; i++)
		if (printed->routes[i]->method == route->method &&
			strcmp(printed->routes[i]->path, route->path) == 0)
			return true;
	return false;
}

/* "POST /api/order" trade;  or  "~^DELETE /api/order/[^/]+$" trade; */
static void
print_map_row(const struct edition *edition, const struct route *route,
	void *arg)
{
	struct printed *printed = arg;

	(void)edition;
	if (route->pool == POOL_API || is_printed(printed, route) ||
		printed->n == N_ELEMENTS(printed->routes))
		return;
	printed->routes[printed->n++] = route;
	print_row(method_name(route->method), route);
	if (route->method == GET)
		print_row("HEAD", route);
}

void
api_print_nginx_map(void)
{
	static struct printed printed;

	puts("# Which pool serves a method and path; made by "
	     "quantora-api --nginx-map.");
	editions_each(&editions, print_map_row, &printed);
}

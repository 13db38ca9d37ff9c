/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * permission.c - the names of permissions.
 */
#include "auth/permission.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *name;
	enum user_role role;
} rows[PERMISSIONS] = {
#define X(sym, name, role) [PERMISSION_##sym] = {name, ROLE_##role},
	PERMISSION_LIST(X)
#undef X
};

const char *
permission_name(enum permission permission)
{
	assert(permission > PERMISSION_NONE && permission < PERMISSIONS);
	return rows[permission].name;
}

bool
permission_parse(const char *text, enum permission *out)
{
	enum permission p;

	for (p = PERMISSION_NONE + 1; p < PERMISSIONS; p++)
		if (strcmp(rows[p].name, text) == 0) {
			*out = p;
			return true;
		}
	return false;
}

uint32_t
permissions_of_role(enum user_role role)
{
	enum permission p;
	uint32_t set = 0;

	for (p = PERMISSION_NONE + 1; p < PERMISSIONS; p++)
		if (role >= rows[p].role)
			set |= PERMISSION_BIT(p);
	return set;
}

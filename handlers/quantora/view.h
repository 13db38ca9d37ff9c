/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * view.h - objects that several sections of Quantora's document show.
 */
#pragma once

#include "domain/user.h"
#include "json/reply.h"

/* {id, email, role, kyc_status, locked, registered_at, …} under KEY. */
void view_user(struct reply *r, const char *key, const struct user *user);

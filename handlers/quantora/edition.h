/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.h - Quantora's own document: its sections.
 *
 * {"success": true, "data": …, "error": null}: req_reply() opens it, the
 * handler writes "data" and what may stand beside it, req_done() closes it.
 */
#pragma once

#include "http/route.h"

extern const struct route quantora_access_keys[];
extern const struct route quantora_addresses[];
extern const struct route quantora_admin[];
extern const struct route quantora_auth[];
extern const struct route quantora_orders[];
extern const struct route quantora_withdrawals[];
extern const struct route quantora_ws_ticket[];

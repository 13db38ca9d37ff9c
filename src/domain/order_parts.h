/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_parts.h - what the parts of order.h share; private to them.
 */
#pragma once

#include "domain/order.h"
#include "wire/order.h"
#include "wire/record.h"

/* The percent of a rate in parts of 10^6; DECIMAL_NONE for 0. */
struct decimal order_percent_of(uint32_t rate);

/* A receipt in which nothing has happened yet. */
struct order_receipt order_receipt_empty(void);

/*
 * Go through RECORD for what it says of RECEIPT's order, which is the first
 * one opened if it has no id yet.
 */
void order_read_record(struct ctx *ctx, const struct record *record,
	struct order_receipt *receipt);

/* The symbol and places of MARKET into the order and its fills. */
void order_put_names(struct ctx *ctx, const struct market *market,
	struct order_receipt *receipt);

/* CLIENT_ID into a message's tail, or ST_INVALID. */
enum status order_put_client_id(struct ctx *ctx, const char *client_id,
	uint8_t *length, char tail[CLIENT_ID_MAX]) MUST_USE;

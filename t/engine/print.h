/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * print.h - commands and records as text, for a test that fails.
 */
#pragma once

#include <stdio.h>

#include "wire/record.h"

/* "ORDER_PLACE user=1 instrument=0 …" and a line's end. */
void print_command(FILE *file, const struct message *command);
/* The header, then each event in a line of its own. */
void print_record(FILE *file, const struct record *record);

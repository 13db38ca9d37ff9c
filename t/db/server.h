/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * server.h - a MariaDB for one test program, in a directory of its own.
 *
 * It is started by server_start() in suite(), before Check forks, and ends
 * with the program; its directory goes with it.  Where there is no mariadbd
 * the program ends with 77, which means: skipped.
 */
#pragma once

#include "db/db.h"

/* Start it, or end the program. */
void server_start(void);
/* Its socket, and the directory that all is in. */
const char *server_socket(void);
const char *server_dir(void);

/* End it by SIGTERM or SIGKILL and wait for that; start it again as it was. */
void server_end(int signal);
void server_again(void);
/* For SIGSTOP and SIGCONT. */
void server_signal(int signal);

/* The processor time that it has used so far. */
int64_t server_cpu_us(void);

/* A context of its own, as root; DATABASE NULL for none. */
struct ctx *server_ctx(const char *database);
struct ctx *server_ctx_with(const struct db_options *options);
void server_ctx_free(struct ctx *ctx);

/* Drop NAME, if it is there, and make it anew. */
void server_database(const char *name);
/* And apply all of sql/ to it. */
void server_schema(const char *name);

/* Run SQL as root in DATABASE, which must succeed. */
void server_sql(const char *database, const char *sql);
/* The first column of its first row, as a number. */
int64_t server_number(const char *database, const char *sql);

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streamd_main.c - streamd with the addresses of all documents.
 */
#include "daemons/streamd.h"
#include "handlers/streams.h"

int
main(int argc, char **argv)
{
	return streamd_main(argc, argv, stream_spellings);
}

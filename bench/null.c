/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * null.c - the bound: a FastCGI handler that does nothing.
 *
 *   bench-null SOCKET WORKERS
 *
 * As many pre-forked libfcgi workers as the pool that it is compared with.
 * Each reads the body and answers two bytes of JSON.  Ends with its parent.
 */
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 511

static void
serve(int listen_fd)
{
	FCGX_Request request;
	char body[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	FCGX_InitRequest(&request, listen_fd, 0);
	while (FCGX_Accept_r(&request) == 0) {
		while (FCGX_GetStr(body, sizeof(body), request.in) ==
			(int)sizeof(body))
			;
		FCGX_PutS("Status: 200\r\n"
			  "Content-Type: application/json\r\n"
			  "Content-Length: 2\r\n\r\n{}",
			request.out);
		FCGX_Finish_r(&request);
	}
}

int
main(int argc, char **argv)
{
	int listen_fd;
	long i;

	if (argc != 3) {
		fputs("usage: bench-null SOCKET WORKERS\n", stderr);
		return 1;
	}
	FCGX_Init();
	listen_fd = FCGX_OpenSocket(argv[1], BACKLOG);
	if (listen_fd < 0) {
		perror(argv[1]);
		return 1;
	}
	for (i = strtol(argv[2], NULL, 10); i > 0; i--)
		if (fork() == 0) {
			serve(listen_fd);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}

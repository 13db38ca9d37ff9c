/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_listener.c - libmicrohttpd around one page.
 *
 * A web page that is open in a browser on this machine could have a name of
 * its own resolve to 127.0.0.1 and read what we answer; so only requests that
 * call us localhost or 127.0.0.1 are answered.
 */
#include "work/monitor_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "work/monitor_text.h"

#define CONNECTIONS_MAX 16
#define TIMEOUT_S 10
#define BACKLOG 16
#define PORT_MAX 65535

struct listener {
	const struct conf *conf;
	char *path; /* NULL: a port */
	struct MHD_Daemon *daemon;
};

/* ---- Answering ------------------------------------------------------------ */

static enum MHD_Result
answer_text(struct MHD_Connection *connection, unsigned code, char *text,
	size_t length, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(length, text, mode);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
		code == MHD_HTTP_OK ? MONITOR_TEXT_TYPE
				    : "text/plain; charset=utf-8");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
		"no-store");
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
			"GET, HEAD");
	result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned code, const char *sentence)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%s\n", sentence);

	return answer_text(connection, code, text, (size_t)n,
		MHD_RESPMEM_MUST_COPY);
}

static bool
is_called_local(struct MHD_Connection *connection)
{
	const char *host = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	size_t length;

	if (!host)
		return true; /* HTTP/1.0; no browser */
	length = strcspn(host, ":");
	return (length == 9 && strncasecmp(host, "localhost", 9) == 0) ||
	       (length == 9 && strncmp(host, "127.0.0.1", 9) == 0);
}

static enum MHD_Result
answer(void *arg, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data,
	size_t *data_length, void **state)
{
	const struct listener *listener = arg;
	struct figures figures;
	int64_t now_us = clock_wall_us();
	size_t length;
	char *text;

	(void)version;
	(void)data;
	/* First called with the head alone, then with the body, if any. */
	if (!*state) {
		*state = connection;
		return MHD_YES;
	}
	if (*data_length > 0) {
		*data_length = 0;
		return MHD_YES;
	}
	if (!is_called_local(connection))
		return refuse(connection, MHD_HTTP_FORBIDDEN,
			"this is for this machine");
	if (strcmp(url, "/metrics") != 0)
		return refuse(connection, MHD_HTTP_NOT_FOUND,
			"there is only /metrics");
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			"it can only be read");
	if (figures_read(listener->conf, now_us, &figures) != ST_OK ||
		!(text = monitor_text(&figures, now_us, &length)))
		return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			"there are no figures yet");
	return answer_text(connection, MHD_HTTP_OK, text, length,
		MHD_RESPMEM_MUST_FREE);
}

/* ---- Listening ------------------------------------------------------------ */

static int
listen_at(int fd, const struct sockaddr *address, socklen_t size)
{
	int error, one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address, size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
listen_at_path(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	unlink(path);
	fd = listen_at(socket(AF_UNIX,
			       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		(const struct sockaddr *)&address, sizeof(address));
	if (fd >= 0)
		chmod(path, 0660);
	return fd;
}

/* 127.0.0.1 and no other address, whatever the settings say. */
static int
listen_at_port(const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*end != '\0' || port == 0 || port > PORT_MAX) {
		errno = EINVAL;
		return -1;
	}
	address.sin_port = htons((uint16_t)port);
	return listen_at(socket(AF_INET,
				 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		(const struct sockaddr *)&address, sizeof(address));
}

struct listener *
listener_new(const struct conf *conf, const char *where, char **reason)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int fd;

	if (!listener)
		abort();
	listener->conf = conf;
	fd = strchr(where, '/') ? listen_at_path(where) : listen_at_port(where);
	if (fd >= 0) {
		if (strchr(where, '/') && !(listener->path = strdup(where)))
			abort();
		listener->daemon = MHD_start_daemon(
			MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL,
			NULL, answer, listener, MHD_OPTION_LISTEN_SOCKET, fd,
			MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
			MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
			MHD_OPTION_END);
		if (listener->daemon)
			return listener;
		close(fd);
	}
	if (asprintf(reason, "metrics cannot be shown at %s: %s", where,
		    strerror(errno)) < 0)
		abort();
	listener_free(listener);
	return NULL;
}

void
listener_free(struct listener *listener)
{
	if (!listener)
		return;
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	if (listener->path)
		unlink(listener->path);
	free(listener->path);
	free(listener);
}

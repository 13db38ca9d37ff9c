/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stack.c - programs, settings and a journal for the tests of the daemons.
 */
#include "t/db/stack.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/book_page.h"
#include "journal/doorbell.h"
#include "journal/writer.h"
#include "t/db/server.h"

static char dir[96], conf_file[128], sql_dir[128], log_file[128];
static int ready_fd = -1;
static struct journal *journal;
static struct doorbells *bells;
static struct book_page *page;

static void
die(const char *what)
{
	perror(what);
	abort();
}

static void sh(const char *format, ...) PRINTF_LIKE(1, 2);

static void
sh(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		die(command);
}

static void write_file(const char *name, const char *format, ...)
	PRINTF_LIKE(2, 3);

static void
write_file(const char *name, const char *format, ...)
{
	char path[160];
	va_list args;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	if (!file)
		die(path);
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	if (fclose(file) != 0)
		die(path);
}

static void
write_settings(void)
{
	static const char *const accounts[] = {
		"api", "settler", "stream", "worker", "auditor"};
	char files[1024] = "";
	size_t i, n = 0;

	for (i = 0; i < N_ELEMENTS(accounts); i++) {
		char name[32];

		/* A password with all that has a meaning anywhere. */
		snprintf(name, sizeof(name), "mysql-%s", accounts[i]);
		write_file(name, "%s '\"\\`;%%{*}{}#--", accounts[i]);
		n += (size_t)snprintf(files + n, sizeof(files) - n,
			"%s_password_file = %s/mysql-%s\n", accounts[i], dir,
			accounts[i]);
	}
	write_file("mysql-migrate", "%s", "");
	write_file("quantora.ini",
		"[paths]\nrun = %s\njournal = %s/journal\narchive = "
		"%s/archive\n"
		"book_page = %s/book.page\nsecrets = %s\nsql = %s\n"
		"meters = %s\nfigures = %s/figures\n"
		"[sockets]\nmatcher = %s/matcher\nsettler = %s/settler\n"
		"doorbell_dir = %s\n"
		"[mysql]\nsocket = %s\ndatabase = " STACK_DATABASE
		"\nmigrate_user = root\nmigrate_password_file = "
		"%s/mysql-migrate\n%s",
		dir, dir, dir, dir, dir, sql_dir, dir, dir, dir, dir, dir,
		server_socket(), dir, files);
}

void
stack_start(void)
{
	const char *top = getenv("srcdir");

	snprintf(dir, sizeof(dir), "%s/stack", server_dir());
	snprintf(conf_file, sizeof(conf_file), "%s/quantora.ini", dir);
	snprintf(sql_dir, sizeof(sql_dir), "%s/sql", dir);
	snprintf(log_file, sizeof(log_file), "%s/settlerd.log", dir);
	if (mkdir(dir, 0700) != 0)
		die(dir);
	sh("cp -r '%s/sql' '%s'", top ? top : TOP_DIR, sql_dir);
	write_settings();
}

const char *
stack_conf(void)
{
	return conf_file;
}

const char *
stack_sql(void)
{
	return sql_dir;
}

void
stack_reset(void)
{
	static const char *const accounts[] = {
		"api", "settler", "stream", "worker", "auditor"};
	char sql[128];
	size_t i;

	server_sql(NULL, "DROP DATABASE IF EXISTS " STACK_DATABASE);
	for (i = 0; i < N_ELEMENTS(accounts); i++) {
		snprintf(sql, sizeof(sql),
			"DROP USER IF EXISTS quantora_%s@localhost",
			accounts[i]);
		server_sql(NULL, sql);
	}
	sh("rm -rf %s/journal %s/archive %s; mkdir %s/journal %s/archive", dir,
		dir, log_file, dir, dir);
}

/* ---- Programs --------------------------------------------------------- */

static pid_t
spawn(const char *command, int output)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		dup2(output, 1);
		dup2(output, 2);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static int
reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int
stack_ctl(const char *words, const char **output)
{
	static char text[65536];
	char command[1024];
	int fds[2];
	size_t length = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		die("pipe");
	snprintf(command, sizeof(command), "exec %s/quantoractl -c %s %s",
		BUILD_DIR, conf_file, words);
	pid = spawn(command, fds[1]);
	close(fds[1]);
	while (length < sizeof(text) - 1 &&
		(n = read(fds[0], text + length, sizeof(text) - 1 - length)) >
			0)
		length += (size_t)n;
	text[length] = '\0';
	close(fds[0]);
	*output = text;
	return reap(pid);
}

static pid_t
start_daemon(const char *program)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char command[512];
	int fd;
	pid_t pid;

	if (ready_fd >= 0)
		close(ready_fd);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/ready", dir);
	unlink(address.sun_path);
	ready_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(ready_fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("bind");
	snprintf(command, sizeof(command), "NOTIFY_SOCKET=%s exec %s/%s -c %s",
		address.sun_path, BUILD_DIR, program, conf_file);
	fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid = spawn(command, fd);
	close(fd);
	return pid;
}

static void
wait_ready(void)
{
	char message[256];
	ssize_t n;

	do {
		n = recv(ready_fd, message, sizeof(message) - 1, 0);
		if (n < 0)
			die("no daemon is ready");
		message[n] = '\0';
	} while (!strstr(message, "READY=1"));
}

pid_t
stack_settlerd(void)
{
	return start_daemon("quantora-settlerd");
}

void
stack_settlerd_ready(void)
{
	wait_ready();
}

pid_t
stack_matcherd(void)
{
	pid_t pid = start_daemon("quantora-matcherd");

	wait_ready();
	return pid;
}

int
stack_end(pid_t pid, int signal)
{
	if (signal)
		kill(pid, signal);
	return reap(pid);
}

const char *
stack_log(void)
{
	static char text[65536];
	FILE *file = fopen(log_file, "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	if (file)
		fclose(file);
	return text;
}

enum status
stack_ask(uint64_t seq, struct settle_answer *out)
{
	struct settle_question question = {.seq = seq};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n = -1;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/settler", dir);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		send(fd, &question, sizeof(question), MSG_NOSIGNAL) ==
			(ssize_t)sizeof(question))
		n = recv(fd, out, sizeof(*out), MSG_WAITALL);
	close(fd);
	return n == (ssize_t)sizeof(*out) ? ST_OK : ST_UNAVAILABLE;
}

/* ---- A journal -------------------------------------------------------- */

static enum status
load_nothing(struct journal_replay *replay, struct snapshot *snapshot,
	struct reason *reason)
{
	(void)replay;
	(void)snapshot;
	(void)reason;
	return ST_OK;
}

static enum status
pass_record(struct journal_replay *replay, const struct record *record,
	struct reason *reason)
{
	(void)replay;
	(void)record;
	(void)reason;
	return ST_OK;
}

void
stack_journal_open(void)
{
	struct journal_replay replay = {
		.load = load_nothing, .record = pass_record};
	char journal_dir[128], archive[128], page_path[128];
	struct reason reason;
	struct journal_options options = {
		.dir = journal_dir,
		.archive = archive,
		.segment_bytes = 16 << 20,
		.batch_bytes = 4 << 20,
		.engine = 1,
		.create = true,
		.now_us = clock_wall_us(),
	};

	snprintf(journal_dir, sizeof(journal_dir), "%s/journal", dir);
	snprintf(archive, sizeof(archive), "%s/archive", dir);
	if (journal_open(disk_posix(), &options, &replay, &journal, &reason) !=
			ST_OK ||
		doorbells_open(dir, &bells, &reason) != ST_OK)
		die(reason.text);
	snprintf(page_path, sizeof(page_path), "%s/book.page", dir);
	if (book_page_create(page_path, journal_identity(journal), &page,
		    &reason) != ST_OK)
		die(reason.text);
	book_page_ready(page, clock_wall_us(), journal_durable_seq(journal));
}

struct ident
stack_journal_identity(void)
{
	return journal_identity(journal);
}

void
stack_journal_close(void)
{
	doorbells_close(bells);
	book_page_close(page);
	if (journal_close(journal) != ST_OK)
		die("journal_close");
}

void
stack_journal_replace(void)
{
	sh("rm -rf %s/journal; mkdir %s/journal", dir, dir);
	stack_journal_open();
}

void
stack_journal_write(const struct record *record)
{
	void *buffer;
	size_t capacity;

	if (journal_begin(journal, &buffer, &capacity) != ST_OK ||
		capacity < record->length)
		die("journal_begin");
	memcpy(buffer, record, record->length);
	if (journal_commit(journal, record->length, 1, record->seq,
		    record->time_us) != ST_OK)
		die("journal_commit");
	book_page_set_durable(page, record->seq);
	doorbells_scan(bells);
	doorbells_ring(bells, record->seq);
}

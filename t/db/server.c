/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * server.c - starting and ending a MariaDB.
 *
 * That it answers is told by the server itself (sd_notify), so nothing here
 * waits for a length of time.  Who it is stands in a file, because a test that
 * restarts it is a child of the program that will end it.
 */
#include "t/db/server.h"

#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77

static char dir[64];
static char socket_path[96];
static pid_t owner, keeper;
static int keeper_fd;
static int ready_fd = -1;

static void
die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* Output of what we start goes to a file that is printed on failure. */
static void
to_log(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(EXIT_FAILURE);
}

static void
show_log(const char *name)
{
	char path[128], line[512];
	FILE *log;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	log = fopen(path, "re");
	while (log && fgets(line, sizeof(line), log))
		fputs(line, stderr);
	if (log)
		fclose(log);
}

/* Run it to its end; what it says goes to LOG, in our directory. */
static bool
run_program(const char *log, const char *const argv[])
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		to_log(log);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void
remove_tree(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", path, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/*
 * A keeper ends the server and removes the directory once the program is gone,
 * however it went: killed, too, it lets go of the pipe's other end.
 */
static void
start_keeper(void)
{
	int fds[2];
	char byte;

	if (pipe2(fds, O_CLOEXEC) != 0)
		die("pipe");
	keeper = fork();
	if (keeper < 0)
		die("fork");
	if (keeper > 0) {
		close(fds[0]);
		keeper_fd = fds[1];
		return;
	}
	setsid();
	close(fds[1]);
	while (read(fds[0], &byte, 1) < 0)
		;
	server_end(SIGKILL);
	remove_tree(dir);
	_exit(0);
}

static void
clean_up(void)
{
	if (getpid() != owner)
		return;
	close(keeper_fd);
	waitpid(keeper, NULL, 0);
}

static bool
copy_tree(const char *from, const char *to)
{
	return run_program("copy.log",
		(const char *const[]){"cp", "-a", "--", from, to, NULL});
}

/* Others may keep theirs at the same time: whoever is first has his kept. */
static void
keep_copy(const char *data, const char *kept)
{
	char own[256];

	snprintf(own, sizeof(own), "%s.%d", kept, (int)getpid());
	if (!copy_tree(data, own) || rename(own, kept) != 0)
		remove_tree(own);
}

/*
 * An empty data directory takes seconds to make; where QUANTORA_EMPTY_DATABASE
 * names one it is copied, and made if it is not there yet.
 */
static void
install(void)
{
	const char *kept = getenv("QUANTORA_EMPTY_DATABASE");
	char data[96], option[112], temporary[96];

	snprintf(data, sizeof(data), "%s/data", dir);
	if (kept && access(kept, R_OK) == 0 && copy_tree(kept, data))
		return;
	remove_tree(data);
	snprintf(option, sizeof(option), "--datadir=%s", data);
	/* Two that begin at once got into each other's temporary tables. */
	snprintf(temporary, sizeof(temporary), "--tmpdir=%s", dir);
	if (!run_program("install.log",
		    (const char *const[]){"mariadb-install-db",
			    "--no-defaults", option, temporary,
			    "--skip-test-db",
			    "--auth-root-authentication-method=normal",
			    geteuid() == 0 ? "--user=root"
					   : "--skip-name-resolve",
			    NULL})) {
		show_log("install.log");
		exit(EXIT_FAILURE);
	}
	if (kept)
		keep_copy(data, kept);
}

static void
open_ready_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/ready", dir);
	ready_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ready_fd < 0 || bind(ready_fd, (struct sockaddr *)&address,
				    sizeof(address)) != 0)
		die("bind");
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

/* It says STATUS=… on its way; a server that dies never says READY=1. */
static void
wait_ready(void)
{
	char message[512];

	for (;;) {
		struct timeval patience = {300, 0};
		ssize_t n;

		setsockopt(ready_fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			sizeof(patience));
		n = recv(ready_fd, message, sizeof(message) - 1, 0);
		if (n < 0) {
			show_log("server.log");
			die("the server does not answer");
		}
		message[n] = '\0';
		if (strstr(message, "READY=1"))
			return;
	}
}

static pid_t
server_pid(void)
{
	char path[128];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "%s/pid", dir);
	file = fopen(path, "re");
	if (file && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

static void
write_pid(pid_t pid)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/pid", dir);
	file = fopen(path, "we");
	if (!file || fprintf(file, "%d", (int)pid) < 0 || fclose(file) != 0)
		die(path);
}

void
server_again(void)
{
	char data[96], socket_option[128];
	pid_t server;

	snprintf(data, sizeof(data), "--datadir=%s/data", dir);
	snprintf(socket_option, sizeof(socket_option), "--socket=%s",
		socket_path);
	server = fork();
	if (server < 0)
		die("fork");
	if (server == 0) {
		/* Check ends the process group of each test. */
		setsid();
		to_log("server.log");
		execlp("mariadbd", "mariadbd", "--no-defaults", data,
			socket_option, "--skip-networking", "--skip-log-bin",
			"--innodb-rollback-on-timeout=ON",
			"--loose-innodb-snapshot-isolation=ON",
			"--innodb-buffer-pool-size=256M",
			"--innodb-log-file-size=96M", "--local-infile=OFF",
			"--character-set-server=utf8mb4",
			"--collation-server=utf8mb4_bin",
			"--performance-schema=OFF",
			"--innodb-flush-log-at-trx-commit=1",
			geteuid() == 0 ? "--user=root" : "--skip-name-resolve",
			(char *)NULL);
		_exit(127);
	}
	write_pid(server);
	wait_ready();
}

void
server_end(int signal)
{
	pid_t pid = server_pid();
	struct pollfd ended = {.fd = -1, .events = POLLIN};

	if (pid <= 0)
		return;
	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ended.fd >= 0) {
		kill(pid, SIGCONT);
		kill(pid, signal);
		poll(&ended, 1, -1);
		close(ended.fd);
	}
	waitpid(pid, NULL, 0); /* if it is ours */
	write_pid(0);
}

/* Whether each thread of PID stands still. */
static bool
is_stopped(pid_t pid)
{
	char pattern[64], line[512];
	bool stopped = true;
	glob_t threads;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/stat", (int)pid);
	if (glob(pattern, 0, NULL, &threads) != 0)
		die(pattern);
	for (i = 0; i < threads.gl_pathc; i++) {
		FILE *file = fopen(threads.gl_pathv[i], "re");
		const char *name_end;

		if (!file)
			continue; /* it has ended */
		if (fgets(line, sizeof(line), file) &&
			(name_end = strrchr(line, ')')) != NULL)
			stopped &= name_end[2] == 'T';
		fclose(file);
	}
	globfree(&threads);
	return stopped;
}

void
server_signal(int signal)
{
	pid_t pid = server_pid();

	kill(pid, signal);
	/* The threads stop one after the other. */
	while (signal == SIGSTOP && !is_stopped(pid))
		;
}

int64_t
server_cpu_us(void)
{
	struct timespec used = {0};
	clockid_t clock;

	if (clock_getcpuclockid(server_pid(), &clock) == 0)
		clock_gettime(clock, &used);
	return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

void
server_start(void)
{
	if (access("/usr/sbin/mariadbd", X_OK) != 0) {
		fputs("skipped: there is no mariadbd\n", stderr);
		exit(SKIPPED);
	}
	setenv("PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		"/sbin:/bin",
		1);
	strcpy(dir, "/tmp/quantora-db-XXXXXX");
	if (!mkdtemp(dir))
		die("mkdtemp");
	owner = getpid();
	start_keeper();
	atexit(clean_up);
	snprintf(socket_path, sizeof(socket_path), "%s/sock", dir);
	install();
	open_ready_socket();
	server_again();
}

const char *
server_socket(void)
{
	return socket_path;
}

const char *
server_dir(void)
{
	return dir;
}

struct ctx *
server_ctx_with(const struct db_options *options)
{
	struct ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		abort();
	ctx->arena = arena_new();
	ctx->db = db_new(options);
	return ctx;
}

struct ctx *
server_ctx(const char *database)
{
	return server_ctx_with(&(struct db_options){
		.socket = socket_path,
		.database = database,
		.user = "root",
		.answer_s = 30,
	});
}

void
server_ctx_free(struct ctx *ctx)
{
	db_free(ctx->db);
	arena_free(ctx->arena);
	free(ctx);
}

static void
run(struct ctx *ctx, const char *sql)
{
	if (db_script(ctx, sql, strlen(sql)) != ST_OK) {
		fprintf(stderr, "%s\n%s\n", sql, db_error(ctx->db));
		abort();
	}
}

void
server_sql(const char *database, const char *sql)
{
	struct ctx *ctx = server_ctx(database);

	run(ctx, sql);
	server_ctx_free(ctx);
}

int64_t
server_number(const char *database, const char *sql)
{
	struct ctx *ctx = server_ctx(database);
	int64_t value = 0;

	if (db_one(ctx, sql, DB_NOTHING, DB_OUT(db_to_i64(&value))) != ST_OK) {
		fprintf(stderr, "%s\n%s\n", sql, db_error(ctx->db));
		abort();
	}
	server_ctx_free(ctx);
	return value;
}

void
server_database(const char *name)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s", name);
	server_sql(NULL, sql);
	snprintf(sql, sizeof(sql),
		"CREATE DATABASE %s CHARACTER SET utf8mb4 COLLATE "
		"utf8mb4_bin",
		name);
	server_sql(NULL, sql);
}

/* A statement ends with a semicolon at the end of a line. */
static void
apply_file(const char *database, const char *path)
{
	FILE *file = fopen(path, "re");
	struct ctx *ctx = server_ctx(database);
	char text[64 * 1024], *begin = text, *end;
	size_t length;

	if (!file)
		die(path);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	for (; (end = strstr(begin, ";\n")); begin = end + 2) {
		*end = '\0';
		run(ctx, begin);
	}
	server_ctx_free(ctx);
}

void
server_schema(const char *name)
{
	static const char *const patterns[] = {
		"/sql/[0-9]*.sql", "/sql/reports/*.sql"};
	const char *top = getenv("srcdir");
	char pattern[512];
	size_t i, j;
	glob_t files;

	server_database(name);
	for (i = 0; i < N_ELEMENTS(patterns); i++) {
		snprintf(pattern, sizeof(pattern), "%s%s", top ? top : TOP_DIR,
			patterns[i]);
		if (glob(pattern, 0, NULL, &files) != 0)
			die(pattern);
		for (j = 0; j < files.gl_pathc; j++)
			apply_file(name, files.gl_pathv[j]);
		globfree(&files);
	}
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_password.c - what may be a password, hashing, and the gate that lets
 * two in at a time.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/password.h"
#include "base/clock.h"
#include "base/conf.h"
#include "t/harness/suite.h"

static struct ctx ctx;
static struct conf *conf;
static struct gate *gate;
static char path[64];

static void
setup(void)
{
	char *reason = NULL;

	ck_assert_int_ge(sodium_init(), 0);
	ctx.arena = arena_new();
	conf = conf_load(NULL, &reason);
	ck_assert_msg(conf != NULL, "%s", reason);
	ctx.conf = conf;
	snprintf(path, sizeof(path), "/tmp/test_password.%d", (int)getpid());
	gate = gate_open(path, &reason);
	ck_assert_msg(gate != NULL, "%s", reason);
}

static void
teardown(void)
{
	gate_free(gate);
	conf_free(conf);
	unlink(path);
	arena_free(ctx.arena);
}

/* ---- What may be chosen -------------------------------------------------- */

static const struct {
	const char *password;
	enum status want;
} choices[] = {
	{"", ST_INVALID},
	{"short77", ST_INVALID},
	{"shorter8", ST_OK},
	{"password", ST_INVALID},
	{"Password", ST_INVALID},
	{"PASSWORD1", ST_INVALID},
	{"12345678", ST_INVALID},
	{"iloveyou", ST_INVALID},
	{"correct horse battery staple", ST_OK},
	{"SecurePass123!", ST_OK},  /* botplatform's own example */
	{"securepassword", ST_OK},  /* amarktai's */
	{"ääää", ST_INVALID},       /* eight bytes, four characters */
	{"ääääääää", ST_OK},
};

START_TEST(choice)
{
	ck_assert_msg(password_acceptable(&ctx, "password",
			      choices[_i].password) == choices[_i].want,
		"%s", choices[_i].password);
	if (choices[_i].want != ST_OK)
		ck_assert_str_eq(ctx.fault.field, "password");
}
END_TEST

START_TEST(length_is_of_characters)
{
	char text[300];
	int i;

	for (i = 0; i < 128; i++)
		memcpy(text + 2 * i, "ä", 3);
	ck_assert_int_eq(password_acceptable(&ctx, "password", text), ST_OK);
	memcpy(text + 256, "ä", 3);
	ck_assert_int_eq(password_acceptable(&ctx, "password", text),
		ST_INVALID);
}
END_TEST

/* ---- Hashing ------------------------------------------------------------- */

START_TEST(knows_its_own)
{
	char hash[PASSWORD_HASH_MAX], again[PASSWORD_HASH_MAX];
	bool stale = true;

	ck_assert_int_eq(password_hash(&ctx, gate, "a good password", hash),
		ST_OK);
	ck_assert_int_eq(password_hash(&ctx, gate, "a good password", again),
		ST_OK);
	ck_assert_str_ne(hash, again); /* salted */
	ck_assert_int_eq(strncmp(hash, "$argon2id$v=19$m=65536,t=2,p=1$", 31),
		0);
	ck_assert_int_eq(password_verify(&ctx, gate, "a good password", hash,
				 &stale),
		ST_OK);
	ck_assert(!stale);
	ck_assert_int_eq(password_verify(&ctx, gate, "a good passwore", hash,
				 &stale),
		ST_UNAUTHENTICATED);
	/* Nothing is cut off, however long. */
	ck_assert_int_eq(password_verify(&ctx, gate, "a good password ", hash,
				 &stale),
		ST_UNAUTHENTICATED);
}
END_TEST

START_TEST(nothing_is_cut_off)
{
	char hash[PASSWORD_HASH_MAX], text[129];
	bool stale;

	memset(text, 'x', 128);
	text[128] = '\0';
	ck_assert_int_eq(password_hash(&ctx, gate, text, hash), ST_OK);
	text[127] = 'y';
	ck_assert_int_eq(password_verify(&ctx, gate, text, hash, &stale),
		ST_UNAUTHENTICATED);
}
END_TEST

START_TEST(weaker_is_stale)
{
	char hash[crypto_pwhash_STRBYTES];
	bool stale = false;

	ck_assert_int_eq(crypto_pwhash_str(hash, "a good password", 15, 1,
				 8 * 1024 * 1024),
		0);
	ck_assert_int_eq(password_verify(&ctx, gate, "a good password", hash,
				 &stale),
		ST_OK);
	ck_assert(stale);
}
END_TEST

/* An installation may choose another cost; then all hashes are of it. */
START_TEST(as_dear_as_the_settings_say)
{
	char file[] = "/tmp/test-password-conf-XXXXXX";
	char hash[PASSWORD_HASH_MAX];
	struct conf *cheap;
	bool stale = false;
	char *reason;
	int fd = mkstemp(file);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "[auth]\npassword_mib = 19\n"), 0);
	close(fd);
	cheap = conf_load(file, &reason);
	unlink(file);
	ck_assert_msg(cheap != NULL, "%s", reason);
	ck_assert_int_eq(password_hash(&ctx, gate, "a good password", hash),
		ST_OK);
	ctx.conf = cheap;
	ck_assert_int_eq(password_verify(&ctx, gate, "a good password", hash,
				 &stale),
		ST_OK);
	ck_assert(stale); /* it is of 64 MiB */
	ck_assert_int_eq(password_hash(&ctx, gate, "a good password", hash),
		ST_OK);
	ck_assert_int_eq(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31),
		0);
	ck_assert_int_eq(password_verify(&ctx, gate, "a good password", hash,
				 &stale),
		ST_OK);
	ck_assert(!stale);
	ck_assert_int_eq(password_verify(&ctx, gate, "a good password", NULL,
				 &stale),
		ST_UNAUTHENTICATED);
	conf_free(cheap);
}
END_TEST

START_TEST(nobody_never_matches)
{
	bool stale;

	ck_assert_int_eq(password_verify(&ctx, gate, "a good password", NULL,
				 &stale),
		ST_UNAUTHENTICATED);
	ck_assert_int_eq(password_verify(&ctx, gate, "", NULL, &stale),
		ST_UNAUTHENTICATED);
}
END_TEST

/* ---- The gate ------------------------------------------------------------ */

/* A child that enters through a gate of its own and stays until it is killed;
 * returns once it is inside. */
static pid_t
occupy(void)
{
	int inside[2], place;
	char byte, *reason;
	pid_t pid;

	ck_assert_int_eq(pipe(inside), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct gate *mine = gate_open(path, &reason);

		if (!mine || gate_enter(mine, 0, &place) != ST_OK ||
			write(inside[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(inside[0], &byte, 1), 1);
	close(inside[0]);
	close(inside[1]);
	return pid;
}

static void
end(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(two_at_a_time)
{
	pid_t first = occupy(), second = occupy();
	int place;

	ck_assert_int_eq(gate_enter(gate, 20000, &place), ST_RATE_LIMITED);
	/* Who is killed inside gives his place back, each time. */
	end(first);
	ck_assert_int_eq(gate_enter(gate, 0, &place), ST_OK);
	ck_assert_int_eq(gate_enter(gate, 0, &place), ST_RATE_LIMITED);
	end(second);
	ck_assert_int_eq(gate_enter(gate, 0, &place), ST_OK);
}
END_TEST

/* A waiter gets in when the holder of his place is killed. */
START_TEST(wakes_when_killed)
{
	pid_t first = occupy(), second = occupy(), killer;
	int place;

	killer = fork();
	if (killer == 0) {
		kill(first, SIGKILL);
		kill(second, SIGKILL);
		_exit(0);
	}
	ck_assert_int_eq(gate_enter(gate, 10 * US_PER_SECOND, &place), ST_OK);
	ck_assert_int_eq(waitpid(killer, NULL, 0), killer);
	waitpid(first, NULL, 0);
	waitpid(second, NULL, 0);
	gate_leave(gate, place);
}
END_TEST

START_TEST(places_come_back)
{
	int a, b, c, i;

	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(gate_enter(gate, 0, &a), ST_OK);
		ck_assert_int_eq(gate_enter(gate, 0, &b), ST_OK);
		ck_assert_int_ne(a, b);
		gate_leave(gate, a);
		ck_assert_int_eq(gate_enter(gate, 0, &c), ST_OK);
		ck_assert_int_eq(a, c);
		gate_leave(gate, b);
		gate_leave(gate, c);
	}
}
END_TEST

/* What a dead machine left behind locks nobody out. */
START_TEST(a_stale_file_is_made_anew)
{
	char *reason = NULL;
	int a, b;
	FILE *file;

	gate_free(gate);
	file = fopen(path, "w");
	for (a = 0; a < 4096; a++)
		ck_assert_int_eq(fputc(0xff, file), 0xff);
	ck_assert_int_eq(fclose(file), 0);
	gate = gate_open(path, &reason);
	ck_assert_msg(gate != NULL, "%s", reason);
	ck_assert_int_eq(gate_enter(gate, 0, &a), ST_OK);
	ck_assert_int_eq(gate_enter(gate, 0, &b), ST_OK);
	gate_leave(gate, a);
	gate_leave(gate, b);
}
END_TEST

START_TEST(refuses_a_bad_path)
{
	char *reason = NULL;

	ck_assert_ptr_null(gate_open("/nonexistent/gate", &reason));
	ck_assert_ptr_nonnull(strstr(reason, "/nonexistent/gate"));
	free(reason);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("password");
	TCase *choosing = tcase_create("choosing");
	TCase *hashing = tcase_create("hashing");
	TCase *gates = tcase_create("gate");

	tcase_add_checked_fixture(choosing, setup, teardown);
	tcase_add_loop_test(choosing, choice, 0, N_ELEMENTS(choices));
	tcase_add_test(choosing, length_is_of_characters);
	suite_add_tcase(s, choosing);
	tcase_add_checked_fixture(hashing, setup, teardown);
	tcase_set_timeout(hashing, 60);
	tcase_add_test(hashing, knows_its_own);
	tcase_add_test(hashing, nothing_is_cut_off);
	tcase_add_test(hashing, weaker_is_stale);
	tcase_add_test(hashing, nobody_never_matches);
	tcase_add_test(hashing, as_dear_as_the_settings_say);
	suite_add_tcase(s, hashing);
	tcase_add_checked_fixture(gates, setup, teardown);
	tcase_set_timeout(gates, 60);
	tcase_add_test(gates, two_at_a_time);
	tcase_add_test(gates, wakes_when_killed);
	tcase_add_test(gates, places_come_back);
	tcase_add_test(gates, a_stale_file_is_made_anew);
	tcase_add_test(gates, refuses_a_bad_path);
	suite_add_tcase(s, gates);
	return s;
}

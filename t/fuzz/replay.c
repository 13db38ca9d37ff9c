/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * replay.c - the main() of a fuzz target where there is no fuzzer.
 *
 * Hands each file of the corpus to the target once: $srcdir/t/fuzz/corpus/ and
 * the program's name, or the files and folders that are named as arguments.  A
 * finding ends the process, as it would under libFuzzer; an empty corpus fails,
 * because it proves nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes);

/* The target runs on an exact allocation, so that ASan sees one byte past it. */
static int
replay_file(const char *path)
{
	struct stat st;
	uint8_t *data;
	FILE *file = fopen(path, "rb");

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	data = malloc((size_t)st.st_size);
	if (data == NULL && st.st_size > 0)
		abort();
	if (fread(data, 1, (size_t)st.st_size, file) != (size_t)st.st_size) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	return 1;
}

static int
replay(const char *path)
{
	struct stat st;
	struct dirent **names;
	int n, done = 0;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return replay_file(path);
	/* In the order of names: a failure is the same file every time. */
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	for (int i = 0; i < n; i++) {
		char *sub;

		if (names[i]->d_name[0] != '.') {
			if (asprintf(&sub, "%s/%s", path, names[i]->d_name) < 0)
				abort();
			done += replay(sub);
			free(sub);
		}
		free(names[i]);
	}
	free(names);
	return done;
}

int
main(int argc, char **argv)
{
	const char *root = getenv("srcdir");
	char *corpus;
	int done = 0;

	for (int i = 1; i < argc; i++)
		done += replay(argv[i]);
	if (argc < 2) {
		if (asprintf(&corpus, "%s/t/fuzz/corpus/%s", root != NULL ? root : ".",
			    basename(argv[0])) < 0)
			abort();
		done = replay(corpus);
		free(corpus);
	}
	printf("%d inputs\n", done);
	return done > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

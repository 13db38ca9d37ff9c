/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * conf.c - quantora.ini against the table of settings.
 */
#include "base/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

const struct conf_row conf_rows[CONF_N] = {
#define X(sym, name, kind, fallback, min, max, meaning)                        \
	[CONF_##sym] = {name, CONF_KIND_##kind, fallback, min, max, meaning},
	CONF_LIST(X)
#undef X
};

struct conf {
	char *values[CONF_N]; /* NULL: the default */
	int64_t numbers[CONF_N];
};

struct load {
	struct conf *conf;
	char *reason; /* the first thing that was wrong */
};

static void PRINTF_LIKE(2, 3)
blame(struct load *load, const char *format, ...)
{
	va_list args;

	if (load->reason)
		return;
	va_start(args, format);
	if (vasprintf(&load->reason, format, args) < 0)
		abort();
	va_end(args);
}

static bool
parse_number(const struct conf_row *row, const char *text, int64_t *out)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return false;
	if (value < row->min || value > row->max)
		return false;
	*out = value;
	return true;
}

static int
find_key(const char *section, const char *name)
{
	size_t length = strlen(section);
	int key;

	for (key = 0; key < CONF_N; key++) {
		const char *full = conf_rows[key].name;

		if (strncmp(full, section, length) == 0 &&
			full[length] == '.' &&
			strcmp(full + length + 1, name) == 0)
			return key;
	}
	return -1;
}

/* inih's callback: 1 to go on, 0 for an error. */
static int
take_line(void *user, const char *section, const char *name, const char *value)
{
	struct load *load = user;
	int key = find_key(section, name);

	if (key < 0) {
		blame(load, "unknown setting %s.%s", section, name);
		return 0;
	}
	if (conf_rows[key].kind == CONF_KIND_NUMBER &&
		!parse_number(&conf_rows[key], value,
			&load->conf->numbers[key])) {
		blame(load, "%s must be a whole number from %lld to %lld",
			conf_rows[key].name, (long long)conf_rows[key].min,
			(long long)conf_rows[key].max);
		return 0;
	}
	free(load->conf->values[key]);
	load->conf->values[key] = strdup(value);
	if (!load->conf->values[key])
		abort();
	return 1;
}

struct conf *
conf_load(const char *file, char **reason)
{
	struct load load = {.conf = calloc(1, sizeof(*load.conf))};
	int key, line = 0;

	if (!load.conf)
		abort();
	for (key = 0; key < CONF_N; key++)
		if (conf_rows[key].kind == CONF_KIND_NUMBER &&
			!parse_number(&conf_rows[key], conf_rows[key].fallback,
				&load.conf->numbers[key]))
			abort();
	if (!file)
		return load.conf;
	line = ini_parse(file, take_line, &load);
	if (line == 0)
		return load.conf;
	conf_free(load.conf);
	if (line < 0)
		blame(&load, "cannot be read: %s", strerror(errno));
	else
		blame(&load, "this is no setting");
	if (asprintf(reason, line < 0 ? "%s %s" : "%s: %s (line %d)", file,
		    load.reason, line) < 0)
		abort();
	free(load.reason);
	return NULL;
}

void
conf_free(struct conf *conf)
{
	int key;

	if (!conf)
		return;
	for (key = 0; key < CONF_N; key++)
		free(conf->values[key]);
	free(conf);
}

const char *
conf_text(const struct conf *conf, enum conf_key key)
{
	return conf->values[key] ? conf->values[key] : conf_rows[key].fallback;
}

int64_t
conf_number(const struct conf *conf, enum conf_key key)
{
	return conf->numbers[key];
}

struct conf *
conf_load_or_exit(const char *file)
{
	char *reason;
	struct conf *conf = conf_load(file, &reason);

	if (!conf)
		log_fatal("%s", reason);
	return conf;
}

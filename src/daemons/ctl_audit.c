/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_audit.c - "quantoractl audit verify": is the audit log as it was
 * written?
 *
 * The end of the chain is noted in a file beside the master key.  The next
 * walk demands that it still lies on the chain: so rows cut off the end show
 * also where somebody could put the database's own notes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "daemons/ctl.h"
#include "domain/audit.h"

#define MARK_TEXT_MAX 128

/* The mark in PATH; of id 0 when there is none. */
static int
read_mark(const char *path, struct audit_mark *out)
{
	char text[MARK_TEXT_MAX], hex[DIGEST_TEXT_MAX];
	struct audit_mark mark = {.id = 0};
	FILE *file = fopen(path, "re");
	bool good;

	*out = mark;
	if (!file && errno == ENOENT)
		return CTL_OK;
	if (!file)
		return ctl_complain("%s: %s", path, strerror(errno));
	good = fgets(text, sizeof(text), file) &&
		sscanf(text, "%" SCNu64 " %64s", &mark.id, hex) == 2 &&
		digest_parse(hex, &mark.hash) == ST_OK;
	fclose(file);
	if (!good)
		return ctl_complain("%s cannot be read", path);
	*out = mark;
	return CTL_OK;
}

static int
write_mark(struct ctl *ctl, const char *path, const struct audit_mark *mark)
{
	const char *passing = arena_printf(ctl->ctx.arena, "%s.new", path);
	char hex[DIGEST_TEXT_MAX];
	int fd = open(passing, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good;

	digest_format(&mark->hash, hex);
	good = fd >= 0 &&
		dprintf(fd, "%" PRIu64 " %s\n", mark->id, hex) > 0 &&
		fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	if (!good || rename(passing, path) != 0)
		return ctl_complain("%s cannot be written: %s", path,
			strerror(errno));
	return CTL_OK;
}

static const char *
finding_text(enum audit_finding finding)
{
	switch (finding) {
	case AUDIT_EDITED:
		return "has been edited";
	case AUDIT_MISSING:
		return "has been deleted";
	case AUDIT_CUT:
		return "and what followed has been cut off";
	case AUDIT_SOUND:
		break;
	}
	return "is sound";
}

static int
verify(struct ctl *ctl, int argc, char **argv)
{
	const char *path = ctl_option(&argc, argv, "mark");
	struct audit_report report;
	struct audit_mark known;
	char *reason;
	enum status status;

	if (argc != 1)
		return CTL_USAGE;
	if (!path)
		path = arena_printf(ctl->ctx.arena, "%s/audit.mark",
			conf_text(ctl->conf, CONF_PATHS_SECRETS));
	ctl->ctx.auth = auth_open(ctl->conf, AUTH_SECRETS, &reason);
	if (!ctl->ctx.auth)
		return ctl_complain("%s", reason);
	if (read_mark(path, &known) != CTL_OK)
		return CTL_FAILED;
	status = audit_verify(&ctl->ctx, &known, &report);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "the audit log");
	if (report.finding != AUDIT_SOUND) {
		printf("audit row %" PRIu64 " %s; %" PRIu64
		       " rows before it are sound\n",
			report.id, finding_text(report.finding), report.rows);
		return CTL_FAILED;
	}
	printf("%" PRIu64 " audit rows, all sound\n", report.rows);
	return write_mark(ctl, path, &report.end);
}

const struct ctl_command ctl_audit_commands[] = {
	{"audit", "verify", "[--mark FILE]",
		"walk the audit log's chain; names the first row that was "
		"edited, deleted or cut",
		CTL_DB, DB_AS_AUDITOR, verify},
	CTL_END,
};

// SPDX-License-Identifier: Apache-2.0
#include "mountinfo.h"

#include <stdlib.h>

#include "bounds.h"
#include "file.h"

#define FIELD_DEVICE 2
#define FIELD_MOUNT_POINT 4

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes blanks, newlines and backslashes in names as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3])) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static bool parse_line(char *line, struct mountinfo_entry *e)
{
	char *save = NULL;
	char *field = strtok_r(line, " ", &save);

	for (int i = 0; field && i <= FIELD_MOUNT_POINT; i++) {
		if (i == FIELD_DEVICE)
			e->has_device = strncmp(field, "0:", 2) != 0;
		if (i == FIELD_MOUNT_POINT) {
			unescape(field);
			e->at = field;
			return true;
		}
		field = strtok_r(NULL, " ", &save);
	}
	return false;
}

struct mountinfo *mountinfo_parse(char *text)
{
	struct mountinfo *m;
	char *save = NULL;
	size_t lines = 1;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	m = calloc(1, sizeof(*m) + lines * sizeof(m->mounts[0]));
	if (!m) {
		free(text);
		return NULL;
	}
	m->text = text;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (parse_line(line, &m->mounts[m->n]))
			m->n++;
	return m;
}

struct mountinfo *mountinfo_read(int proc_fd)
{
	size_t len;
	char *text = file_read(proc_fd, "self/mountinfo", MOUNTINFO_MAX, &len);

	return text ? mountinfo_parse(text) : NULL;
}

void mountinfo_free(struct mountinfo *m)
{
	free(m->text);
	free(m);
}

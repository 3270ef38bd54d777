// SPDX-License-Identifier: Apache-2.0
#include "users.h"

#include <fcntl.h>
#include <stdlib.h>

#include "file.h"

#define PASSWD_FIELDS 7
#define GROUP_FIELDS 4
#define ID_MAX 0xfffffffeu	/* -1 means "leave it alone" to the kernel */

static bool parse_id(struct span s, uint32_t *id)
{
	uint64_t v = 0;

	if (s.len == 0 || s.len > 10)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (v > ID_MAX)
		return false;
	*id = (uint32_t)v;
	return true;
}

static bool same(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* Cuts off what stands before the next `sep`; false once nothing is left. */
static bool cut(struct span *rest, char sep, struct span *piece)
{
	const uint8_t *at;

	if (!rest->p)
		return false;
	at = rest->len ? memchr(rest->p, sep, rest->len) : NULL;
	if (!at) {
		*piece = *rest;
		*rest = (struct span){ 0 };
		return true;
	}
	*piece = span_of(rest->p, (size_t)(at - rest->p));
	*rest = span_of(at + 1, rest->len - piece->len - 1);
	return true;
}

/* The next line that has `n` fields at least; others are no entries. */
static bool next_entry(struct span *text, struct span *fields, size_t n)
{
	struct span line;

	while (cut(text, '\n', &line)) {
		size_t i;

		if (line.len == 0 || line.p[0] == '#')
			continue;
		for (i = 0; i < n && cut(&line, ':', &fields[i]); i++)
			;
		if (i == n)
			return true;
	}
	return false;
}

static bool find_passwd(const char *passwd, struct span name, const uint32_t *uid, struct span *f)
{
	struct span text = span_of(passwd, strlen(passwd));
	uint32_t have;

	while (next_entry(&text, f, PASSWD_FIELDS))
		if (uid ? parse_id(f[2], &have) && have == *uid : same(f[0], name))
			return true;
	return false;
}

static bool find_group(const char *group, struct span name, gid_t *gid)
{
	struct span text = span_of(group, strlen(group));
	struct span f[GROUP_FIELDS];

	while (next_entry(&text, f, GROUP_FIELDS))
		if (same(f[0], name) && parse_id(f[2], gid))
			return true;
	return parse_id(name, gid);
}

static void add_memberships(const char *group, struct span name, struct user *u)
{
	struct span text = span_of(group, strlen(group));
	struct span f[GROUP_FIELDS];
	struct span member;

	while (u->ngroups < GROUPS_MAX && next_entry(&text, f, GROUP_FIELDS))
		while (cut(&f[3], ',', &member))
			if (same(member, name) && parse_id(f[2], &u->groups[u->ngroups])) {
				u->ngroups++;
				break;
			}
}

const char *user_resolve(const char *spec, const char *passwd, const char *group, struct user *u)
{
	struct span rest = span_of(spec, strlen(spec));
	struct span who, with = { 0 };
	struct span f[PASSWD_FIELDS];
	bool known;

	*u = (struct user){ .home = "/" };
	cut(&rest, ':', &who);
	if (rest.p)
		with = rest;
	if (who.len == 0 || (with.p && with.len == 0))
		return "the user is not NAME|UID[:NAME|GID]";

	known = find_passwd(passwd, who, NULL, f);
	if (!known) {
		if (!parse_id(who, &u->uid))
			return "no such user in /etc/passwd";
		known = find_passwd(passwd, who, &u->uid, f);
	}
	if (known) {
		if (!parse_id(f[2], &u->uid) || !parse_id(f[3], &u->gid))
			return "the user's entry in /etc/passwd is broken";
		if (f[5].len > 0 && f[5].len < sizeof(u->home)) {
			memcpy(u->home, f[5].p, f[5].len);
			u->home[f[5].len] = '\0';
		}
	} else if (u->uid == 0) {
		strcpy(u->home, "/root");
	}
	if (with.p)
		return find_group(group, with, &u->gid) ? NULL : "no such group in /etc/group";
	if (known)
		add_memberships(group, f[0], u);
	return NULL;
}

const char *user_lookup(const char *spec, struct user *u)
{
	size_t len;
	/* A root without these files is legal: numbers work there, names do not. */
	char *passwd = file_read(AT_FDCWD, "/etc/passwd", ACCOUNT_FILE_MAX, &len);
	char *group = file_read(AT_FDCWD, "/etc/group", ACCOUNT_FILE_MAX, &len);
	const char *why = user_resolve(spec, passwd ? passwd : "", group ? group : "", u);

	free(passwd);
	free(group);
	return why;
}

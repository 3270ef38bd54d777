/*
 * An init that is ready, and then does to its host whatever a command's first argument says: a guest that has been taken over. Each
 * ends, if at all, by answering as a good agent would, so that what follows shows what it has cost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include "../guest/early.h"

enum { TERMINAL = 1, SESSION_START = 2, FRAME_MOST = 4 << 20 };

static int port;
static char out[FRAME_MOST + 256];

static void put(const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(port, (const char *)bytes + done, size - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			pause();
	}
}

static char *put_be32(char *at, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (char)(v >> shift);
	return at;
}

static char *put_text(char *at, const char *text)
{
	*at++ = (char)(0x60 | strlen(text));
	return (char *)memcpy(at, text, strlen(text)) + strlen(text);
}

/* The shortest there is, for hosts are strict. */
static char *put_bytes_head(char *at, uint32_t size)
{
	if (size < 24) {
		*at++ = (char)(0x40 | size);
	} else if (size < 1 << 8) {
		*at++ = '\x58';
		*at++ = (char)size;
	} else if (size < 1 << 16) {
		*at++ = '\x59';
		*at++ = (char)(size >> 8);
		*at++ = (char)size;
	} else {
		*at++ = '\x5a';
		at = put_be32(at, size);
	}
	return at;
}

/* {"v": 7, "t": type, "p": payload} in a frame, at `at`; returns its end. */
static char *frame(char *at, uint32_t id, int flags, const char *type, const void *payload, size_t size)
{
	char *begin = at;

	at = put_be32(at + 4, id);
	*at++ = (char)flags;
	*at++ = '\xa3';
	*at++ = '\x61', *at++ = 'v', *at++ = 7;
	*at++ = '\x61', *at++ = 't';
	at = put_text(at, type);
	*at++ = '\x61', *at++ = 'p';
	at = put_bytes_head(at, (uint32_t)size);
	memcpy(at, payload, size);
	at += size;
	put_be32(begin, (uint32_t)(at - begin - 4));
	return at;
}

static void send_frame(uint32_t id, int flags, const char *type, const void *payload, size_t size)
{
	put(out, (size_t)(frame(out, id, flags, type, payload, size) - out));
}

static void ready(void)
{
	static const char payload[] = "\xa4" "\x6c" "boot_time_ns" "\0" "\x6c" "init_time_ns" "\0" "\x6d" "ready_time_ns" "\0"
				      "\x6d" "agent_version" "\x61" "0";

	send_frame(0, 0, "core.ready", payload, sizeof(payload) - 1);
}

static void started(uint32_t id)
{
	send_frame(id, 0, "core.exec.started", "\xa1\x63pid\x07", 6);
}

static void exited(uint32_t id)
{
	send_frame(id, TERMINAL, "core.exec.exited", "\xa1\x64" "code\x00", 7);
}

/* Of stdout: `size` bytes of data, at most 4,095 KiB. */
static char *output(char *at, uint32_t id, uint32_t size)
{
	static char payload[FRAME_MOST];
	char *p = payload;

	*p++ = '\xa1';
	p = put_text(p, "data");
	p = put_bytes_head(p, size);
	return frame(at, id, 0, "core.exec.stdout", payload, (size_t)(p - payload) + size);
}

/* The same frames again and again, as many in one write as fit into 32 KiB. */
static void repeat(uint32_t id, uint32_t size, uint32_t times)
{
	static char block[1 << 15];
	char *end = output(out, id, size);
	size_t one = (size_t)(end - out), n = 0;

	if (one > sizeof(block)) {
		while (times-- > 0)
			put(out, one);
		return;
	}
	for (; (n + 1) * one <= sizeof(block); n++)
		memcpy(block + n * one, out, one);
	for (; times >= n; times -= (uint32_t)n)
		put(block, n * one);
	put(block, times * one);
}

/* Frames of sessions that nobody has: of this client, of all others, of none. */
static void foreign(uint32_t id)
{
	for (uint32_t i = 0; i < 100000; i++) {
		char *at = frame(out, id + 33554431u * (1 + i % 127), i % 8, "core.exec.exited", "\xa1\x64" "code\x00", 7);

		at = frame(at, 0xffffffffu - i % 100, i % 4, "core.exec.exited", "\xa1\x64" "code\x00", 7);
		put(out, (size_t)(at - out));
	}
}

static void control(void)
{
	for (int i = 0; i < 20000; i++) {
		char *at = frame(out, 0, 0, "core.init.resolved", "\xa0", 1);

		at = frame(at, 0, 0, "core.ready", "\xa0", 1);
		put(out, (size_t)(at - out));
	}
}

static int does(const char *request, size_t size, const char *what)
{
	return memmem(request, size, what, strlen(what)) != NULL;
}

static void misbehave(uint32_t id, const char *request, size_t size)
{
	if (does(request, size, "refuse-id")) {	/* another session's answer, for a command of its own */
		started(id + 1);
		return;
	}
	started(id);
	if (does(request, size, "flood"))
		repeat(id, 32 << 10, UINT32_MAX);
	else if (does(request, size, "large"))
		repeat(id, 4095 << 10, UINT32_MAX);
	else if (does(request, size, "crumbs"))
		repeat(id, 0, 300000);	/* less than a queue holds, so that nobody is cut off for it */
	else if (does(request, size, "foreign"))
		foreign(id);
	else if (does(request, size, "control"))
		control();
	else if (does(request, size, "other-session"))
		exited(id + 1);
	else if (does(request, size, "no-cbor"))
		send_frame(id, 0, "core.exec.stdout", "\xff\xff\xff", 3);
	else if (does(request, size, "too-long"))
		put("\xff\xff\xff\xff", 4);
	else if (does(request, size, "too-short"))
		put("\0\0\0\4\0\0\0\1", 8);
	else if (does(request, size, "half-frame"))
		put("\0\x40\0\0\0\0\0\1", 8), put(out, 2 << 20), pause();
	else if (does(request, size, "stall"))
		return;
	exited(id);
}

/* Frames come whole one after the other: what is longer than there is room for is passed over. */
int main(void)
{
	static char in[1 << 16];
	size_t have = 0;

	early_boot();
	port = open_port();
	ready();
	for (;;) {
		ssize_t n = read(port, in + have, sizeof(in) - have);
		size_t size;

		if (n <= 0) {
			usleep(10000);
			continue;
		}
		have += (size_t)n;
		while (have >= 9 && (size = 4 + ((uint32_t)(uint8_t)in[1] << 16 | (uint32_t)(uint8_t)in[2] << 8 | (uint8_t)in[3])) <= have) {
			uint32_t id = (uint32_t)(uint8_t)in[4] << 24 | (uint32_t)(uint8_t)in[5] << 16 | (uint32_t)(uint8_t)in[6] << 8 | (uint8_t)in[7];

			if (in[8] == SESSION_START)
				misbehave(id, in, size);
			memmove(in, in + size, have -= size);
		}
	}
}

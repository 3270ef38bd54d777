/* An init that is ready, and never says another word: a guest that hangs when its host has begun to count on it. */
#define _GNU_SOURCE
#include "../guest/early.h"

/* {"v": 7, "t": "core.ready", "p": {boot_time_ns, init_time_ns, ready_time_ns: 0, agent_version: "0"}}, by hand. */
static const char payload[] = "\xa4" "\x6c" "boot_time_ns" "\0" "\x6c" "init_time_ns" "\0" "\x6d" "ready_time_ns" "\0"
			      "\x6d" "agent_version" "\x61" "0";
static const char head[] = "\xa3" "\x61" "v" "\x07" "\x61" "t" "\x6a" "core.ready" "\x61" "p" "\x58";

int main(void)
{
	char frame[256], ignored[4096];
	size_t size = 9; /* of its header: length, id, flags */
	int port;

	early_boot();
	port = open_port();
	memset(frame, 0, size);
	memcpy(frame + size, head, sizeof(head) - 1);
	size += sizeof(head) - 1;
	frame[size++] = sizeof(payload) - 1;
	memcpy(frame + size, payload, sizeof(payload) - 1);
	size += sizeof(payload) - 1;
	frame[3] = (char)(size - 4);
	for (size_t done = 0; done < size;) {
		ssize_t written = write(port, frame + done, size - done);

		if (written > 0)
			done += (size_t)written;
	}
	for (;;)
		if (read(port, ignored, sizeof(ignored)) <= 0)
			usleep(10000);
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_FUZZ_WORLD_H
#define AGENTD_FUZZ_WORLD_H

#include <setjmp.h>
#include <sys/types.h>

#include "fuzz.h"

/*
 * The machine around an agent under test: children that are no processes,
 * connections whose other side is here, and a clock that goes when told to.
 * Pipes, sockets, terminals and the event loop are real.
 */

/* What a child, a file server or the other side of a connection has in its hands; -1: closed. */
struct peer {
	struct peer *next;
	enum { COMMAND, CONNECTION, SERVER, HELPER } kind;
	pid_t pid;		/* 0: a connection */
	uint32_t id;		/* of the session that it belongs to */
	int in, out, err, report;	/* a connection has `in` alone, for both directions; a file server answers by `out` */
	int wstatus;		/* once it is gone */
	int pending;		/* a connection's: what its dialling has come to, or -1 */
	bool gone, reaped;
};

enum shortage { SHORT_SPAWN, SHORT_SOCKET, SHORT_CONNECT, SHORT_FORK, SHORTAGES };

struct world {
	jmp_buf down;		/* where power-off and fatal() go */
	uint64_t now;
	uint32_t id;		/* of the session whose frame is being looked at */
	pid_t last_pid;
	size_t npeers;
	struct peer *peers;
	int line;		/* the other end of a pair that was made last; -1: it has been taken */
	int up;			/* of a pipe that was made last, the writing end; the agent's to close */
	bool init_listens;	/* to a signal that brings the machine down */
	int shortage[SHORTAGES];	/* how many calls will fail */
};

extern struct world world;

void world_begin(void);
void world_end(void);
struct peer *world_find(uint32_t id);
void peer_close(struct peer *p, unsigned which);	/* bits: in, out, err, report */
int real_pair(int type, int fds[2]);
void peer_exit(struct peer *p, int wstatus);

#endif

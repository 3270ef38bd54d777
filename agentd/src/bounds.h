/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_BOUNDS_H
#define AGENTD_BOUNDS_H

/*
 * Every bound in one place. Nothing that the guest, an image or the host
 * sends makes the agent hold more than what is named here.
 */

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)
#define SEC_NS 1000000000ULL
#define MSEC_NS 1000000ULL

/* The wire. */
#define FRAME_MAX_LEN MIB(4)	/* the length field; its own 4 bytes come on top */
#define FRAME_MIN_LEN 5		/* id + flags */
#define FRAME_HEAD_LEN (4 + FRAME_MIN_LEN)
#define CBOR_MAX_DEPTH 16	/* nesting that an ignored value may have */

/* Output toward the port. */
#define OUTPUT_READ_SIZE KIB(32)	/* one read of a session's pipe, one frame */
#define TRANSIT_SIZE KIB(256)	/* one frame of what is passed on without a copy */
#define OUTQ_HIGH KIB(128)	/* session pipes are not read while more waits */
#define OUTQ_INPUT_STOP MIB(4)	/* requests are not read while more waits */
#define OUTQ_MAX MIB(16)	/* beyond it the host has stopped reading for good */
#define PORT_WRITE_SIZE KIB(32)	/* what virtio_console takes in one write() */
#define PORT_READ_SIZE KIB(4)	/* what virtio_console gives in one read() */
#define PORT_READS_PER_TURN 64

/* Sessions. */
#define SESSIONS_MAX 1024
#define PIPE_SIZE KIB(256)	/* of each of a command's three, if the kernel gives as much */
#define DISCARD_MAX 128		/* pipes still drained after their session ended */
#define STDIN_QUEUE_MAX MIB(8)	/* per session, what its program has not read */
#define TCP_MAX 512		/* connections into the guest */
#define TCP_QUEUE_MAX MIB(4)	/* per connection, what its other side has not read */
#define TAKEN_STEP KIB(128)	/* how much is taken until the host is told */
#define FS_SLOTS 4		/* as many as a host sends before it is told that it has been taken */
#define FS_SLOT_SIZE KIB(256)	/* of a file, in one frame */
#define FS_WORTH_A_SLOT KIB(16)	/* less is copied: to the line, or from the slot */
#define FS_READ_SIZE KIB(128)	/* one read of a line, or of a file that is copied */
#define FS_QUEUE_MAX MIB(8)	/* per client, what its file server has not read */
#define FS_PENDING_MAX 256	/* requests of one client that are under way */
#define FS_HANDLES_MAX 1024	/* files and directories that one client has open */
#define FS_ENTRIES_MAX 1024	/* of one directory in one answer */
#define FS_ENTRIES_USUAL 128	/* the same, if the client does not say */
#define FS_LIST_SIZE MIB(3)	/* those entries, encoded */
#define TREE_DEPTH_MAX 512	/* directories within each other that are copied or removed */
#define CLIENT_ID_STEP 33554431u	/* how many ids a client of the relay has */
#define CLIENTS_MAX 128		/* of one relay, at a time */
#define IDS_END (CLIENTS_MAX * CLIENT_ID_STEP + 1)	/* the first id that no client has */
#define FLOW_RANGES_MAX CLIENTS_MAX
#define ARGS_MAX 32768
#define ENV_MAX 2048
#define INIT_PATH_MAX 4096	/* a program's path, with its NUL */
#define RLIMITS_MAX 16
#define GROUPS_MAX 256
#define ENTROPY_MIN 32		/* bytes that the host gives at once */
#define ENTROPY_MAX 1024
#define MACHINE_ID_LEN 32
#define WINDOW_MAX 65535	/* a terminal's rows, and its columns */
#define SIGNAL_MAX 64
#define NAME_LEN_MAX 256	/* user spec, host name, home directory */
#define ACCOUNT_FILE_MAX MIB(1)	/* /etc/passwd, /etc/group */
#define MESSAGE_TEXT_MAX 512	/* human-readable part of an error */
#define AGENT_NOFILE 16384	/* four descriptors a session or a file server, two a connection, and room */
#define EPOLL_BATCH 64

/* Access control lists that an image carries. */
#define ACL_HOLDERS_MAX 64
#define ACL_HOLDER_SIZE KIB(64)	/* what the kernel gives of one attribute */
#define ACL_PATH_MAX 4096	/* with its NUL */

/* Time. */
#define DEVICE_WAIT_NS (10 * SEC_NS)	/* for the port, for a disk */
#define BOOTSTRAP_WAIT_NS (10 * SEC_NS)
#define INIT_ACK_WAIT_NS (5 * SEC_NS)
#define INIT_EXEC_WAIT_NS (30 * SEC_NS)	/* from the fork to the init's exec */
#define EXIT_LINGER_NS (500 * MSEC_NS)	/* exit to core.exec.exited, pipe held open */

/* Shutdown, phase by phase. The host's own budget may be shorter. */
#define TERM_GRACE_NS (2 * SEC_NS)
#define SYNC_MAX_NS (30 * SEC_NS)
#define INIT_MAX_NS (5 * SEC_NS)	/* an init, or a command with a signal of its own, that has been told; the host may give more */
#define INIT_LEAST_NS (500 * MSEC_NS)
#define INIT_RESERVE_NS (4 * SEC_NS)	/* of the host's budget, for what comes after the init */
#define INIT_BUDGET_MOST_NS (3600 * SEC_NS)
#define INIT_ALONE_NS (20 * SEC_NS)	/* an init that has killed the agent, till it has brought the machine down */
#define REST_POLL_NS (50 * MSEC_NS)	/* nobody tells when the last process of others is gone */
#define KILL_MAX_NS (2 * SEC_NS)
#define DRAIN_MAX_NS (1 * SEC_NS)
#define SETTLE_MAX_NS (10 * SEC_NS)
#define BUSY_RETRY_NS (1 * SEC_NS)
#define BUSY_RETRY_STEP_NS (20 * MSEC_NS)
#define HALTED_MAX_NS (5 * SEC_NS)

#define MODULE_ORDER_MAX KIB(16)
#define MOUNTINFO_MAX MIB(1)

#endif

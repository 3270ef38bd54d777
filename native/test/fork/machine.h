/* A QEMU as the relay starts it, held by its lines: what the soak boots, freezes, forks and compares with. */
#ifndef FORK_TEST_MACHINE_H
#define FORK_TEST_MACHINE_H

#include <stdbool.h>
#include <sys/types.h>

/* The descriptors that a machine is born with; 0 is /dev/null, 1 and 2 are the log. */
enum born_with { BORN_AGENT = 3, BORN_CONSOLE, BORN_CONTROL, BORN_FORK, BORN_STATE, BORN_WITH };

struct files {
	const char *qemu, *kernel, *initramfs, *preload;
	char ram[4096], state[4096], disk[4096], log[4096];
};

/* Our ends. */
struct lines {
	int agent, console, control;
};

struct machine {
	pid_t pid;
	struct lines lines;
	int fork; /* to the library in it, or -1 */
};

enum machine_kind { COLD, INCOMING, ZYGOTE };

/* Whatever fails in here ends the program with a word on what it was: it is a test. */
void machine_start(struct machine *machine, const struct files *files, const char *disk, enum machine_kind kind);
void machine_kill(struct machine *machine);

/* One pair for each line: ours close on exec, theirs are returned. */
void lines_make(struct lines *ours, struct lines *theirs);
void lines_close(struct lines *lines);

void control_negotiate(int control);
/* Says COMMAND and waits for the text that its answer, or the event that it leads to, must have. */
void control_ask(int control, const char *command, const char *until);

/* Gives the guest an order of eight bytes and keeps its answer of one line, without its end. */
void guest_ask(int agent, const char *order, char *answer, size_t size);
/* Only the answer. */
void guest_hear(int agent, char *answer, size_t size);

/* Takes the state of a machine that stands still into files->state; its memory is in files->ram already. */
void machine_freeze(struct machine *machine, const struct files *files);
/* The opposite, in a machine that was started as INCOMING or ZYGOTE; it stands still afterwards. */
void machine_thaw(struct machine *machine);

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif

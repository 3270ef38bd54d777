/* The owner's side of a zygote: orders machines of it and ends them. */
#ifndef FORK_TEST_ZYGOTE_H
#define FORK_TEST_ZYGOTE_H

#include <sys/resource.h>

#include "machine.h"

/* What QEMU has open in the zygote and must have of its own in each child. */
struct numbers {
	int ram, disk;
};

struct child {
	pid_t relay, vmm;
	int relay_pidfd;
	int leash;
	struct lines lines;
	char disk[4200];
};

/* What it has cost, in microseconds of processor time. */
struct cost {
	long vmm, relay;
};

long microseconds(const struct rusage *usage);

struct numbers zygote_numbers(const struct machine *zygote, const struct files *files);

/* A copy of the zygote's, open; its path is built in PATH. */
int disk_copy(const struct files *files, int id, char *path, size_t size);

/* ORDER is there for the guest, and the word to go on for QEMU, before the child is born; SELF is to play its relay. */
void zygote_fork(const struct machine *zygote, const struct files *files, const struct numbers *numbers, const char *self,
		 int id, const char *order, struct child *child);

/* Orders that must fail: with the error, and at the step. Nothing is left of them, and the zygote is as before. */
void zygote_must_refuse(const struct machine *zygote, const char *self, int error, const char *step);

/* The leash is the way to end it; all is closed, and its disk removed. */
struct cost child_end(struct child *child);

/* The same, by a relay that is killed. */
void child_must_die_with_relay(struct child *child);

/* The stand-in for the relay: parent of the machine, kills it when the leash ends, says what all has cost. */
int relay_main(pid_t vmm);

#endif

#define _GNU_SOURCE
#include "pages.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	MOST_PARTS = 16,
	MOST_RUNS = 4096,
	/* Of shorter ones there are twice as many, with a sixth of the pages; each is a call. */
	LEAST_RUN = 16 * PAGE,
	ENTRIES_AT_ONCE = 4096,
};

/* An entry of /proc/self/pagemap: its page is there; or is swapped out; and is a file's. */
#define PRESENT (1ULL << 63)
#define SWAPPED (1ULL << 62)
#define OF_FILE (1ULL << 61)

struct range {
	uintptr_t from, to;
};

static struct range parts[MOST_PARTS];
static int part_count;
static struct range runs[MOST_RUNS];
static int run_count;

void pages_note(const void *memory, size_t length)
{
	if (part_count < MOST_PARTS)
		parts[part_count++] = (struct range){ (uintptr_t)memory, (uintptr_t)memory + length };
}

static void add_run(uintptr_t from, uintptr_t to)
{
	if (to - from >= LEAST_RUN && run_count < MOST_RUNS)
		runs[run_count++] = (struct range){ from, to };
}

/* A run goes on where there is nothing: that is nothing to be lost. */
static void look_at(int pagemap, const struct range *part)
{
	static uint64_t entries[ENTRIES_AT_ONCE];
	uintptr_t page = part->from, from = page, to = page;

	while (page < part->to) {
		size_t left = (part->to - page) / PAGE;
		ssize_t got = pread(pagemap, entries, sizeof(*entries) * (left < ENTRIES_AT_ONCE ? left : ENTRIES_AT_ONCE),
				    (off_t)(page / PAGE * sizeof(*entries)));

		if (got < (ssize_t)sizeof(*entries))
			break;
		for (size_t i = 0; i < (size_t)got / sizeof(*entries); i++, page += PAGE) {
			if (!(entries[i] & (PRESENT | SWAPPED)))
				continue;
			if ((entries[i] & PRESENT) && (entries[i] & OF_FILE)) {
				if (to == from)
					from = page;
				to = page + PAGE;
			} else {
				add_run(from, to);
				from = to;
			}
		}
	}
	add_run(from, to);
}

void pages_look(void)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pagemap < 0)
		return;
	for (int i = 0; i < part_count; i++)
		look_at(pagemap, &parts[i]);
	close(pagemap);
}

void pages_leave(void)
{
	/* Not by its name, which interpose.c has taken. */
	for (int i = 0; i < run_count; i++)
		syscall(SYS_madvise, runs[i].from, runs[i].to - runs[i].from, MADV_DONTNEED);
}

/*
 * The guest's memory as far as the process has not written it, which is a file's. A fork inherits it in its page table, where it would
 * find in the page cache what it looks at: that is half of it.
 */
#ifndef MSB_FORK_PAGES_H
#define MSB_FORK_PAGES_H

#include <stddef.h>

/* Before there is a guest. */
void pages_note(const void *memory, size_t length);

/* Looks where it is, once all threads stand still for good: nobody writes there any more. What cannot be looked at is inherited. */
void pages_look(void);

/* In a child, before its threads are there. */
void pages_leave(void);

#endif

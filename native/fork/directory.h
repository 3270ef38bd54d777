/* The numbers that name the entries of a directory of /proc, read without the allocator: see threads.h. */
#ifndef MSB_FORK_DIRECTORY_H
#define MSB_FORK_DIRECTORY_H

/* Calls EACH for every number until it returns non-zero; that, or -1 with errno, or 0. */
int each_number(const char *path, int (*each)(int number, void *data), void *data);

#endif

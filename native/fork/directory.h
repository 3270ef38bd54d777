/* The numbers that name the entries of a directory of /proc, read without the allocator: see threads.h. */
#ifndef MSB_FORK_DIRECTORY_H
#define MSB_FORK_DIRECTORY_H

/* Calls EACH for every number until it returns non-zero; that, or -1 with errno, or 0. */
int each_number(int directory, int (*each)(int number, void *data), void *data);

/* An open directory, or -1 with errno. */
int open_directory(const char *path);

#endif

/* What an order's answer says of an order that has failed. */
#ifndef MSB_FORK_FAILURE_H
#define MSB_FORK_FAILURE_H

struct failure {
	int error; /* an errno; 0 where nothing has failed */
	char step[60];
};

/* Notes the first failure, with the step as printf would write it; returns -1 for the caller to hand on. */
int fail(struct failure *failure, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

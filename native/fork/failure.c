#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

int fail(struct failure *failure, int error, const char *format, ...)
{
	va_list arguments;

	if (failure->error)
		return -1;
	failure->error = error;
	va_start(arguments, format);
	vsnprintf(failure->step, sizeof(failure->step), format, arguments);
	va_end(arguments);
	return -1;
}

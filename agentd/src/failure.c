// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>

#include "plan.h"

void failure_set(struct failure *f, const char *kind, int err, const char *stage,
		 const char *fmt, ...)
{
	va_list ap;

	*f = (struct failure){ .kind = kind, .err = err };
	if (stage)
		snprintf(f->stage, sizeof(f->stage), "%s", stage);
	va_start(ap, fmt);
	vsnprintf(f->message, sizeof(f->message), fmt, ap);
	va_end(ap);
}

// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <termios.h>
#include <unistd.h>

#include "bounds.h"
#include "teardown.h"

static int kmsg_fd = -1;

void log_init(void)
{
	if (kmsg_fd < 0)
		kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
}

static void emit(int level, const char *text)
{
	char line[MESSAGE_TEXT_MAX + 32];
	int len;

	if (kmsg_fd < 0)
		return;
	len = snprintf(line, sizeof(line), "<%d>agentd: %s\n", LOG_DAEMON | level, text);
	if (len < 0)
		return;
	/* One write is one record; a lost log line stops nothing. */
	if (write(kmsg_fd, line, min_size((size_t)len, sizeof(line) - 1)) < 0)
		return;
}

static void vlog(int level, const char *fmt, va_list ap)
{
	int saved = errno;
	char text[MESSAGE_TEXT_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	emit(level, text);
	errno = saved;
}

#define DEFINE_LOG(name, level)				\
	void name(const char *fmt, ...)			\
	{						\
		va_list ap;				\
							\
		va_start(ap, fmt);			\
		vlog(level, fmt, ap);			\
		va_end(ap);				\
	}

DEFINE_LOG(log_info, LOG_INFO)
DEFINE_LOG(log_warn, LOG_WARNING)
DEFINE_LOG(log_err, LOG_ERR)

static volatile bool *fatal_mark;

void fatal_tell(volatile bool *mark)
{
	fatal_mark = mark;
}

static void say(int err, const char *fmt, va_list ap)
{
	char what[MESSAGE_TEXT_MAX];
	char line[MESSAGE_TEXT_MAX + 128];
	const char *why = err ? strerror(err) : "";
	const char *sep = err ? ": " : "";
	int fd;
	int len;

	vsnprintf(what, sizeof(what), fmt, ap);
	len = snprintf(line, sizeof(line), "agentd: fatal: %s%s%s\n", what, sep, why);

	/* Whatever the guest has put there by now must not stop us from ending. */
	fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fd = STDERR_FILENO;
	/* The line must be out of the UART before the power is. */
	if (len > 0 && write(fd, line, min_size((size_t)len, sizeof(line) - 1)) > 0)
		tcdrain(fd);
	/* Informational there, or a quiet console would show it twice. */
	snprintf(line, sizeof(line), "fatal: %s%s%s", what, sep, why);
	emit(LOG_INFO, line);
}

void last_words(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(err, fmt, ap);
	va_end(ap);
}

void fatal(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(err, fmt, ap);
	va_end(ap);
	if (fatal_mark)
		*fatal_mark = true;
	sync();
	teardown_power_off();
}

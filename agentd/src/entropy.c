// SPDX-License-Identifier: Apache-2.0
#include "entropy.h"

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>

#include "bounds.h"
#include "log.h"

static int random_fd = -1;

void entropy_init(void)
{
	random_fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	if (random_fd < 0)
		log_warn("open /dev/urandom: %m");
}

int entropy_credit(struct span bytes)
{
	union {
		struct rand_pool_info info;
		uint8_t room[sizeof(struct rand_pool_info) + ENTROPY_MAX];
	} seed = { 0 };
	int result;

	seed.info.entropy_count = (int)bytes.len * 8;
	seed.info.buf_size = (int)bytes.len;
	memcpy(seed.info.buf, bytes.p, bytes.len);
	result = ioctl(random_fd, RNDADDENTROPY, &seed.info);
	explicit_bzero(&seed, sizeof(seed));
	if (result < 0)
		return -1;
	/* The pool alone is not enough: it would be drawn upon a minute later. */
	return ioctl(random_fd, RNDRESEEDCRNG);
}

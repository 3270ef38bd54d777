/* An init that opens the agent's port and answers with bytes that are no frame: a guest that wants to confuse its host. */
#define _GNU_SOURCE
#include "../guest/early.h"

int main(void)
{
	static char garbage[4096];
	int port;

	early_boot();
	port = open_port();
	memset(garbage, 0xff, sizeof(garbage));
	while (write(port, garbage, sizeof(garbage)) > 0)
		;
	for (;;)
		pause();
}

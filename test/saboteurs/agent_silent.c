/* An init that boots and then says nothing, for ever: what a guest that never gets ready looks like from outside. */
#include <unistd.h>

int main(void)
{
	for (;;)
		pause();
}

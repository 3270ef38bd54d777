/* Prints as whom it runs; with the set-user-ID bit that is its owner, where such a bit means something. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	printf("%d\n", (int)geteuid());
	return 0;
}

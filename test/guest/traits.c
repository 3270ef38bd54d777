/*
 * Prints what must differ between any two machines, one thing a line, as it is when this is the first to ask.
 *
 *     random   64 numbers of the kernel's generator, each drawn by itself, so that a generator which is only some steps ahead of
 *              another is seen
 *     isn      what TCP adds to its clock for one connection's addresses: a first sequence number, less the clock, in units of 64 ns
 *     again    the same once more, for as much of a difference as there is within one machine
 *     ports    those that the kernel chooses, for connections to eight addresses
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOURCE = 40000, TARGET = 5000, ADDRESSES = 8, DRAWN = 64, CONNECTIONS = 5 };

static int must(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static struct sockaddr_in address(uint32_t last, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK + last),
				     .sin_port = htons(port) };
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	must(ioctl(fd, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	must(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
	close(fd);
}

static void random_numbers(void)
{
	printf("random");
	for (int i = 0; i < DRAWN; i++) {
		uint64_t number;

		must(getrandom(&number, sizeof(number), 0), "getrandom");
		printf(" %016llx", (unsigned long long)number);
	}
	printf("\n");
}

/* The sequence number of the SYN that connects to a port where nobody listens, as it passes by. */
static uint32_t first_sequence_number(void)
{
	int passing = must(socket(AF_INET, SOCK_RAW, IPPROTO_TCP), "raw socket");
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	struct sockaddr_in from = address(0, SOURCE), to = address(0, TARGET + 1);
	unsigned char packet[256];
	struct timespec now;
	uint32_t clock;

	must(bind(fd, (struct sockaddr *)&from, sizeof(from)), "bind");
	clock_gettime(CLOCK_REALTIME, &now);
	connect(fd, (struct sockaddr *)&to, sizeof(to)); /* is refused */
	clock = ((uint64_t)now.tv_sec * 1000000000 + now.tv_nsec) >> 6;
	for (;;) {
		ssize_t size = must(recv(passing, packet, sizeof(packet), 0), "recv");
		struct iphdr *ip = (struct iphdr *)packet;
		struct tcphdr *tcp = (struct tcphdr *)(packet + ip->ihl * 4);

		if (size >= ip->ihl * 4 + 20 && tcp->syn && !tcp->ack && tcp->source == htons(SOURCE)) {
			close(passing);
			close(fd);
			return ntohl(tcp->seq) - clock;
		}
	}
}

/* The clock is read a moment before the kernel reads it; of several times the one with the shortest moment. */
static uint32_t secret_part(void)
{
	uint32_t least = first_sequence_number();

	for (int i = 1; i < CONNECTIONS; i++) {
		uint32_t next = first_sequence_number();

		if ((int32_t)(next - least) < 0)
			least = next;
	}
	return least;
}

static void ports(void)
{
	int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(TARGET) };

	must(bind(listener, (struct sockaddr *)&any, sizeof(any)), "bind");
	must(listen(listener, ADDRESSES), "listen");
	printf("ports");
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
		struct sockaddr_in to = address(i, TARGET), own;
		socklen_t size = sizeof(own);

		must(connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
		must(getsockname(fd, (struct sockaddr *)&own, &size), "getsockname");
		printf(" %u", ntohs(own.sin_port));
	}
	printf("\n");
}

int main(void)
{
	random_numbers();
	loopback_up();
	printf("isn %u\n", secret_part());
	printf("again %u\n", secret_part());
	ports();
	return 0;
}

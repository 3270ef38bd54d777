// SPDX-License-Identifier: Apache-2.0
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bounds.h"

struct tcp {
	struct tcps *all;
	struct tcp *next;
	uint32_t id;
	uint16_t port;
	struct watch w;		/* for writing, and before that for the connection to be made */
	struct source *in;	/* for reading, by a descriptor of its own; NULL before, and at its end */
	struct buf outq;	/* what the other side has not taken yet */
	size_t taken;		/* what it has taken, and the host was not told */
	bool may_retry;		/* "localhost" has a second address */
	bool connected;
	bool paused;
	bool out_ended;		/* the host has sent its last */
	bool out_shut;		/* and the other side was told */
};

void tcps_init(struct tcps *ts, struct loop *l, struct output *o, const struct flow *flow)
{
	*ts = (struct tcps){ .loop = l, .out = o->out, .output = o, .flow = flow };
}

struct tcp *tcps_find(struct tcps *ts, uint32_t id)
{
	struct tcp *t = ts->list;

	while (t && t->id != id)
		t = t->next;
	return t;
}

static void destroy(struct tcp *t)
{
	struct tcps *ts = t->all;
	struct tcp **at = &ts->list;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	ts->count--;
	if (t->in)
		source_close(t->in);
	loop_close(ts->loop, &t->w);
	buf_free(&t->outq);
	loop_retire(ts->loop, &t->w, t);
}

static void fail(struct tcp *t, int err, const char *what)
{
	msg_send_tcp_failed(t->all->out, t->id, err, what);
	destroy(t);
}

static void finish_if_done(struct tcp *t)
{
	if (t->in || !t->out_shut)
		return;
	msg_send_empty(t->all->out, t->id, MSG_TCP_CLOSED);
	destroy(t);
}

/* Told in portions: a frame for each write would be as many again as carry data. */
static void tell_taken(struct tcp *t)
{
	if (t->taken < TAKEN_STEP)
		return;
	msg_send_taken(t->all->out, t->id, t->taken);
	t->taken = 0;
}

/* Writes what the other side takes; tells it the end once that is reached. */
static void flush(struct tcp *t)
{
	while (t->outq.len > 0) {
		struct span wait = buf_span(&t->outq);
		ssize_t n = send(t->w.fd, wait.p, wait.len, MSG_NOSIGNAL);

		if (n > 0) {
			buf_consume(&t->outq, (size_t)n);
			t->taken += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			fail(t, errno, "send");
			return;
		}
		tell_taken(t);
		return;
	}
	tell_taken(t);
	if (t->out_ended && !t->out_shut) {
		t->out_shut = true;
		shutdown(t->w.fd, SHUT_WR);
		finish_if_done(t);
	}
}

static void on_source_ended(struct source *src)
{
	struct tcp *t = src->owner;
	int err = src->error;

	t->in = NULL;
	if (err) {
		fail(t, err, "recv");
		return;
	}
	msg_send_empty(t->all->out, t->id, MSG_TCP_EOF);
	finish_if_done(t);
}

static bool dial(struct tcp *t, const struct sockaddr *address, socklen_t len, int *err)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0) {
		*err = errno;
		return false;
	}
	/* What the host sends has been gathered by it. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, address, len) < 0 && errno != EINPROGRESS) {
		*err = errno;
		close(fd);
		return false;
	}
	if (loop_add(t->all->loop, &t->w, fd, EPOLLOUT | EPOLLET))
		return true;
	*err = errno;
	close(fd);
	return false;
}

static bool dial_v4(struct tcp *t, struct in_addr address, int *err)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(t->port), .sin_addr = address };

	return dial(t, (const struct sockaddr *)&to, sizeof(to), err);
}

static bool dial_v6(struct tcp *t, struct in6_addr address, int *err)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(t->port), .sin6_addr = address };

	return dial(t, (const struct sockaddr *)&to, sizeof(to), err);
}

/* Names are not looked up: that takes its time, and everybody would wait. */
static bool dial_host(struct tcp *t, struct span host, int *err)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;

	if (span_eq(host, "localhost")) {
		t->may_retry = true;
		return dial_v4(t, (struct in_addr){ htonl(INADDR_LOOPBACK) }, err);
	}
	*err = EINVAL;
	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.p, host.len);
	text[host.len] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1)
		return dial_v4(t, v4, err);
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return dial_v6(t, v6, err);
	return false;
}

/* "localhost" is the other loopback, too, where nobody listens on the first. */
static bool retried(struct tcp *t, int *err)
{
	if (!t->may_retry)
		return false;
	t->may_retry = false;
	loop_close(t->all->loop, &t->w);
	/* Of a kernel without IPv6 the first refusal says more. */
	return dial_v6(t, (struct in6_addr)IN6ADDR_LOOPBACK_INIT, &(int){ 0 }) || (*err = ECONNREFUSED, false);
}

static void on_dialled(struct tcp *t)
{
	struct tcps *ts = t->all;
	socklen_t len = sizeof(int);
	int err = 0;
	int reading;

	getsockopt(t->w.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		if (!retried(t, &err))
			fail(t, err, "connect");
		return;
	}
	t->connected = true;
	reading = fcntl(t->w.fd, F_DUPFD_CLOEXEC, 0);
	if (reading >= 0)
		t->in = source_open(ts->output, reading, t, on_source_ended, t->id, MSG_TCP_DATA);
	if (!t->in) {
		fail(t, reading < 0 ? errno : ENOMEM, "connect");
		return;
	}
	msg_send_empty(ts->out, t->id, MSG_TCP_CONNECTED);
	source_hold(t->in, t->paused);
	flush(t);
}

static void on_writable(struct watch *w, uint32_t events)
{
	struct tcp *t = container_of(w, struct tcp, w);

	(void)events;
	if (t->connected)
		flush(t);
	else
		on_dialled(t);
}

void tcps_connect(struct tcps *ts, uint32_t id, const struct msg_tcp_connect *m)
{
	struct tcp *t = ts->count < TCP_MAX ? calloc(1, sizeof(*t)) : NULL;
	int err = 0;

	if (!t) {
		msg_send_tcp_failed(ts->out, id, ts->count < TCP_MAX ? ENOMEM : EAGAIN, "too many connections");
		return;
	}
	*t = (struct tcp){
		.all = ts,
		.next = ts->list,
		.id = id,
		.port = (uint16_t)m->port,
		.w = { .fd = -1, .fn = on_writable },
		.outq.max = TCP_QUEUE_MAX,
		.paused = flow_holds(ts->flow, id),
	};
	ts->list = t;
	ts->count++;
	if (!dial_host(t, m->host, &err) && !retried(t, &err))
		fail(t, err, err == EINVAL ? "not an IP address, nor localhost" : "connect");
}

void tcp_data(struct tcp *t, struct span data)
{
	/* The port is everybody's and cannot wait for one; a host that counts what is taken never comes here. */
	if (!t->out_ended && !buf_append(&t->outq, data.p, data.len)) {
		fail(t, ENOBUFS, "the other side does not read, and its queue is full");
		return;
	}
	if (t->connected)
		flush(t);
}

void tcp_eof(struct tcp *t)
{
	t->out_ended = true;
	if (t->connected)
		flush(t);
}

void tcp_close(struct tcp *t)
{
	msg_send_empty(t->all->out, t->id, MSG_TCP_CLOSED);
	destroy(t);
}

void tcps_flow(struct tcps *ts, const struct msg_id_range *range)
{
	for (struct tcp *t = ts->list; t; t = t->next)
		if (id_in_range(range, t->id)) {
			t->paused = range->paused;
			if (t->in)
				source_hold(t->in, t->paused);
		}
}

void tcps_drop(struct tcps *ts, const struct msg_id_range *range)
{
	struct tcp *t = ts->list;

	while (t) {
		struct tcp *next = t->next;

		if (id_in_range(range, t->id))
			destroy(t);
		t = next;
	}
}

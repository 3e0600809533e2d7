/* SPDX-License-Identifier: MIT */
#include "streamer/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "streamer/dscp.h"
#include "streamer/sip_addr.h"

struct udp_batch {
	struct mmsghdr msg[UDP_BATCH_MAX];
	struct iovec iov[UDP_BATCH_MAX];
	struct sockaddr_storage from[UDP_BATCH_MAX];
	struct udp_datagram datagram[UDP_BATCH_MAX];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(uint32_t))];
	} control[UDP_BATCH_MAX];
	uint8_t data[UDP_BATCH_MAX][UDP_DATAGRAM_MAX];
};

/* What the system refuses of these is no reason to refuse the call. */
static void set_options(int fd, int dscp)
{
	int room = UDP_RCVBUF, on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	dscp_set(fd, dscp);
}

static int open_bound(const struct sockaddr_storage *local, uint16_t port,
		      int dscp)
{
	struct sockaddr_storage sa = *local;
	int fd, err;

	fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	set_options(fd, dscp);
	sip_addr_set_port(&sa, port);
	if (!bind(fd, (struct sockaddr *)&sa, sip_addr_len(&sa)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int bound_port(int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len))
		return -errno;
	return sip_addr_port(&sa);
}

/* Port 0 is any even port that the system likes. */
static int open_pair(const struct sockaddr_storage *local, uint16_t port,
		     int dscp, struct msg_ports *ret_ports)
{
	struct msg_ports p = MSG_PORTS_NONE;
	int got, err;

	p.rtp = open_bound(local, port, dscp);
	if (p.rtp < 0)
		return p.rtp;
	got = bound_port(p.rtp);
	if (got < 0 || got & 1) {
		err = got < 0 ? got : -EADDRINUSE;
		goto fail;
	}
	p.rtcp = open_bound(local, (uint16_t)(got + 1), dscp);
	if (p.rtcp < 0) {
		err = p.rtcp;
		goto fail;
	}
	p.port = (uint16_t)got;
	*ret_ports = p;
	return 0;
fail:
	udp_pair_close(&p);
	return err;
}

static int open_any_pair(const struct sockaddr_storage *local, int dscp,
			 struct msg_ports *ret_ports)
{
	int err = -EADDRINUSE;

	for (int i = 0; i < 64 && err == -EADDRINUSE; i++)
		err = open_pair(local, 0, dscp, ret_ports);
	return err;
}

/* From where the last search ended, so that a port rests before it serves the
 * next call: late packets of the last one then meet nobody. */
int udp_pair_open(const struct sockaddr_storage *local, int dscp,
		  struct udp_range *range, struct msg_ports *ret_ports)
{
	unsigned int first = (range->min + 1u) & ~1u, pairs;
	unsigned int at = range->next & ~1u;
	int err;

	if (!range->max)
		return open_any_pair(local, dscp, ret_ports);
	if (range->max < first + 1)
		return -EADDRINUSE;
	pairs = (range->max - first + 1) / 2;
	for (unsigned int i = 0; i < pairs; i++, at += 2) {
		if (at < first || at >= first + 2 * pairs)
			at = first;
		err = open_pair(local, (uint16_t)at, dscp, ret_ports);
		if (err == -EADDRINUSE)
			continue;
		range->next = (uint16_t)(at + 2);
		return err;
	}
	return -EADDRINUSE;
}

void udp_pair_close(struct msg_ports *ports)
{
	if (ports->rtp >= 0)
		close(ports->rtp);
	if (ports->rtcp >= 0)
		close(ports->rtcp);
	*ports = (struct msg_ports)MSG_PORTS_NONE;
}

bool udp_has_room(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int room = UDP_RCVBUF, got = 0;
	socklen_t len = sizeof(got);

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len);
	close(fd);
	/* The kernel doubles what it is asked for. */
	return got >= 2 * UDP_RCVBUF;
}

/* What the kernel has changed of the first `n`. */
static void prepare(struct udp_batch *b, int n)
{
	for (int i = 0; i < n; i++) {
		b->msg[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
		b->msg[i].msg_hdr.msg_controllen = sizeof(b->control[i].room);
	}
}

int udp_batch_new(struct udp_batch **ret_batch)
{
	struct udp_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	for (int i = 0; i < UDP_BATCH_MAX; i++) {
		b->iov[i].iov_base = b->data[i];
		b->iov[i].iov_len = UDP_DATAGRAM_MAX;
		b->datagram[i].data = b->data[i];
		b->datagram[i].from = &b->from[i];
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
		b->msg[i].msg_hdr.msg_name = &b->from[i];
		b->msg[i].msg_hdr.msg_control = &b->control[i];
	}
	prepare(b, UDP_BATCH_MAX);
	*ret_batch = b;
	return 0;
}

void udp_batch_free(struct udp_batch *batch)
{
	free(batch);
}

static void read_dropped(struct msghdr *h, uint32_t *dropped)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
		memcpy(dropped, CMSG_DATA(c), sizeof(*dropped));
}

/* Datagrams that were cut are skipped: the descriptors move up. */
static int collect(struct udp_batch *b, int n, uint32_t *dropped)
{
	int kept = 0;

	for (int i = 0; i < n; i++) {
		struct msghdr *h = &b->msg[i].msg_hdr;

		if (h->msg_flags & MSG_TRUNC)
			continue;
		b->datagram[kept].data = b->data[i];
		b->datagram[kept].from = &b->from[i];
		b->datagram[kept++].len = b->msg[i].msg_len;
	}
	if (n)
		read_dropped(&b->msg[n - 1].msg_hdr, dropped);
	return kept;
}

/* An ICMP error of something we sent is reported on receive, once. */
static bool is_nothing(int err)
{
	return err == EAGAIN || err == EINTR || err == ECONNREFUSED ||
	       err == EHOSTUNREACH || err == ENETUNREACH;
}

int udp_receive(struct udp_batch *batch, int fd, uint32_t *dropped)
{
	int n = recvmmsg(fd, batch->msg, UDP_BATCH_MAX, MSG_DONTWAIT, NULL);
	int kept;

	if (n < 0)
		return is_nothing(errno) ? 0 : -errno;
	kept = collect(batch, n, dropped);
	prepare(batch, n);
	return kept;
}

const struct udp_datagram *udp_batch_at(const struct udp_batch *batch, int i)
{
	return &batch->datagram[i];
}

/* An IPv4 peer on an IPv6 socket has an address of ::ffff:0:0/96. */
static const uint8_t *addr_of(const struct sockaddr_storage *sa, size_t *len)
{
	const struct in6_addr *v6;

	*len = 4;
	if (sa->ss_family == AF_INET)
		return (const uint8_t *)&((const struct sockaddr_in *)sa)
			->sin_addr;
	v6 = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(v6))
		return v6->s6_addr + 12;
	*len = 16;
	return v6->s6_addr;
}

bool udp_is_same_host(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b)
{
	size_t a_len, b_len;
	const uint8_t *x = addr_of(a, &a_len), *y = addr_of(b, &b_len);

	return a_len == b_len && !memcmp(x, y, a_len);
}

bool udp_is_same_peer(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b)
{
	return sip_addr_port(a) == sip_addr_port(b) && udp_is_same_host(a, b);
}

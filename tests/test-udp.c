/* SPDX-License-Identifier: MIT */
#include "streamer/udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "tests/unit.h"

static struct sockaddr_storage loopback(int family, uint16_t port)
{
	struct sockaddr_storage sa = { .ss_family = (sa_family_t)family };

	if (family == AF_INET6) {
		((struct sockaddr_in6 *)&sa)->sin6_addr = in6addr_loopback;
		((struct sockaddr_in6 *)&sa)->sin6_port = htons(port);
	} else {
		((struct sockaddr_in *)&sa)->sin_addr.s_addr =
			htonl(INADDR_LOOPBACK);
		((struct sockaddr_in *)&sa)->sin_port = htons(port);
	}
	return sa;
}

static int send_to(int fd, int family, uint16_t port, const void *p, size_t n)
{
	struct sockaddr_storage to = loopback(family, port);
	socklen_t len = family == AF_INET6 ? sizeof(struct sockaddr_in6)
					   : sizeof(struct sockaddr_in);

	return sendto(fd, p, n, 0, (struct sockaddr *)&to, len) < 0 ? -errno
								    : 0;
}

static bool is_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 5000) == 1;
}

static int check_family(int family)
{
	struct sockaddr_storage local = loopback(family, 0);
	struct udp_range any = { 0 };
	struct msg_ports a = MSG_PORTS_NONE, b = MSG_PORTS_NONE;
	struct udp_batch *batch = NULL;
	static const uint8_t big[UDP_DATAGRAM_MAX + 1];
	uint32_t dropped = 7;
	int err = udp_pair_open(&local, 46, &any, &a);

	CHECK_OK(err);
	err = udp_pair_open(&local, 0, &any, &b);
	CHECK_OK(err);
	CHECK_EQ(a.port & 1, 0);
	CHECK(a.port != b.port);
	err = udp_batch_new(&batch);
	CHECK_OK(err);

	CHECK_EQ(udp_receive(batch, a.rtcp, &dropped), 0);
	CHECK_OK(send_to(b.rtp, family, (uint16_t)(a.port + 1), "one", 3));
	CHECK_OK(send_to(b.rtp, family, (uint16_t)(a.port + 1), big,
			 sizeof(big)));
	CHECK_OK(send_to(b.rtp, family, (uint16_t)(a.port + 1), "three", 5));
	CHECK(is_readable(a.rtcp));
	CHECK_EQ(udp_receive(batch, a.rtcp, &dropped), 2);
	CHECK_EQ(udp_batch_at(batch, 0)->len, 3);
	CHECK_EQ(udp_batch_at(batch, 1)->len, 5);
	CHECK(!memcmp(udp_batch_at(batch, 1)->data, "three", 5));
	local = loopback(family, b.port);
	CHECK(udp_is_same_peer(udp_batch_at(batch, 1)->from, &local));
	local = loopback(family, a.port);
	CHECK(udp_is_same_host(udp_batch_at(batch, 1)->from, &local));
	CHECK(!udp_is_same_peer(udp_batch_at(batch, 1)->from, &local));
out:
	udp_batch_free(batch);
	udp_pair_close(&a);
	udp_pair_close(&b);
	return err;
}

static int test_ipv4(void)
{
	return check_family(AF_INET);
}

static int test_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_storage sa = loopback(AF_INET6, 0);
	bool has = fd >= 0 && !bind(fd, (struct sockaddr *)&sa,
				    sizeof(struct sockaddr_in6));

	if (fd >= 0)
		close(fd);
	return has ? check_family(AF_INET6) : 0;
}

/* A range of two pairs gives two, rests a port before it comes again, and
 * never an odd port. The place of the range is one that was free just now. */
static int test_range(void)
{
	struct sockaddr_storage local = loopback(AF_INET, 0);
	struct udp_range any = { 0 }, range;
	struct msg_ports p[3] = { MSG_PORTS_NONE, MSG_PORTS_NONE,
				  MSG_PORTS_NONE };
	uint16_t first, at;
	int err = udp_pair_open(&local, 0, &any, &p[0]);

	CHECK_OK(err);
	first = p[0].port;
	udp_pair_close(&p[0]);
	range = (struct udp_range){ .min = (uint16_t)(first - 1),
				    .max = (uint16_t)(first + 3) };
	err = udp_pair_open(&local, 0, &range, &p[0]);
	CHECK_OK(err);
	at = p[0].port;
	CHECK(at >= range.min && at < range.max && !(at & 1));
	udp_pair_close(&p[0]);
	if (!udp_pair_open(&local, 0, &range, &p[1])) {
		CHECK(p[1].port >= range.min && p[1].port < range.max);
		if (!udp_pair_open(&local, 0, &range, &p[2]))
			CHECK(p[2].port != p[1].port);
	}
	udp_pair_close(&p[0]);
	udp_pair_close(&p[1]);
	CHECK_ERR(udp_pair_open(&local, 0,
				&(struct udp_range){ .min = 9, .max = 10 },
				&p[0]),
		  -EADDRINUSE);
out:
	for (int i = 0; i < 3; i++)
		udp_pair_close(&p[i]);
	return err;
}

static int test_mapped(void)
{
	struct sockaddr_storage a = loopback(AF_INET, 9), b = { 0 };
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&b;
	int err = 0;

	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(9);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &v6->sin6_addr);
	CHECK(udp_is_same_peer(&a, &b));
	inet_pton(AF_INET6, "::ffff:127.0.0.2", &v6->sin6_addr);
	CHECK(!udp_is_same_host(&a, &b));
out:
	return err;
}

static const struct unit_test tests[] = {
	{ "IPv4", test_ipv4, 0 },
	{ "IPv6", test_ipv6, 0 },
	{ "range", test_range, 0 },
	{ "mapped addresses", test_mapped, 0 },
};
UNIT_MAIN(tests)

/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_UDP_H
#define UPCAST_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/attr.h"
#include "streamer/msg.h"

/*
 * UDP for media: pairs of ports, and receiving many datagrams in one system
 * call.
 */

/* Ports to give out, both ends included; `next` is where to look first. All
 * zero: the system picks. */
struct udp_range {
	uint16_t min, max, next;
};

/*
 * Opens and binds a pair: RTP on an even port of the range, RTCP on the one
 * above. The sockets are CLOEXEC, non-blocking, count what the kernel drops,
 * and ask for UDP_RCVBUF bytes; `dscp` marks what is sent. The port in `local`
 * is ignored. Errors: -EADDRINUSE when the range is used up, -EADDRNOTAVAIL
 * and others of the system. udp_pair_close() takes a closed pair.
 */
enum { UDP_RCVBUF = 1 << 20 };
int udp_pair_open(const struct sockaddr_storage *local, int dscp,
		  struct udp_range *range,
		  struct msg_ports *ret_ports) ATTR_MUST_CHECK;
void udp_pair_close(struct msg_ports *ports);

/* Whether sockets get UDP_RCVBUF here, or net.core.rmem_max says less. */
bool udp_has_room(void);

/*
 * Room for a batch of datagrams; one per worker, all sockets share it. What
 * udp_receive() put there is valid until the next call.
 */
enum { UDP_BATCH_MAX = 32, UDP_DATAGRAM_MAX = 2048 };

struct udp_datagram {
	uint8_t *data; /* may be written; UDP_DATAGRAM_MAX bytes */
	size_t len;
	const struct sockaddr_storage *from;
};

struct udp_batch;

int udp_batch_new(struct udp_batch **ret_batch) ATTR_MUST_CHECK;
void udp_batch_free(struct udp_batch *batch);

/*
 * Receives what is there, at most UDP_BATCH_MAX: the count, 0 when there is
 * nothing (ICMP errors count as nothing), or a negative errno. Longer
 * datagrams are left out. `dropped`: the socket's total of datagrams without
 * room, as the kernel told it last.
 */
int udp_receive(struct udp_batch *batch, int fd, uint32_t *dropped);
const struct udp_datagram *udp_batch_at(const struct udp_batch *batch, int i);

/* Same family and address; the ports too, with udp_is_same_peer(). */
bool udp_is_same_host(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b);
bool udp_is_same_peer(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b);

#endif

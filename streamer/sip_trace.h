/* SPDX-License-Identifier: MIT */
#ifndef UPCAST_SIP_TRACE_H
#define UPCAST_SIP_TRACE_H

#include "lib/buf.h"
#include "streamer/sip_net.h"

/*
 * The SIP traffic trace: messages in the log, line by line, in the shapes of
 * the original. Passwords in URLs, keys of SRTP and credentials are left out.
 */
void sip_trace_accepted(const struct sip_flow *flow);
void sip_trace_message(const struct sip_flow *flow, bool incoming,
		       const void *data, size_t len);

/* One line as the trace shows it. Pure; what does not fit is cut. */
void sip_trace_redact(const char *line, size_t len, char *dst, size_t size);

#endif

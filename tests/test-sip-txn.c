/* SPDX-License-Identifier: MIT */
#include "streamer/sip_txn.h"

#include <stdlib.h>

#include "tests/fakesip.h"
#include "tests/unit.h"

/* ---- the two sides ------------------------------------------------------ */

static int parse(const char *start, const char *cseq, struct sip_msg **ret)
{
	struct sip_frame frame;
	const char *why;
	char text[512];

	snprintf(text, sizeof(text),
		 "%s\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		 "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n"
		 "Contact: <sip:a@b>\r\nCSeq: 1 %s\r\n\r\n",
		 start, cseq);
	if (sip_frame_datagram((uint8_t *)text, strlen(text), &frame))
		return -EBADMSG;
	return sip_msg_new((uint8_t *)text, &frame, false, ret, &why);
}

static int parse_request(const char *method, struct sip_msg **ret)
{
	char start[64];

	snprintf(start, sizeof(start), "%s sip:c@d SIP/2.0", method);
	return parse(start, method, ret);
}

/* One message at an existing transaction; it must be there. */
static int arrive(struct sip_txns *txns, const char *start, const char *cseq,
		  bool *ret_taken)
{
	struct sip_msg *m;
	struct sip_txn *txn;
	int err = parse(start, cseq, &m);

	if (err)
		return err;
	txn = sip_txns_find(txns, m);
	if (txn)
		*ret_taken = sip_txn_receive(txn, m);
	sip_msg_free(m);
	fake_run();
	return txn ? 0 : unit_is_oom() ? -ENOMEM : -ENOENT;
}

static int serve(struct sip_txns *txns, enum sip_transport transport,
		 const char *method, struct sip_txn **ret)
{
	struct sip_flow flow = fake_flow(transport);
	struct sip_msg *m;
	int err = parse_request(method, &m);

	if (err)
		return err;
	err = sip_txn_serve(txns, m, &flow, NULL, ret);
	sip_msg_free(m);
	return err;
}

static int respond(struct sip_txn *txn, int status)
{
	struct buf b;
	int err;

	buf_init(&b, 256);
	err = buf_printf(&b, "SIP/2.0 %d x\r\n\r\n", status);
	if (!err)
		sip_txn_respond(txn, status, &b);
	buf_release(&b);
	return err;
}

/* ---- servers ------------------------------------------------------------ */

/* What happens to a server: a status that we send, or what comes and when. */
struct step {
	unsigned ms;	 /* that pass first */
	int status;	 /* we answer; 0: not */
	const char *in;	 /* a method that arrives; NULL: none */
	const char *all; /* what was sent by then, since the last step */
	bool gone;	 /* the transaction, at the end of the step */
};

static bool is_there(struct sip_txns *txns, const char *method)
{
	struct sip_msg *m;
	bool there;

	if (parse_request(method, &m))
		return false;
	there = sip_txns_find(txns, m);
	sip_msg_free(m);
	return there;
}

static int take_step(struct sip_txns *txns, struct sip_txn *txn,
		     const char *method, const struct step *s)
{
	char start[32];
	bool taken = true, there;
	int err = 0;

	fake_advance(s->ms);
	if (s->status)
		err = respond(txn, s->status);
	fake_run();
	if (!err && s->in) {
		snprintf(start, sizeof(start), "%s sip:c@d SIP/2.0", s->in);
		err = arrive(txns, start, s->in, &taken);
	}
	CHECK_OK(err);
	CHECK_STR(fake_sent_all(), s->all);
	there = is_there(txns, method);
	CHECK(unit_is_oom() || there == !s->gone);
	fake_forget();
out:
	return err;
}

static int run_server(enum sip_transport transport, const char *method,
		      const struct step *steps, size_t n)
{
	struct sip_txns *txns = NULL;
	struct sip_txn *txn;
	int err;

	fake_reset();
	CHECK_OK(sip_txns_new(NULL, NULL, 8, &txns));
	CHECK_OK(serve(txns, transport, method, &txn));
	for (size_t i = 0; i < n; i++) {
		err = take_step(txns, txn, method, &steps[i]);
		if (err && !unit_is_oom())
			unit_report(__FILE__, __LINE__, "step %zu", i);
		CHECK_OK(err);
	}
	err = 0;
out:
	sip_txns_free(txns);
	return err;
}

/* Timer G doubles up to T2, H ends it. */
static int test_refused_invite_udp(void)
{
	static const struct step steps[] = {
		{ 0, 100, "INVITE", "100 100", false },
		{ 0, 486, NULL, "486", false },
		{ 499, 0, NULL, "", false },
		{ 1, 0, NULL, "486", false },
		{ 1000, 0, NULL, "486", false },
		{ 2000, 0, NULL, "486", false },
		{ 4000, 0, NULL, "486", false },
		{ 4000, 0, "INVITE", "486 486", false },
		{ 20499, 0, NULL, "486 486 486 486 486", false },
		{ 1, 0, NULL, "", true },
	};

	return run_server(SIP_UDP, "INVITE", steps, ARRAY_SIZE(steps));
}

/* The ACK silences it; timer I takes what is still under way. */
static int test_acknowledged_udp(void)
{
	static const struct step steps[] = {
		{ 0, 486, "ACK", "486", false },
		{ 600, 0, "ACK", "", false },
		{ 4399, 0, "INVITE", "", false },
		{ 1, 0, NULL, "", true },
	};

	return run_server(SIP_UDP, "INVITE", steps, ARRAY_SIZE(steps));
}

static int test_refused_invite_tcp(void)
{
	static const struct step steps[] = {
		{ 0, 486, NULL, "486", false },
		{ 31999, 0, NULL, "", false },
		{ 1, 0, NULL, "", true },
	};
	static const struct step acknowledged[] = {
		{ 0, 486, "ACK", "486", true },
	};
	int err = run_server(SIP_TCP, "INVITE", steps, ARRAY_SIZE(steps));

	return err ? err
		   : run_server(SIP_TCP, "INVITE", acknowledged,
				ARRAY_SIZE(acknowledged));
}

/* RFC 6026: it stays to swallow the INVITE's copies, timer L ends it. */
static int test_accepted(void)
{
	static const struct step steps[] = {
		{ 0, 200, "INVITE", "200", false },
		{ 600, 0, "INVITE", "", false },
		{ 31399, 0, NULL, "", false },
		{ 1, 0, NULL, "", true },
	};
	int err = run_server(SIP_UDP, "INVITE", steps, ARRAY_SIZE(steps));

	return err ? err
		   : run_server(SIP_TCP, "INVITE", steps, ARRAY_SIZE(steps));
}

/* Timer J on UDP; over a connection nothing comes twice. */
static int test_other(void)
{
	static const struct step udp[] = {
		{ 0, 0, "BYE", "", false },
		{ 0, 200, "BYE", "200 200", false },
		{ 31999, 0, "BYE", "200", false },
		{ 1, 0, NULL, "", true },
	};
	static const struct step tcp[] = { { 0, 200, NULL, "200", true } };
	int err = run_server(SIP_UDP, "BYE", udp, ARRAY_SIZE(udp));

	return err ? err : run_server(SIP_TCP, "BYE", tcp, ARRAY_SIZE(tcp));
}

/* An ACK to a 2xx with the branch of its INVITE is the dialog's. */
static int test_old_ack(void)
{
	struct sip_txns *txns = NULL;
	struct sip_txn *txn;
	bool taken = true;
	int err;

	fake_reset();
	CHECK_OK(sip_txns_new(NULL, NULL, 8, &txns));
	CHECK_OK(serve(txns, SIP_TCP, "INVITE", &txn));
	CHECK_OK(respond(txn, 200));
	CHECK_OK(arrive(txns, "ACK sip:c@d SIP/2.0", "ACK", &taken));
	CHECK(!taken);
	err = 0;
out:
	sip_txns_free(txns);
	return err;
}

static int test_cancel(void)
{
	struct sip_txns *txns = NULL;
	struct sip_txn *invite, *found;
	struct sip_msg *cancel = NULL;
	int err;

	fake_reset();
	CHECK_OK(sip_txns_new(NULL, NULL, 8, &txns));
	CHECK_OK(serve(txns, SIP_TCP, "INVITE", &invite));
	sip_txn_set_tag(invite, "tag");
	sip_txn_set_arg(invite, &err);
	CHECK_OK(parse_request("CANCEL", &cancel));
	CHECK(!sip_txns_find(txns, cancel));
	found = sip_txns_find_invite(txns, cancel);
	CHECK(unit_is_oom() || found == invite);
	CHECK_STR(sip_txn_tag(invite), "tag");
	CHECK(sip_txn_arg(invite) == &err);
	err = 0;
out:
	sip_msg_free(cancel);
	sip_txns_free(txns);
	return err;
}

static int test_limit(void)
{
	struct sip_txns *txns = NULL;
	struct sip_txn *txn;
	int err;

	fake_reset();
	CHECK_OK(sip_txns_new(NULL, NULL, 1, &txns));
	CHECK_OK(serve(txns, SIP_TCP, "INVITE", &txn));
	CHECK_ERR(serve(txns, SIP_TCP, "BYE", &txn), -ENOSPC);
	CHECK_OK(respond(txn, 486));
	fake_advance(64 * SIP_T1_MS);
	CHECK_OK(serve(txns, SIP_TCP, "BYE", &txn));
	err = 0;
out:
	sip_txns_free(txns);
	return err;
}

/* ---- clients ------------------------------------------------------------ */

struct answer {
	int count, status;
	bool has_msg;
};

static void on_answer(void *arg, struct sip_txn *txn, int status,
		      const struct sip_msg *msg)
{
	struct answer *a = arg;

	a->count++;
	a->status = status;
	a->has_msg = msg;
}

static int request(struct sip_txns *txns, enum sip_transport transport,
		   enum sip_method method, struct answer *a,
		   struct sip_txn **ret)
{
	struct sip_flow flow = fake_flow(transport);
	struct buf text, ack;
	int err;

	buf_init(&text, 256);
	buf_init(&ack, 256);
	err = buf_printf(&text, "%s x\r\n\r\n", sip_check_method_name(method));
	if (!err && method == SIP_INVITE)
		err = buf_add_str(&ack, "ACK x\r\n\r\n");
	if (!err)
		err = sip_txn_request(txns, &flow, method, "z9hG4bK1", &text,
				      &ack, on_answer, a, ret);
	buf_release(&text);
	buf_release(&ack);
	return err;
}

/* Starts a request, and sees what is sent after so many milliseconds. */
static int watch(struct sip_txns *txns, enum sip_transport transport,
		 enum sip_method method, unsigned ms, const char *all,
		 struct answer *a)
{
	struct sip_txn *txn;
	int err;

	memset(a, 0, sizeof(*a));
	CHECK_OK(request(txns, transport, method, a, &txn));
	fake_advance(ms);
	CHECK_STR(fake_sent_all(), all);
	fake_forget();
	err = 0;
out:
	return err;
}

/* Timers A and B, E and F: 7 and 11 times, then 408. */
static int test_no_answer(void)
{
	struct sip_txns *txns = NULL;
	struct answer a;
	int err;

	fake_reset();
	CHECK_OK(sip_txns_new(NULL, NULL, 8, &txns));
	CHECK_OK(watch(txns, SIP_UDP, SIP_INVITE, 31999,
		       "INVITE INVITE INVITE INVITE INVITE INVITE INVITE", &a));
	CHECK_EQ(a.count, 0);
	fake_advance(1);
	CHECK_EQ(a.status, 408);
	fake_forget();
	CHECK_OK(watch(txns, SIP_UDP, SIP_BYE, 31999,
		       "BYE BYE BYE BYE BYE BYE BYE BYE BYE BYE BYE", &a));
	fake_advance(1);
	CHECK_EQ(a.status, 408);
	fake_forget();
	CHECK_OK(watch(txns, SIP_TCP, SIP_BYE, 31999, "BYE", &a));
	CHECK_EQ(a.count, 0);
	fake_advance(1);
	CHECK_EQ(a.count, 1);
	CHECK_EQ(a.status, 408);
	CHECK(!a.has_msg);
	err = 0;
out:
	sip_txns_free(txns);
	return err;
}

/* A provisional response slows a request down, and stops an INVITE's. */
static int test_provisional(void)
{
	struct sip_txns *txns = NULL;
	struct answer a;
	bool taken;
	int err;

	fake_reset();
	CHECK_OK(sip_txns_new(NULL, NULL, 8, &txns));
	CHECK_OK(watch(txns, SIP_UDP, SIP_BYE, 0, "BYE", &a));
	CHECK_OK(arrive(txns, "SIP/2.0 100 x", "BYE", &taken));
	fake_advance(8000);
	CHECK_STR(fake_sent_all(), "BYE BYE");
	fake_advance(23999);
	CHECK_EQ(a.count, 0);
	fake_advance(1); /* timer F has run on */
	CHECK_EQ(a.status, 408);
	fake_forget();
	CHECK_OK(watch(txns, SIP_UDP, SIP_INVITE, 0, "INVITE", &a));
	CHECK_OK(arrive(txns, "SIP/2.0 180 x", "INVITE", &taken));
	fake_advance(60000);
	CHECK_STR(fake_sent_all(), "");
	CHECK_EQ(a.count, 0);
	fake_advance(120000); /* timer C of a proxy would be */
	CHECK_EQ(a.status, 408);
	err = 0;
out:
	sip_txns_free(txns);
	return err;
}

/* The ACK to a refusal is the transaction's, and goes again: timer D. */
static int test_refused(void)
{
	struct sip_txns *txns = NULL;
	struct answer a;
	bool taken;
	int err;

	fake_reset();
	CHECK_OK(sip_txns_new(NULL, NULL, 8, &txns));
	CHECK_OK(watch(txns, SIP_UDP, SIP_INVITE, 0, "INVITE", &a));
	CHECK_OK(arrive(txns, "SIP/2.0 486 x", "INVITE", &taken));
	CHECK_OK(arrive(txns, "SIP/2.0 486 x", "INVITE", &taken));
	CHECK_STR(fake_sent_all(), "ACK ACK");
	CHECK_EQ(a.count, 1);
	CHECK_EQ(a.status, 486);
	CHECK(a.has_msg);
	fake_advance(32000);
	CHECK_ERR(arrive(txns, "SIP/2.0 486 x", "INVITE", &taken), -ENOENT);
	fake_forget();
	CHECK_OK(watch(txns, SIP_UDP, SIP_BYE, 0, "BYE", &a));
	CHECK_OK(arrive(txns, "SIP/2.0 481 x", "BYE", &taken));
	fake_advance(4999);
	CHECK_OK(arrive(txns, "SIP/2.0 481 x", "BYE", &taken));
	fake_advance(1); /* timer K */
	CHECK_ERR(arrive(txns, "SIP/2.0 481 x", "BYE", &taken), -ENOENT);
	CHECK_STR(fake_sent_all(), "");
	CHECK_EQ(a.count, 1);
	err = 0;
out:
	sip_txns_free(txns);
	return err;
}

/* A 2xx is acknowledged by its owner, and again as often as it comes. */
static int test_taken(void)
{
	struct sip_txns *txns = NULL;
	struct sip_txn *txn;
	struct answer a = { 0 };
	struct buf ack;
	bool taken;
	int err;

	fake_reset();
	buf_init(&ack, 64);
	CHECK_OK(sip_txns_new(NULL, NULL, 8, &txns));
	CHECK_OK(request(txns, SIP_UDP, SIP_INVITE, &a, &txn));
	CHECK_OK(buf_add_str(&ack, "ACK own\r\n\r\n"));
	CHECK_OK(arrive(txns, "SIP/2.0 200 x", "INVITE", &taken));
	CHECK_EQ(a.status, 200);
	sip_txn_acknowledge(txn, &ack);
	CHECK_OK(arrive(txns, "SIP/2.0 200 x", "INVITE", &taken));
	CHECK_STR(fake_sent_all(), "INVITE ACK ACK");
	CHECK_STR(fake_text(2), "ACK own\r\n\r\n");
	fake_advance(32000); /* timer M */
	CHECK_ERR(arrive(txns, "SIP/2.0 200 x", "INVITE", &taken), -ENOENT);
	CHECK_EQ(a.count, 1);
	err = 0;
out:
	buf_release(&ack);
	sip_txns_free(txns);
	return err;
}

/* What cannot be sent is told, but not from inside the call. */
static int test_unsent(void)
{
	struct sip_txns *txns = NULL;
	struct sip_txn *txn;
	struct answer a = { 0 };
	int err;

	fake_reset();
	CHECK_OK(sip_txns_new(NULL, NULL, 8, &txns));
	fake_set_error(-ENOTCONN);
	CHECK_OK(request(txns, SIP_TCP, SIP_BYE, &a, &txn));
	CHECK_EQ(a.count, 0);
	fake_advance(0);
	CHECK_EQ(a.status, 503);
	CHECK_OK(request(txns, SIP_TCP, SIP_BYE, &a, &txn));
	sip_txn_forget(txn);
	fake_advance(32000);
	CHECK_EQ(a.count, 1);
	err = 0;
out:
	sip_txns_free(txns);
	return err;
}

static const struct unit_test tests[] = {
	{ "UDP: a refused INVITE", test_refused_invite_udp, 0 },
	{ "UDP: and its ACK", test_acknowledged_udp, 0 },
	{ "TCP: a refused INVITE", test_refused_invite_tcp, 0 },
	{ "an accepted INVITE", test_accepted, 0 },
	{ "other requests", test_other, 0 },
	{ "the ACK of RFC 2543", test_old_ack, 0 },
	{ "what a CANCEL means", test_cancel, 0 },
	{ "too many", test_limit, 0 },
	{ "nobody answers", test_no_answer, 0 },
	{ "a provisional response", test_provisional, 0 },
	{ "our request is refused", test_refused, 0 },
	{ "our INVITE is taken", test_taken, 0 },
	{ "a request that cannot be sent", test_unsent, 0 },
};
UNIT_MAIN(tests)

/* SPDX-License-Identifier: MIT */
#include "streamer/sip.h"

#include <stdarg.h>

#include "lib/log.h"
#include "lib/str.h"
#include "streamer/sip_dialog.h"
#include "tests/fakesip.h"
#include "tests/unit.h"

/*
 * The whole of the signalling behind sip.h, with a network and a clock of the
 * test's own: what a peer sends, what it gets, and what the call is told.
 */
#define SDP "v=0\r\n"

/* ---- the call ----------------------------------------------------------- */

/* One call at a time; `told` is all that it has heard. */
static struct side {
	struct sip *sip;
	struct sip_dialog *d;
	char tag[SIP_TAG_SIZE];
	char told[512];
	int admits;    /* a status that refuses all, 0 */
	int refuses;   /* a status from incoming() */
	bool waits;    /* the answer comes later */
	bool hangs_up; /* when the INVITE is there */
} side;

static void tell(const char *fmt, ...) ATTR_PRINTF(1, 2);
static void tell(const char *fmt, ...)
{
	size_t n = strlen(side.told);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(side.told + n, sizeof(side.told) - n, fmt, ap);
	va_end(ap);
}

static int on_admits(void *arg, const struct sip_flow *from)
{
	return side.admits;
}

static bool on_is_allowed(void *arg, const struct sockaddr_storage *peer)
{
	return true;
}

static int answer(void)
{
	int err = sip_answer(side.d, SDP, strlen(SDP));

	return err ? 500 : 0;
}

static int on_incoming(void *arg, struct sip_dialog *d,
		       const struct sip_invite *invite, void **ret_call)
{
	int status = side.refuses;

	tell("incoming %s;", invite->sdp ? "offer" : "none");
	side.d = d;
	str_copy(side.tag, d->local_tag, sizeof(side.tag));
	if (!status && !side.waits)
		status = answer();
	if (status) {
		side.d = NULL;
		return status;
	}
	*ret_call = &side;
	if (side.hangs_up)
		sip_bye(d, NULL);
	return 0;
}

static void on_offered(void *call, const char *sdp, size_t len)
{
	tell("offered %s;", sdp ? "offer" : "none");
	if (!side.waits && answer())
		sip_refuse(side.d, 500, NULL);
}

static void on_answered(void *call, const char *sdp, size_t len)
{
	tell("answered %s;", sdp ? "answer" : "none");
}

static void on_established(void *call)
{
	tell("established;");
}

static void on_url(void *call, const char *url)
{
	tell("url %s;", url);
}

static void on_ended(void *call, const char *why)
{
	tell("ended %s;", why);
	side.d = NULL;
}

static int begin(uint32_t expires_s)
{
	static const struct sip_handler handler = {
		.admits = on_admits,
		.is_allowed = on_is_allowed,
		.incoming = on_incoming,
		.offered = on_offered,
		.answered = on_answered,
		.established = on_established,
		.url = on_url,
		.ended = on_ended,
	};
	struct sip_config config = { .server = "test",
				     .expires_s = expires_s,
				     .max_transactions = 16 };
	struct err why;

	log_set_level(LOG_LEVEL_ERROR);
	fake_reset();
	memset(&side, 0, sizeof(side));
	return sip_new(NULL, &config, &handler, NULL, &side.sip, &why);
}

static int end(int err)
{
	sip_free(side.sip);
	side.sip = NULL;
	return err;
}

/* ---- the peer ----------------------------------------------------------- */

enum { UDP = 1, ELSEWHERE = 2 /* with another branch */ };

struct request {
	const char *method;
	unsigned cseq;
	const char *extra; /* header lines */
	const char *sdp;
	const char *to_tag; /* NULL: that of the dialog, if there is one */
	int flags;
};

static void peer_sends(const struct request *r)
{
	bool udp = r->flags & UDP, ack = !strcmp(r->method, "ACK");
	const char *tag = r->to_tag ? r->to_tag : side.tag;
	char text[2048];

	snprintf(text, sizeof(text),
		 "%s sip:room@h SIP/2.0\r\n"
		 "Via: SIP/2.0/%s h;branch=z9hG4bK%u%s%s\r\n"
		 "From: <sip:a@b>;tag=far\r\nTo: <sip:c@d>%s%s\r\n"
		 "Call-ID: x\r\nCSeq: %u %s\r\n%s%s"
		 "Content-Length: %zu\r\n\r\n%s",
		 r->method, udp ? "UDP" : "TCP", r->cseq, ack ? r->method : "",
		 r->flags & ELSEWHERE ? "other" : "", *tag ? ";tag=" : "", tag,
		 r->cseq, r->method, r->extra ? r->extra : "",
		 r->sdp ? "Content-Type: application/sdp\r\n" : "",
		 r->sdp ? strlen(r->sdp) : 0, r->sdp ? r->sdp : "");
	fake_receive(udp ? SIP_UDP : SIP_TCP, text);
}

#define PEER(name, number, ...)                                                \
	peer_sends(&(const struct request){                                    \
		.method = name, .cseq = number, ##__VA_ARGS__ })
#define CONTACT "Contact: <sip:far@192.0.2.9:5070>\r\nSupported: timer\r\n"
#define INVITE(...)                                                            \
	PEER("INVITE", 1, .extra = CONTACT, .sdp = SDP, .to_tag = "",          \
	     ##__VA_ARGS__)

/* Answers the `i`th message, a request of ours. */
static void peer_answers(unsigned i, int status, const char *extra)
{
	static const char *const echoed[] = { "Via", "From", "To", "Call-ID",
					      "CSeq" };
	const char *request = fake_text(i);
	char text[2048];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "SIP/2.0 %d x\r\n", status);
	for (size_t k = 0; k < ARRAY_SIZE(echoed); k++) {
		char name[16];
		const char *at;

		snprintf(name, sizeof(name), "\n%s: ", echoed[k]);
		at = strstr(request, name);
		if (!at)
			return;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s\r\n",
				      (int)strcspn(at + 1, "\r"), at + 1);
	}
	snprintf(text + n, sizeof(text) - n, "%s\r\n", extra);
	fake_receive(SIP_TCP, text);
}

/* What was sent and told since the last time. Without memory all may stop. */
#define EXPECT(sent, heard)                                                    \
	do {                                                                   \
		if (unit_is_oom() && (strcmp(fake_sent_all(), sent) ||         \
				      strcmp(side.told, heard))) {             \
			err = -ENOMEM;                                         \
			goto out;                                              \
		}                                                              \
		CHECK_STR(fake_sent_all(), sent);                              \
		CHECK_STR(side.told, heard);                                   \
		fake_forget();                                                 \
		side.told[0] = '\0';                                           \
	} while (0)

/* A call that stands. */
static int establish(uint32_t expires_s, const char *extra)
{
	int err;

	CHECK_OK(begin(expires_s));
	PEER("INVITE", 1, .extra = extra, .sdp = SDP, .to_tag = "");
	PEER("ACK", 1);
	EXPECT("100 200", "incoming offer;established;");
	err = 0;
out:
	return err;
}

/* ---- how calls begin ---------------------------------------------------- */

/* The 2xx goes again, over a connection as well, until its ACK is here. */
static int test_accept(void)
{
	int err;

	CHECK_OK(begin(0));
	INVITE();
	EXPECT("100 200", "incoming offer;");
	fake_advance(7500);
	EXPECT("200 200 200 200", "");
	INVITE(); /* a copy of it is no new call */
	fake_advance(4000);
	EXPECT("200", "");
	PEER("ACK", 1);
	fake_advance(60000);
	EXPECT("", "established;");
	PEER("ACK", 1);
	EXPECT("", "");
	err = 0;
out:
	return end(err);
}

static int test_no_ack(void)
{
	int err;

	CHECK_OK(begin(0));
	INVITE(.flags = UDP);
	PEER("ACK", 7); /* of something else */
	fake_forget();
	fake_advance(31999);
	EXPECT("200 200 200 200 200 200 200 200 200 200", "incoming offer;");
	fake_advance(1);
	EXPECT("BYE", "ended no ACK came;");
	err = 0;
out:
	return end(err);
}

static int test_delayed_offer(void)
{
	int err;

	CHECK_OK(begin(0));
	PEER("INVITE", 1, .extra = CONTACT, .to_tag = "");
	EXPECT("100 200", "incoming none;");
	PEER("ACK", 1, .sdp = SDP);
	EXPECT("", "answered answer;established;");
	PEER("INVITE", 2, .extra = CONTACT);
	PEER("ACK", 2);
	EXPECT("100 200", "offered none;answered none;");
	err = 0;
out:
	return end(err);
}

static int test_refused(void)
{
	int err;

	CHECK_OK(begin(0));
	side.admits = 503;
	INVITE();
	PEER("OPTIONS", 2, .to_tag = "");
	EXPECT("503 503", "");
	side.admits = 0;
	side.refuses = 488;
	PEER("INVITE", 3, .extra = CONTACT, .sdp = SDP, .to_tag = "");
	EXPECT("100 488", "incoming offer;");
	PEER("ACK", 3);
	side.refuses = 0;
	PEER("INVITE", 4, .extra = CONTACT "Session-Expires: 60\r\n",
	     .sdp = SDP, .to_tag = "");
	CHECK(unit_is_oom() || strstr(fake_text(1), "\nMin-SE: 90\r\n"));
	EXPECT("100 422", "");
	PEER("OPTIONS", 5, .to_tag = "");
	EXPECT("200", "");
	err = 0;
out:
	return end(err);
}

/* ---- CANCEL, copies, strangers ------------------------------------------ */

static int test_cancel(void)
{
	int err;

	CHECK_OK(begin(0));
	side.waits = true;
	INVITE();
	EXPECT("100", "incoming offer;");
	PEER("CANCEL", 1, .to_tag = "");
	EXPECT("200 487", "ended the caller gave up;");
	PEER("CANCEL", 2, .to_tag = "");
	EXPECT("481", "");
	err = 0;
out:
	return end(err);
}

/* One that comes when all is said changes nothing (section 9.2). */
static int test_late_cancel(void)
{
	int err;

	CHECK_OK(begin(0));
	INVITE();
	PEER("CANCEL", 1, .to_tag = "");
	PEER("ACK", 1);
	EXPECT("100 200 200", "incoming offer;established;");
	PEER("BYE", 2);
	EXPECT("200", "ended the caller hung up;");
	err = 0;
out:
	return end(err);
}

static int test_cancel_again(void)
{
	int err = establish(0, CONTACT);

	CHECK_OK(err);
	side.waits = true;
	PEER("INVITE", 2, .extra = CONTACT, .sdp = SDP);
	PEER("CANCEL", 2);
	/* The call itself goes on as it was. */
	EXPECT("100 200 487", "offered offer;");
	PEER("ACK", 2);
	PEER("BYE", 3);
	EXPECT("200", "ended the caller hung up;");
	err = 0;
out:
	return end(err);
}

/* The same INVITE by another way (section 8.2.2.2). */
static int test_merged(void)
{
	int err;

	CHECK_OK(begin(0));
	INVITE();
	fake_forget();
	INVITE(.flags = ELSEWHERE);
	EXPECT("482", "incoming offer;");
	err = 0;
out:
	return end(err);
}

static int test_unknown(void)
{
	static const char *const methods[] = { "BYE", "INFO", "UPDATE",
					       "INVITE", "OPTIONS" };
	int err = establish(0, CONTACT);

	CHECK_OK(err);
	for (unsigned i = 0; i < ARRAY_SIZE(methods); i++) {
		PEER(methods[i], 10 + i, .extra = CONTACT, .to_tag = "none");
		EXPECT("481", "");
	}
	PEER("ACK", 20, .to_tag = "none");
	EXPECT("", "");
	PEER("BYE", 21, .to_tag = "");
	PEER("PRACK", 22, .to_tag = "");
	EXPECT("481 405", "");
	err = 0;
out:
	return end(err);
}

/* ---- in the dialog ------------------------------------------------------ */

static int test_order(void)
{
	int err = establish(0, CONTACT);

	CHECK_OK(err);
	PEER("INFO", 5);
	PEER("INFO", 4);
	PEER("INFO", 5, .flags = ELSEWHERE);
	PEER("OPTIONS", 6);
	PEER("BYE", 3);
	EXPECT("200 500 500 200 500", "");
	PEER("BYE", 7);
	EXPECT("200", "ended the caller hung up;");
	PEER("BYE", 8, .to_tag = "none");
	EXPECT("481", "");
	err = 0;
out:
	return end(err);
}

/* Two offers at a time (section 14.2): theirs twice, or ours and theirs. */
static int test_glare(void)
{
	int err = establish(0, CONTACT);

	CHECK_OK(err);
	side.waits = true;
	PEER("INVITE", 2, .extra = CONTACT, .sdp = SDP);
	PEER("UPDATE", 3, .extra = CONTACT, .sdp = SDP);
	EXPECT("100 500", "offered offer;");
	CHECK_OK(sip_answer(side.d, SDP, strlen(SDP)));
	PEER("INVITE", 4, .extra = CONTACT, .sdp = SDP); /* before the ACK */
	EXPECT("200 500", "");
	PEER("ACK", 2);
	sip_refuse(side.d, 500, NULL); /* nothing is open: no harm */
	EXPECT("", "");
	err = 0;
out:
	return end(err);
}

static int test_bye_when_open(void)
{
	int err = establish(0, CONTACT);

	CHECK_OK(err);
	side.waits = true;
	PEER("INVITE", 2, .extra = CONTACT, .sdp = SDP);
	PEER("BYE", 3);
	EXPECT("100 487 200", "offered offer;ended the caller hung up;");
	err = 0;
out:
	return end(err);
}

/* Ours waits for the ACK (section 15), or for the end of waiting. */
static int test_bye(void)
{
	int err;

	CHECK_OK(begin(0));
	INVITE();
	EXPECT("100 200", "incoming offer;");
	sip_bye(side.d, NULL);
	EXPECT("", "");
	PEER("ACK", 1);
	CHECK(unit_is_oom() ||
	      strstr(fake_text(0), "BYE sip:far@192.0.2.9:5070 SIP/2.0\r\n"));
	EXPECT("BYE", "");
	err = 0;
out:
	return end(err);
}

static int test_update(void)
{
	int err = establish(0, CONTACT);

	CHECK_OK(err);
	PEER("UPDATE", 2,
	     .extra = "Contact: <sip:new@h>;x-cisco-stream=\"rtmp://h/a/b\""
		      "\r\nSupported: timer\r\n");
	EXPECT("200", "url rtmp://h/a/b;");
	PEER("UPDATE", 3, .extra = CONTACT, .sdp = SDP);
	EXPECT("200", "offered offer;");
	PEER("UPDATE", 4, .extra = "Contact: <sip:%4Ax@n.example;x=%2f>\r\n");
	sip_ask_keyframe(side.d);
	/* The target is what the last Contact said, byte for byte. */
	CHECK(unit_is_oom() ||
	      strstr(fake_text(1), "INFO sip:%4Ax@n.example;x=%2f SIP/2.0"));
	CHECK(unit_is_oom() || strstr(fake_text(1), "picture_fast_update"));
	EXPECT("200 INFO", "");
	err = 0;
out:
	return end(err);
}

/* ---- ways --------------------------------------------------------------- */

static int test_routes(void)
{
	int err = establish(0, CONTACT
			    "Record-Route: <sip:%41@p1.example:5080;lr>\r\n"
			    "Record-Route: \"<\" <sip:p2.example;lr>\r\n");

	CHECK_OK(err);
	fake_set_alive(false);
	sip_bye(side.d, NULL);
	CHECK(unit_is_oom() ||
	      strstr(fake_text(0), "BYE sip:far@192.0.2.9:5070 SIP/2.0\r\n"));
	CHECK(unit_is_oom() ||
	      strstr(fake_text(0), "\r\nRoute: <sip:%41@p1.example:5080;lr>\r\n"
				   "Route: \"<\" <sip:p2.example;lr>\r\n"));
	EXPECT("BYE", "");
	CHECK_STR(fake_connected_to(), "p1.example:5080");
	err = 0;
out:
	return end(err);
}

/* A hop that knows no loose routing comes into the request line (12.2.1.1). */
static int test_strict_route(void)
{
	int err = establish(0, CONTACT "Record-Route: \"<\" <sip:%41@p1>,"
				       " <sip:p2;lr>\r\n");

	CHECK_OK(err);
	sip_bye(side.d, NULL);
	CHECK(unit_is_oom() ||
	      strstr(fake_text(0), "BYE sip:%41@p1 SIP/2.0\r\n"));
	CHECK(unit_is_oom() ||
	      strstr(fake_text(0), "\r\nRoute: <sip:p2;lr>\r\n"
				   "Route: <sip:far@192.0.2.9:5070>\r\n"));
	EXPECT("BYE", "");
	err = 0;
out:
	return end(err);
}

static int test_lost_connection(void)
{
	int err = establish(0, "Contact: <sip:far@198.51.100.7>\r\n");

	CHECK_OK(err);
	fake_set_alive(false);
	sip_ask_keyframe(side.d);
	EXPECT("INFO", "");
	CHECK_STR(fake_connected_to(), "198.51.100.7:5060");
	fake_set_error(-ENOTCONN);
	sip_bye(side.d, NULL);
	fake_advance(1000);
	EXPECT("", "");
	err = 0;
out:
	return end(err);
}

/* ---- session timers ----------------------------------------------------- */

#define TIMER(refresher)                                                       \
	CONTACT "Session-Expires: 90;refresher=" refresher "\r\nMin-SE: 90\r\n"
#define UPDATES "Allow: INVITE,UPDATE\r\n"

static int test_refresh_by_update(void)
{
	int err = establish(0, TIMER("uas") UPDATES);

	CHECK_OK(err);
	for (int i = 0; i < 3; i++) {
		fake_advance(44999);
		EXPECT("", "");
		fake_advance(1);
		CHECK(unit_is_oom() ||
		      strstr(fake_text(0),
			     "\r\nSession-Expires: 90;refresher=uac\r\n"));
		peer_answers(0, 200, "Session-Expires: 90;refresher=uac\r\n");
		EXPECT("UPDATE", "");
	}
	err = 0;
out:
	return end(err);
}

/* To one that does not know UPDATE, or says only then that it does not. */
static int test_refresh_by_invite(void)
{
	int err = establish(0, TIMER("uas") UPDATES);

	CHECK_OK(err);
	fake_advance(45000);
	peer_answers(0, 501, "");
	fake_advance(0);
	EXPECT("UPDATE INVITE", "");
	fake_advance(45000);
	EXPECT("BYE", "ended the session timer ran out;");
out:
	return end(err);
}

static int test_refresh_answered(void)
{
	int err = establish(0, TIMER("uas") "Allow: INVITE,BYE\r\n");

	CHECK_OK(err);
	fake_advance(45000);
	peer_answers(0, 200,
		     "Session-Expires: 90;refresher=uac\r\n"
		     "Contact: <sip:a@b>\r\n");
	EXPECT("INVITE ACK", "");
	fake_advance(45000);
	PEER("INVITE", 2, .extra = TIMER("uas"), .sdp = SDP); /* meanwhile */
	EXPECT("INVITE 491", "");
	err = 0;
out:
	return end(err);
}

/* Ours meets theirs: again a little later. */
static int test_refresh_glare(void)
{
	int err = establish(0, TIMER("uas") UPDATES);

	CHECK_OK(err);
	fake_advance(45000);
	peer_answers(0, 491, "");
	fake_advance(2499);
	EXPECT("UPDATE", "");
	fake_advance(1);
	EXPECT("UPDATE", "");
	err = 0;
out:
	return end(err);
}

static const struct {
	int status; /* 0: no answer */
	unsigned ms;
	const char *sent, *told;
} ends[] = {
	{ 0, 32000, "UPDATE BYE",
	  "ended no answer to the refresh of the session;" },
	{ 481, 0, "UPDATE BYE", "ended the caller knows no such call;" },
};

static int test_refresh_fails(void)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		CHECK_OK(establish(1800, CONTACT UPDATES));
		fake_advance(900000);
		if (ends[i].status)
			peer_answers(0, ends[i].status, "");
		fake_advance(ends[i].ms);
		EXPECT(ends[i].sent, ends[i].told);
		end(0);
	}
out:
	return end(err);
}

/* The peer refreshes, or the call ends a little before its time. */
static int test_refreshed(void)
{
	int err = establish(0, TIMER("uac") UPDATES);

	CHECK_OK(err);
	fake_advance(50000);
	PEER("UPDATE", 2, .extra = TIMER("uac"));
	EXPECT("200", "");
	fake_advance(50000);
	EXPECT("", "");
	fake_advance(40000);
	EXPECT("BYE", "ended the session timer ran out;");
	err = 0;
out:
	return end(err);
}

static const struct unit_test tests[] = {
	{ "the 2xx until its ACK", test_accept, 0 },
	{ "no ACK at all", test_no_ack, 0 },
	{ "a delayed offer", test_delayed_offer, 0 },
	{ "refusals", test_refused, 0 },
	{ "CANCEL", test_cancel, 0 },
	{ "CANCEL, too late", test_late_cancel, 0 },
	{ "CANCEL of a re-INVITE", test_cancel_again, 0 },
	{ "a merged INVITE", test_merged, 0 },
	{ "unknown dialogs", test_unknown, 0 },
	{ "requests out of order", test_order, 0 },
	{ "offers at the same time", test_glare, 0 },
	{ "BYE while a re-INVITE is open", test_bye_when_open, 0 },
	{ "our BYE before the ACK", test_bye, 0 },
	{ "UPDATE", test_update, 0 },
	{ "loose routes", test_routes, 0 },
	{ "a strict route", test_strict_route, 0 },
	{ "a lost connection", test_lost_connection, 0 },
	{ "refreshed by UPDATE", test_refresh_by_update, 0 },
	{ "refreshed by re-INVITE", test_refresh_by_invite, 0 },
	{ "a refresh by re-INVITE, answered", test_refresh_answered, 0 },
	{ "a refresh meets theirs", test_refresh_glare, 0 },
	{ "a refresh fails", test_refresh_fails, 0 },
	{ "the peer refreshes", test_refreshed, 0 },
};
UNIT_MAIN(tests)

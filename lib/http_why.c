/* SPDX-License-Identifier: MIT */
#include "lib/http_why.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

typedef int explain_fn(const struct http_why *w, CURL *easy, struct err *ret);

/* X509_V_ERR_*, which CURLINFO_SSL_VERIFYRESULT passes on. */
enum {
	CERT_UNSPECIFIED = 1, /* curl's own check of the name */
	CERT_NO_ISSUER = 2,
	CERT_NOT_YET = 9,
	CERT_EXPIRED = 10,
	CERT_SELF_SIGNED = 18,
	CERT_SELF_SIGNED_CHAIN = 19,
	CERT_NO_LOCAL_ISSUER = 20,
	CERT_NO_LEAF_SIGNATURE = 21,
	CERT_HOST_MISMATCH = 62,
};

static int explain_name(const struct http_why *w, CURL *easy, struct err *ret)
{
	return err_set(ret, -EHOSTUNREACH,
		       "cannot find %s: no such host name, or no name server "
		       "answers",
		       w->where);
}

static int explain_proxy_name(const struct http_why *w, CURL *easy,
			      struct err *ret)
{
	return err_set(ret, -EHOSTUNREACH,
		       "cannot find the proxy on the way to %s: no such host "
		       "name, or no name server answers",
		       w->where);
}

static int explain_proxy(const struct http_why *w, CURL *easy, struct err *ret)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status == 407)
		return err_set(ret, -EACCES,
			       "the proxy wants a user and password (407) for "
			       "%s: http://user:password@host:port",
			       w->where);
	return err_set(ret, -ECONNREFUSED,
		       "the proxy answered %ld instead of connecting to %s",
		       status, w->where);
}

static bool proxy_refused(const struct http_why *w, CURL *easy)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return w->has_proxy && status && status / 100 != 2;
}

static int explain_connect(const struct http_why *w, CURL *easy,
			   struct err *ret)
{
	const char *whom = w->has_proxy ? "the proxy on the way to " : "";
	long code = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &code);
	if (code == ECONNREFUSED || !code)
		return err_set(ret, -ECONNREFUSED,
			       "%s%s refused the connection: is it running, "
			       "and is this its port",
			       whom, w->where);
	return err_set(ret, (int)-code, "cannot connect to %s%s: %s", whom,
		       w->where, err_str((int)-code));
}

static int explain_timeout(const struct http_why *w, CURL *easy,
			   struct err *ret)
{
	curl_off_t connected = 0, secured = 0;

	curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &secured);
	if (!connected)
		return err_set(ret, -ETIMEDOUT,
			       "no connection to %s within %g s: is there a "
			       "firewall between",
			       w->where, w->connect_timeout_ms / 1000.0);
	if (!secured)
		return err_set(ret, -ETIMEDOUT,
			       "%s accepted the connection and said nothing "
			       "for %g s",
			       w->where, w->connect_timeout_ms / 1000.0);
	return err_set(ret, -ETIMEDOUT, "%s did not answer within %g s",
		       w->where, w->timeout_ms / 1000.0);
}

static int explain_trust(const struct http_why *w, struct err *ret)
{
	if (w->trust)
		return err_set(ret, -EKEYREJECTED,
			       "the certificate of %s comes from an authority "
			       "that is not in %s: add its CA certificate to "
			       "this file (setting %s)",
			       w->where, w->trust, w->trust_name);
	return err_set(ret, -EKEYREJECTED,
		       "the certificate of %s comes from an authority that "
		       "this system does not know: set %s to a file with its "
		       "CA certificate",
		       w->where, w->trust_name);
}

static int explain_cert(const struct http_why *w, CURL *easy, struct err *ret)
{
	long result = 0;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
	switch (result) {
	case CERT_EXPIRED:
		return err_set(ret, -EKEYREJECTED,
			       "the certificate of %s has expired: renew it "
			       "there, or set this machine's clock right",
			       w->where);
	case CERT_NOT_YET:
		return err_set(ret, -EKEYREJECTED,
			       "the certificate of %s is not valid yet: is "
			       "this machine's clock right",
			       w->where);
	case CERT_NO_ISSUER:
	case CERT_SELF_SIGNED:
	case CERT_SELF_SIGNED_CHAIN:
	case CERT_NO_LOCAL_ISSUER:
	case CERT_NO_LEAF_SIGNATURE:
		return explain_trust(w, ret);
	case CERT_UNSPECIFIED:
	case CERT_HOST_MISMATCH:
		return err_set(ret, -EKEYREJECTED,
			       "the certificate of %s is for another host: use "
			       "a name that it holds, or have it issued again "
			       "with this name",
			       w->where);
	default:
		return err_set(ret, -EKEYREJECTED,
			       "the certificate of %s is refused: %s", w->where,
			       w->curl_text);
	}
}

static int explain_bundle(const struct http_why *w, CURL *easy, struct err *ret)
{
	return err_set(ret, -EKEYREJECTED, "cannot read the CA bundle %s (%s)",
		       w->trust ? w->trust : "of the system", w->trust_name);
}

static int explain_tls(const struct http_why *w, CURL *easy, struct err *ret)
{
	return err_set(ret, -EPROTO,
		       "no TLS with %s: is this its HTTPS port, with TLS 1.2 "
		       "or newer (%s)",
		       w->where, w->curl_text);
}

static int explain_lost(const struct http_why *w, CURL *easy, struct err *ret)
{
	return err_set(ret, -ECONNRESET,
		       "%s closed the connection before it had answered",
		       w->where);
}

static int explain_http(const struct http_why *w, CURL *easy, struct err *ret)
{
	return err_set(ret, -EPROTO,
		       "what %s answers is not HTTP: is this its port",
		       w->where);
}

static int explain_abort(const struct http_why *w, CURL *easy, struct err *ret)
{
	return err_set(ret, -ECANCELED, "what is sent to %s was withdrawn",
		       w->where);
}

static int explain_memory(const struct http_why *w, CURL *easy, struct err *ret)
{
	return err_set(ret, -ENOMEM, "%s: no memory", w->where);
}

static const struct {
	CURLcode code;
	explain_fn *explain;
} explanations[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, explain_name },
	{ CURLE_COULDNT_RESOLVE_PROXY, explain_proxy_name },
	{ CURLE_COULDNT_CONNECT, explain_connect },
	{ CURLE_OPERATION_TIMEDOUT, explain_timeout },
	{ CURLE_PEER_FAILED_VERIFICATION, explain_cert },
	{ CURLE_SSL_CACERT_BADFILE, explain_bundle },
	{ CURLE_SSL_CONNECT_ERROR, explain_tls },
	{ CURLE_SSL_CIPHER, explain_tls },
	{ CURLE_SEND_ERROR, explain_lost },
	{ CURLE_RECV_ERROR, explain_lost },
	{ CURLE_GOT_NOTHING, explain_lost },
	{ CURLE_PARTIAL_FILE, explain_lost },
	{ CURLE_SEND_FAIL_REWIND, explain_lost },
	{ CURLE_UNSUPPORTED_PROTOCOL, explain_http },
	{ CURLE_WEIRD_SERVER_REPLY, explain_http },
	{ CURLE_ABORTED_BY_CALLBACK, explain_abort },
	{ CURLE_OUT_OF_MEMORY, explain_memory },
};

int http_why_explain(const struct http_why *w, CURL *easy, CURLcode code,
		     struct err *ret)
{
	if (proxy_refused(w, easy))
		return explain_proxy(w, easy, ret);
	for (size_t i = 0; i < sizeof(explanations) / sizeof(*explanations);
	     i++)
		if (explanations[i].code == code)
			return explanations[i].explain(w, easy, ret);
	return err_set(ret, -EIO, "%s: %s", w->where, curl_easy_strerror(code));
}

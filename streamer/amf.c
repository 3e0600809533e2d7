/* SPDX-License-Identifier: MIT */
#include "streamer/amf.h"

#include <errno.h>
#include <string.h>

#include "lib/str.h"

enum { KEY_MAX = 65535 };

/* ---- writing ---------------------------------------------------------- */

int amf_put_number(struct buf *dst, double v)
{
	uint64_t bits;
	int err = buf_reserve(dst, 9);

	if (err)
		return err;
	memcpy(&bits, &v, sizeof(bits));
	err = buf_add_u8(dst, AMF_NUMBER);
	return err ? err : buf_add_u64(dst, bits);
}

int amf_put_boolean(struct buf *dst, bool v)
{
	const uint8_t value[] = { AMF_BOOLEAN, v };

	return buf_add(dst, value, sizeof(value));
}

int amf_put_null(struct buf *dst)
{
	return buf_add_u8(dst, AMF_NULL);
}

static int put_key(struct buf *dst, const char *s)
{
	size_t len = strlen(s);
	int err;

	if (len > KEY_MAX)
		return -EMSGSIZE;
	err = buf_add_u16(dst, (uint16_t)len);
	return err ? err : buf_add(dst, s, len);
}

int amf_put_string(struct buf *dst, const char *s)
{
	int err = buf_add_u8(dst, AMF_STRING);

	return err ? err : put_key(dst, s);
}

static int put_field(struct buf *dst, const struct amf_field *f)
{
	int err;

	if (f->type == AMF_STRING && !f->text)
		return 0;
	err = put_key(dst, f->key);
	if (err)
		return err;
	switch (f->type) {
	case AMF_NUMBER:
		return amf_put_number(dst, f->number);
	case AMF_BOOLEAN:
		return amf_put_boolean(dst, f->flag);
	default:
		return amf_put_string(dst, f->text);
	}
}

static uint32_t count_fields(const struct amf_field *fields, size_t n)
{
	uint32_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += fields[i].type != AMF_STRING || fields[i].text;
	return count;
}

int amf_put_object(struct buf *dst, enum amf_type type,
		   const struct amf_field *fields, size_t n)
{
	static const uint8_t end[] = { 0, 0, AMF_OBJECT_END };
	int err = buf_add_u8(dst, (uint8_t)type);

	if (!err && type == AMF_ECMA_ARRAY)
		err = buf_add_u32(dst, count_fields(fields, n));
	for (size_t i = 0; i < n && !err; i++)
		err = put_field(dst, &fields[i]);
	return err ? err : buf_add(dst, end, sizeof(end));
}

/* ---- reading ---------------------------------------------------------- */

/* The next `n` bytes, or NULL if they are not there. */
static const uint8_t *take(struct amf_reader *r, size_t n)
{
	const uint8_t *p = r->at;

	if (r->left < n)
		return NULL;
	r->at += n;
	r->left -= n;
	return p;
}

static int take_type(struct amf_reader *r, enum amf_type type)
{
	if (!r->left)
		return -EBADMSG;
	if (*r->at != type)
		return -ENOENT;
	take(r, 1);
	return 0;
}

int amf_get_number(struct amf_reader *r, double *ret_v)
{
	struct amf_reader next = *r;
	int err = take_type(&next, AMF_NUMBER);
	const uint8_t *p;
	uint64_t bits;

	if (err)
		return err;
	p = take(&next, 8);
	if (!p)
		return -EBADMSG;
	bits = buf_get_u64(p);
	memcpy(ret_v, &bits, sizeof(bits));
	*r = next;
	return 0;
}

static int take_text(struct amf_reader *r, int length_bytes,
		     struct amf_text *ret)
{
	const uint8_t *p = take(r, (size_t)length_bytes);
	size_t len;

	if (!p)
		return -EBADMSG;
	len = length_bytes == 2 ? buf_get_u16(p) : buf_get_u32(p);
	p = take(r, len);
	if (!p)
		return -EBADMSG;
	*ret = (struct amf_text){ (const char *)p, len };
	return 0;
}

int amf_get_text(struct amf_reader *r, struct amf_text *ret)
{
	struct amf_reader next = *r;
	int err = take_type(&next, AMF_STRING);

	err = err ? err : take_text(&next, 2, ret);
	if (!err)
		*r = next;
	return err;
}

static int skip_value(struct amf_reader *r, int depth);

static int read_fields(struct amf_reader *r, int depth,
		       const struct amf_wanted *wanted, size_t n)
{
	struct amf_text key;
	size_t i;
	int err;

	for (;;) {
		err = take_text(r, 2, &key);
		if (err)
			return err;
		if (!key.len && !take_type(r, AMF_OBJECT_END))
			return 0;
		for (i = 0; i < n; i++)
			if (amf_text_is(key, wanted[i].key))
				break;
		if (i < n && !amf_get_text(r, wanted[i].ret))
			continue;
		err = skip_value(r, depth);
		if (err)
			return err;
	}
}

static int skip_array(struct amf_reader *r, int depth)
{
	const uint8_t *p = take(r, 4);
	int err = p ? 0 : -EBADMSG;

	for (uint32_t n = p ? buf_get_u32(p) : 0; n && !err; n--)
		err = skip_value(r, depth);
	return err;
}

/* The values of a fixed length, by type; -1: another kind. */
static int fixed_length(uint8_t type)
{
	static const int8_t lengths[] = {
		[AMF_NUMBER] = 8,
		[AMF_BOOLEAN] = 1,
		[AMF_STRING] = -1,
		[AMF_OBJECT] = -1,
		[4] = -1,
		[AMF_NULL] = 0,
		[AMF_UNDEFINED] = 0,
		[AMF_REFERENCE] = 2,
		[AMF_ECMA_ARRAY] = -1,
		[AMF_OBJECT_END] = -1,
		[AMF_STRICT_ARRAY] = -1,
		[AMF_DATE] = 10,
		[AMF_LONG_STRING] = -1,
		[AMF_UNSUPPORTED] = 0,
	};

	return type < sizeof(lengths) ? lengths[type] : -1;
}

static int skip_value(struct amf_reader *r, int depth)
{
	const uint8_t *type = take(r, 1);
	struct amf_text text;
	int n, err;

	if (!type || depth >= AMF_DEPTH_MAX)
		return -EBADMSG;
	n = fixed_length(*type);
	if (n >= 0)
		return take(r, (size_t)n) ? 0 : -EBADMSG;
	switch (*type) {
	case AMF_STRING:
		return take_text(r, 2, &text);
	case AMF_LONG_STRING:
	case AMF_XML:
		return take_text(r, 4, &text);
	case AMF_STRICT_ARRAY:
		return skip_array(r, depth + 1);
	case AMF_TYPED_OBJECT:
		err = take_text(r, 2, &text);
		return err ? err : read_fields(r, depth + 1, NULL, 0);
	case AMF_ECMA_ARRAY:
		if (!take(r, 4))
			return -EBADMSG;
		return read_fields(r, depth + 1, NULL, 0);
	case AMF_OBJECT:
		return read_fields(r, depth + 1, NULL, 0);
	default:
		return -EBADMSG;
	}
}

int amf_skip(struct amf_reader *r)
{
	struct amf_reader next = *r;
	int err = skip_value(&next, 0);

	if (!err)
		*r = next;
	return err;
}

int amf_get_object(struct amf_reader *r, const struct amf_wanted *wanted,
		   size_t n)
{
	struct amf_reader next = *r;
	int err = take_type(&next, AMF_OBJECT);

	if (err == -ENOENT) {
		err = take_type(&next, AMF_ECMA_ARRAY);
		if (!err && !take(&next, 4))
			err = -EBADMSG;
	}
	err = err ? err : read_fields(&next, 1, wanted, n);
	if (!err)
		*r = next;
	return err;
}

bool amf_text_is(struct amf_text t, const char *s)
{
	return t.at && strlen(s) == t.len && !memcmp(t.at, s, t.len);
}

void amf_text_copy(struct amf_text t, char *dst, size_t size)
{
	size_t n = t.len < size ? t.len : size - 1;

	if (n)
		memcpy(dst, t.at, n);
	dst[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (!dst[i])
			dst[i] = '?';
	str_clean(dst);
}

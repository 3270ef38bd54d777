// SPDX-License-Identifier: Apache-2.0
#include "decode.h"

static bool read_field(struct cbor_reader *r, enum field_kind kind, void *at)
{
	const uint8_t *start = r->p;
	uint64_t u;
	int64_t i;

	switch (kind) {
	case FIELD_U32:
		if (!cbor_read_uint(r, &u) || u > UINT32_MAX)
			return false;
		*(uint32_t *)at = (uint32_t)u;
		return true;
	case FIELD_U64:
		return cbor_read_uint(r, at);
	case FIELD_I32:
		if (!cbor_read_int(r, &i) || i < INT32_MIN || i > INT32_MAX)
			return false;
		*(int32_t *)at = (int32_t)i;
		return true;
	case FIELD_I64:
		return cbor_read_int(r, at);
	case FIELD_BOOL:
		return cbor_read_bool(r, at);
	case FIELD_TEXT:
		return cbor_read_text(r, at);
	case FIELD_BYTES:
		return cbor_read_bytes(r, at);
	case FIELD_RAW:
		if (!cbor_skip(r))
			return false;
		*(struct span *)at = span_of(start, (size_t)(r->p - start));
		return true;
	}
	return false;
}

bool decode_map(struct cbor_reader *r, const struct field *fields, size_t n, void *out)
{
	uint32_t seen = 0;	/* a bit per field: no table has more than 32 */
	uint32_t set = 0;
	size_t pairs;

	if (!cbor_read_map(r, &pairs))
		return false;
	for (; pairs > 0; pairs--) {
		struct span key;
		size_t i;

		if (!cbor_read_text(r, &key))
			return false;
		for (i = 0; i < n && !span_eq(key, fields[i].key); i++)
			;
		if (i == n) {
			if (!cbor_skip(r))
				return false;
			continue;
		}
		if (seen & 1u << i)
			return false;
		seen |= 1u << i;
		if (cbor_take_null(r))
			continue;
		if (!read_field(r, fields[i].kind, (char *)out + fields[i].offset))
			return false;
		set |= 1u << i;
	}
	for (size_t i = 0; i < n; i++)
		if (fields[i].required && !(set & 1u << i))
			return false;
	return true;
}

bool decode_payload(struct span payload, const struct field *fields, size_t n, void *out)
{
	struct cbor_reader r = cbor_reader(payload);

	return decode_map(&r, fields, n, out) && cbor_done(&r);
}

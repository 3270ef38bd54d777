/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTD_DECODE_H
#define AGENTD_DECODE_H

#include "cbor.h"
#include "util.h"

enum field_kind {
	FIELD_U32,	/* uint32_t */
	FIELD_U64,	/* uint64_t */
	FIELD_I32,	/* int32_t */
	FIELD_I64,	/* int64_t */
	FIELD_BOOL,	/* bool */
	FIELD_TEXT,	/* struct span */
	FIELD_BYTES,	/* struct span */
	FIELD_RAW,	/* struct span of one encoded value, to be decoded later */
};

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
	bool required;
};

/*
 * Reads one map into a struct as the table says. Unknown keys are passed
 * over; an optional field that is null or missing stays as it was, which is
 * zero or its default; a required one must be there; none may come twice.
 * Spans point into the input.
 */
bool decode_map(struct cbor_reader *r, const struct field *fields, size_t n, void *out);

/* The same for a payload, which must hold that one map and nothing after it. */
bool decode_payload(struct span payload, const struct field *fields, size_t n, void *out);

#endif

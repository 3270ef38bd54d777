// SPDX-License-Identifier: Apache-2.0
// uses: cbor.c
#include "bounds.h"
#include "cbor.h"
#include "tap.h"

static struct span written(const struct cbor_writer *w)
{
	return span_of(w->buf, w->len);
}

/* RFC 8949, appendix A: what a shortest-form encoder gives. */
static void golden_ints(void)
{
	static const struct {
		int64_t v;
		const char *bytes;
		size_t len;
	} ints[] = {
		{ 0, "\x00", 1 }, { 1, "\x01", 1 }, { 10, "\x0a", 1 }, { 23, "\x17", 1 },
		{ 24, "\x18\x18", 2 }, { 25, "\x18\x19", 2 }, { 100, "\x18\x64", 2 },
		{ 255, "\x18\xff", 2 }, { 256, "\x19\x01\x00", 3 }, { 1000, "\x19\x03\xe8", 3 },
		{ 65535, "\x19\xff\xff", 3 }, { 65536, "\x1a\x00\x01\x00\x00", 5 },
		{ 1000000, "\x1a\x00\x0f\x42\x40", 5 }, { 4294967295, "\x1a\xff\xff\xff\xff", 5 },
		{ 4294967296, "\x1b\x00\x00\x00\x01\x00\x00\x00\x00", 9 },
		{ 1000000000000, "\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", 9 },
		{ -1, "\x20", 1 }, { -10, "\x29", 1 }, { -24, "\x37", 1 }, { -25, "\x38\x18", 2 },
		{ -100, "\x38\x63", 2 }, { -1000, "\x39\x03\xe7", 3 },
		{ INT64_MIN, "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ints); i++) {
		uint8_t mem[16];
		struct cbor_writer w = cbor_writer(mem, sizeof(mem));
		struct cbor_reader r;
		int64_t back = 0;

		cbor_put_int(&w, ints[i].v);
		r = cbor_reader(written(&w));
		ok(bytes_are(written(&w), span_of(ints[i].bytes, ints[i].len)) &&
		   cbor_read_int(&r, &back) && back == ints[i].v && cbor_done(&r),
		   "%lld goes out in its shortest form and comes back", (long long)ints[i].v);
	}
}

static bool reads_uint(struct span s, uint64_t want)
{
	struct cbor_reader r = cbor_reader(s);
	uint64_t v;

	return cbor_read_uint(&r, &v) && v == want && cbor_done(&r);
}

static bool skips(struct span s)
{
	struct cbor_reader r = cbor_reader(s);

	return cbor_skip(&r) && cbor_done(&r);
}

static bool is_text(struct span s)
{
	struct cbor_reader r = cbor_reader(s);
	struct span t;

	return cbor_read_text(&r, &t) && cbor_done(&r);
}

static void reading(void)
{
	struct cbor_reader r;
	int64_t i;
	size_t n;
	bool b;

	ok(reads_uint(BYTES("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), UINT64_MAX), "the greatest uint");
	ok(reads_uint(BYTES("\x19\x00\x05"), 5), "a longer form than needed is read");
	ok(!reads_uint(BYTES("\x20"), 0), "a negative number is no uint");
	ok(!reads_uint(BYTES("\x1c"), 28), "a reserved head is refused");
	ok(!reads_uint(BYTES("\x1f"), 0), "an indefinite integer is refused");
	r = cbor_reader(BYTES("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"));
	ok(!cbor_read_int(&r, &i), "2^64-1 does not fit an int64");
	r = cbor_reader(BYTES("\x3b\x80\x00\x00\x00\x00\x00\x00\x00"));
	ok(!cbor_read_int(&r, &i), "-2^63-1 does not fit an int64");
	r = cbor_reader(BYTES("\xf8\x15"));
	ok(!cbor_read_bool(&r, &b), "true in two bytes is not well-formed");
	r = cbor_reader(BYTES("\x9a\xff\xff\xff\xff\x00"));
	ok(!cbor_read_array(&r, &n), "an array longer than its input is refused");
	r = cbor_reader(BYTES("\xa2\x00\x00\x00"));
	ok(!cbor_read_map(&r, &n), "a map longer than its input is refused");
	r = cbor_reader(BYTES("\xbf\xff"));
	ok(!cbor_read_map(&r, &n), "an indefinite map is refused");
	ok(is_text(BYTES("\x64\xf0\x9f\x8c\x88")), "four-byte UTF-8 is text");
	ok(!is_text(BYTES("\x62\xc0\x80")), "an overlong NUL is not");
	ok(!is_text(BYTES("\x63\xed\xa0\x80")), "a surrogate is not");
	ok(!is_text(BYTES("\x64\xf4\x90\x80\x80")), "a code point past U+10FFFF is not");
	ok(!is_text(BYTES("\x62\xe2\x82")), "half a character is not");
	ok(!is_text(BYTES("\x7b\xff\xff\xff\xff\xff\xff\xff\xff")), "a length of 2^64-1 does not wrap");
	ok(!is_text(BYTES("\x7f\x61\x61\xff")), "text in chunks is refused");
}

static void skipping(void)
{
	uint8_t deep[CBOR_MAX_DEPTH + 2];

	ok(skips(BYTES("\xf9\x3c\x00")) && skips(BYTES("\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a")), "floats are passed over");
	ok(skips(BYTES("\xc1\x1a\x51\x4b\x67\xb0")), "so are tags");
	ok(skips(BYTES("\xa2\x01\x82\x02\x03\x04\x43\x01\x02\x03")), "and nested collections");
	ok(skips(BYTES("\x80")) && skips(BYTES("\xa0")) && skips(BYTES("\x40")), "and empty ones");
	ok(!skips(BYTES("")), "nothing is no value");
	ok(!skips(BYTES("\xff")), "neither is a break");
	ok(!skips(BYTES("\x82\x01")), "a collection that ends early is refused");
	ok(!skips(BYTES("\xc1")), "a tag of nothing is refused");
	memset(deep, 0x81, sizeof(deep));
	deep[CBOR_MAX_DEPTH] = 0;
	ok(skips(span_of(deep, CBOR_MAX_DEPTH + 1)), "%d levels are passed over", CBOR_MAX_DEPTH);
	deep[CBOR_MAX_DEPTH] = 0x81;
	deep[CBOR_MAX_DEPTH + 1] = 0;
	ok(!skips(span_of(deep, sizeof(deep))), "one more is refused");
}

static void writing(void)
{
	uint8_t mem[8];
	struct cbor_writer w = cbor_writer(mem, sizeof(mem));

	cbor_put_map(&w, 1);
	cbor_put_text(&w, "ok");
	cbor_put_bool(&w, true);
	ok(bytes_are(written(&w), BYTES("\xa1\x62ok\xf5")), "a map of text to true");
	cbor_put_text(&w, "too long");
	ok(w.overflow && w.len <= sizeof(mem), "what does not fit sets the flag");
	w.len = 0;
	cbor_put_uint(&w, 1);
	ok(w.len == 0, "and nothing is written after it");
}

int main(void)
{
	golden_ints();
	reading();
	skipping();
	writing();
	return tap_done();
}

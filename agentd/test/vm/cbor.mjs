// SPDX-License-Identifier: Apache-2.0
// As much CBOR as the scenarios need. Written apart from the agent's, so that one checks the other.

function head(major, n) {
  const m = major << 5;
  const big = BigInt(n);
  if (big < 24n) return Buffer.from([m | Number(big)]);
  if (big < 1n << 8n) return Buffer.from([m | 24, Number(big)]);
  const b = Buffer.alloc(big < 1n << 16n ? 3 : big < 1n << 32n ? 5 : 9);
  if (b.length === 3) b.writeUInt16BE(Number(big), 1);
  else if (b.length === 5) b.writeUInt32BE(Number(big), 1);
  else b.writeBigUInt64BE(big, 1);
  b[0] = m | { 3: 25, 5: 26, 9: 27 }[b.length];
  return b;
}

export function encode(v) {
  if (v === null) return Buffer.from([0xf6]);
  if (v === undefined) return Buffer.from([0xf7]);
  if (typeof v === 'boolean') return Buffer.from([v ? 0xf5 : 0xf4]);
  if (typeof v === 'number' || typeof v === 'bigint') return v < 0 ? head(1, -1n - BigInt(v)) : head(0, v);
  if (typeof v === 'string') return Buffer.concat([head(3, Buffer.byteLength(v)), Buffer.from(v)]);
  if (v instanceof Uint8Array) return Buffer.concat([head(2, v.length), v]);
  if (Array.isArray(v)) return Buffer.concat([head(4, v.length), ...v.map(encode)]);
  const entries = Object.entries(v);
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([k, x]) => [encode(k), encode(x)])]);
}

export function decode(buf) {
  let at = 0;
  const take = (n) => {
    at += n;
    return buf.subarray(at - n, at);
  };
  const number = (info) => {
    if (info < 24) return info;
    const size = 1 << (info - 24);
    const bits = take(size);
    const n = size === 8 ? bits.readBigUInt64BE() : BigInt(bits.readUIntBE(0, size));
    return n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n;
  };
  const item = () => {
    const first = buf[at++];
    if (first === undefined || (first & 31) > 27) throw new Error(`bad CBOR at ${at}`);
    const n = number(first & 31);
    switch (first >> 5) {
      case 0:
        return n;
      case 1:
        return -1 - Number(n);
      case 2:
        return take(n);
      case 3:
        return take(n).toString();
      case 4:
        return Array.from({ length: n }, item);
      case 5:
        return Object.fromEntries(Array.from({ length: n }, () => [item(), item()]));
      default:
        if (first >> 5 === 7) return { 20: false, 21: true, 22: null, 23: undefined }[n];
        throw new Error(`unexpected CBOR item ${first}`);
    }
  };
  const v = item();
  if (at !== buf.length) throw new Error(`${buf.length - at} bytes after the CBOR item`);
  return v;
}

/** Tar archives made by hand, so that they can be wrong in any way. Text stands for bytes, one for each character. */

interface HeaderFields {
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly link?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly magic?: string;
  readonly prefix?: string;
  readonly data?: string | Buffer;
  /** The size as it stands in the header; else that of `data`. */
  readonly size?: number | string;
  /** Bytes at offsets, last of all but the checksum. */
  readonly patch?: Readonly<Record<number, string>>;
  readonly checksum?: string;
}

const octal = (value: number, width: number) => value.toString(8).padStart(width - 1, '0');

const padded = (data: Buffer) => Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);

export const bytes = (data: string | Buffer) =>
  typeof data === 'string' ? Buffer.from(data, 'latin1') : data;

export function entry(name: string, fields: HeaderFields = {}): Buffer {
  const data = bytes(fields.data ?? '');
  const size = fields.size ?? data.length;
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, 'latin1');
  header.write(octal(fields.mode ?? 0o644, 8), 100);
  header.write(octal(fields.uid ?? 0, 8), 108);
  header.write(octal(fields.gid ?? 0, 8), 116);
  header.write(typeof size === 'string' ? size : octal(size, 12), 124, 12, 'latin1');
  header.write(octal(fields.mtime ?? 1_000_000_000, 12), 136);
  header.write(fields.type ?? '0', 156, 'latin1');
  header.write(fields.link ?? '', 157, 100, 'latin1');
  header.write(fields.magic ?? 'ustar\x0000', 257, 'latin1');
  header.write(octal(fields.major ?? 0, 8), 329);
  header.write(octal(fields.minor ?? 0, 8), 337);
  header.write(fields.prefix ?? '', 345, 155, 'latin1');
  for (const [at, text] of Object.entries(fields.patch ?? {})) header.write(text, Number(at), 'latin1');
  header.fill(' ', 148, 156);
  header.write(
    fields.checksum ??
      `${octal(
        header.reduce((sum, byte) => sum + byte, 0),
        7,
      )}\0 `,
    148,
  );
  return Buffer.concat([header, padded(data)]);
}

export const file = (name: string, data: string | Buffer = '', fields: HeaderFields = {}) =>
  entry(name, { data, ...fields });
export const directory = (name: string, fields: HeaderFields = {}) =>
  entry(name, { type: '5', mode: 0o755, ...fields });
export const symlink = (name: string, link: string, fields: HeaderFields = {}) =>
  entry(name, { type: '2', link, ...fields });
export const hardLink = (name: string, link: string, fields: HeaderFields = {}) =>
  entry(name, { type: '1', link, ...fields });

export function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

export function pax(records: Readonly<Record<string, string>> | string, type = 'x'): Buffer {
  const data =
    typeof records === 'string'
      ? records
      : Object.entries(records)
          .map(([key, value]) => record(key, value))
          .join('');
  return entry('pax', { type, data });
}

export const longName = (name: string) => entry('././@LongLink', { type: 'L', data: `${name}\0` });
export const longLink = (name: string) => entry('././@LongLink', { type: 'K', data: `${name}\0` });

/** A number as GNU tar writes one that needs more than octal digits. */
export function base256(value: number | bigint, width = 12): string {
  let rest = BigInt.asUintN(width * 8, BigInt(value));
  const digits: number[] = [];
  for (let at = 0; at < width; at++, rest >>= 8n) digits.unshift(Number(rest & 0xffn));
  digits[0] = (digits[0] ?? 0) | 0x80;
  return String.fromCharCode(...digits);
}

export const end = Buffer.alloc(1024);

export const tar = (...entries: Buffer[]) => Buffer.concat([...entries, end]);

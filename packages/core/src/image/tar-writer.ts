import type { ByteText } from '../disk/file-tree.js';
import type { TarEntry } from './tar-reader.js';

const types: Readonly<Record<TarEntry['kind'], string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

export const endOfArchive = Buffer.alloc(1024);

/** An entry's header, with a PAX header in front where a field does not hold it. Whoever writes the content pads it. */
export function tarHeader(entry: TarEntry): Buffer {
  const { name, linkTarget, uid, gid, size, mtime } = entry;
  const records: [string, ByteText][] = [];
  const text = (key: string, value: ByteText) => {
    if (value.length > 100) records.push([key, value]);
    return value.slice(0, 100);
  };
  const number = (key: string, value: number, digits: number) => {
    const fits = value >= 0 && value < 8 ** digits;
    if (!fits) records.push([key, String(value)]);
    return fits ? value : 0;
  };
  const header = block(types[entry.kind], {
    name: text('path', name),
    linkTarget: text('linkpath', linkTarget),
    mode: entry.mode,
    uid: number('uid', uid, 7),
    gid: number('gid', gid, 7),
    size: number('size', size, 11),
    mtime: number('mtime', mtime, 11),
    major: entry.major,
    minor: entry.minor,
  });
  for (const [key, value] of entry.xattrs ?? []) records.push([`SCHILY.xattr.${key}`, value]);
  if (records.length === 0) return header;
  const data = Buffer.from(records.map(([key, value]) => record(key, value)).join(''), 'latin1');
  const extra = block('x', {
    name: 'pax',
    linkTarget: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: data.length,
    mtime: 0,
    major: 0,
    minor: 0,
  });
  return Buffer.concat([extra, data, paddingFor(data.length), header]);
}

export function paddingFor(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512);
}

type Fields = Omit<TarEntry, 'kind' | 'xattrs'>;

function block(type: string, fields: Fields): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, digits: number) =>
    header.write(value.toString(8).padStart(digits, '0'), at, digits, 'latin1');
  header.write(fields.name, 0, 100, 'latin1');
  octal(fields.mode & 0o7777, 100, 7);
  octal(fields.uid, 108, 7);
  octal(fields.gid, 116, 7);
  octal(fields.size, 124, 11);
  octal(fields.mtime, 136, 11);
  header.write(type, 156);
  header.write(fields.linkTarget, 157, 100, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  octal(fields.major, 329, 7);
  octal(fields.minor, 337, 7);
  header.fill(' ', 148, 156);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  header[154] = 0;
  return header;
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function record(key: string, value: ByteText): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

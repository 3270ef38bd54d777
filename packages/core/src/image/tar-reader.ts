import type { ByteText, Kind } from '../disk/file-tree.js';
import { ImageError } from '../errors.js';
import type { ByteStream } from './byte-stream.js';
import {
  checkedCount,
  checkSegments,
  decimal,
  type PaxRecords,
  parsePaxRecords,
  paxNumber,
  paxSparse,
  paxText,
  paxTime,
  paxXattrs,
  type Segment,
  segments,
} from './pax.js';
import { isZero, parseTarHeader, recordSize, type TarHeader, unsigned } from './tar-header.js';

/** An entry of an archive, all formats read into one. */
export interface TarEntry {
  readonly name: ByteText;
  readonly kind: Kind | 'link';
  readonly linkTarget: ByteText;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
  /** Bytes of a file, those that are not stored since they are zeros counted too. */
  readonly size: number;
  readonly xattrs: ReadonlyMap<ByteText, ByteText> | null;
}

/** What PAX records and long names may come to. Go's reader, and so most of what makes and reads images, stops there too. */
const maxExtraBytes = 1024 * 1024;
/** Headers about one entry; more are no mistake. */
const maxExtraHeaders = 16;
const maxSparseMapBytes = 4 * 1024 * 1024;

const kinds: Readonly<Record<string, TarEntry['kind']>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

/** What a global header may say without changing what the entries are. */
const harmlessGlobals = /^(comment|charset|hdrcharset|uname|gname|atime|ctime|[A-Z].*)$/;

/** What has been gathered for the next entry. */
interface Extra {
  records: PaxRecords;
  name: ByteText | null;
  linkTarget: ByteText | null;
}

/**
 * Reads a tar archive: V7, ustar, PAX, GNU with long names and base-256 numbers, sparse files of all four kinds. Names are bytes. Memory
 * does not grow with the archive.
 *
 * Every method throws ImageError where the archive is damaged.
 */
export class TarReader {
  readonly #bytes: ByteStream;
  /** Of the current entry: what is stored and not yet read, the padding behind it. */
  #stored = 0;
  #padding = 0;
  /** What is yet to be handed out of it, the last first. */
  #segments: Segment[] = [];
  #position = 0;
  #size = 0;

  constructor(bytes: ByteStream) {
    this.#bytes = bytes;
  }

  /** Skips what is left of the current entry and gives the next one; null at the end. */
  async next(): Promise<TarEntry | null> {
    await this.#bytes.skip(this.#stored, false);
    await this.#bytes.skip(this.#padding, true);
    this.#stored = this.#padding = 0;
    const extra: Extra = { records: [], name: null, linkTarget: null };
    for (let headers = 0; headers <= maxExtraHeaders; headers++) {
      const block = await this.#header();
      if (!block) return null;
      const header = parseTarHeader(block);
      if ('xgLK'.includes(header.type)) {
        const bytes = await this.#extraBytes(header.size);
        if (header.type === 'x') extra.records = parsePaxRecords(bytes);
        else if (header.type === 'g') checkGlobals(parsePaxRecords(bytes));
        else {
          const text = bytes.toString('latin1').replace(/\0.*$/s, '');
          if (header.type === 'L') extra.name = text;
          else extra.linkTarget = text;
        }
      } else return this.#entry(block, header, extra);
    }
    throw new ImageError(`there are more than ${maxExtraHeaders} headers about one entry`);
  }

  /** Bytes that are stored of the current entry and not yet read. */
  get stored(): number {
    return this.#stored;
  }

  /** The next piece of the current file: bytes, valid until the next call, or how many zeros; null at its end. */
  async read(): Promise<Buffer | number | null> {
    for (let segment = this.#segments.at(-1); segment; segment = this.#segments.at(-1)) {
      const { offset, length } = segment;
      if (this.#position < offset) {
        const zeros = offset - this.#position;
        this.#position = offset;
        return zeros;
      }
      const left = offset + length - this.#position;
      if (left > 0) {
        const piece = await this.#bytes.piece(left);
        this.#position += piece.length;
        this.#stored -= piece.length;
        return piece;
      }
      this.#segments.pop();
    }
    const zeros = this.#size - this.#position;
    this.#position = this.#size;
    return zeros > 0 ? zeros : null;
  }

  /** The next header's block; null at the end, with or without the two blocks of zeros that should be there. */
  async #header(): Promise<Buffer | null> {
    const block = await this.#bytes.take(recordSize, true);
    if (!block) return null;
    if (block[0] !== 0 || !isZero(block)) return block;
    const second = await this.#bytes.take(recordSize, true);
    if (second && !isZero(second)) throw new ImageError('there is something between its two end marks');
    return null;
  }

  async #extraBytes(size: number): Promise<Buffer> {
    if (size > maxExtraBytes)
      throw new ImageError(
        `a header has ${size} bytes of names and attributes; ${maxExtraBytes} are allowed`,
      );
    const bytes = Buffer.from((await this.#bytes.take(size, false)) as Buffer);
    await this.#bytes.skip(paddingOf(size), true);
    return bytes;
  }

  async #entry(block: Buffer, header: TarHeader, extra: Extra): Promise<TarEntry> {
    const { records } = extra;
    const kind = kinds[header.type];
    if (kind === undefined)
      throw new ImageError(`it has an entry of type ${JSON.stringify(header.type)}, which is not understood`);
    const sparse = paxSparse(records);
    const name = sparse?.name ?? extra.name ?? paxText(records, 'path') ?? header.name;
    const isDirectory = kind === 'directory' || (header.type === '\0' && name.endsWith('/'));
    const isFile = kind === 'file' && !isDirectory;
    // Only files have content, whatever the size of others says: so all readers have it.
    const stored = isFile ? (paxNumber(records, 'size') ?? header.size) : 0;
    this.#stored = stored;
    this.#padding = paddingOf(stored);
    this.#position = 0;
    if (isFile && header.type === 'S') await this.#gnuSparse(block);
    else if (isFile && sparse) await this.#paxSparse(sparse.size, sparse.map);
    else this.#content(stored, [{ offset: 0, length: stored }]);
    return {
      name,
      kind: isDirectory ? 'directory' : kind,
      linkTarget: extra.linkTarget ?? paxText(records, 'linkpath') ?? header.linkTarget,
      mode: header.mode,
      uid: paxNumber(records, 'uid') ?? header.uid,
      gid: paxNumber(records, 'gid') ?? header.gid,
      mtime: paxTime(records, 'mtime') ?? header.mtime,
      major: header.major,
      minor: header.minor,
      size: this.#size,
      xattrs: paxXattrs(records),
    };
  }

  #content(size: number, map: readonly Segment[]): void {
    checkSegments(map, size, this.#stored);
    this.#size = size;
    this.#segments = map.filter(({ length }) => length > 0).reverse();
  }

  /** GNU's own kind: four pieces in the header, the others in blocks behind it. */
  async #gnuSparse(header: Buffer): Promise<void> {
    const size = unsigned(header, 483, 12, 'size');
    const numbers: number[] = [];
    let block = header;
    let at = 386;
    let count = 4;
    let isExtended = header[482] !== 0;
    for (;;) {
      for (let index = 0; index < count; index++, at += 24) {
        if (block[at] === 0 || block[at + 12] === 0) break;
        numbers.push(unsigned(block, at, 12, 'offset'), unsigned(block, at + 12, 12, 'length'));
      }
      if (!isExtended) break;
      checkedCount(numbers.length / 2);
      block = (await this.#bytes.take(recordSize, false)) as Buffer;
      at = 0;
      count = 21;
      isExtended = block[504] !== 0;
    }
    this.#content(size, segments(numbers));
  }

  async #paxSparse(size: number, map: readonly Segment[] | null): Promise<void> {
    this.#content(size, map ?? (await this.#mapInContent()));
  }

  /** Format 1.0: the content begins with lines of numbers, their count first, padded to a block. */
  async #mapInContent(): Promise<Segment[]> {
    const numbers: number[] = [];
    let expected = Number.POSITIVE_INFINITY;
    let text = '';
    let read = 0;
    while (numbers.length < expected) {
      read += recordSize;
      if (this.#stored < recordSize || read > maxSparseMapBytes)
        throw new ImageError('the map of a sparse file is malformed');
      text += ((await this.#bytes.take(recordSize, false)) as Buffer).toString('latin1');
      this.#stored -= recordSize;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        if (numbers.length >= expected) break;
        const value = decimal(line, 'of a sparse map');
        if (expected === Number.POSITIVE_INFINITY) expected = checkedCount(value) * 2;
        else numbers.push(value);
      }
      if (numbers.length < expected && text.length > 32)
        throw new ImageError('the map of a sparse file is malformed');
    }
    return segments(numbers);
  }
}

/** A header for all that follow is fine as long as it changes none of them: readers differ in whether it would. */
function checkGlobals(records: PaxRecords): void {
  const key = records.find(([name]) => !harmlessGlobals.test(name) || /^(SCHILY|GNU)/.test(name))?.[0];
  if (key !== undefined)
    throw new ImageError(
      `it sets ${JSON.stringify(key)} for all of its entries at once, which is not understood`,
    );
}

function paddingOf(size: number): number {
  return (recordSize - (size % recordSize)) % recordSize;
}

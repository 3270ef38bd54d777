import { posix } from 'node:path';
import type { ByteText } from '../disk/file-tree.js';
import { ImageError } from '../errors.js';
import type { ByteStream } from './byte-stream.js';
import { shown } from './byte-text.js';
import { TarReader } from './tar-reader.js';

/** Where a file's content is in an archive. */
export interface Member {
  readonly offset: number;
  readonly size: number;
}

const maxMembers = 1_000_000;
const maxNameBytes = 64 * 1024 * 1024;
/** Archives of images name layers by one link; a chain is no mistake any more. */
const maxLinks = 8;

/** The files of an archive by name, read from beginning to end. */
export class TarIndex {
  readonly #members = new Map<ByteText, Member | { readonly link: ByteText }>();
  #nameBytes = 0;

  /** @throws ImageError where it is damaged or has too many. */
  static async read(bytes: ByteStream): Promise<TarIndex> {
    const index = new TarIndex();
    const archive = new TarReader(bytes);
    for (let entry = await archive.next(); entry; entry = await archive.next()) {
      const name = clean(entry.name);
      if (entry.kind === 'file') {
        index.#add(name, { offset: bytes.position, size: entry.size });
        if (entry.size !== archive.stored) index.#members.delete(name); // sparse: not there in one piece
      } else if (entry.kind === 'symlink')
        index.#add(name, { link: clean(posix.join(posix.dirname(name), entry.linkTarget)) });
      else if (entry.kind === 'link') index.#add(name, { link: clean(entry.linkTarget) });
    }
    return index;
  }

  has(name: ByteText): boolean {
    return this.#members.has(name);
  }

  /** @throws ImageError where there is none, or a link to none. */
  member(name: ByteText): Member {
    let found = this.#members.get(clean(name));
    for (let links = 0; found && 'link' in found && links < maxLinks; links++)
      found = this.#members.get(found.link);
    if (!found || 'link' in found) throw new ImageError(`It has no file ${shown(name)}.`);
    return found;
  }

  #add(name: ByteText, member: Member | { readonly link: ByteText }): void {
    this.#nameBytes += name.length + ('link' in member ? member.link.length : 0);
    if (this.#members.size >= maxMembers || this.#nameBytes > maxNameBytes)
      throw new ImageError(`it has more than ${maxMembers} files or ${maxNameBytes} bytes of names`);
    this.#members.set(name, member);
  }
}

/** Names are keys here and lead nowhere, so `..` needs no more than one spelling. */
function clean(name: ByteText): ByteText {
  return posix.normalize(name).replace(/^(\.?\/)+/, '');
}

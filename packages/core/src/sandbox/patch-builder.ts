import { resolve } from 'node:path';
import { checkPatches } from '../image/patch.js';
import type { Patch } from '../store/record.js';

export interface PatchOptions {
  /** Permissions, such as 0o755. */
  readonly mode?: number;
  /** Whether what is there may be replaced, a link itself then and not what it leads to; default false: it is an error. */
  readonly replace?: boolean;
}

/**
 * Changes of an image's files, one after the other. Paths are absolute ones of the guest; links of the image on the way are followed, and
 * directories that are missing are made (0755). All that is made is root's and of 1970, so that the same patches make the same image.
 */
export class PatchBuilder {
  /** @internal */
  readonly list: Patch[] = [];

  /** Writes a file; mode 0644 unless told. At most 1 MiB, and 4 MiB with all others of the list: {@link copyFile} has no such bound. */
  text(path: string, content: string, options: PatchOptions = {}): this {
    return this.#add({ kind: 'text', path, content, ...given(options) });
  }
  /** Like {@link text}, of bytes. */
  file(path: string, content: Uint8Array, options: PatchOptions = {}): this {
    const contentBase64 = Buffer.from(content).toString('base64');
    return this.#add({ kind: 'file', path, contentBase64, ...given(options) });
  }
  /** Copies a file of the host, with its permissions unless told. All copies together have 4 GiB at the most. */
  copyFile(src: string, dst: string, options: PatchOptions = {}): this {
    return this.#add({ kind: 'copyFile', src: onHost(src), dst, ...given(options) });
  }
  /** Copies what is in a directory of the host into one of the guest, which may be there. Links in it are kept as they are. */
  copyDir(src: string, dst: string, options: Pick<PatchOptions, 'replace'> = {}): this {
    return this.#add({ kind: 'copyDir', src: onHost(src), dst, ...given(options) });
  }
  symlink(target: string, link: string, options: Pick<PatchOptions, 'replace'> = {}): this {
    return this.#add({ kind: 'symlink', target, link, ...given(options) });
  }
  /** Makes a directory, mode 0755 unless told; one that is there is given the mode, if it is told. */
  mkdir(path: string, options: Pick<PatchOptions, 'mode'> = {}): this {
    return this.#add({ kind: 'mkdir', path, ...given(options) });
  }
  /** Removes a file, a link, or a directory with all that is in it; what is not there is no error. */
  remove(path: string): this {
    return this.#add({ kind: 'remove', path });
  }
  /** Adds to a file of the image, or of a patch before this one; a link is followed. The file keeps its owner and its mode. */
  append(path: string, content: string): this {
    return this.#add({ kind: 'append', path, content });
  }

  /** The patches as data, checked as far as that goes without the image. @throws PatchFailedError */
  build(): Patch[] {
    checkPatches(this.list);
    return [...this.list];
  }

  #add(patch: Patch): this {
    this.list.push(patch);
    return this;
  }
}

/** What is told, and no more: patches are plain data, and an undefined is none. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** So that it means the same wherever it is read. What is no path is left to the check. */
const onHost = (src: string) => (src === '' || src.includes('\0') ? src : resolve(src));

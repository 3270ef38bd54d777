import type { ByteText } from '../disk/file-tree.js';
import { bytesOf } from './byte-text.js';
import {
  type Directory,
  emptyDirectory,
  enter,
  find,
  type Leaf,
  NoWayError,
  type Part,
  rootOwned,
} from './editable-tree.js';
import type { HostNode } from './host-files.js';
import { inlineContent, partsOf, patchFailed, pathOf } from './patch.js';
import type { ReadPatch } from './patch-source.js';

const modes = { file: 0o644, directory: 0o755, symlink: 0o777 };

/** Changes a tree by patches, one after the other. @throws PatchFailedError */
export function applyPatches(root: Directory, patches: readonly ReadPatch[]): void {
  for (const patch of patches) {
    try {
      new Application(root, patch).apply();
    } catch (error) {
      throw error instanceof NoWayError ? patchFailed(patch, error.message, '', { cause: error }) : error;
    }
  }
}

class Application {
  readonly #root: Directory;
  readonly #read: ReadPatch;
  readonly #parts: readonly ByteText[];

  constructor(root: Directory, read: ReadPatch) {
    this.#root = root;
    this.#read = read;
    this.#parts = partsOf(pathOf(read.patch)).map(bytesOf);
  }

  apply(): void {
    const { patch, host } = this.#read;
    if (patch.kind === 'text' || patch.kind === 'file')
      this.#file({ from: 'list', bytes: inlineContent(patch) ?? Buffer.alloc(0) }, patch.mode);
    else if (patch.kind === 'copyFile' && host && !('kind' in host))
      this.#file({ from: 'host', file: host, of: this.#read }, patch.mode ?? host.mode);
    else if (patch.kind === 'copyDir' && host && 'kind' in host) this.#merge(host);
    else if (patch.kind === 'symlink')
      this.#place({ kind: 'symlink', attributes: rootOwned(modes.symlink), target: bytesOf(patch.target) });
    else if (patch.kind === 'mkdir') this.#makeDirectory(patch.mode);
    else if (patch.kind === 'remove') this.#remove();
    else if (patch.kind === 'append') this.#append(patch.content);
  }

  #file(part: Part, mode = modes.file): void {
    this.#place({ kind: 'file', attributes: rootOwned(mode), parts: [part] });
  }

  /** Puts a leaf at the patch's own path; missing directories above are made. */
  #place(leaf: Leaf): void {
    this.#put(
      this.#enter(this.#parts.slice(0, -1)),
      this.#parts.at(-1) ?? '',
      leaf,
      pathOf(this.#read.patch),
    );
  }

  #put(parent: Directory, name: ByteText, leaf: Leaf, path: string): void {
    const existing = parent.children.get(name);
    const { patch } = this.#read;
    if (existing?.kind === 'directory')
      throw patchFailed(this.#read, `${path} is a directory already`, 'Remove it first, by a patch before.');
    if (existing && !('replace' in patch && patch.replace))
      throw patchFailed(this.#read, `there is ${path} already`, 'Say replace: true if it is to go.');
    parent.children.set(name, leaf);
  }

  #makeDirectory(mode: number | undefined): void {
    const directory = this.#enter(this.#parts);
    if (mode !== undefined && mode !== directory.attributes.mode)
      directory.attributes = { ...directory.attributes, mode };
  }

  /** Links at the path itself are removed, those on the way to it followed. */
  #remove(): void {
    let parent: Directory | undefined;
    try {
      parent = enter(this.#root, this.#parts.slice(0, -1), null)?.at(-1);
    } catch (error) {
      if (!(error instanceof NoWayError)) throw error; // there is nothing at a path that does not lead anywhere
    }
    parent?.children.delete(this.#parts.at(-1) ?? '');
  }

  #append(content: string): void {
    const found = find(this.#root, this.#parts);
    if (!found) throw patchFailed(this.#read, 'there is no such file in the image', 'Make it with text.');
    const { parent, name, node } = found;
    if (node.kind !== 'file') throw patchFailed(this.#read, 'what is there is no file');
    const parts = [...node.parts, { from: 'list', bytes: Buffer.from(content) } as const];
    parent.children.set(name, { ...node, parts });
  }

  #merge(host: HostNode & { kind: 'directory' }): void {
    const existing = enter(this.#root, this.#parts, null)?.at(-1);
    const directory = existing ?? this.#enter(this.#parts);
    if (!existing) directory.attributes = rootOwned(host.mode);
    this.#mergeInto(directory, this.#parts, host);
  }

  #mergeInto(into: Directory, parts: readonly ByteText[], host: HostNode & { kind: 'directory' }): void {
    for (const [text, node] of host.children) {
      const name = bytesOf(text);
      const path = [...parts, name];
      const at = textOf(path);
      if (node.kind === 'directory') {
        const directory = this.#directoryAt(into, path) ?? emptyDirectory(rootOwned(node.mode));
        if (!into.children.has(name)) into.children.set(name, directory);
        this.#mergeInto(directory, path, node);
      } else if (node.kind === 'symlink') {
        const attributes = rootOwned(modes.symlink);
        this.#put(into, name, { kind: 'symlink', attributes, target: bytesOf(node.target) }, at);
      } else {
        const parts = [{ from: 'host', file: node.file, of: this.#read } as const];
        this.#put(into, name, { kind: 'file', attributes: rootOwned(node.file.mode), parts }, at);
      }
    }
  }

  /** The directory that is there, or to which a link leads; undefined where nothing is. */
  #directoryAt(into: Directory, path: readonly ByteText[]): Directory | undefined {
    if (!into.children.has(path.at(-1) ?? '')) return undefined;
    const directory = enter(this.#root, path, null)?.at(-1);
    if (directory) return directory;
    throw patchFailed(
      this.#read,
      `${textOf(path)} is a link that leads to no directory`,
      'Remove it first, by a patch before.',
    );
  }

  #enter(parts: readonly ByteText[]): Directory {
    const way = enter(this.#root, parts, () => emptyDirectory(rootOwned(modes.directory)));
    return way?.at(-1) ?? this.#root;
  }
}

const textOf = (path: readonly ByteText[]) => Buffer.from(`/${path.join('/')}`, 'latin1').toString();

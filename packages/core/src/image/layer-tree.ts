import { ImageError } from '../errors.js';

/** The place of an entry's content: which layer, and the how-manyth entry of it. */
export interface Origin {
  readonly layer: number;
  readonly index: number;
}

/** A file's content and attributes; several paths share one where they are hard links. */
export interface Inode {
  readonly origin: Origin;
  readonly kind: 'directory' | 'other';
}

interface Node {
  inode: Inode;
  readonly children: Map<string, Node>;
}

/** The part of a tar header that decides what becomes of an entry. */
export interface LayerEntry {
  readonly name: string;
  readonly type: string;
  readonly linkname?: string | null | undefined;
}

const whiteout = '.wh.';
const opaque = '.wh..wh..opq';
const maxEntries = 1_000_000;
const maxPathBytes = 4096;

/**
 * The file tree that layers add up to, lowest first. It holds no content, only where each path's content is to be found;
 * whiteouts hide what *lower* layers had, never what their own layer brings.
 */
export class LayerTree {
  readonly #root: Node = {
    inode: { origin: { layer: -1, index: -1 }, kind: 'directory' },
    children: new Map(),
  };
  #entries = 0;

  add(entry: LayerEntry, origin: Origin): void {
    if (++this.#entries > maxEntries) throw new ImageError(`The image has more than ${maxEntries} entries.`);
    const path = components(entry.name);
    const last = path.at(-1);
    if (last === undefined) return; // the root itself
    const parent = this.#directory(path.slice(0, -1), origin);
    if (last.startsWith(whiteout)) {
      if (last === opaque) hideLower(parent, origin.layer);
      else hideLowerChild(parent, last.slice(whiteout.length), origin.layer);
      return;
    }
    if (entry.type === 'directory') {
      const existing = parent.children.get(last);
      if (existing?.inode.kind === 'directory') existing.inode = { origin, kind: 'directory' };
      else parent.children.set(last, { inode: { origin, kind: 'directory' }, children: new Map() });
      return;
    }
    const inode: Inode = entry.type === 'link' ? this.#linked(entry) : { origin, kind: 'other' };
    parent.children.set(last, { inode, children: new Map() });
  }

  /** Directories in the order of their making, parents first; `null` where no layer described one that it needs. */
  directories(): { path: string; origin: Origin | null }[] {
    const found: { path: string; origin: Origin | null }[] = [];
    for (const [path, { inode }] of walk(this.#root)) {
      if (inode.kind === 'directory')
        found.push({ path, origin: inode.origin.index < 0 ? null : inode.origin });
    }
    return found;
  }

  /** For each entry of a layer that is still there: the paths it has. The first is the file, the rest are links to it. */
  files(): Map<string, string[]> {
    const paths = new Map<string, string[]>();
    for (const [path, { inode }] of walk(this.#root)) {
      if (inode.kind === 'directory') continue;
      const key = originKey(inode.origin);
      const known = paths.get(key);
      if (known) known.push(path);
      else paths.set(key, [path]);
    }
    return paths;
  }

  #directory(path: readonly string[], origin: Origin): Node {
    let node = this.#root;
    for (const name of path) {
      let child = node.children.get(name);
      if (child?.inode.kind !== 'directory') {
        // A layer need not mention parents; one that is no directory below is replaced, as extracting it would do.
        child = {
          inode: { origin: { layer: origin.layer, index: -1 }, kind: 'directory' },
          children: new Map(),
        };
        node.children.set(name, child);
      }
      node = child;
    }
    return node;
  }

  #linked(entry: LayerEntry): Inode {
    let node: Node | undefined = this.#root;
    for (const name of components(entry.linkname ?? '')) node = node?.children.get(name);
    if (node?.inode.kind !== 'other') {
      throw new ImageError(
        `${entry.name} is a hard link to ${entry.linkname}, which is no file of the image.`,
      );
    }
    return node.inode;
  }
}

export function originKey({ layer, index }: Origin): string {
  return `${layer}:${index}`;
}

function hideLower(directory: Node, layer: number): void {
  for (const name of [...directory.children.keys()]) hideLowerChild(directory, name, layer);
}

function hideLowerChild(directory: Node, name: string, layer: number): void {
  if (name === '' || name === '.' || name === '..')
    throw new ImageError(`"${whiteout}${name}" whites out nothing that could be.`);
  const child = directory.children.get(name);
  if (!child) return;
  if (child.inode.kind === 'directory') hideLower(child, layer);
  if (child.inode.origin.layer < layer && child.children.size === 0) directory.children.delete(name);
}

/** A tar name's parts, with nothing in it that could lead out of the tree. */
function components(name: string): string[] {
  if (Buffer.byteLength(name) > maxPathBytes)
    throw new ImageError(`A path of the image is longer than ${maxPathBytes} bytes.`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || name.includes('\0')) {
    throw new ImageError(
      `The image has an entry named ${JSON.stringify(name)}, which leads out of its root.`,
    );
  }
  return parts;
}

function* walk(directory: Node, prefix = ''): Generator<[path: string, node: Node]> {
  for (const [name, node] of directory.children) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    yield [path, node];
    yield* walk(node, path);
  }
}

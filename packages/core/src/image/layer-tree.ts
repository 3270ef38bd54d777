import { overlayXattrs } from '../disk/access-lists.js';
import type { ByteText, Inode, TreeNode } from '../disk/file-tree.js';
import { ImageError } from '../errors.js';
import { shown } from './byte-text.js';
import type { TarEntry } from './tar-reader.js';

interface Node extends TreeNode {
  inode: Inode;
  children: Map<ByteText, Node> | null;
  /** The layer that last made it, described it or put something below it. */
  touched: number;
}

/** What the trees of images may come to; a hostile one ends here, a real one does not. */
export interface TreeLimits {
  /** Entries of all layers, and directories that they need and nobody describes. */
  readonly entries: number;
  /** Bytes of names, link targets and extended attributes. */
  readonly textBytes: number;
}

const whiteout = '.wh.';
const opaque = '.wh..wh..opq';
/** As Linux has them. */
const maxNameBytes = 255;
const maxPathBytes = 4095;
const maxXattrBytes = 65_536;
const maxId = 0xffff_fffe;
const maxMajor = 0xfff;
const maxMinor = 0xfffff;
const maxTime = 0xffff_ffff;
/** Symlinks on the way to one entry. */
const maxSymlinks = 255;

/**
 * The file tree that layers add up to, lowest first; it agrees with what umoci makes on a disk. Whiteouts hide what *lower* layers had,
 * never what their own layer brings, whatever the order. Symlinks on the way to an entry lead where they would lead in the image, and never
 * out of it.
 */
export class LayerTree {
  readonly root: Node = { inode: implicitDirectory(), children: null, touched: -1 };
  readonly #limits: TreeLimits;
  #entries = 0;
  #textBytes = 0;
  #layer = -1;

  constructor(limits: TreeLimits) {
    this.#limits = limits;
  }

  beginLayer(): void {
    this.#layer++;
  }

  /** @returns the inode that is now there, whose content is still to come; null for a whiteout or a hard link. @throws ImageError */
  add(entry: TarEntry): Inode | null {
    this.#spendEntry();
    const path = components(entry.name);
    const name = path.pop();
    if (name === undefined) return this.#describeRoot(entry);
    if (name.startsWith(whiteout)) {
      this.#whiteOut(path, name);
      return null;
    }
    if (entry.kind === 'link') {
      this.#link(path, name, entry);
      return null;
    }
    const inode = this.#inode(entry);
    const parent = this.#parent(path, entry.name);
    const existing = parent.children?.get(name);
    if (entry.kind === 'directory' && existing?.inode.kind === 'directory') {
      existing.inode = inode;
      existing.touched = this.#layer;
    } else this.#put(parent, name, inode);
    return inode;
  }

  #describeRoot(entry: TarEntry): Inode {
    if (entry.kind !== 'directory')
      throw new ImageError('its root is described as something else than a directory');
    this.root.inode = this.#inode(entry);
    return this.root.inode;
  }

  /** As on a disk: whatever has the name makes room first, and then the target is looked for. */
  #link(path: readonly ByteText[], name: ByteText, entry: TarEntry): void {
    const target = components(entry.linkTarget);
    const targetName = target.pop();
    const parent = this.#parent(path, entry.name);
    parent.children?.delete(name);
    const directory = this.#find(target);
    const found = targetName === undefined ? undefined : directory?.children?.get(targetName);
    if (!found || found.inode.kind === 'directory') {
      throw new ImageError(
        `${shown(entry.name)} is a hard link to ${shown(entry.linkTarget)}, which is no file of it`,
      );
    }
    this.#put(parent, name, found.inode);
  }

  #put(parent: Node, name: ByteText, inode: Inode): void {
    this.#spendText(name.length);
    parent.children ??= new Map();
    parent.children.set(name, { inode, children: null, touched: this.#layer });
  }

  #whiteOut(path: readonly ByteText[], name: ByteText): void {
    const directory = this.#find(path);
    if (name === opaque) {
      if (directory) this.#hideLower(directory);
      return;
    }
    const hidden = name.slice(whiteout.length);
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw new ImageError(`the whiteout ${shown(name)} stands for nothing that could be`);
    const node = directory?.children?.get(hidden);
    if (!directory?.children || !node) return;
    if (node.touched < this.#layer) directory.children.delete(hidden);
    else this.#hideLower(node);
  }

  /** Takes away what lower layers had in a directory. */
  #hideLower(directory: Node): void {
    for (const [name, child] of directory.children ?? []) {
      if (child.touched < this.#layer) directory.children?.delete(name);
      else this.#hideLower(child);
    }
  }

  /** The directory that an entry goes to, made where it is not there; what leads to it is touched. */
  #parent(path: readonly ByteText[], ofEntry: ByteText): Node {
    let node = this.root;
    for (const name of this.#resolve(path)) {
      let child = node.children?.get(name);
      if (!child) {
        this.#spendEntry();
        this.#put(node, name, implicitDirectory());
        child = node.children?.get(name) as Node;
      }
      if (child.inode.kind !== 'directory') {
        throw new ImageError(
          `${shown(ofEntry)} is in ${shown(path.join('/'))}, where ${shown(name)} is no directory`,
        );
      }
      child.touched = this.#layer;
      node = child;
    }
    return node;
  }

  #find(path: readonly ByteText[]): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of this.#resolve(path)) node = node?.children?.get(name);
    return node?.inode.kind === 'directory' ? node : undefined;
  }

  /** A path without symlinks: each is followed as if the image were the whole world. Names of what is not there stay as they are. */
  #resolve(path: readonly ByteText[]): ByteText[] {
    const rest = [...path].reverse();
    const names: ByteText[] = [];
    /** The root, and what `names` stand for, as far as it is there. */
    const nodes: (Node | undefined)[] = [this.root];
    let symlinks = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === '..') {
        if (names.pop() !== undefined) nodes.pop();
        continue;
      }
      const child = nodes.at(-1)?.children?.get(name);
      if (child?.inode.kind !== 'symlink') {
        names.push(name);
        nodes.push(child);
        continue;
      }
      if (++symlinks > maxSymlinks)
        throw new ImageError(`more than ${maxSymlinks} symlinks lead to ${shown(path.join('/'))}`);
      const { target } = child.inode;
      if (target.startsWith('/')) {
        names.length = 0;
        nodes.length = 1;
      }
      rest.push(...target.split('/').filter(isName).reverse());
    }
    return names;
  }

  #inode(entry: TarEntry): Inode {
    const { kind, uid, gid, major, minor, mtime, xattrs, linkTarget } = entry;
    if (uid > maxId || gid > maxId)
      throw new ImageError(`${shown(entry.name)} has an owner beyond all bounds`);
    if (major > maxMajor || minor > maxMinor)
      throw new ImageError(`${shown(entry.name)} is device ${major}:${minor}, which no kernel has`);
    const isSymlink = kind === 'symlink';
    if (isSymlink && (linkTarget === '' || linkTarget.length > maxPathBytes || linkTarget.includes('\0')))
      throw new ImageError(`${shown(entry.name)} is a symlink to nothing that could be`);
    const isDevice = kind === 'block' || kind === 'character';
    this.#spendText(isSymlink ? linkTarget.length : 0);
    return {
      kind: kind as Inode['kind'],
      mode: isSymlink ? 0o777 : entry.mode & 0o7777,
      uid,
      gid,
      mtime: Math.min(Math.max(mtime, 0), maxTime),
      xattrs: this.#xattrs(entry.name, xattrs),
      target: isSymlink ? linkTarget : '',
      major: isDevice ? major : 0,
      minor: isDevice ? minor : 0,
      content: null,
    };
  }

  /** Without those that an overlay keeps for itself: they would have a meaning for the one that the machine's root is. */
  #xattrs(of: ByteText, xattrs: TarEntry['xattrs']): TarEntry['xattrs'] {
    for (const [name, value] of xattrs ?? []) {
      if (name.length > maxNameBytes || name.includes('\0') || value.length > maxXattrBytes)
        throw new ImageError(`${shown(of)} has an extended attribute that no file can have`);
      this.#spendText(name.length + value.length);
    }
    const kept = [...(xattrs ?? [])].filter(([name]) => !name.startsWith(overlayXattrs));
    return kept.length > 0 ? new Map(kept) : null;
  }

  #spendEntry(): void {
    if (++this.#entries > this.#limits.entries)
      throw new ImageError(`there are more than ${this.#limits.entries} entries in it and the layers below`);
  }

  #spendText(bytes: number): void {
    this.#textBytes += bytes;
    if (this.#textBytes > this.#limits.textBytes) {
      throw new ImageError(
        `it and the layers below have more than ${this.#limits.textBytes} bytes of names and attributes`,
      );
    }
  }
}

/** A directory that something is in and nobody describes. One object for each: paths that share one are hard links. */
function implicitDirectory(): Inode {
  return {
    kind: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 0,
    xattrs: null,
    target: '',
    major: 0,
    minor: 0,
    content: null,
  };
}

/** A tar name's parts, with nothing in it that could lead out of the tree. */
function components(name: ByteText): ByteText[] {
  if (name.length > maxPathBytes)
    throw new ImageError(`it has a path that is longer than ${maxPathBytes} bytes: ${shown(name)}`);
  const parts = name.split('/').filter(isName);
  if (parts.includes('..') || name.includes('\0'))
    throw new ImageError(`it has an entry or a link named ${shown(name)}, which leads out of its root`);
  const long = parts.find((part) => part.length > maxNameBytes);
  if (long !== undefined)
    throw new ImageError(`it has a name that is longer than ${maxNameBytes} bytes: ${shown(long)}`);
  return parts;
}

function isName(part: string): boolean {
  return part !== '' && part !== '.';
}

import type { ByteText } from '../disk/file-tree.js';
import { shown } from './byte-text.js';
import type { HostFile } from './host-files.js';
import type { NumberedPatch } from './patch.js';

/** What a file's header says of it beside its name and its content. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** By name; null where there are none. */
  readonly xattrs: ReadonlyMap<ByteText, ByteText> | null;
}

/** A file of the image itself: the how-manyth entry of which of its layers. */
export interface BaseFile {
  readonly layer: number;
  readonly index: number;
  readonly size: number;
}

/** A stretch of a file's content, and where it is to be found. */
export type Part =
  | { readonly from: 'list'; readonly bytes: Buffer }
  | { readonly from: 'host'; readonly file: HostFile; readonly of: NumberedPatch }
  | { readonly from: 'base'; readonly file: BaseFile };

export type Leaf =
  | { readonly kind: 'file'; readonly attributes: Attributes; readonly parts: readonly Part[] }
  | { readonly kind: 'symlink'; readonly attributes: Attributes; readonly target: ByteText }
  /** A device or a pipe. */
  | { readonly kind: 'special' };

export interface Directory {
  readonly kind: 'directory';
  attributes: Attributes;
  readonly children: Map<ByteText, TreeNode>;
}

/** Leaves never change, so that what a tree and its copy share is the same in both. */
export type TreeNode = Leaf | Directory;

/** What has to be said in a layer so that it makes one tree of another. */
export type Change =
  | { readonly kind: 'gone'; readonly path: ByteText }
  | { readonly kind: 'there'; readonly path: ByteText; readonly node: TreeNode };

export const rootOwned = (mode: number): Attributes => ({ mode, uid: 0, gid: 0, xattrs: null });

export function emptyDirectory(attributes: Attributes): Directory {
  return { kind: 'directory', attributes, children: new Map() };
}

/** A copy whose directories are its own. */
export function copyOf(directory: Directory): Directory {
  const copy = emptyDirectory(directory.attributes);
  for (const [name, child] of directory.children)
    copy.children.set(name, child.kind === 'directory' ? copyOf(child) : child);
  return copy;
}

/** The kernel's bound. */
const maxLinks = 40;

/** Why a way through a tree ends: at something that is no directory, or never. */
export class NoWayError extends Error {
  override readonly name = 'NoWayError';
}

/**
 * The directories on the way to a path, itself the last, as the kernel of a guest with this root would go: links are followed, and none
 * leads out of it. Those that are missing are made if `make` says how.
 *
 * @returns null where one is missing and is not to be made.
 * @throws NoWayError
 */
export function enter(
  root: Directory,
  parts: readonly ByteText[],
  make: (() => Directory) | null,
): [Directory, ...Directory[]] | null {
  const way: [Directory, ...Directory[]] = [root];
  const ahead = [...parts].reverse();
  let links = 0;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (way.length > 1) way.pop();
      continue;
    }
    const at = way.at(-1) ?? root;
    const child = at.children.get(name);
    if (child === undefined) {
      if (!make) return null;
      const made = make();
      at.children.set(name, made);
      way.push(made);
    } else if (child.kind === 'directory') way.push(child);
    else if (child.kind === 'symlink') {
      if (++links > maxLinks) throw new NoWayError(`it leads through more than ${maxLinks} links`);
      if (child.target.startsWith('/')) way.length = 1;
      ahead.push(...child.target.split('/').reverse());
    } else throw new NoWayError(`${shown(name)}, on the way to it, is no directory`);
  }
  return way;
}

/** What a path is in the end, when the links that it is are followed, and where that is; null where nothing is. @throws NoWayError */
export function find(
  root: Directory,
  parts: readonly ByteText[],
): { readonly parent: Directory; readonly name: ByteText; readonly node: TreeNode } | null {
  let way = parts;
  for (let links = 0; links <= maxLinks; links++) {
    const name = way.at(-1);
    const parent = enter(root, way.slice(0, -1), null)?.at(-1);
    const node = name === undefined ? undefined : parent?.children.get(name);
    if (name === undefined || !parent || !node) return null;
    if (node.kind !== 'symlink') return { parent, name, node };
    const target = node.target.split('/').filter((part) => part !== '' && part !== '.');
    way = node.target.startsWith('/') ? target : [...way.slice(0, -1), ...target];
  }
  throw new NoWayError(`it leads through more than ${maxLinks} links`);
}

/** How one tree becomes the other, parents first and names in order, so that the same two give the same. */
export function* changes(base: Directory, now: Directory, prefix = ''): Generator<Change> {
  for (const name of [...new Set([...base.children.keys(), ...now.children.keys()])].sort()) {
    const before = base.children.get(name);
    const after = now.children.get(name);
    const path = `${prefix}${name}`;
    if (after === undefined) yield { kind: 'gone', path: `${prefix}${name}` };
    else if (after.kind === 'directory') {
      const same = before?.kind === 'directory' ? before : null;
      // What takes another kind's place is told as both, so that no reader has to know what a change of kinds means.
      if (before && !same) yield { kind: 'gone', path };
      if (same?.attributes !== after.attributes) yield { kind: 'there', path, node: after };
      yield* changes(same ?? emptyDirectory(after.attributes), after, `${path}/`);
    } else if (after !== before) {
      if (before?.kind === 'directory') yield { kind: 'gone', path };
      yield { kind: 'there', path, node: after };
    }
  }
}

/** Bytes as a string, one character (U+0000 to U+00FF) for each: names in an image are bytes, and need not be UTF-8. */
export type ByteText = string;

/** Where a file's content is in an image; filled in by who writes it. */
export interface Content {
  /** Of its first block, in bytes from the image's beginning. */
  start: number;
  readonly size: number;
  /** Bytes that the image holds of it: without the blocks that are nothing but zeros. */
  readonly stored: number;
  /** Runs of blocks that are nothing but zeros, in order; null where there are none. */
  readonly holes: readonly Hole[] | null;
}

export interface Hole {
  readonly block: number;
  count: number;
}

export interface Attributes {
  /** Permissions, setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970, 0 to 2^32 - 1. */
  readonly mtime: number;
  /** By name, such as `user.comment`; null where there are none. */
  readonly xattrs: ReadonlyMap<ByteText, ByteText> | null;
}

export type Kind = 'directory' | 'file' | 'symlink' | 'block' | 'character' | 'fifo';

/** What stands behind one path, or behind several where they are hard links. */
export interface Inode extends Attributes {
  readonly kind: Kind;
  /** Of a file. */
  content: Content | null;
  /** Of a symlink. */
  readonly target: ByteText;
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
}

export interface TreeNode {
  readonly inode: Inode;
  /** Of a directory, null while it is empty. */
  readonly children: ReadonlyMap<ByteText, TreeNode> | null;
}

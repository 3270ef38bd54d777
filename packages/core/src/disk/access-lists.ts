import { ImageError } from '../errors.js';
import type { ByteText, TreeNode } from './file-tree.js';

/** What the overlay of a machine keeps for itself, and so shows nobody, nor takes from an image. */
export const overlayXattrs = 'trusted.overlay.';

/** Of the attributes that hold the lists: their numbers follow. */
const holder = `${overlayXattrs}msb.acl.`;
/** As much as the kernel gives of one attribute. */
const holderBytes = 65_536;
const maxHolders = 64;

const access = 'system.posix_acl_access';
const preset = 'system.posix_acl_default';

/**
 * A squashfs has no place for access control lists. So its root directory carries those of all paths, in attributes that the agent
 * reads when it first puts an upper above it; it gives each its list there, as a layer above the image. The first attribute is there
 * whatever it holds: a squashfs in which nothing has any refuses to list them, which programs report.
 *
 * @throws ImageError where there are more than the root can carry.
 */
export function withAccessLists(root: TreeNode): TreeNode {
  const holders: ByteText[] = [];
  let last = '';
  for (const record of records(root)) {
    if (last.length + record.length > holderBytes) {
      holders.push(last);
      last = '';
    }
    last += record;
    if (holders.length === maxHolders)
      throw new ImageError(
        `The image has more access control lists than can be kept: ${maxHolders * holderBytes} bytes with their paths.`,
      );
  }
  const xattrs = new Map(root.inode.xattrs);
  for (const [index, value] of [...holders, last].entries()) xattrs.set(`${holder}${index}`, value);
  return { ...root, inode: { ...root.inode, xattrs } };
}

/**
 * By path, so that the same tree gives the same image. A hard link needs its own: copied up, it is a file of its own. A symlink has none,
 * whatever a layer says.
 */
function* records(node: TreeNode, path: ByteText = '.'): Generator<ByteText> {
  for (const name of node.inode.kind === 'symlink' ? [] : [access, preset]) {
    const list = node.inode.xattrs?.get(name);
    if (list !== undefined && isAccessList(list)) yield record(name, path, list);
  }
  const children = [...(node.children ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, child] of children) yield* records(child, path === '.' ? name : `${path}/${name}`);
}

/** A byte for which list it is, two each for how long path and list are, least first, and both. */
function record(name: string, path: ByteText, list: ByteText): ByteText {
  const head = Buffer.alloc(5);
  head.writeUInt8(name === preset ? 1 : 0, 0);
  head.writeUInt16LE(path.length, 1);
  head.writeUInt16LE(list.length, 3);
  return head.toString('latin1') + path + list;
}

/** Whether it has the form that the kernel takes: version 2, and whole entries, of which no more than a file can have. */
function isAccessList(list: ByteText): boolean {
  const maxBytes = 4096;
  return list.length <= maxBytes && list.length % 8 === 4 && list.startsWith('\x02\0\0\0');
}

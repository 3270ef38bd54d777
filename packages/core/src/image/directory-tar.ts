import { type BigIntStats, constants } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import type { ByteText, Kind } from '../disk/file-tree.js';
import { ImageError } from '../errors.js';
import { shown } from './byte-text.js';
import { piecesOf } from './spool.js';
import type { TarEntry } from './tar-reader.js';
import { endOfArchive, paddingFor, tarHeader } from './tar-writer.js';

const maxEntries = 1_000_000;
const slash = Buffer.from('/');

/**
 * A directory as a tar archive, in the order of names: owners, modes, times, devices and hard links as they are on the disk. Sockets are left
 * out, and so is what is mounted in it; extended attributes are not read. The same directory gives the same bytes.
 *
 * @throws ImageError where something changes meanwhile, or there is too much of it.
 */
export async function* tarOfDirectory(path: string): AsyncGenerator<Buffer> {
  const links = new Map<string, ByteText>();
  const root = await lstat(path, { bigint: true });
  /** What is still to come, the next last. */
  const ahead: { readonly path: Buffer; readonly name: ByteText }[] = [
    { path: Buffer.from(path), name: './' },
  ];
  let entries = 0;
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    if (++entries > maxEntries) throw new ImageError(`${path} has more than ${maxEntries} entries.`);
    const stat = next.name === './' ? root : await lstat(next.path, { bigint: true });
    const kind = kindOf(stat);
    if (!kind) continue;
    const key = `${stat.dev}:${stat.ino}`;
    const known = kind === 'directory' || stat.nlink === 1n ? undefined : links.get(key);
    links.set(key, known ?? next.name);
    const isLink = known !== undefined;
    yield tarHeader({
      ...attributes(stat),
      name: next.name,
      kind: isLink ? 'link' : kind,
      linkTarget:
        known ?? (kind === 'symlink' ? (await readlink(next.path, 'buffer')).toString('latin1') : ''),
      size: kind === 'file' && !isLink ? Number(stat.size) : 0,
    });
    if (kind === 'file' && !isLink) yield* contentOf(next.path, next.name, Number(stat.size));
    if (kind === 'directory' && stat.dev === root.dev) {
      const names = await readdir(next.path, { encoding: 'buffer' });
      for (const name of names.sort((a, b) => Buffer.compare(b, a))) {
        const text = name.toString('latin1');
        ahead.push({
          path: Buffer.concat([next.path, slash, name]),
          name: next.name === './' ? text : `${next.name}/${text}`,
        });
      }
    }
  }
  yield endOfArchive;
}

async function* contentOf(path: Buffer, name: ByteText, size: number): AsyncGenerator<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    yield* piecesOf(file, 0, size);
  } catch (error) {
    throw new ImageError(`${shown(name)} could not be read: ${(error as Error).message}`, { cause: error });
  }
  yield paddingFor(size);
}

/** Undefined for what no image has. */
function kindOf(stat: BigIntStats): Kind | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isCharacterDevice()) return 'character';
  if (stat.isBlockDevice()) return 'block';
  return stat.isFIFO() ? 'fifo' : undefined;
}

function attributes(stat: BigIntStats): Omit<TarEntry, 'name' | 'kind' | 'linkTarget' | 'size'> {
  const isDevice = stat.isCharacterDevice() || stat.isBlockDevice();
  return {
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime: Number(stat.mtimeNs / 1_000_000_000n),
    // As Linux packs them for programs.
    major: isDevice ? Number(((stat.rdev >> 8n) & 0xfffn) | ((stat.rdev >> 32n) & ~0xfffn)) : 0,
    minor: isDevice ? Number((stat.rdev & 0xffn) | ((stat.rdev >> 12n) & ~0xffn & 0xffffffffn)) : 0,
    xattrs: null,
  };
}

/** A member of an initramfs. Directories have no content. */
export interface CpioEntry {
  readonly name: string;
  readonly mode: number;
  readonly content?: Uint8Array;
  /** For a device node: major and minor. */
  readonly device?: readonly [number, number];
}

const alignment = 4;

/** A cpio archive of the "newc" kind, which the kernel unpacks as its initramfs. Same entries, same bytes. */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  entries.forEach((entry, index) => {
    parts.push(...member(entry, index + 1));
  });
  parts.push(...member({ name: 'TRAILER!!!', mode: 0 }, 0));
  return Buffer.concat(parts);
}

function member({ name, mode, content, device = [0, 0] }: CpioEntry, inode: number): Uint8Array[] {
  const size = content?.length ?? 0;
  const path = Buffer.from(`${name}\0`);
  // inode, mode, uid, gid, links, mtime, size, device of the file system (2), device node (2), length of the name, checksum
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, device[0], device[1], path.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [header, path, padding(header.length + path.length), content ?? new Uint8Array(0), padding(size)];
}

function padding(length: number): Uint8Array {
  return new Uint8Array((alignment - (length % alignment)) % alignment);
}

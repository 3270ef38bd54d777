import { renameSync, rmSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { runTool } from '../host/run-tool.js';

/** A gigabyte takes about ten seconds; ten minutes leave room for a slow disk. */
const buildTimeoutMs = 600_000;

/**
 * Turns a tar stream into a read-only file system image: a squashfs without compression, since a guest under emulation
 * pays dearly for decompressing and the host's page cache holds the file anyway. Needs no root on the host; owners, devices and
 * extended attributes come from the tar. Same tar, same image.
 */
export async function writeReadOnlyImage(tar: Readable, path: string): Promise<void> {
  const unfinished = `${path}.new-${process.pid}`;
  try {
    await runTool(
      'sqfstar',
      [
        ...['-noI', '-noD', '-noF', '-noX', '-no-progress'],
        ...['-mkfs-time', '0', '-root-time', '0', '-root-mode', '755', '-root-uid', '0', '-root-gid', '0'],
        unfinished,
      ],
      { input: tar, timeoutMs: buildTimeoutMs, debianPackage: 'squashfs-tools' },
    );
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

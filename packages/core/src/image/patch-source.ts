import { createHash } from 'node:crypto';
import type { Patch } from '../store/record.js';
import { type HostBounds, type HostFile, HostFileError, type HostNode, HostReader } from './host-files.js';
import {
  checkPatches,
  inlineContent,
  type NumberedPatch,
  nameFault,
  numberedPatches,
  patchFailed,
} from './patch.js';

/** A patch with what it takes from the host, as that was when it was read. */
export type ReadPatch = NumberedPatch & {
  readonly host: HostFile | (HostNode & { kind: 'directory' }) | null;
};

/** What one list may copy. */
const hostBounds: HostBounds = { bytes: 4 * 1024 ** 3, entries: 100_000 };

/**
 * Checks patches and reads what they copy. Contents stay where they are; what is kept of them says whether they are still the same.
 *
 * @throws PatchFailedError
 */
export async function readPatches(
  patches: readonly Patch[],
  bounds: HostBounds = hostBounds,
): Promise<readonly ReadPatch[]> {
  checkPatches(patches);
  const reader = new HostReader(bounds, nameFault);
  const read: ReadPatch[] = [];
  for (const numbered of numberedPatches(patches)) {
    try {
      read.push({ ...numbered, host: await hostPartOf(reader, numbered.patch) });
    } catch (error) {
      throw error instanceof HostFileError
        ? patchFailed(numbered, error.message, '', { cause: error })
        : error;
    }
  }
  return read;
}

async function hostPartOf(reader: HostReader, patch: Patch): Promise<ReadPatch['host']> {
  if (patch.kind === 'copyFile') return reader.file(patch.src);
  return patch.kind === 'copyDir' ? reader.directory(patch.src) : null;
}

/** A hash of all that patches do, whatever the paths are that they copy from. */
export function digestOf(patches: readonly ReadPatch[]): string {
  const hash = createHash('sha256');
  for (const { patch, host } of patches) {
    const { src: _, content: __, contentBase64: ___, ...rest } = patch as Record<string, unknown>;
    const content = inlineContent(patch);
    const whole = {
      ...Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))),
      content: content && createHash('sha256').update(content).digest('hex'),
      host: host && described(host),
    };
    hash.update(`${JSON.stringify(whole)}\n`);
  }
  return hash.digest('hex');
}

function described(host: HostFile | HostNode): unknown {
  if (!('kind' in host)) return [host.mode, host.size, host.sha256];
  if (host.kind === 'file') return described(host.file);
  if (host.kind === 'symlink') return host.target;
  return { mode: host.mode, children: [...host.children].map(([name, child]) => [name, described(child)]) };
}

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Sandbox } from '@msbtest/core';

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Bytes of all values, in no simple order. */
export const noise = (length: number) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7919) ^ (i >> 9)));

/**
 * What went wrong when bytes went into a command in pieces, and came out of both of its streams: nothing, if nothing did.
 *
 * @param apart has each piece go by itself; otherwise small ones that are written at once go together.
 */
export async function throughCat(
  sandbox: Sandbox,
  bytes: Uint8Array,
  piece: number,
  { apart = false } = {},
): Promise<string[]> {
  await using command = await sandbox.execStreamWith('tee', (options) =>
    options.args(['/dev/stderr']).stdinPipe(),
  );
  const sink = await command.takeStdin();
  const fed = (async () => {
    for (let at = 0; at < bytes.length; at += piece) {
      await sink?.write(bytes.subarray(at, at + piece));
      if (apart) await setImmediate();
    }
    await sink?.close();
  })();
  const problems: string[] = [];
  const streams = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  let hasExited = false;
  for await (const event of command) {
    if (hasExited) problems.push(`${event.kind} after the exit`);
    if (event.kind === 'stdout' || event.kind === 'stderr') streams[event.kind].push(event.data);
    if (event.kind === 'exited') {
      hasExited = true;
      if (event.code !== 0) problems.push(`exit code ${event.code}`);
    }
    if (event.kind === 'stdinError') problems.push('its input was not taken');
  }
  await fed;
  if (!hasExited) problems.push('no exit');
  for (const [name, pieces] of Object.entries(streams)) {
    const got = Buffer.concat(pieces);
    if (sha(got) !== sha(bytes)) problems.push(`${name}: ${got.length} bytes, or others`);
  }
  return problems;
}

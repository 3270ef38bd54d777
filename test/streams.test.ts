import { createHash } from 'node:crypto';
import type { ExecHandle } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { noise, throughCat } from './support/through-cat.js';
import { ephemeral, usePrivateHome } from './support/vm.js';

usePrivateHome();

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Reads until so many bytes have come. */
async function take(command: ExecHandle, bytes: number): Promise<number> {
  let taken = 0;
  for await (const event of command) {
    if (event.kind === 'stdout') taken += event.data.length;
    if (taken >= bytes) break;
  }
  return taken;
}

describe('streams', () => {
  it('of 64 commands at once that write without end all go on', async () => {
    await using sandbox = await ephemeral('many-streams');
    const commands = await Promise.all(
      Array.from({ length: 64 }, () => sandbox.execStream('cat', ['/dev/zero'])),
    );
    for (const bytes of [100_000, 500_000, 1_000_000]) {
      const taken = await Promise.all(commands.map((command) => take(command, bytes)));
      expect(Math.min(...taken)).toBeGreaterThanOrEqual(bytes);
    }
    await Promise.all(commands.map((command) => command[Symbol.asyncDispose]()));
    expect((await sandbox.exec('echo', ['on'])).stdout()).toBe('on\n');
  });

  it.each([
    ['4 KiB', 4096, 1024 * 1024],
    ['1 MiB', 1024 * 1024, 1024 * 1024],
    ['1 byte', 1, 1024 * 1024],
    ['1 byte, each by itself', 1, 64 * 1024, true],
  ])(
    'carry bytes through a command in pieces of %s, both ways and to both streams, in order',
    async (_, piece, length, apart = false) => {
      await using sandbox = await ephemeral('cat');
      const bytes = noise(length);
      for (let round = 0; round < 3; round++)
        expect(await throughCat(sandbox, bytes, piece, { apart })).toEqual([]);
    },
  );

  it('wait for a writer of stdin no longer than its command reads', async () => {
    await using sandbox = await ephemeral('slow-reader');
    await using command = await sandbox.execStreamWith('sh', (options) =>
      options.args(['-c', 'sleep 1; exec sha256sum']).stdinPipe(),
    );
    const sink = await command.takeStdin();
    const bytes = noise(12 * 1024 * 1024); // more than the agent would hold
    const written = sink?.write(bytes).then(() => sink.close());
    expect((await command.collect()).stdout()).toContain(sha(bytes));
    await written;
  });
});

import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SandboxStore } from '../store/sandbox-store.js';
import { kill, stop, waitUntilStopped } from './stop.js';

it('is refused while another process is about to start the machine, and there is nothing to stop', async () => {
  const home = mkdtempSync(join(tmpdir(), 'msb-unit-'));
  try {
    const store = new SandboxStore({ home, cache: join(home, 'cache'), runtime: join(home, 'run') });
    const config = {
      name: 'young',
      image: 'i',
      cpus: 1,
      memoryMib: 64,
      rootDiskMib: 64,
      env: {},
      workdir: null,
      hostname: 'h',
      shell: 'sh',
      ephemeral: false,
      labels: {},
    };
    const image = { reference: 'i', digest: 'd', rootfs: 'r' };
    const record = { version: 1 as const, id: '1', createdAt: new Date().toISOString(), config, image };
    const { directory, lock } = await store.claim(record, async () => {});
    const orders = [() => stop(directory, 1000), () => kill(directory), () => waitUntilStopped(directory)];
    for (const order of orders) {
      await expect(order()).rejects.toMatchObject({
        code: 'sandboxNotRunning',
        message: expect.stringContaining('being started'),
      });
    }
    closeSync(lock);
    expect(await stop(directory, 1000)).toMatchObject({ outcome: 'already-stopped', ms: 0 });
  } finally {
    rmSync(home, { recursive: true });
  }
});

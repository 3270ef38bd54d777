import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { BootFailedError } from '../errors.js';
import { childrenCpuMs, retryStuck, StuckBootError } from './stuck-boot.js';

const stuck = () => new BootFailedError('stuck', 'kernel', '', { cause: new StuckBootError('spins', true) });

it('boots anew where a boot was stuck, and lets the last boot take what it wants', async () => {
  const attempts: unknown[] = [];
  const failure = retryStuck(60_000, async ({ number, mayBeStuck }) => {
    attempts.push([number, mayBeStuck]);
    if (mayBeStuck) throw stuck();
    throw new BootFailedError('other', 'kernel', '');
  });
  await expect(failure).rejects.toThrow('other');
  expect(attempts).toEqual([
    [1, true],
    [2, true],
    [3, false],
  ]);
});

it('boots anew for no other reason, and not when the time is over', async () => {
  let boots = 0;
  const once = (error: Error, timeoutMs: number) =>
    retryStuck(timeoutMs, async () => {
      boots++;
      throw error;
    });
  await expect(once(new BootFailedError('panic', 'kernel', ''), 60_000)).rejects.toThrow('panic');
  await expect(once(stuck(), 0)).rejects.toThrow('stuck');
  const idle = new BootFailedError('idle', 'spawn', '', { cause: new StuckBootError('idles', false) });
  await expect(once(idle, 60_000)).rejects.toThrow('idle');
  expect(boots).toBe(3);
});

it.runIf(process.platform === 'linux')('counts the processor time of children', async () => {
  const parent = spawn('sh', ['-c', 'sh -c "while :; do :; done" & echo $!; wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [pid] = await once(parent.stdout, 'data');
  try {
    await expect.poll(() => childrenCpuMs(parent.pid ?? 0), { timeout: 20_000 }).toBeGreaterThan(100);
    expect(childrenCpuMs(Number(pid))).toBeUndefined();
  } finally {
    process.kill(Number(pid), 'SIGKILL');
  }
});

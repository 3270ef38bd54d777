import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Sandbox } from '@msbtest/core';
import { leftProcesses } from '@msbtest/fixtures/private-home';
import { describe, expect, it } from 'vitest';
import { checkout } from './support/saboteurs.js';
import { eventually, killAndRemove, small, usePrivateHome, vmmOf } from './support/vm.js';

const home = usePrivateHome();

/** What an owner's death may take until nothing of its machine runs. */
const boundMs = 5_000;

/** The ten moments: after this word, this much later. A clone is made in a tenth of the time. */
const moments = (origin: 'clone' | 'cold') => [
  ...(origin === 'cold' ? [0, 60, 150, 500, 1200] : [0, 40, 80, 150, 250]).map((ms) => ({
    word: 'creating',
    ms,
  })),
  { word: 'created', ms: 0 },
  { word: 'exec', ms: 20 },
  { word: 'busy', ms: 200 },
  { word: 'stopping', ms: 0 },
  { word: 'stopping', ms: 30 },
];

const kinds = (['clone', 'cold'] as const).flatMap((origin) =>
  ['kept', 'ephemeral'].map((kind) => ({ origin, kind })),
);

function startOwner(...args: string[]): { owner: ChildProcess; says: (word: string) => Promise<void> } {
  const owner = spawn(process.execPath, [`${checkout}/test/dist/support/owner.js`, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const heard = new Set<string>();
  const waiting = new Map<string, () => void>();
  const lines = createInterface({ input: owner.stdout as NodeJS.ReadableStream });
  lines.on('line', (line) => {
    heard.add(line);
    waiting.get(line)?.();
  });
  const says = (word: string) =>
    new Promise<void>((resolve, reject) => {
      if (heard.has(word)) resolve();
      waiting.set(word, resolve);
      owner.once('exit', (code) => reject(new Error(`The owner ended (${code}) before it said "${word}".`)));
    });
  return { owner, says };
}

async function dead(owner: ChildProcess): Promise<void> {
  if (owner.exitCode !== null || owner.signalCode !== null) return;
  await new Promise((resolve) => owner.once('exit', resolve));
}

const sockets = () => (existsSync(`${home.path}/run`) ? readdirSync(`${home.path}/run`) : []);

describe.each(kinds)('SIGKILL of the owner of a sandbox that is $kind, $origin', ({ origin, kind }) => {
  it.each(moments(origin))('$ms ms after "$word"', async ({ word, ms }) => {
    const { owner, says } = startOwner('owned', kind, word === 'stopping' ? 'stop' : 'stay', origin);
    try {
      await says(word);
      await delay(ms);
    } finally {
      owner.kill('SIGKILL');
      await dead(owner);
    }
    await eventually(
      () => leftProcesses(home.path).length === 0 && sockets().length === 0,
      boundMs,
      'no VMM, relay or socket is left',
    );

    const { stdout } = await promisify(execFile)(`${checkout}/node_modules/.bin/msbtest`, ['ps', '--json']);
    expect(JSON.parse(stdout)).toEqual([]);
    expect(sockets()).toEqual([]);

    const { sandboxes } = await Sandbox.list();
    const whole = sandboxes.map(({ status }) => status);
    if (kind === 'ephemeral' || word === 'creating') {
      // A create that had not succeeded leaves nothing. One at the very end may just have.
      expect(whole.every((status) => status === 'stopped')).toBe(true);
      expect(whole.length).toBeLessThanOrEqual(kind === 'ephemeral' ? (word === 'stopping' ? 1 : 0) : 1);
    } else {
      expect(whole).toEqual(['stopped']); // stopped gracefully, restartable
    }
    for (const handle of sandboxes) await handle.remove();
  });
});

describe('an owner that dies', () => {
  it('parent_exit_stops_but_preserves_named_sandbox', async () => {
    const { owner, says } = startOwner('owned', 'kept', 'stay');
    await says('busy');
    owner.kill('SIGKILL');
    await dead(owner);
    const handle = await Sandbox.get('owned');
    expect((await handle.waitUntilStopped()).status).toBe('stopped');
    const again = await handle.start();
    expect((await again.exec('cat', ['/root/marker'])).stdout()).toBe('owned');
    await killAndRemove('owned');
  });

  it('detach_disarms_parent_watchdog_for_attached_sandbox', async () => {
    const { owner, says } = startOwner('let-go', 'kept', 'detach');
    await says('detached');
    const handle = await Sandbox.get('let-go');
    const vmm = vmmOf(handle);
    owner.kill('SIGKILL');
    await dead(owner);
    // Beyond what the relay gives a guest whose owner has died, and what it waits for the end of one.
    await expect(handle.waitUntilStopped({ signal: AbortSignal.timeout(boundMs) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect((await handle.refresh()).status).toBe('running');
    expect(vmmOf(handle).pid).toBe(vmm.pid);
    const connected = await handle.connect();
    expect((await connected.exec('cat', ['/root/marker'])).stdout()).toBe('owned');
    expect(await handle.stop()).toMatchObject({ outcome: 'graceful' });
    await handle.remove();
  });

  it('cannot take with it what this process has detached, nor can the object that has', async () => {
    const sandbox = await small('detached').create();
    await sandbox.detach();
    expect(sandbox.ownsLifecycle).toBe(false);
    await sandbox[Symbol.asyncDispose]();
    expect((await Sandbox.get('detached')).status).toBe('running');
    expect((await sandbox.exec('true')).success).toBe(true);
    await killAndRemove('detached');
  });
});

describe('a relay that is killed', () => {
  it('takes its VMM with it, and the sandbox can be started again', async () => {
    const sandbox = await small('orphan').create();
    const { pid, relay } = vmmOf(sandbox);
    process.kill(relay, 'SIGKILL');
    const lives = () => leftProcesses(home.path).some((left) => left.startsWith(`process ${pid}:`));
    await eventually(() => !lives(), boundMs, 'the VMM is gone');
    const handle = await Sandbox.get('orphan');
    expect(handle.status).toBe('crashed');
    await expect(sandbox.exec('true')).rejects.toMatchObject({ code: 'sandboxCrashed' });
    const again = await handle.start();
    expect((await again.exec('true')).success).toBe(true);
    await killAndRemove('orphan');
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type CreateSandboxOptions, Sandbox, type SandboxBuilder } from '@msbtest/core';
import { leftProcesses } from '@msbtest/fixtures/private-home';
import { relayPath } from '@msbtest/native';
import { afterEach, describe, expect, it } from 'vitest';
import { usePrivateCache } from './support/private-cache.js';
import { checkout, saboteurs } from './support/saboteurs.js';
import { withEnv } from './support/stop-ways.js';
import { eventually, small, usePrivateHome, vmmOf } from './support/vm.js';
import { warningsOf } from './support/warnings.js';

const home = usePrivateHome();
const cache = usePrivateCache(home);
afterEach(async () => {
  expect(cache.unfinished()).toEqual([]);
  expect((await Sandbox.list()).sandboxes.map(({ name }) => name)).toEqual([]);
});

/** A machine that works and goes when the block ends. @returns how it came, and whether a template was made for it. */
async function tried(builder: SandboxBuilder, options: CreateSandboxOptions = {}) {
  const told: string[] = [];
  const onTemplate = ({ state }: { state: string }) => told.push(state);
  await using sandbox = await builder.ephemeral(true).create({ ...options, onTemplate });
  expect((await sandbox.exec('true')).success).toBe(true);
  return { origin: sandbox.bootTimes?.origin, made: told.includes('made') };
}

/** From here on machines are started by a relay that notes each start. @returns how many templates and clones have been started. */
function countStarts(): { env: { MSB_RELAY: string }; starts(): { boots: number; clones: number } } {
  const [log, wrapper] = [join(home.path, 'starts'), join(home.path, 'counting-relay')];
  rmSync(log, { force: true });
  writeFileSync(wrapper, `#!/bin/sh\necho "$*" >> '${log}'\nexec '${relayPath}' "$@"\n`);
  chmodSync(wrapper, 0o755);
  const starts = () => {
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    const count = (word: string) => lines.filter((line) => line.includes(word)).length;
    return { boots: count(' -kernel '), clones: count(' -incoming ') };
  };
  return { env: { MSB_RELAY: wrapper }, starts };
}

function startCreator(names: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [`${checkout}/test/dist/support/creator.js`, ...names], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
}

/** What a creator has made, and the end of it. */
async function originsOf(creator: ChildProcess): Promise<string[]> {
  const [line] = await once(createInterface({ input: creator.stdout as NodeJS.ReadableStream }), 'line');
  creator.stdin?.end();
  await once(creator, 'exit');
  return JSON.parse(String(line)) as string[];
}

describe('a template', () => {
  it('is not blamed for a clone that was given no time', async () => {
    cache.clear();
    expect(await tried(small('one'))).toEqual({ origin: 'clone', made: true });
    const before = cache.templates();
    const warnings = await warningsOf(async () => {
      await expect(small('hasty').ephemeral(true).bootTimeout(20).create()).rejects.toMatchObject({
        code: 'bootFailed',
      });
    });
    expect(warnings).toEqual([]);
    expect(cache.templates()).toEqual(before);
    expect(await tried(small('two'))).toEqual({ origin: 'clone', made: false });
  });

  it('is made once, however many want it in however many processes', async () => {
    cache.clear();
    const { env, starts } = countStarts();
    const creators = [
      ['a', 'b'],
      ['c', 'd'],
    ].map((names) => startCreator(names, env));
    const origins = await Promise.all(creators.map(originsOf));
    expect(origins.flat()).toEqual(['clone', 'clone', 'clone', 'clone']);
    expect(starts()).toEqual({ boots: 1, clones: 4 });
    expect(cache.templates()).toHaveLength(1);
  });

  it('serves another process, has nothing of its maker, and is never written again', async () => {
    cache.clear();
    const secret = `secret ${createHash('sha256').update(String(Math.random())).digest('hex')}`;
    expect(await originsOf(startCreator(['maker'], { CREATOR_SECRET: secret }))).toEqual(['clone']);
    const [template = ''] = cache.templates();
    const files = readdirSync(template).sort();
    expect(files).toEqual(['memory', 'state', 'upper.ext4']);
    const written = () => files.map((file) => statSync(join(template, file)).mtimeMs);
    const contents = () => ['memory', 'state'].map((file) => readFileSync(join(template, file)));
    const [times, before] = [written(), contents()];
    for (const content of before) expect(content.includes(secret)).toBe(false);

    await using sandbox = await small('user')
      .ephemeral(true)
      .create({ onTemplate: () => expect.fail() });
    expect(sandbox.bootTimes?.origin).toBe('clone');
    const seen = await sandbox.shell(
      'env; cat /proc/1/environ; echo; hostname; cat /etc/hosts /etc/hostname; pwd',
    );
    expect(seen.stdout()).not.toMatch(/secret|SECRET|maker/);
    await sandbox.shell('head -c 64m /dev/urandom > /run/much; cp /run/much /root; sync');
    expect(written()).toEqual(times);
    expect(contents().map((content, i) => content.equals(before[i] ?? Buffer.alloc(0)))).toEqual([
      true,
      true,
    ]);
  });

  it('is another for another shape, and for another QEMU', async () => {
    cache.clear();
    expect(await tried(small('x'))).toEqual({ origin: 'clone', made: true });
    expect(await tried(small('y').env('A', 'b').hostname('h'))).toEqual({ origin: 'clone', made: false });
    expect(await tried(small('z').memory(200))).toEqual({ origin: 'clone', made: true });
    const qemu = join(home.path, 'qemu-system-x86_64');
    const real = process.env.MSB_QEMU || '/usr/bin/qemu-system-x86_64';
    writeFileSync(qemu, `#!/bin/sh\nexec '${real}' "$@"\n`, { mode: 0o755 });
    await withEnv({ MSB_QEMU: qemu }, async () => {
      expect(await tried(small('x'))).toEqual({ origin: 'clone', made: true });
    });
    expect(await tried(small('x'))).toEqual({ origin: 'clone', made: false });
    expect(cache.templates()).toHaveLength(3);
  });

  it('may go while a clone of it runs', async () => {
    await using sandbox = await small('stays').ephemeral(true).create();
    cache.clear();
    await sandbox.shell('echo 3 > /proc/sys/vm/drop_caches');
    expect((await sandbox.shell('find / -xdev -type f -exec cat {} + | wc -c')).success).toBe(true);
    expect((await sandbox.shell('printf kept > /root/file; sync; cat /root/file')).stdout()).toBe('kept');
  });
});

describe('a template that is no good', () => {
  it.each<[string, (template: string) => void]>([
    ['its state is cut off', (template) => truncateSync(join(template, 'state'), 100_000)],
    ['its memory is cut off', (template) => truncateSync(join(template, 'memory'), 64 * 1024 ** 2)],
    [
      'its memory is zeroes',
      (template) => {
        const path = join(template, 'memory');
        const { size } = statSync(path);
        truncateSync(path, 0);
        truncateSync(path, size);
      },
    ],
    ['its disk is gone', (template) => rmSync(join(template, 'upper.ext4'))],
    ['its state is gone', (template) => rmSync(join(template, 'state'))],
  ])('because %s: the sandbox boots, and the next one has a new template', async (_, damage) => {
    await tried(small('first')); // has a template of its own, or that of the test before
    for (const template of cache.templates()) damage(template);
    const warnings = await warningsOf(async () => {
      expect(await tried(small('second'))).toEqual({ origin: 'cold', made: false });
    });
    expect(warnings).toEqual(['MSB_CLONE_FAILED']);
    expect(cache.templates()).toEqual([]);
    expect(await tried(small('third'))).toEqual({ origin: 'clone', made: true });
  });

  it('because its agent cannot renew itself', async () => {
    cache.clear();
    await withEnv({ MSB_AGENTD: saboteurs.agentThatCannotRenew }, async () => {
      const warnings = await warningsOf(async () => {
        expect(await tried(small('x'))).toEqual({ origin: 'cold', made: true });
      });
      expect(warnings).toEqual(['MSB_CLONE_FAILED']);
      expect(cache.templates()).toEqual([]);
    });
  });

  it('because its agent is ready, and then hangs: none is made', async () => {
    cache.clear();
    await withEnv({ MSB_AGENTD: saboteurs.muteAgent }, async () => {
      const warnings = await warningsOf(async () => {
        await using sandbox = await small('mute').ephemeral(true).create();
        expect(sandbox.bootTimes?.origin).toBe('cold');
      });
      expect(warnings).toEqual(['MSB_TEMPLATE_FAILED']);
      expect(cache.templates()).toEqual([]);
    });
  });

  it('but not because the sandbox has no relay', async () => {
    await tried(small('first'));
    const relay = join(home.path, 'no-relay');
    writeFileSync(relay, '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    await withEnv({ MSB_RELAY: relay }, async () => {
      const warnings = await warningsOf(async () => {
        await expect(small('second').create()).rejects.toMatchObject({ code: 'bootFailed', phase: 'spawn' });
      });
      expect(warnings).toEqual([]);
    });
    expect(await tried(small('third'))).toEqual({ origin: 'clone', made: false });
  });
});

describe('a create that is aborted', () => {
  const making = (abort: AbortController, name: string) => {
    let created: Promise<Sandbox> | undefined;
    const told = new Promise<void>((resolve) => {
      created = small(name)
        .ephemeral(true)
        .create({ signal: abort.signal, onTemplate: () => resolve() });
      created.catch(() => {}); // looked at by the test
    });
    return { created, told };
  };

  it.each([0, 300, 1_500])(
    '%i ms after it began with a template leaves nothing, and lets the next one make it',
    async (ms) => {
      cache.clear();
      const abort = new AbortController();
      const { created, told } = making(abort, 'first');
      await told;
      const second = tried(small('second'));
      await delay(ms);
      abort.abort(new Error('changed my mind'));
      await expect(created).rejects.toThrow('changed my mind');
      expect((await second).origin).toBe('clone');
    },
  );

  it('while it waits for the template of another leaves that one alone', async () => {
    cache.clear();
    const first = tried(small('first'));
    await eventually(() => cache.unfinished().length > 0, 10_000, 'the first makes a template');
    const abort = new AbortController();
    const { created, told } = making(abort, 'second');
    await told;
    abort.abort(new Error('changed my mind'));
    const begin = performance.now();
    await expect(created).rejects.toThrow('changed my mind');
    expect(performance.now() - begin).toBeLessThan(1_000);
    expect(await first).toEqual({ origin: 'clone', made: true });
  });
});

describe('the death of a process that makes a template', () => {
  const within = (file: string) => () => cache.unfinished().some((path) => existsSync(join(path, file)));
  const locked = (state: string) => () =>
    cache.unfinished().some((path) => readFileSync(join(path, 'lock'), 'utf8').includes(` ${state}`));
  const sockets = () => (existsSync(`${home.path}/run`) ? readdirSync(`${home.path}/run`) : []);
  const hasSocket = (name: string) => () =>
    sockets().some((directory) => existsSync(join(home.path, 'run', directory, name)));

  /** The ten moments: so many milliseconds after something can be seen. */
  const moments: readonly { name: string; sees: () => boolean; ms: number }[] = [
    { name: 'its directory is there', sees: within(''), ms: 0 },
    { name: 'its disk is there', sees: within('upper.ext4'), ms: 0 },
    { name: 'its relay listens', sees: hasSocket('agent.sock'), ms: 0 },
    { name: 'its VMM runs', sees: within('memory'), ms: 100 },
    { name: 'its kernel boots', sees: within('memory'), ms: 700 },
    { name: 'its kernel has booted, nearly', sees: within('memory'), ms: 1_500 },
    { name: 'its agent is ready', sees: locked('running'), ms: 0 },
    { name: 'its agent rehearses', sees: locked('running'), ms: 40 },
    { name: 'its state is to be written', sees: hasSocket('state.sock'), ms: 0 },
    { name: 'its state is written', sees: within('state'), ms: 0 },
    { name: 'it is whole', sees: () => cache.templates().length > 0, ms: 0 },
  ];

  it.each(moments)(
    'when $name, and $ms ms: nothing is left, and the next create has a clone',
    async ({ sees, ms }) => {
      cache.clear();
      const maker = startCreator(['maker']);
      const exited = once(maker, 'exit');
      try {
        const there = () => {
          try {
            return sees();
          } catch {
            return false; // what it looked at is gone
          }
        };
        while (!there() && cache.templates().length === 0) await delay(1);
        await delay(ms);
      } finally {
        maker.kill('SIGKILL');
        await exited;
      }
      await eventually(
        () => leftProcesses(home.path).length === 0 && sockets().length === 0,
        5_000,
        'no VMM, relay or socket is left',
      );
      for (const template of cache.templates()) expect(readdirSync(template)).toHaveLength(3);
      const warnings = await warningsOf(async () => {
        expect((await tried(small('next'))).origin).toBe('clone');
      });
      expect(warnings).toEqual([]);
      expect(cache.templates()).toHaveLength(1);
    },
  );
});

it('a sandbox that is to boot has no template made', async () => {
  cache.clear();
  const sandbox = await small('cold')
    .ephemeral(true)
    .coldBoot()
    .create({ onTemplate: () => expect.fail() });
  expect(sandbox.bootTimes?.origin).toBe('cold');
  expect(vmmOf(sandbox).args).toContain('-kernel');
  expect(cache.templates()).toEqual([]);
  await sandbox[Symbol.asyncDispose]();
});

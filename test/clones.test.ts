import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sandbox, type SandboxBuilder } from '@msbtest/core';
import { relayPath } from '@msbtest/native';
import { beforeAll, describe, expect, it } from 'vitest';
import { withEnv } from './support/stop-ways.js';
import { buildTraitsProgram, expectDifferent, traitsOf } from './support/traits.js';
import { killAndRemove, small, usePrivateHome, vmmOf } from './support/vm.js';
import { createBy, makeLive, openPool, type Signs, signsOf, signsOfSeveral, ways } from './support/ways.js';

const home = usePrivateHome();
let program: Buffer;
beforeAll(async () => {
  program = await buildTraitsProgram(home.path);
});

/** Two machines that come of one template. */
type Pair = readonly [Sandbox, Sandbox];

interface Pairing {
  name: string;
  came: readonly [Signs, Signs];
  make(one: SandboxBuilder, other: SandboxBuilder): Promise<Pair>;
}

const twoForks: Pairing = {
  name: 'two forks',
  came: [signsOf('fork'), signsOf('fork')],
  make: async (one, other) => {
    await makeLive(one); // the other is of the same shape
    return Promise.all([one.create(), other.create()]);
  },
};

const pairs: readonly Pairing[] = [
  {
    name: 'two clones',
    came: [signsOf('clone'), signsOf('clone')],
    make: (one, other) => Promise.all([one.create(), other.create()]),
  },
  ...(ways.includes('fork') ? [twoForks] : []),
  {
    name: 'two that were ready',
    came: [signsOfSeveral, signsOfSeveral],
    make: async (one, other) => {
      await using pool = openPool();
      pool.foresee([await one.build(), await one.build()]); // the other is of the same shape
      await pool.settled();
      return [await one.create({ pool }), await other.create({ pool })];
    },
  },
  {
    name: 'a clone and one that was ready',
    came: [signsOf('clone'), signsOf('pool')],
    make: async (one, other) => [await one.create(), await createBy('pool', other)],
  },
];

const out = async (sandbox: Sandbox, script: string) => (await sandbox.shell(script)).stdout();

describe.each(pairs)('$name', ({ came, make }) => {
  it('are two machines in all that tells one from another', async () => {
    const [one, other] = await make(
      small('one').env('WHO', 'one').env('ONLY', 'one').workdir('/tmp').ephemeral(true),
      small('other').env('WHO', 'other').workdir('/root').hostname('another').ephemeral(true),
    );
    await using _one = one;
    await using _other = other;
    expect([one.bootTimes, other.bootTimes]).toMatchObject(came);
    const before = Date.now();
    const seconds = [one, other].map(async (sandbox) => Number(await out(sandbox, 'date +%s')));
    for (const told of await Promise.all(seconds)) {
      expect(told).toBeGreaterThanOrEqual(Math.floor(before / 1000) - 1); // to be told the time takes a moment
      expect(told).toBeLessThanOrEqual(Date.now() / 1000);
    }

    const traits = await Promise.all([one, other].map((sandbox) => traitsOf(sandbox, program)));
    const [ofOne, ofOther] = traits as [(typeof traits)[0], (typeof traits)[0]];
    expectDifferent(ofOne, ofOther);
    expect([ofOne.hostname, ofOther.hostname]).toEqual(['one', 'another']);
    for (const [sandbox, { machineId }] of [[one, ofOne] as const, [other, ofOther] as const])
      expect(machineId).toBe(sandbox.id.replaceAll('-', ''));

    const said = 'echo $WHO/$ONLY; pwd; grep -c "127.0.1.1.$(hostname)" /etc/hosts';
    expect(await out(one, said)).toBe('one/one\n/tmp\n1\n');
    expect(await out(other, said)).toBe('other/\n/root\n1\n');

    // On the disk, in memory, and in both at the same place at once.
    const write = (word: string) => `printf ${word} > /root/file; printf ${word} > /run/file; sync`;
    await one.shell(write('one'));
    expect(await out(other, 'cat /root/file /run/file 2>&1; ls /root')).not.toContain('one');
    await other.shell(write('other'));
    const read = 'echo 3 > /proc/sys/vm/drop_caches; cat /root/file /run/file';
    expect([await out(one, read), await out(other, read)]).toEqual(['oneone', 'otherother']);
  });
});

/** KiB of a guest's memory that are in a VMM's page table, and are its template's still. */
function unwritten(pid: number): number {
  const mappings = readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const memory = mappings.find((mapping) => /^\S+ rw-p .*\/memory\n/.test(mapping)) ?? '';
  const of = (what: string) => Number(new RegExp(`^${what}: +(\\d+) kB$`, 'm').exec(memory)?.[1]);
  return of('Rss') - of('Anonymous');
}

/** The process of a live template of ours: it has no relay above it. */
function liveVmm(): number {
  const own = `/proc/self/task/${process.pid}/children`;
  const pids = readFileSync(own, 'utf8').trim().split(' ').map(Number);
  const live = pids.find((pid) => /qemu-system/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8')));
  if (!live) throw new Error('There is no live template.');
  return live;
}

it.runIf(ways.includes('fork'))(
  'a fork maps what it looks at, and not all that its live template has',
  async () => {
    const maker = small('lean').ephemeral(true);
    await makeLive(maker);
    await using fork = await maker.create();
    expect(fork.bootTimes).toMatchObject(signsOf('fork'));
    await fork.exec('true');
    const ofLive = unwritten(liveVmm());
    expect(unwritten(vmmOf(fork).pid)).toBeGreaterThan(0);
    expect(unwritten(vmmOf(fork).pid)).toBeLessThan(0.9 * ofLive);
  },
);

describe.each(ways)('a sandbox that came as %s', (way) => {
  it('says so, and is stopped and started again with its disk and its machine id', async () => {
    const begin = performance.now();
    const sandbox = await createBy(way, small('life'));
    expect(sandbox.bootTimes).toMatchObject({ ...signsOf(way), attempts: 1 });
    const ofClone = way === 'cold' ? null : expect.any(Number);
    expect(sandbox.bootTimes).toMatchObject({ resumeMs: ofClone, renewMs: ofClone });
    expect(vmmOf(sandbox).args).toContain(way === 'cold' ? '-kernel' : '-incoming');
    const uptimeMs = 1000 * Number((await out(sandbox, 'cat /proc/uptime')).split(' ')[0]);
    if (way === 'cold') expect(uptimeMs).toBeLessThan(performance.now() - begin);

    await sandbox.shell('printf kept > /root/marker');
    const identity = 'cat /etc/machine-id /proc/sys/kernel/random/boot_id; hostname';
    const [machineId, bootId, hostname] = (await out(sandbox, identity)).split('\n');
    expect(await sandbox.stop()).toMatchObject({ outcome: 'graceful', exitCode: 0 });
    const { diskPath } = sandbox;
    expect(statSync(diskPath).isFile()).toBe(true);

    const again = await Sandbox.start('life');
    expect(again.bootTimes?.origin).toBe('cold');
    expect(await out(again, 'cat /root/marker')).toBe('kept');
    const later = (await out(again, identity)).split('\n');
    expect([later[0], later[2]]).toEqual([machineId, hostname]);
    expect(later[1]).not.toBe(bootId);
    await killAndRemove('life');
  });

  it('has the right time, though its start took long', async () => {
    const relay = join(home.path, 'slow-relay');
    writeFileSync(relay, `#!/bin/sh\nsleep 3\nexec '${relayPath}' "$@"\n`, { mode: 0o755 });
    await withEnv({ MSB_RELAY: relay }, async () => {
      await using sandbox = await createBy(way, small('slow').ephemeral(true));
      expect(sandbox.bootTimes).toMatchObject(signsOf(way));
      expect(Math.abs(Number(await out(sandbox, 'date +%s')) - Date.now() / 1000)).toBeLessThan(2);
    });
  });

  it('has the processors that it was given', async () => {
    await using sandbox = await createBy(way, small('two').cpus(2).ephemeral(true));
    expect(sandbox.bootTimes).toMatchObject(signsOf(way));
    const each =
      'nproc; for cpu in 0 1; do taskset -c $cpu sh -c "cat /proc/self/stat" | cut -d " " -f 39; done';
    expect(await out(sandbox, each)).toBe('2\n0\n1\n');
  });
});

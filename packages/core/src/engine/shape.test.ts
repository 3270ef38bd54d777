import { copyFileSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentdPath } from '@msbtest/agentd';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Accelerator } from '../host/hypervisor.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import { environmentFrom } from './environment.js';
import { Shape } from './shape.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
  for (const file of ['rootfs', 'kernel', 'qemu', 'other'])
    writeFileSync(join(root, file), file, { mode: 0o755 });
  copyFileSync(agentdPath, join(root, 'agent'));
  vi.stubEnv('MSB_CACHE', join(root, 'cache'));
  vi.stubEnv('MSB_KERNEL', join(root, 'kernel'));
  vi.stubEnv('MSB_QEMU', join(root, 'qemu'));
  vi.stubEnv('MSB_AGENTD', join(root, 'agent'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

function record(changed: Partial<SandboxConfig> = {}): SandboxRecord {
  const config = {
    name: 'n',
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
    ...changed,
  };
  const image = { reference: 'i', digest: 'd', rootfs: join(root, 'rootfs') };
  return { version: 1, id: `id of ${config.name}`, createdAt: '', config, image };
}

const key = (changed: Partial<SandboxConfig> = {}, accelerator: Accelerator = 'tcg') =>
  new Shape(environmentFrom(), record(changed), accelerator).templateKey();

describe.runIf(process.platform === 'linux')('the key of a template', () => {
  it('is the same for all that a clone is told when it is made', () => {
    const others: Partial<SandboxConfig>[] = [
      { name: 'other' },
      { env: { A: 'b' } },
      { workdir: '/tmp' },
      { hostname: 'other' },
      { shell: 'bash' },
      { init: { cmd: '/sbin/init', args: [], env: {} } },
      { ephemeral: true },
      { labels: { a: 'b' } },
    ];
    expect(key()).toMatch(/^[0-9a-f]{32}$/);
    for (const other of others) expect(key(other), JSON.stringify(other)).toBe(key());
  });

  it('is another for another machine', () => {
    const keys = [key(), key({ cpus: 2 }), key({ memoryMib: 65 }), key({ rootDiskMib: 65 }), key({}, 'kvm')];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each(['MSB_QEMU', 'MSB_KERNEL'])('is another where %s names another file', (variable) => {
    const before = key();
    vi.stubEnv(variable, join(root, 'other'));
    expect(key()).not.toBe(before);
  });

  it.each(['qemu', 'kernel', 'rootfs', 'agent'])('is another once the %s is another build', (file) => {
    const before = key();
    const path = join(root, file);
    writeFileSync(path, 'b', { flag: 'a' });
    expect(key()).not.toBe(before);
    const written = key();
    utimesSync(path, 1, 1); // ctime tells that somebody has touched it
    if (file !== 'agent') expect(key()).not.toBe(written);
    else expect(key()).toBe(written); // of which the content alone counts
  });

  it.runIf(process.arch === 'x64')('does not depend on what a process has measured', async () => {
    const keys = [];
    for (const khz of [2_000_000, 2_000_001]) {
      vi.resetModules();
      vi.doMock('../host/native.js', async (original) => {
        const real = await original<typeof import('../host/native.js')>();
        return { ...real, native: { ...real.native, measureTscKhz: () => khz } };
      });
      const { Shape: Measured } = await import('./shape.js');
      const measured = new Measured(environmentFrom(), record(), 'tcg');
      const { args } = measured.command('template', { upper: 'u', controlSocket: 'c' });
      expect(args.join(' ')).toContain(`tsc_early_khz=${khz}`);
      keys.push(measured.templateKey());
    }
    vi.doUnmock('../host/native.js');
    expect(keys[0]).toBe(keys[1]);
  });
});

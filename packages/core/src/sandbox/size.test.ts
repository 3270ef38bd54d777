import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from '../errors.js';
import { SandboxBuilder } from './sandbox-builder.js';
import { GiB, KiB, MiB, TiB } from './size.js';

describe('sizes', () => {
  it('are all in MiB', () => {
    expect([KiB(2048), MiB(3), GiB(4), TiB(5)]).toEqual([2, 3, 4096, 5 * 1024 * 1024]);
  });

  it('are what a builder takes, which refuses what is no whole number of MiB', async () => {
    const builder = () => new SandboxBuilder('sized').image('alpine');
    expect(await builder().memory(GiB(1)).rootDisk(GiB(8)).build()).toMatchObject({
      memoryMib: 1024,
      rootDiskMib: 8192,
    });
    await expect(builder().memory(KiB(100_000)).build()).rejects.toThrow(InvalidConfigError);
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { InvalidConfigError, MissingDependencyError } from '../errors.js';
import { guestKernel } from './kernel.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));

let packaged: string;
let count = 0;
beforeEach(() => {
  packaged = join(root, `${++count}`);
});

/** A directory as `@msbtest/guest` has one. */
function write(directory: string, manifest: object = {}): string {
  mkdirSync(join(directory, 'modules'), { recursive: true });
  writeFileSync(join(directory, 'vmlinuz'), 'kernel');
  writeFileSync(join(directory, 'modules', 'b.ko'), 'b');
  writeFileSync(join(directory, 'modules', 'a.ko'), 'a');
  const modules = [{ file: 'modules/b.ko' }, { file: 'modules/a.ko' }];
  const whole = { version: '6.1', arch: process.arch, modules, ...manifest };
  writeFileSync(join(directory, 'kernel.json'), JSON.stringify(whole));
  return directory;
}

describe('guestKernel', () => {
  it("is the package's, with its modules in the order in which they are listed", () => {
    write(packaged);
    expect(guestKernel({}, packaged)).toEqual({
      version: '6.1',
      image: join(packaged, 'vmlinuz'),
      modules: [join(packaged, 'modules/b.ko'), join(packaged, 'modules/a.ko')],
    });
  });

  it('is what MSB_KERNEL names: a directory of the kind, or an image', () => {
    write(packaged);
    const other = write(join(root, 'other'), { version: 'other', modules: [] });
    expect(guestKernel({ MSB_KERNEL: other }, packaged)).toEqual({
      version: 'other',
      image: join(other, 'vmlinuz'),
      modules: [],
    });
    const image = join(packaged, 'vmlinuz');
    expect(guestKernel({ MSB_KERNEL: image }, packaged)).toEqual({ version: 'vmlinuz', image, modules: [] });
    expect(guestKernel({ MSB_KERNEL: '' }, packaged)).toMatchObject({ version: '6.1' });
  });

  it('tells what to do where the package has none', () => {
    expect(() => guestKernel({}, packaged)).toThrow(MissingDependencyError);
    expect(() => guestKernel({}, packaged)).toThrow(/@msbtest\/guest .*kernel\.json.*npm start.*MSB_KERNEL/);
  });

  it('refuses one for another machine, or one that is not whole', () => {
    write(packaged, { arch: 'sparc' });
    expect(() => guestKernel({}, packaged)).toThrow(MissingDependencyError);
    expect(() => guestKernel({}, packaged)).toThrow(`is for sparc; this machine is ${process.arch}`);
    expect(() => guestKernel({ MSB_KERNEL: packaged })).toThrow(InvalidConfigError);

    write(packaged);
    rmSync(join(packaged, 'modules/a.ko'));
    expect(() => guestKernel({}, packaged)).toThrow(`lacks ${join(packaged, 'modules/a.ko')}`);
    writeFileSync(join(packaged, 'kernel.json'), '{}');
    expect(() => guestKernel({}, packaged)).toThrow('it lists no modules');
  });

  it('says so where MSB_KERNEL names nothing', () => {
    expect(() => guestKernel({ MSB_KERNEL: '/nowhere/vmlinuz' })).toThrow(InvalidConfigError);
    expect(() => guestKernel({ MSB_KERNEL: '/nowhere/vmlinuz' })).toThrow(/MSB_KERNEL names \/nowhere/);
  });
});

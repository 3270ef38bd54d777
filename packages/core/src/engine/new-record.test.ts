import { describe, expect, it } from 'vitest';
import { ImageError } from '../errors.js';
import type { ImageConfig } from '../image/layout.js';
import type { SandboxConfig } from '../store/record.js';
import { configOver } from './new-record.js';

const config: SandboxConfig = {
  name: 'x',
  image: 'alpine',
  cpus: 1,
  memoryMib: 256,
  rootDiskMib: 1024,
  env: { B: 'ours' },
  workdir: null,
  hostname: 'x',
  shell: '/bin/sh',
  ephemeral: false,
  labels: {},
};

const silent: ImageConfig = {
  architecture: 'amd64',
  os: 'linux',
  diffIds: [],
  env: [],
  workingDir: null,
  user: null,
  entrypoint: null,
  cmd: null,
  labels: null,
  stopSignal: null,
};

/** What becomes of a configuration over an image that says this. */
const over = (image: Partial<ImageConfig>, asked: Partial<SandboxConfig> = {}) =>
  configOver({ ...silent, ...image }, { ...config, ...asked });

describe('the configuration of a new sandbox', () => {
  const image = { user: 'app', entrypoint: ['/bin/app'], cmd: ['--serve'], env: ['A=image', 'B=image'] };

  it('has what the image says where nothing was asked', () => {
    expect(over({ ...image, workingDir: '/srv' })).toEqual({
      ...config,
      env: { A: 'image', B: 'ours' },
      workdir: '/srv',
      user: 'app',
      entrypoint: ['/bin/app'],
      cmd: ['--serve'],
    });
    expect(over({})).toEqual(config);
  });

  it.each<[Partial<ImageConfig>, RegExp]>([
    [{ env: ['A=\0'] }, /image alpine is no good: a text of it has a NUL/],
    [{ cmd: ['\0'] }, /has a NUL/],
    [{ workingDir: '/\0' }, /has a NUL/],
    [{ env: ['=A'] }, /a variable has no name/],
    [{ env: Array.from({ length: 2_049 }, (_, n) => `A${n}=`) }, /more than 2048 variables/],
    [{ entrypoint: ['x'.repeat(131_072)] }, /longer than 131071 bytes/],
    [{ cmd: Array.from({ length: 9 }, () => 'x'.repeat(131_000)) }, /more than 1048576 bytes together/],
  ])('is not made of an image that no guest could be told of: %#', (bad, message) => {
    expect(() => over(bad)).toThrow(message);
    expect(() => over(bad)).toThrow(ImageError);
  });

  it('has what was asked', () => {
    expect(over(image, { user: 'root', cmd: ['--version'], workdir: '/tmp' })).toMatchObject({
      user: 'root',
      entrypoint: ['/bin/app'],
      cmd: ['--version'],
      workdir: '/tmp',
    });
  });

  it('does not give the image’s arguments to another program', () => {
    const { entrypoint, cmd } = over(image, { entrypoint: ['sh'] });
    expect([entrypoint, cmd]).toEqual([['sh'], undefined]);
  });
});

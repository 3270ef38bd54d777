import { describe, expect, it } from 'vitest';
import { InvalidConfigError, PatchFailedError } from '../errors.js';
import { checkMachineOptions, mergeMachineOptions } from './machine-options.js';

describe('checkMachineOptions', () => {
  it('lets through what is right', () => {
    const options = {
      image: 'alpine:3.20',
      cpus: 2,
      memory: 256,
      env: { A: '1' },
      security: 'restricted',
      keep: 'on-failure',
    } as const;
    expect(checkMachineOptions(options, 'here')).toEqual(options);
    for (const init of ['auto', '/init', { cmd: '/init' }, { cmd: '/init', args: ['a'], env: { A: 'b' } }])
      expect(checkMachineOptions({ init }, 'here')).toEqual({ init });
    expect(checkMachineOptions(undefined, 'here')).toEqual({});
    expect(checkMachineOptions({ cpus: undefined }, 'here')).toEqual({ cpus: undefined });
  });

  it.each([
    [{ cpu: 2 }, /^here: "cpu" is not an option of a machine; is it "cpus"\?/],
    [{ memroy: 2 }, /is it "memory"\?/],
    [{ bootTimeOut: 2 }, /is it "bootTimeout"\?/],
    [{ flavour: 2 }, /^here: "flavour" is not an option of a machine\? There are image, patches, cpus/],
    [{ constructor: 2 }, /"constructor" is not an option/],
    [{ cpus: '2' }, /^here: cpus is "2"; it is a whole number\.$/],
    [{ cpus: 0 }, /^here: cpus is 0; it is a whole number from 1 to 64/],
    [{ memory: 1.5 }, /memory is 1.5/],
    [{ env: { A: 1 } }, /env is .*; it is an object of strings/],
    [{ env: [] }, /env is/],
    [{ env: { 'A=B': 'c' } }, /"A=B" cannot be an environment variable/],
    [{ image: 'No Such/Image' }, /^here: .*No Such\/Image/],
    [{ keep: true }, /keep is true; it is "never" or "on-failure"/],
    [{ init: 'init' }, /^here: init is "init"; it is an absolute path in the guest, or "auto"\.$/],
    [{ init: { cmd: '/init', arg: 'a' } }, /it is a path, or an object of cmd, args and env/],
    [{ init: { cmd: '/init', args: [1] } }, /it is a path, or an object/],
    [{ security: 'strict' }, /security is "strict"; it is "default" or "restricted"/],
    [
      { security: 'restricted', init: 'auto' },
      /^here: security is "restricted", which leaves a guest no init/,
    ],
    [{ bootTimeout: -1 }, /bootTimeout is -1/],
    ['alpine', /options are an object, not string/],
    [{ patches: {} }, /^here: patches is not an array/],
    [{ patches: [{ kind: 'text', path: '/a' }] }, /^here: patches\[0\], a text, lacks content/],
    [
      { patches: [{ kind: 'edit', path: '/a' }] },
      /^here: patches\[0\] is of kind "edit"; there are text, file/,
    ],
  ])('refuses %j', (options, message) => {
    expect(() => checkMachineOptions(options, 'here')).toThrow(message);
    expect(() => checkMachineOptions(options, 'here')).toThrow(InvalidConfigError);
  });
});

it('names the place of a patch that cannot be', () => {
  const options = { patches: [{ kind: 'remove', path: 'etc' }] };
  expect(() => checkMachineOptions(options, 'here')).toThrow(PatchFailedError);
  expect(() => checkMachineOptions(options, 'here')).toThrow(/^here: Patch 1 \(remove etc\) .* not absolute/);
});

describe('mergeMachineOptions', () => {
  it('takes the later, and environments name by name', () => {
    expect(
      mergeMachineOptions(
        { cpus: 1, memory: 256, env: { A: '1', B: '1' } },
        undefined,
        { cpus: 2, env: { B: '2' } },
        { memory: undefined },
      ),
    ).toEqual({ cpus: 2, memory: 256, env: { A: '1', B: '2' } });
  });

  it('adds patches up, the outer first, each list once', () => {
    const outer = [{ kind: 'mkdir', path: '/a' }] as const;
    const inner = [{ kind: 'remove', path: '/a' }] as const;
    expect(mergeMachineOptions({ patches: outer }, { patches: outer }, { patches: inner })).toEqual({
      patches: [...outer, ...inner],
    });
  });
});

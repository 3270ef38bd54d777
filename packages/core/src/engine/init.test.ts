import { describe, expect, it } from 'vitest';
import { handoffPayload, initFailure, resolveInit } from './init.js';

describe('auto', () => {
  const auto = { cmd: 'auto', args: ['x'], env: { A: 'init' } };
  const resolved = (entrypoint: string[], init = auto) =>
    resolveInit(init, { entrypoint }, { A: 'image', B: 'image' });

  it('is the entrypoint of an image that has a known init there, with its environment', () => {
    expect(resolved(['/init', 'serve'])).toEqual({
      cmd: '/init',
      args: ['x'],
      env: { A: 'init', B: 'image' },
    });
    expect(resolved(['/usr/lib/systemd/systemd'])?.cmd).toBe('/usr/lib/systemd/systemd');
  });

  it('is otherwise left to the guest', () => {
    expect(resolved([])).toBe(auto);
    expect(resolved(['/bin/sh', '/init'])).toBe(auto);
    expect(resolved(['init'])).toBe(auto);
  });

  it('is the only one that the image has a say in', () => {
    const named = { ...auto, cmd: '/sbin/init' };
    expect(resolved(['/init'], named)).toBe(named);
    expect(resolveInit(auto, { entrypoint: null }, {})).toBe(auto);
  });
});

it('is told to the agent as the protocol has it', () => {
  expect(handoffPayload({ cmd: '/init', args: ['a'], env: { K: 'v' } })).toEqual({
    cmd: '/init',
    args: ['a'],
    env: [{ key: 'K', value: 'v' }],
  });
  expect(handoffPayload(null)).toBeUndefined();
  expect(handoffPayload(undefined)).toBeUndefined();
});

it('tells from the console what became of it', () => {
  expect(initFailure('boot\nagentd: fatal: init: cannot execute `/x` (ENOENT): No such file\r\nmore')).toBe(
    'init: cannot execute `/x` (ENOENT): No such file',
  );
  expect(initFailure('agentd: fatal: core.bootstrap: Bad message\nsays agentd: fatal: init: no')).toBeNull();
});

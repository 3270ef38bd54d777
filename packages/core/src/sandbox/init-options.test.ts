import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from '../errors.js';
import { checkInit, InitOptionsBuilder } from './init-options.js';

const init = (cmd: string, more: { args?: string[]; env?: Record<string, string> } = {}) =>
  checkInit({ cmd, args: [], env: {}, ...more });

describe('an init', () => {
  it('has arguments and an environment, in the order they were given', () => {
    const options = new InitOptionsBuilder()
      .arg('a')
      .args(['b', ''])
      .env('K', 'v')
      .envs({ L: 'w=x', K: 'u' });
    expect(options.build('/sbin/init')).toEqual({
      cmd: '/sbin/init',
      args: ['a', 'b', ''],
      env: { K: 'u', L: 'w=x' },
    });
  });

  it('is an absolute path, or found', () => {
    expect(init('/init').cmd).toBe('/init');
    expect(init('auto').cmd).toBe('auto');
    for (const cmd of ['', 'init', './init', '-', `/${'a'.repeat(4095)}`, '/in\0it'])
      expect(() => init(cmd), JSON.stringify(cmd)).toThrow(InvalidConfigError);
  });

  it('takes what a process can take', () => {
    expect(() => init('/init', { args: ['a\0b'] })).toThrow(/has a NUL/);
    expect(() => init('/init', { args: Array(32_769).fill('') })).toThrow(/32768 are the most/);
    expect(() => init('/init', { env: { '': 'x' } })).toThrow(/environment variable/);
    expect(() => init('/init', { env: { 'A=B': 'x' } })).toThrow(/"A=B"/);
    expect(() => init('/init', { env: { A: 'x\0' } })).toThrow(/"A"/);
  });
});

import { describe, expect, it } from 'vitest';
import { checkSharing, parseSharedOptions } from './shared-machine.js';

describe('the options of a shared machine', () => {
  it('name how long it lives, where there is a choice', () => {
    expect(parseSharedOptions({ scope: 'worker', cpus: 2 }, ['file', 'worker'])).toEqual({
      scope: 'worker',
      machine: { cpus: 2 },
    });
    expect(parseSharedOptions({ cpus: 2 }, ['file'])).toEqual({ scope: 'file', machine: { cpus: 2 } });
    expect(() => parseSharedOptions({}, ['file', 'worker'])).toThrow(
      'scope is undefined; it is "file" or "worker"',
    );
    expect(() => parseSharedOptions({ scope: 'worker' as 'file' }, ['file'])).toThrow(
      'test.msb.shared: scope is "worker"; it is "file".',
    );
  });

  it('are checked by name, and are no business of the tests that share it', () => {
    const misspelt = { memroy: 128 } as { memory?: number };
    expect(() => parseSharedOptions(misspelt, ['file'])).toThrow(
      'test.msb.shared: "memroy" is not an option',
    );
    expect(() => checkSharing({}, 'test.msb("t")')).not.toThrow();
    expect(() => checkSharing({ cpus: 2 }, 'test.msb("t")')).toThrow(
      'test.msb("t") shares a machine, so it has no say in cpus',
    );
  });
});

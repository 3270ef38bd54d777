import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from '../errors.js';
import { defaultDetachKeys, KeyWatch, parseDetachKeys } from './detach-keys.js';

describe('detach keys', () => {
  it.each([
    [defaultDetachKeys, [0x1d]],
    ['ctrl-p,ctrl-q', [0x10, 0x11]],
    ['CTRL-A', [1]],
    ['ctrl-@,ctrl-[,ctrl-\\,ctrl-^,ctrl-_', [0, 0x1b, 0x1c, 0x1e, 0x1f]],
    ['~,.', [0x7e, 0x2e]],
  ])('%s are what a terminal sends for them', (spec, bytes) => {
    expect([...parseDetachKeys(spec)]).toEqual(bytes);
  });

  it.each(['', ',', 'ctrl-', 'ctrl-1', 'ctrl-ab', 'alt-a', 'ab', ' ', 'é', 'a,', Array(17).fill('a').join()])(
    'are not "%s"',
    (spec) => {
      expect(() => parseDetachKeys(spec)).toThrow(InvalidConfigError);
      expect(() => parseDetachKeys(spec)).toThrow(/detachKeys is .*it is a sequence such as/);
    },
  );

  it('are read or refused, whatever is written', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.array(fc.constantFrom('ctrl-a', 'b', 'x')).map(String)),
        (spec) => {
          try {
            expect(parseDetachKeys(spec).length).toBe(spec.split(',').length);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidConfigError);
          }
        },
      ),
    );
  });
});

describe('the watch for them', () => {
  /** Of few letters, so that beginnings of the keys are everywhere. */
  const letters = fc.constantFrom(1, 2);
  const bytes = (constraints: { minLength?: number; maxLength: number }) =>
    fc.array(letters, constraints).map((array) => Buffer.from(array));

  it('passes on all that comes before, and nothing of them, however it is cut', () => {
    fc.assert(
      fc.property(
        bytes({ minLength: 1, maxLength: 5 }),
        fc.array(bytes({ maxLength: 6 }), { maxLength: 12 }),
        (keys, pieces) => {
          const watch = new KeyWatch(keys);
          const all = Buffer.concat(pieces);
          const typed: Uint8Array[] = [];
          let rest = pieces;
          let after: Uint8Array | null = null;
          while (after === null && rest[0]) {
            const seen = watch.push(rest[0]);
            typed.push(seen.typed);
            after = seen.after;
            rest = rest.slice(1);
          }
          const passed = Buffer.concat(typed);
          const at = all.indexOf(keys);
          if (at >= 0) {
            expect(after).not.toBeNull();
            expect(passed).toEqual(all.subarray(0, at));
            expect(Buffer.concat([after ?? Buffer.alloc(0), ...rest])).toEqual(
              all.subarray(at + keys.length),
            );
          } else {
            expect(after).toBeNull();
            const held = all.subarray(passed.length);
            expect(all.subarray(0, passed.length)).toEqual(passed);
            expect(held.length).toBeLessThan(keys.length); // no more than a beginning waits
            expect(keys.subarray(0, held.length)).toEqual(held);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('holds back a beginning until it is known to be none', () => {
    const watch = new KeyWatch(parseDetachKeys('ctrl-p,ctrl-q'));
    const push = (text: string) => {
      const { typed, after } = watch.push(Buffer.from(text));
      return [Buffer.from(typed).toString(), after && Buffer.from(after).toString()];
    };
    expect(push('a\x10')).toEqual(['a', null]);
    expect(push('\x10')).toEqual(['\x10', null]);
    expect(push('b')).toEqual(['\x10b', null]);
    expect(push('c\x10')).toEqual(['c', null]);
    expect(push('\x11ls\n')).toEqual(['', 'ls\n']);
  });
});

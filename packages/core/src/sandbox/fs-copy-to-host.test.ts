import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameIn } from './fs-copy-to-host.js';

describe('a name that a guest tells', () => {
  it('is what comes after the directory', () => {
    expect(nameIn('/srv', '/srv/file')).toBe('file');
    expect(nameIn('/', '/file')).toBe('file');
    expect(nameIn('/srv', '/srv/..file')).toBe('..file');
  });

  it.each([
    '/srv',
    '/srv/',
    '/srv/.',
    '/srv/..',
    '/srv/a/b',
    '/srv/../etc/passwd',
    '/etc/passwd',
    'file',
    '/srv/a\0b',
  ])('is none if it leads elsewhere: %j', (path) => {
    expect(() => nameIn('/srv', path)).toThrow(/says that/);
  });

  it('that is not UTF-8 is not guessed', () => {
    expect(() => nameIn('/srv', '/srv/bad\ufffd')).toThrow(/not UTF-8/);
  });

  it('never has a way out in it, whatever is told', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('/', '.', '\0', 'a', 'srv', '\ufffd') }), (path) => {
        try {
          const name = nameIn('/srv', path);
          expect(name).toMatch(/^[^/\0]+$/);
          expect(['.', '..']).not.toContain(name);
        } catch (error) {
          expect((error as Error).message).toMatch(/says that|not UTF-8/);
        }
      }),
    );
  });
});

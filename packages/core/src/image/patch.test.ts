import { describe, expect, it } from 'vitest';
import { InvalidConfigError, PatchFailedError } from '../errors.js';
import type { Patch } from '../store/record.js';
import { checkPatches, parsePatches } from './patch.js';

const text = (path: string, more: object = {}): Patch => ({ kind: 'text', path, content: '', ...more });

describe('checkPatches', () => {
  it('lets through what a guest could have', () => {
    checkPatches([
      text('/a'),
      text('//etc/./motd', { mode: 0o7777 }),
      text('/etc/.whale'),
      { kind: 'mkdir', path: '/var/lib/' },
      { kind: 'mkdir', path: '/' },
      { kind: 'copyDir', src: 'x', dst: '/' },
      { kind: 'symlink', target: '../anywhere', link: '/l' },
      { kind: 'remove', path: '/opt/' },
    ]);
  });

  it.each<[Patch, RegExp]>([
    [text('etc/motd'), /^Patch 2 \(text etc\/motd\) cannot be applied: its path is not absolute\. Begin it/],
    [text(''), /not absolute/],
    [text('/a\0b'), /has a NUL/],
    [text('/a/../b'), /has "\.\."/],
    [text('/a/'), /ends with "\/"/],
    [text('/'), /ends with "\/"/],
    [text(`/${'x'.repeat(256)}`), /a name has 255 bytes/],
    [text('/x'.repeat(2048)), /longer than 4095 bytes/],
    [text('/etc/.wh.motd'), /names begin with \.wh\./],
    [text('/\ud800'), /not Unicode/],
    [text('/a', { mode: 0o10000 }), /mode 4096 is not one/],
    [text('/a', { mode: -1 }), /mode -1/],
    [text('/a', { mode: 0.5 }), /mode 0\.5/],
    [text('/a', { content: 'x'.repeat(1024 * 1024 + 1) }), /end at 1048576 bytes.*use copyFile/],
    [{ kind: 'mkdir', path: '/', mode: 0o700 }, /the root can be neither/],
    [{ kind: 'remove', path: '/./' }, /the root can be neither/],
    [{ kind: 'copyFile', src: '', dst: '/a' }, /its source "" is no path/],
    [{ kind: 'copyDir', src: 'a\0', dst: '/a' }, /is no path of the host/],
    [{ kind: 'symlink', target: '', link: '/l' }, /its target is not a path/],
    [{ kind: 'symlink', target: 'a\0', link: '/l' }, /its target is not a path/],
    [{ kind: 'append', path: '/a/', content: '' }, /Name the file itself/],
  ])('refuses %j', (patch, message) => {
    expect(() => checkPatches([text('/first'), patch])).toThrow(message);
    try {
      checkPatches([patch]);
    } catch (error) {
      expect(error).toBeInstanceOf(PatchFailedError);
      expect(error).toMatchObject({ code: 'patchFailed', number: 1, kind: patch.kind });
    }
  });

  it('bounds the list', () => {
    const large = text('/a', { content: 'x'.repeat(1024 * 1024) });
    checkPatches([large, large, large, large]);
    expect(() => checkPatches([large, large, large, large, text('/b', { content: 'x' })])).toThrow(
      /^Patch 5/,
    );
    expect(() => checkPatches(Array.from({ length: 1001 }, () => text('/a')))).toThrow(/^Patch 1001 .* 1000/);
  });
});

it.each<[unknown, RegExp]>([
  [null, /not an array/],
  [['text'], /patches\[0\] is not an object/],
  [[{}], /of kind undefined/],
  [[{ kind: 'constructor' }], /of kind "constructor"/],
  [[{ kind: 'mkdir', path: 5 }], /path of patches\[0\] is no text/],
  [[{ kind: 'mkdir' }], /lacks path/],
  [[{ kind: 'mkdir', path: '/a', toString: 1 }], /"toString", which a mkdir has not; it has path, mode/],
  [[{ kind: 'mkdir', path: '/a', mode: '755' }], /mode of patches\[0\] is no number/],
])('parsePatches refuses %j', (value, message) => {
  expect(() => parsePatches(value)).toThrow(message);
  expect(() => parsePatches(value)).toThrow(InvalidConfigError);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from '../errors.js';
import { formatReference, parseReference } from './reference.js';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('image references', () => {
  it.each([
    ['alpine', 'docker.io/library/alpine:latest'],
    ['alpine:3.20', 'docker.io/library/alpine:3.20'],
    ['library/alpine', 'docker.io/library/alpine:latest'],
    ['docker.io/alpine', 'docker.io/library/alpine:latest'],
    ['mirror.gcr.io/library/alpine', 'mirror.gcr.io/library/alpine:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    [`ghcr.io/a/b@${digest}`, `ghcr.io/a/b@${digest}`],
    [`ghcr.io/a/b:t@${digest}`, `ghcr.io/a/b:t@${digest}`],
  ])('%s is %s', (short, full) => {
    expect(formatReference(parseReference(short))).toBe(full);
    expect(formatReference(parseReference(full))).toBe(full);
  });

  it.each([
    '',
    ':',
    'Alpine',
    'a//b',
    'a:',
    'a:b c',
    '../x',
    'a/../b',
    'a@sha256:zz',
    `a@${digest}@${digest}`,
    'x'.repeat(300),
    '-x/y',
    'a b',
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(InvalidConfigError);
  });

  it('is one spelling or a typed error for any text', () => {
    const pieces = fc.array(
      fc.constantFrom(
        'a',
        'B',
        '0',
        '.',
        '-',
        '_',
        '/',
        ':',
        '@',
        'sha256',
        '..',
        '[::1]',
        'localhost',
        ' ',
        '\n',
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            const full = formatReference(parseReference(text));
            expect(formatReference(parseReference(full))).toBe(full);
            expect(full).not.toMatch(/\s|\.\.\//);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidConfigError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

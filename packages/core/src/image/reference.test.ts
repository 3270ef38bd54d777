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
    ['index.docker.io/alpine', 'docker.io/library/alpine:latest'],
    ['index.docker.io/team/app:1', 'docker.io/team/app:1'],
    ['docker.io/library/alpine:latest', 'docker.io/library/alpine:latest'],
    ['team/app', 'docker.io/team/app:latest'],
    ['team/app/part', 'docker.io/team/app/part:latest'],
    // A host has a dot, a port or capitals, or is localhost; and there is something behind it.
    ['docker.io', 'docker.io/library/docker.io:latest'],
    ['localhost', 'docker.io/library/localhost:latest'],
    ['test.com', 'docker.io/library/test.com:latest'],
    ['test:5000', 'docker.io/library/test:5000'],
    ['test:5000/repo', 'test:5000/repo:latest'],
    ['test.com/repo:tag', 'test.com/repo:tag'],
    ['test.com:5000/repo:TAG', 'test.com:5000/repo:TAG'],
    ['Foo/bar', 'Foo/bar:latest'],
    ['foo_bar.com:8080', 'docker.io/library/foo_bar.com:8080'],
    ['xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com/myimage:xn--n3h.com'],
    ['sub-dom1.foo.com/bar/baz/quux', 'sub-dom1.foo.com/bar/baz/quux:latest'],
    ['sub-dom1.foo.com/bar/baz/quux:some-long-tag', 'sub-dom1.foo.com/bar/baz/quux:some-long-tag'],
    ['team/a-b_c__d---e.f', 'docker.io/team/a-b_c__d---e.f:latest'],
    ['127.0.0.1:5000/app', '127.0.0.1:5000/app:latest'],
    ['[2001:db8::1]/app:tag', '[2001:db8::1]/app:tag'],
    [`app@${digest}`, `docker.io/library/app@${digest}`],
    [`app:_under-Score.1@${digest}`, `docker.io/library/app:_under-Score.1@${digest}`],
    [`${'ab'.repeat(31)}`, `docker.io/library/${'ab'.repeat(31)}:latest`],
    [`host.io/${'ab'.repeat(32)}`, `host.io/${'ab'.repeat(32)}:latest`],
    [`app:${'t'.repeat(128)}`, `docker.io/library/app:${'t'.repeat(128)}`],
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
    ':justtag',
    `@${digest}`,
    'ab'.repeat(32),
    'app@sha256:ab',
    `app@sha256:${'AB'.repeat(32)}`,
    `app@sha512:${'ab'.repeat(64)}`,
    `app@md5:${'ab'.repeat(16)}`,
    'docker.io/',
    'localhost:5000/',
    '/app',
    'app/',
    'docker///docker',
    'aa/asdf$$^/aa',
    'test.com/Upper/app',
    '_docker/_docker',
    'docker./app-',
    'app-/x',
    'a___b',
    'a..b',
    'a._b',
    'host-.io/x',
    '-host.io/x',
    'host:port/x',
    '[fe80::1%eth0]/x',
    '[2001:db8::1',
    '2001:db8::1/x',
    'https://docker.io/alpine',
    'a/b:c/d',
    `app:${'t'.repeat(129)}`,
    'app:.tag',
    'app:-tag',
    `a/${'x'.repeat(254)}`,
    'äpp',
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

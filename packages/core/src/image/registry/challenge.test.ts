import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from './challenge.js';

describe('challenges', () => {
  it.each<[string, unknown]>([
    ['Basic realm="test"', [{ scheme: 'basic', parameters: { realm: 'test' } }]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push"',
      [
        {
          scheme: 'bearer',
          parameters: {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:library/alpine:pull,push',
          },
        },
      ],
    ],
    [
      'bearer Realm = "a\\"b" , service=plain, BASIC realm=x',
      [
        { scheme: 'bearer', parameters: { realm: 'a"b', service: 'plain' } },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    ],
    [
      'Negotiate YWJj==, Basic realm="x"',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    ],
    [
      'Negotiate, , Basic',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: {} },
      ],
    ],
    ['Bearer realm="one",realm="two"', [{ scheme: 'bearer', parameters: { realm: 'one' } }]],
    ['Bearer realm="unended', [{ scheme: 'bearer', parameters: {} }]],
    ['', []],
    ['="x"', []],
  ])('%s', (header, expected) => {
    expect(
      parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, parameters: { ...parameters } })),
    ).toEqual(expected);
  });

  it('are texts, whatever the header says, and soon found', () => {
    const piece = fc.constantFrom(
      'Bearer',
      'realm',
      '=',
      '"',
      '\\',
      ',',
      ' ',
      'x==',
      '__proto__',
      '\t',
      'é',
      '/',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 40 }).map((all) => all.join('')),
        ),
        (header) => {
          for (const { scheme, parameters } of parseChallenges(header)) {
            expect(scheme).toMatch(/^[^\s"=,]+$/);
            for (const value of Object.values(parameters)) expect(typeof value).toBe('string');
          }
        },
      ),
      { numRuns: 2000 },
    );
    const begin = performance.now();
    parseChallenges('a="\\'.repeat(100_000));
    parseChallenges('a,'.repeat(100_000));
    expect(performance.now() - begin).toBeLessThan(1000);
  });

  it('that say what they are come back as they were', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    const challenge = fc.record({
      scheme: word,
      parameters: fc.dictionary(word, fc.string(), { maxKeys: 4, minKeys: 1, noNullPrototype: true }),
    });
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const header = challenges
          .map(
            ({ scheme, parameters }) =>
              `${scheme} ${Object.entries(parameters)
                .map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`)
                .join(', ')}`,
          )
          .join(', ');
        const read = parseChallenges(header).map(({ scheme, parameters }) => ({
          scheme,
          parameters: { ...parameters },
        }));
        expect(read).toEqual(challenges);
      }),
    );
  });
});

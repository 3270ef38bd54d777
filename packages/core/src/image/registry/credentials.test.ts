import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { InvalidConfigError, isMicrosandboxError } from '../../errors.js';
import { dockerCredentials } from './credentials.js';

const root = mkdtempSync(join(tmpdir(), 'msb-unit-'));
afterAll(() => rmSync(root, { recursive: true }));

let home: string;
let count = 0;
beforeEach(() => {
  home = join(root, `${++count}`);
  mkdirSync(join(home, '.docker'), { recursive: true });
});

const path = () => join(home, '.docker/config.json');
const write = (config: unknown) =>
  writeFileSync(path(), typeof config === 'string' ? config : JSON.stringify(config));
const ask = (registry: string, env: NodeJS.ProcessEnv = {}) =>
  dockerCredentials(registry, { HOME: home, PATH: `${home}:/usr/bin:/bin`, ...env });
const auth = (text: string) => Buffer.from(text).toString('base64');
const helper = (name: string, script: string) => {
  writeFileSync(join(home, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
  chmodSync(join(home, `docker-credential-${name}`), 0o700);
};

describe("Docker's configuration", () => {
  it('need not be there, and need not have what is looked for', async () => {
    expect(await ask('ghcr.io')).toEqual({ credentials: null, looked: `there is no ${path()}` });
    write({ auths: { 'other.io': { auth: auth('a:b') }, 'ghcr.io': {} } });
    expect(await ask('ghcr.io')).toEqual({ credentials: null, looked: `${path()} has none for it` });
    const elsewhere = await ask('ghcr.io', { DOCKER_CONFIG: join(home, 'elsewhere') });
    expect(elsewhere.looked).toBe(`there is no ${join(home, 'elsewhere/config.json')}`);
  });

  it.each([
    ['ghcr.io', 'ghcr.io'],
    ['ghcr.io', 'https://ghcr.io'],
    ['ghcr.io', 'https://ghcr.io/v2/'],
    ['localhost:5000', 'localhost:5000'],
    ['docker.io', 'https://index.docker.io/v1/'],
    ['docker.io', 'docker.io'],
  ])('has what is for %s under %s', async (registry, key) => {
    write({
      auths: { 'ghcr.io.evil.example': { auth: auth('no:no') }, [key]: { auth: auth('bob:pass:word') } },
    });
    expect((await ask(registry)).credentials).toEqual({
      kind: 'basic',
      username: 'bob',
      password: 'pass:word',
      from: path(),
    });
  });

  it('has tokens, and names apart from passwords', async () => {
    write({
      auths: {
        one: { auth: auth('x:y'), identitytoken: 'the identity' },
        two: { registrytoken: 'the token' },
        three: { username: 'bob', password: 'pw' },
      },
    });
    expect((await ask('one')).credentials).toMatchObject({ kind: 'identity', token: 'the identity' });
    expect((await ask('two')).credentials).toMatchObject({ kind: 'bearer', token: 'the token' });
    expect((await ask('three')).credentials).toMatchObject({
      kind: 'basic',
      username: 'bob',
      password: 'pw',
    });
  });

  it('that is none is an error which says so, and nothing of what is in it', async () => {
    for (const config of [
      '{"auths": {"x": {"auth": "c2VjcmV0OnNlY3JldA==',
      { auths: { x: { auth: auth('secret') } } },
    ]) {
      write(config);
      const error = await ask('x').then(
        () => expect.fail(),
        (caught: Error) => caught,
      );
      expect(error).toBeInstanceOf(InvalidConfigError);
      expect(error.message).toContain(path());
      expect(`${error.message}${error.cause}`).not.toMatch(/secret|c2VjcmV0/);
    }
  });

  it('gives credentials or a typed error, whatever is in it', async () => {
    const config = fc.oneof(
      fc.json(),
      fc
        .record({
          auths: fc.dictionary(
            fc.constantFrom('x', '__proto__', 'https://x/'),
            fc.jsonValue({ maxDepth: 2 }),
          ),
          credsStore: fc.constantFrom<unknown>(undefined, '', 7, '../x', 'a b', 'none-such'),
          credHelpers: fc.jsonValue({ maxDepth: 1 }),
        })
        .map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(config, async (text) => {
        write(text);
        try {
          const { credentials } = await ask('x');
          if (credentials?.kind === 'basic') expect(typeof credentials.password).toBe('string');
        } catch (error) {
          expect(isMicrosandboxError(error)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a helper', () => {
  it('of the registry stands before the common one, and both before what is written down', async () => {
    helper(
      'own',
      `read -r server; echo "{\\"ServerURL\\": \\"$server\\", \\"Username\\": \\"own-$1\\", \\"Secret\\": \\"$server\\"}"`,
    );
    helper('common', 'echo \'{"Username": "common", "Secret": "s"}\'');
    write({
      credsStore: 'common',
      credHelpers: { 'ghcr.io': 'own' },
      auths: { 'ghcr.io': { auth: auth('x:y') } },
    });
    expect((await ask('ghcr.io')).credentials).toEqual({
      kind: 'basic',
      username: 'own-get',
      password: 'ghcr.io',
      from: 'docker-credential-own',
    });
    expect((await ask('other.io')).credentials).toMatchObject({ username: 'common' });
    write({ credHelpers: { 'docker.io': 'own' } });
    expect((await ask('docker.io')).credentials).toMatchObject({ password: 'https://index.docker.io/v1/' });
  });

  it('that has none leaves it to what is written down', async () => {
    helper('empty', 'echo credentials not found in native keychain; exit 1');
    write({ credsStore: 'empty', auths: { x: { auth: auth('bob:pw') } } });
    expect((await ask('x')).credentials).toMatchObject({ username: 'bob' });
  });

  it('may have a token', async () => {
    helper('token', 'echo \'{"Username": "<token>", "Secret": "the identity"}\'');
    write({ credsStore: 'token' });
    expect((await ask('x')).credentials).toEqual({
      kind: 'identity',
      token: 'the identity',
      from: 'docker-credential-token',
    });
  });

  it.each([
    ['missing', undefined, /no such program on PATH/],
    ['../../bin/sh', undefined, /no such program on PATH/],
    ['failing', 'echo a-secret; echo a-secret >&2; exit 3', /failed for x \(exit code 3\)/],
    [
      'babbling',
      'while :; do echo a-secret-a-secret-a-secret-a-secret-a-secret; done',
      /says more than a credential/,
    ],
    ['broken', 'echo a-secret', /is not JSON/],
  ])('%s is an error that has no secret', async (name, script, message) => {
    if (script) helper(name, script);
    write({ credsStore: name });
    const error = await ask('x').then(
      () => expect.fail(),
      (caught: Error) => caught,
    );
    expect(error).toBeInstanceOf(InvalidConfigError);
    expect(error.message).toMatch(message);
    expect(`${error.message}${error.cause}`).not.toContain('a-secret');
  });
});

import { expect, it } from 'vitest';
import { InvalidConfigError } from '../errors.js';
import { RegistryConfigBuilder } from './registry-config.js';
import { Sandbox } from './sandbox.js';

const pem = Buffer.from('-----BEGIN CERTIFICATE-----\n');
const registry = () => new RegistryConfigBuilder();

it('says what it was told, and nothing where it was told nothing', () => {
  expect(registry().build()).toEqual({ auth: undefined, insecure: undefined, caCerts: [] });
  const basic = { kind: 'basic', username: 'bob', password: '' } as const;
  expect(registry().auth(basic).insecure().caCerts(pem).caCerts(pem).build()).toEqual({
    auth: basic,
    insecure: true,
    caCerts: [pem, pem],
  });
  expect(registry().auth({ kind: 'anonymous', username: 'x' }).build().auth).toEqual({ kind: 'anonymous' });
});

it.each<[string, (r: RegistryConfigBuilder) => RegistryConfigBuilder]>([
  ['kind', (r) => r.auth({ kind: 'digest' })],
  ['password', (r) => r.auth({ kind: 'basic', username: 'bob' })],
  ['colons', (r) => r.auth({ kind: 'basic', username: 'a:b', password: 'x' })],
  ['not PEM', (r) => r.caCerts(Buffer.from([1, 2, 3]))],
  ['/nowhere', (r) => r.caCertsPath('/nowhere')],
])('says what is wrong: %s', async (what, configure) => {
  expect(() => configure(registry()).build()).toThrow(what);
  await expect(Sandbox.builder('x').image('a/b').registry(configure).create()).rejects.toThrow(
    InvalidConfigError,
  );
});

it('is no part of what a sandbox is recorded as', async () => {
  const builder = Sandbox.builder('x')
    .image('a/b')
    .registry((r) => r.auth({ kind: 'basic', username: 'bob', password: 'secret' }));
  expect(JSON.stringify(await builder.build())).not.toContain('secret');
  await expect(builder.pullPolicy('sometimes').build()).rejects.toThrow(
    /pullPolicy is "sometimes"; there are always, if-missing, never/,
  );
});

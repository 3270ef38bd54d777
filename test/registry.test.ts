import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  HttpError,
  Image,
  ImageError,
  ImageInUseError,
  ImageNotFoundError,
  type PullProgressEvent,
  Sandbox,
} from '@msbtest/core';
import { baseImage } from '@msbtest/guest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { msbtest } from './support/msbtest.js';
import { usePrivateCache } from './support/private-cache.js';
import { DockerRegistry, hasRegistry, login } from './support/registry.js';
import { killAndRemove, usePrivateHome } from './support/vm.js';

const home = usePrivateHome();
const cache = usePrivateCache(home);

const indexType = 'application/vnd.oci.image.index.v1+json';
const here = process.arch === 'x64' ? 'amd64' : process.arch;
const docker = join(home.path, 'docker');

beforeEach(() => {
  rmSync(join(cache.path, 'images'), { recursive: true, force: true });
  rmSync(docker, { recursive: true, force: true });
});
beforeAll(() => {
  process.env.DOCKER_CONFIG = docker;
});
afterAll(() => {
  delete process.env.DOCKER_CONFIG;
});

/** Files of images that are not whole. */
const unfinished = () =>
  readdirSync(join(cache.path, 'images'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.part$|\.new-/.test(name),
  );
afterEach(() => expect(unfinished()).toEqual([]));

function writeDockerConfig(config: object): void {
  mkdirSync(docker, { recursive: true });
  writeFileSync(join(docker, 'config.json'), JSON.stringify(config));
}

const asTester = Buffer.from(`${login.username}:${login.password}`).toString('base64');

describe.skipIf(!hasRegistry)('a registry that anybody may read', () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await DockerRegistry.start();
    await registry.push(baseImage.layout, 'team/base:1');
  });
  afterAll(() => registry[Symbol.asyncDispose]());
  const name = () => `${registry.host}/team/base:1`;

  it('gives a machine its root, and tells on the way', async () => {
    const told: PullProgressEvent[] = [];
    const creation = await Sandbox.builder('pulled')
      .image(name())
      .memory(256)
      .ephemeral(true)
      .createWithPullProgress();
    for await (const event of creation) told.push(event);
    await using sandbox = await creation.awaitSandbox();
    expect((await sandbox.shell('cat /etc/os-release; ls -d /bin')).stdout()).toContain('/bin');
    expect(told.map(({ kind }) => kind).filter((kind) => kind !== 'layerDownloadProgress')).toEqual([
      'resolving',
      'resolved',
      'layerDownloadComplete',
      'layerDownloadComplete',
      'stitchMergingTrees',
      'stitchComplete',
      'complete',
    ]);
    const handle = await Image.get(name());
    expect(handle.reference).toBe(name());
    expect(handle.lastUsedAt?.getTime()).toBeGreaterThanOrEqual(handle.createdAt.getTime() - 1000);
    // It is here now: without a registry the next one comes as well.
    const asked = registry.asked(/team\/base/).length;
    await using next = await Sandbox.builder('next')
      .image(name())
      .memory(256)
      .ephemeral(true)
      .pullPolicy('never')
      .create();
    expect((await next.exec('true')).success).toBe(true);
    expect(registry.asked(/team\/base/)).toHaveLength(asked);
  });

  it('is asked once by eight processes at once, and the root is made once', async () => {
    await registry.push(baseImage.layout, 'team/once:1');
    const reference = `${registry.host}/team/once:1`;
    const runs = await Promise.all(
      Array.from({ length: 8 }, () => msbtest(['pull', '--if-missing', reference])),
    );
    for (const run of runs)
      expect(run).toMatchObject({ status: 0, stdout: expect.stringContaining(reference) });
    expect(registry.asked(/GET \/v2\/team\/once\/manifests/)).toHaveLength(1);
    const blobs = registry.asked(/GET \/v2\/team\/once\/blobs/);
    expect(blobs.length).toBeGreaterThan(1);
    expect(new Set(blobs.map((line) => /sha256:[0-9a-f]{64}/.exec(line)?.[0])).size).toBe(blobs.length);
    expect(runs.filter(({ stderr }) => stderr.includes('Making the root file system'))).toHaveLength(1);
  });

  it("has images of Docker's schema 2 too", async () => {
    await registry.push(baseImage.layout, 'team/docker:1', '--format', 'v2s2');
    expect((await registry.manifest('team/docker', '1')).type).toBe(
      'application/vnd.docker.distribution.manifest.v2+json',
    );
    const run = await msbtest(['pull', `${registry.host}/team/docker:1`]);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(
      /2 layers, [\d.]+ MB to download\n(?:[0-9a-f]{12} .*complete\n){2}Making the root file system\n.*: complete\n$/,
    );
  });

  it('has indexes, of which this machine takes its own', async () => {
    const { text, digest, type } = await registry.manifest('team/base', '1');
    const entry = (architecture: string) => ({
      mediaType: type,
      digest,
      size: text.length,
      platform: { os: 'linux', architecture },
    });
    const index = (...architectures: string[]) =>
      JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: architectures.map(entry) });
    await registry.put('team/base', 'many', indexType, index('s390x', here, 'riscv64'));
    await registry.put('team/base', 'foreign', indexType, index('s390x', 'riscv64'));
    expect(await msbtest(['pull', `${registry.host}/team/base:many`, '--json'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(digest),
    });
    const foreign = await msbtest(['pull', `${registry.host}/team/base:foreign`]);
    expect(foreign).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(`no variant for linux/${here}. There is linux/s390x, linux/riscv64`),
    });
    await expect(Sandbox.builder('x').image(`${registry.host}/team/base:foreign`).create()).rejects.toThrow(
      ImageError,
    );
  });

  it('says that it has no such image', async () => {
    const create = (reference: string) =>
      Sandbox.builder('nothing').image(`${registry.host}/${reference}`).create();
    await expect(create('team/none:1')).rejects.toThrow(ImageNotFoundError);
    await expect(create('team/base:none')).rejects.toThrow(
      /has no image .*team\/base:none \(404, "MANIFEST_UNKNOWN/,
    );
    const never = Sandbox.builder('nothing').image(name()).pullPolicy('never').create();
    await expect(never).rejects.toThrow(/There is no image .* on this machine/);
  });

  it('may be a mirror', async () => {
    const env = { MSB_REGISTRY_MIRRORS: `registry.invalid=http://${registry.host}` };
    const run = await msbtest(['pull', 'registry.invalid/team/base:1'], { env });
    expect(run).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^registry\.invalid\/team\/base:1 sha256:/),
    });
  });

  it('has images that go when nobody needs them, and stay as long as somebody does', async () => {
    await registry.push(baseImage.layout, 'team/used:1');
    const used = `${registry.host}/team/used:1`;
    const run = await msbtest(['run', '--name', 'user', '--memory', '256', used, '--', 'true']);
    expect(run).toMatchObject({ status: 0, stdout: '' });
    expect(await msbtest(['rmi', used])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('needed by the sandbox "user"'),
    });
    await expect(Image.remove(used)).rejects.toThrow(ImageInUseError);
    expect(JSON.parse((await msbtest(['prune', '--json'])).stdout)).toMatchObject({ imageRefsRemoved: 0 });
    await msbtest(['rmi', '--force', used]);
    expect(await Image.list()).toEqual([]);
    expect(await msbtest(['start', 'user'])).toMatchObject({ status: 0 });
    expect(await msbtest(['exec', 'user', '--', 'true'])).toMatchObject({ status: 0 });
    await killAndRemove('user');
    const report = JSON.parse((await msbtest(['prune', '--json'])).stdout);
    expect(report).toMatchObject({ rootsRemoved: 1, bytesReclaimed: expect.any(Number) });
    expect(report.bytesReclaimed).toBeGreaterThan(100_000);
    expect(readdirSync(join(cache.path, 'images/blobs/sha256'))).toEqual([]);
    expect(readdirSync(join(cache.path, 'images/rootfs'))).toEqual([]);
    await expect(Image.remove(used)).rejects.toThrow(ImageNotFoundError);
  });
});

describe.skipIf(!hasRegistry)('a registry with passwords', () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await DockerRegistry.start({ auth: 'basic' });
    await registry.push(baseImage.layout, 'team/base:1');
  });
  afterAll(() => registry[Symbol.asyncDispose]());
  const pull = (env: Record<string, string> = {}) =>
    msbtest(['pull', `${registry.host}/team/base:1`], { env });

  it('refuses those who have none, or a wrong one, and it is said which was tried', async () => {
    expect(await pull()).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/\(401.*Tried: no credentials: there is no/),
    });
    writeDockerConfig({
      auths: { [registry.host]: { auth: Buffer.from('tester:wrong').toString('base64') } },
    });
    const refused = await pull();
    expect(refused).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/Tried: the user "tester" from .*config\.json/),
    });
    expect(refused.stderr).not.toContain('wrong');
    const builder = Sandbox.builder('denied')
      .image(`${registry.host}/team/base:1`)
      .registry((r) => r.auth({ kind: 'basic', username: 'tester', password: 'mistaken' }));
    await expect(builder.create()).rejects.toThrow(HttpError);
    await expect(builder.create()).rejects.toMatchObject({ status: 401, code: 'http' });
  });

  it("takes those of Docker's configuration", async () => {
    writeDockerConfig({ auths: { [`https://${registry.host}/v2/`]: { auth: asTester } } });
    expect(await pull()).toMatchObject({ status: 0 });
  });

  it('takes those of a helper, which stands before what is written down', async () => {
    const helpers = join(home.path, 'helpers');
    mkdirSync(helpers, { recursive: true });
    const answer = JSON.stringify({ Username: login.username, Secret: login.password });
    writeFileSync(
      join(helpers, 'docker-credential-tests'),
      `#!/bin/sh\n[ "$1" = get ] && read -r server && [ "$server" = ${registry.host} ] && echo '${answer}'\n`,
      { mode: 0o700 },
    );
    const wrong = { [registry.host]: { auth: Buffer.from('tester:wrong').toString('base64') } };
    const env = { PATH: `${helpers}:${process.env.PATH}` };
    writeDockerConfig({ auths: wrong, credHelpers: { [registry.host]: 'tests' } });
    expect(await pull(env)).toMatchObject({ status: 0 });
    writeDockerConfig({ auths: wrong, credsStore: 'tests' });
    expect(await pull(env)).toMatchObject({ status: 0 });
    expect(await pull()).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no such program on PATH'),
    });
  });
});

describe.skipIf(!hasRegistry)('a registry with TLS of its own authority, and passwords', () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await DockerRegistry.start({ auth: 'basic', tls: true });
    await registry.push(baseImage.layout, 'team/base:1');
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  it('is trusted by those who have been given that authority', async () => {
    writeDockerConfig({ auths: { [registry.host]: { auth: asTester } } });
    const args = ['pull', `${registry.host}/team/base:1`];
    expect(await msbtest(args)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('It is not trusted'),
    });
    expect(registry.asked(/tester/).filter((line) => line.includes('GET'))).toEqual([]);
    expect(await msbtest([...args, '--ca', registry.ca])).toMatchObject({ status: 0 });
    expect(await msbtest(args, { env: { NODE_EXTRA_CA_CERTS: registry.ca } })).toMatchObject({ status: 0 });
  });
});

describe.skipIf(!hasRegistry)('a registry with tokens', () => {
  it('gets one for what is to be read, and nothing else', async () => {
    await using registry = await DockerRegistry.start({ auth: 'token' });
    await registry.push(baseImage.layout, 'team/base:1');
    const before = registry.tokens.length;
    const args = ['pull', `${registry.host}/team/base:1`];
    expect(await msbtest(args)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/gives no token .*\(401\)/),
    });
    writeDockerConfig({ auths: { [registry.host]: { auth: asTester } } });
    expect(await msbtest(args)).toMatchObject({ status: 0 });
    expect(registry.tokens.slice(before)).toEqual([
      { scope: 'repository:team/base:pull', authorization: undefined },
      { scope: 'repository:team/base:pull', authorization: `Basic ${asTester}` },
    ]);
  });
});

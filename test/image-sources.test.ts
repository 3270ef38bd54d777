import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { msbtest } from './support/msbtest.js';
import { DockerRegistry, hasRegistry, login } from './support/registry.js';
import { usePrivateHome } from './support/vm.js';

const home = usePrivateHome();

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const layerType = 'application/vnd.oci.image.layer.v1.tar';

const compressions: Readonly<Record<string, { suffix: string; compress: (tar: Buffer) => Buffer }>> = {
  none: { suffix: '', compress: (tar) => tar },
  gzip: { suffix: '+gzip', compress: (tar) => gzipSync(tar) },
  zstd: {
    suffix: '+zstd',
    compress: (tar) => execFileSync('zstd', ['-q', '-c'], { input: tar, maxBuffer: 16 * 1024 * 1024 }),
  },
};

/** Two layers, the second of which hides and replaces something of the first. */
async function layers(): Promise<Buffer[]> {
  const tar = async (files: Record<string, string>) => {
    const stream = pack();
    for (const [name, content] of Object.entries(files))
      stream.entry({ name, mtime: new Date(1_600_000_000_000), mode: 0o750, uid: 7 }, content);
    stream.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };
  return [
    await tar({ 'etc/one': 'one', 'etc/two': 'two', 'bin/large': 'x'.repeat(300_000) }),
    await tar({ 'etc/.wh.one': '', 'etc/two': 'another two' }),
  ];
}

/** An OCI layout of those layers, compressed in one of the ways. */
function writeLayout(directory: string, tars: readonly Buffer[], compression: string): void {
  const { suffix, compress } = compressions[compression] as (typeof compressions)[string];
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const blob = (bytes: Buffer, mediaType: string) => {
    writeFileSync(join(directory, 'blobs/sha256', sha256(bytes)), bytes);
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  const platform = { architecture, os: 'linux' };
  const rootfs = { type: 'layers', diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) };
  const config = blob(json({ ...platform, rootfs }), 'application/vnd.oci.image.config.v1+json');
  const described = tars.map((tar) => blob(compress(tar), `${layerType}${suffix}`));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = blob(json({ schemaVersion: 2, mediaType, config, layers: described }), mediaType);
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  writeFileSync(
    join(directory, 'index.json'),
    json({ schemaVersion: 2, manifests: [{ ...manifest, platform, annotations }] }),
  );
}

/** What the command makes of an image, in a cache of its own: the digest of the root file system. */
async function rootOf(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const cache = mkdtempSync(join(home.path, 'cache-'));
  try {
    const run = await msbtest(args, { env: { ...env, MSB_CACHE: cache } });
    expect(run).toMatchObject({ status: 0 });
    const roots = readdirSync(join(cache, 'images/rootfs')).filter((name) => name.endsWith('.squashfs'));
    expect(roots).toHaveLength(1);
    return sha256(readFileSync(join(cache, 'images/rootfs', roots[0] as string)));
  } finally {
    rmSync(cache, { recursive: true });
  }
}

describe.skipIf(!hasRegistry)('an image comes to the same root', () => {
  const registries: Record<string, DockerRegistry> = {};
  const env = { DOCKER_CONFIG: join(home.path, 'docker') };
  const layout = (compression: string) => join(home.path, `layout-${compression}`);
  let expected: string;

  beforeAll(async () => {
    const tars = await layers();
    for (const compression of Object.keys(compressions)) writeLayout(layout(compression), tars, compression);
    registries.anybody = await DockerRegistry.start();
    registries.passwords = await DockerRegistry.start({ auth: 'basic' });
    registries.TLS = await DockerRegistry.start({ auth: 'basic', tls: true });
    const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    const auths = Object.fromEntries(Object.values(registries).map(({ host }) => [host, { auth }]));
    mkdirSync(env.DOCKER_CONFIG);
    writeFileSync(join(env.DOCKER_CONFIG, 'config.json'), JSON.stringify({ auths }));
    expected = await rootOf(['load', layout('none'), '--tag', 'x']);
  });
  afterAll(async () => {
    for (const registry of Object.values(registries)) await registry[Symbol.asyncDispose]();
  });

  const combinations = ['anybody', 'passwords', 'TLS'].flatMap((from) =>
    Object.keys(compressions).map((compression) => [from, compression] as const),
  );
  it.each(combinations)('from a registry for %s, compressed with %s', async (from, compression) => {
    const registry = registries[from] as DockerRegistry;
    await registry.push(`${layout(compression)}:latest`, `app:${compression}`, '--preserve-digests');
    const type = `${layerType}${compressions[compression]?.suffix}`;
    expect(await registry.layerTypes(`app:${compression}`)).toEqual([type, type]);
    const trust = from === 'TLS' ? ['--ca', registry.ca] : [];
    expect(await rootOf(['pull', `${registry.host}/app:${compression}`, ...trust], env)).toBe(expected);
  });

  it.each(Object.keys(compressions))(
    'from a layout and an archive of it, compressed with %s',
    async (compression) => {
      expect(await rootOf(['load', layout(compression), '--tag', 'x'])).toBe(expected);
      const archive = join(home.path, `${compression}.tar`);
      execFileSync('tar', ['-C', layout(compression), '-cf', archive, '.']);
      expect(await rootOf(['load', archive, '--tag', 'x'])).toBe(expected);
      const packed = `${archive}.packed`;
      writeFileSync(packed, compressions[compression]?.compress(readFileSync(archive)) ?? '');
      expect(await rootOf(['load', packed, '--tag', 'x'])).toBe(expected);
      for (const path of [archive, packed]) rmSync(path);
    },
  );

  it('from what `docker save` would write', async () => {
    const archive = join(home.path, 'saved.tar');
    execFileSync('skopeo', [
      'copy',
      '--quiet',
      '--insecure-policy',
      `oci:${layout('gzip')}:latest`,
      `docker-archive:${archive}:x:1`,
    ]);
    expect(await rootOf(['load', archive])).toBe(expected);
    rmSync(archive);
  });
});

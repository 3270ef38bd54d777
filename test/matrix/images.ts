import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Image } from '@msbtest/core';
import { convertLayers } from '#core/image/convert-layers.js';
import { BlobDirectory, findManifest, readConfig, readManifest } from '#core/image/layout.js';
import { accessListsIn, describeTree, umociImage, umociUnpack } from '../support/umoci.js';
import { small } from '../support/vm.js';

/** By what mmdebstrap makes of them; the network and root are needed. What a squashfs does not hold is looked at in a machine. */
const roots: Readonly<Record<string, Root>> = {
  'minbase, Debian bookworm': {
    args: ['--variant=minbase', 'bookworm'],
    script: '. /etc/os-release; echo $ID $VERSION_ID',
    says: 'debian 12\n',
  },
  // Its journal has access control lists.
  'with systemd, Debian bookworm': {
    args: ['--variant=minbase', '--include=systemd', 'bookworm'],
    script: 'ls -ld /var/log/journal | cut -c1-11',
    says: 'drwxr-sr-x+\n',
  },
  'with redis, Debian bookworm': {
    args: ['--variant=minbase', '--include=redis-server', 'bookworm'],
    script:
      'redis-server --daemonize yes >&2; until redis-cli ping >&2; do sleep 0.1; done; redis-cli set k v; redis-cli get k',
    says: 'OK\nv\n',
  },
};

interface Root {
  readonly args: readonly string[];
  /** What a machine of it runs, and is to say. */
  readonly script: string;
  readonly says: string;
}

/** Real roots of Debian: what we make of each as an image against what umoci makes, and how long both took. */
export async function images({ json }: { json: boolean }): Promise<boolean> {
  let asItMustBe = true;
  for (const [name, root] of Object.entries(roots)) {
    const work = mkdtempSync(join(tmpdir(), 'msb-images-'));
    try {
      const result = await compare(work, root);
      asItMustBe &&= result.different === 0 && result.runs;
      process.stdout.write(`${json ? JSON.stringify({ name, ...result }) : report(name, result)}\n`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return asItMustBe;
}

interface Result {
  readonly lines: number;
  readonly different: number;
  readonly first: string;
  /** Whether a machine of it did what it is for. */
  readonly runs: boolean;
  readonly ourSeconds: number;
  readonly umociSeconds: number;
}

async function compare(work: string, { args, script, says }: Root): Promise<Result> {
  const tar = join(work, 'root.tar');
  execFileSync('mmdebstrap', [...args, tar], {
    stdio: 'ignore',
    env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' }, // times that are not of this hour can be compared
  });
  const layout = join(work, 'layout');
  umociImage(layout, [tar]);
  const blobs = new BlobDirectory(layout);
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const { config, layers } = readManifest(blobs, findManifest(layout, architecture));
  const path = join(work, 'root.squashfs');
  const start = performance.now();
  await convertLayers(blobs, layers, readConfig(blobs, config).diffIds, path);
  const converted = performance.now();
  const theirs = umociUnpack(layout, join(work, 'bundle'));
  const unpacked = performance.now();
  execFileSync('unsquashfs', ['-n', '-d', join(work, 'ours'), path], { stdio: 'ignore' });
  const timed = (root: string) => describeTree(root).filter((line) => !line.includes('"now"'));
  await Image.load(layout, { tag: 'compared' });
  const lists = await accessListsIn('compared');
  const runs = await saysOf('compared', script);
  await Image.remove('compared');
  const all = new Set(timed(theirs));
  const ours = new Set([...timed(join(work, 'ours')), ...lists]);
  const different = [...all, ...ours].filter((line) => !(all.has(line) && ours.has(line)));
  return {
    lines: all.size,
    different: different.length,
    first: different[0] ?? '',
    runs: runs === says,
    ourSeconds: (converted - start) / 1000,
    umociSeconds: (unpacked - converted) / 1000,
  };
}

async function saysOf(image: string, script: string): Promise<string> {
  await using sandbox = await small('compared').image(image).ephemeral(true).create();
  return (await sandbox.shell(script)).stdout();
}

function report(name: string, { lines, different, first, runs, ourSeconds, umociSeconds }: Result): string {
  const verdict =
    different === 0
      ? `all of ${lines} lines equal`
      : `${different} of ${lines} lines differ, such as ${first}`;
  return `${name}: ${verdict}; ${runs ? 'runs' : 'DOES NOT RUN'}; converted in ${ourSeconds.toFixed(1)} s, unpacked by umoci in ${umociSeconds.toFixed(1)} s`;
}

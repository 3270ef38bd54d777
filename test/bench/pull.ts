import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DockerRegistry } from '../support/registry.js';
import { type BenchReport, ratio, summarize } from '../support/report.js';
import { checkout } from '../support/saboteurs.js';
import { umociImage } from '../support/umoci.js';
import { inTurn } from './in-turn.js';
import { Podman } from './podman.js';

const run = promisify(execFile);

const runs = 7;
/** A minimal Debian, by mmdebstrap; its mirror takes what it takes. */
const rootTimeoutMs = 30 * 60_000;
/** A pull of it takes seconds. */
const pullTimeoutMs = 5 * 60_000;

/** An image of Debian from a registry on this machine to something that can be started: with an empty store each time. */
export async function pull(): Promise<BenchReport> {
  const directory = mkdtempSync(join(tmpdir(), 'msb-bench-'));
  try {
    await using registry = await DockerRegistry.start();
    await pushDebian(registry, directory);
    const reference = `${registry.host}/debian:latest`;
    const podman = await Podman.open(join(directory, 'podman'));
    const seconds = await inTurn(runs, {
      ours: () => inPlace(directory, (place) => ours(place, reference)),
      umoci: () => inPlace(directory, (place) => skopeoAndUmoci(place, reference)),
      ...(podman && { podman: () => podman.pull(reference) }),
    });
    const rows = {
      ours: summarize('msbtest pull: until it can be booted, s', seconds.ours, 2),
      umoci: summarize('skopeo copy, umoci unpack: until there is a root, s', seconds.umoci, 2),
      ...(seconds.podman && {
        podman: summarize('podman pull: until it can be run, s', seconds.podman, 2),
      }),
    };
    const faster = rows.podman && rows.podman.median < rows.umoci.median ? rows.podman : rows.umoci;
    return {
      name: 'pull',
      unit: 'seconds',
      method:
        `A minimal Debian bookworm of mmdebstrap, one gzipped layer, in Debian's docker-registry on the loopback; ${runs} runs of each, in rounds, ` +
        'the order moving on by one, after a round that does not count. Whole commands, each with an empty store, which is removed outside of the time; all as root, since umoci and podman ' +
        'want owners on the disk. podman has a store of its own with its overlay driver; where it is not installed, or does not work, it is not in the table.',
      rows: Object.values(rows),
      ratios: { 'ours / the faster of the others (at most 1.0)': ratio(rows.ours, faster) },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function pushDebian(registry: DockerRegistry, directory: string): Promise<void> {
  process.stderr.write('mmdebstrap makes a root…\n');
  const tar = join(directory, 'root.tar');
  await run('mmdebstrap', ['--variant=minbase', 'bookworm', tar], { timeout: rootTimeoutMs });
  const layout = join(directory, 'layout');
  umociImage(layout, [tar]);
  await registry.push(`${layout}:latest`, 'debian:latest');
  for (const path of [tar, layout]) rmSync(path, { recursive: true });
}

async function inPlace(directory: string, work: (place: string) => Promise<void>): Promise<number> {
  const place = mkdtempSync(join(directory, 'run-'));
  try {
    const begin = performance.now();
    await work(place);
    return (performance.now() - begin) / 1000;
  } finally {
    rmSync(place, { recursive: true });
  }
}

async function ours(place: string, reference: string): Promise<void> {
  await run(process.execPath, [`${checkout}/packages/core/bin/msbtest.js`, 'pull', reference], {
    env: { ...process.env, MSB_HOME: join(place, 'home'), MSB_CACHE: join(place, 'cache') },
    timeout: pullTimeoutMs,
  });
}

async function skopeoAndUmoci(place: string, reference: string): Promise<void> {
  const options = { timeout: pullTimeoutMs };
  const copy = ['copy', '--quiet', '--insecure-policy', '--src-tls-verify=false'];
  await run('skopeo', [...copy, `docker://${reference}`, `oci:${place}/layout:latest`], options);
  await run('umoci', ['unpack', '--image', `${place}/layout:latest`, join(place, 'bundle')], options);
}

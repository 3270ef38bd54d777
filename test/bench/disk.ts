import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BenchRow, summarize } from '../support/report.js';
import { another } from './life.js';

const runs = 3;
const writtenKib = 8192;

/** In `stat` as in Linux's own account of a disk. */
const sectorBytes = 512;

/** What a clone takes of the host's disk, beside what its guest knows to have written. */
export async function disk(): Promise<BenchRow[]> {
  const samples = { ready: [] as number[], grown: [] as number[], written: [] as number[] };
  for (let run = 0; run < runs; run++) {
    await using sandbox = await another().create();
    const directory = dirname(sandbox.diskPath);
    const ready = allocatedKib(directory);
    const output = await sandbox.shell(script);
    const [before = Number.NaN, after = Number.NaN] = output.stdout().trim().split(/\s+/).map(Number);
    if (!output.success) throw new Error('The guest could not write.');
    samples.ready.push(ready);
    samples.grown.push(allocatedKib(directory) - ready);
    samples.written.push(((after - before) * sectorBytes) / 1024);
  }
  return [
    summarize('disk: of a clone that is ready, KiB', samples.ready),
    summarize(`disk: more when its guest has written a file of ${writtenKib} KiB, KiB`, samples.grown),
    summarize("disk: written meanwhile by the guest's account, KiB", samples.written),
  ];
}

/** The seventh field is the sectors written. */
const script = `
sync && awk '{ print $7 }' /sys/block/vdb/stat &&
dd if=/dev/urandom of=/root/data bs=1024 count=${writtenKib} 2>/dev/null &&
sync && awk '{ print $7 }' /sys/block/vdb/stat`;

function allocatedKib(directory: string): number {
  const files = readdirSync(directory).map((name) => statSync(join(directory, name)));
  return files.reduce((sum, { blocks }) => sum + (blocks * sectorBytes) / 1024, 0);
}

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { placesForTests } from '../support/places.js';
import { type BenchReport, round, summarize } from '../support/report.js';
import { checkout } from '../support/saboteurs.js';
import { withEnv } from '../support/stop-ways.js';
import { small, vmmOf } from '../support/vm.js';

const runs = 10;
const floorTimeoutMs = 60_000;

/** Cold boot to the end of a first command, beside what the same VMM and kernel take without any of us. */
export async function boot(): Promise<BenchReport> {
  const directory = mkdtempSync(join(tmpdir(), 'msb-bench-'));
  try {
    const floor = await floorCommand(directory);
    await ours(0);
    await bare(floor);
    const samples = {
      total: [] as number[],
      machine: [] as number[],
      guest: [] as number[],
      floor: [] as number[],
    };
    for (let run = 1; run <= runs; run++) {
      // Who goes first changes, so that neither always meets the caches that the other has left.
      if (run % 2 === 0) samples.floor.push(await bare(floor));
      const { totalMs, machineMs, guestMs } = await ours(run);
      samples.total.push(totalMs);
      samples.machine.push(machineMs);
      samples.guest.push(guestMs);
      if (run % 2 === 1) samples.floor.push(await bare(floor));
      process.stderr.write(`\rrun ${run} of ${runs}`);
    }
    process.stderr.write('\n');
    const rows = [
      summarize('create() to the end of `true`', samples.total),
      summarize('  of it: the relay started until the agent is ready', samples.machine),
      summarize("  of it: the guest's own account until ready", samples.guest),
      summarize('floor: same QEMU, kernel and disks from a shell script', samples.floor),
    ];
    return {
      name: 'boot',
      unit: 'ms',
      method:
        `Cold boot to the end of a first command; ${runs} runs of each, in turn and with the first of each pair changing, after one of each that does not count, 1 cpu, 256 MiB. ` +
        'The floor is the same QEMU command line and kernel, started from a shell script (which copies the disk too), with an init that ' +
        'loads the same modules, runs a program and says so on the port; taken from the start of the shell to those bytes.',
      rows,
      ratios: { 'create to exec / floor': round((rows[0]?.median ?? 0) / (rows[3]?.median ?? 1), 3) },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function ours(run: number): Promise<{ totalMs: number; machineMs: number; guestMs: number }> {
  const begin = performance.now();
  await using sandbox = await small(`bench-${run}`).ephemeral(true).create();
  const { success } = await sandbox.exec('true');
  const totalMs = performance.now() - begin;
  if (!success || !sandbox.bootTimes) throw new Error('The first command failed.');
  return { totalMs, machineMs: sandbox.bootTimes.guestMs, guestMs: sandbox.bootTimes.agent.readyMs };
}

/** The command line of a machine of ours, with the trivial init in its initramfs and its chardevs on plain descriptors. */
async function floorCommand(directory: string): Promise<string[]> {
  const init = join(directory, 'init');
  execFileSync('musl-gcc', ['-static', '-Os', '-o', init, `${checkout}/test/bench/floor-init.c`]);
  const args = await withEnv({ MSB_AGENTD: init }, vmmArguments);
  const disk = join(directory, 'upper.ext4');
  const blank = join(placesForTests().cache, 'uppers', '4096.ext4');
  const replaced = args.map((arg) => {
    if (arg === 'socket,id=agent,fd=3') return 'stdio,id=agent,signal=off';
    if (arg === 'socket,id=console,fd=4') return 'null,id=console';
    return arg.includes('id=upper') ? arg.replace(/file=[^,]*/, `file=${disk}`) : arg;
  });
  replaced.splice(replaced.indexOf('-qmp'), 2);
  return [`${checkout}/test/bench/floor.sh`, blank, disk, ...replaced];
}

/** Starts a machine only to see its command line; it never gets ready, having the trivial init. */
async function vmmArguments(): Promise<string[]> {
  const abort = new AbortController();
  let diskPath: string | undefined;
  const creating = small('command-line').create({ signal: abort.signal });
  creating.catch(() => {});
  const sandboxes = join(placesForTests().home, 'sandboxes');
  try {
    for (;;) {
      await delay(5);
      if (!existsSync(sandboxes)) continue;
      diskPath = execFileSync('find', [sandboxes, '-name', 'upper.ext4', '-not', '-path', '*/.new-*'], {
        encoding: 'utf8',
      }).trim();
      if (diskPath === '') continue;
      try {
        return vmmOf({ diskPath }).args.filter((arg) => arg !== '');
      } catch {
        // not started yet
      }
    }
  } finally {
    abort.abort(new Error('seen'));
    await creating.catch(() => {});
  }
}

async function bare([script = '', ...args]: readonly string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn('sh', [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => child.once('close', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), floorTimeoutMs);
  try {
    let said = '';
    for await (const chunk of child.stdout) {
      said += chunk;
      if (said.includes('done')) return performance.now() - begin;
    }
    throw new Error(`The bare machine did not come up within ${floorTimeoutMs} ms.`);
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
    await gone;
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '@msbtest/core';
import { type BenchReport, type BenchRow, ratio, round, summarize } from '../support/report.js';
import { Floor } from './floor.js';
import { BareSocket, BareStream, bulkBytes, rate } from './floor-stream.js';
import { inTurn } from './in-turn.js';
import { another } from './life.js';

const runs = 10;
const streams = 64;
const fairMs = 10_000;
/** How long one client does not read. */
const stallMs = 10_000;

const chunk = Buffer.alloc(1024 * 1024);
const file = '/dev/shm/bulk';

/** Bytes through the agent, in each way that there is, beside what the port itself can do. */
export async function stream(): Promise<BenchReport> {
  const directory = mkdtempSync(join(tmpdir(), 'msb-bench-'));
  try {
    const floor = await Floor.make(directory);
    await using bare = await BareStream.open(floor, directory);
    await using bareSocket = await BareSocket.open(floor, directory);
    await using sandbox = await another().memory(512).coldBoot().create();
    await using clone = await another().memory(512).create();
    for (const machine of [sandbox, clone])
      await machine.shell(`dd if=/dev/zero of=${file} bs=1M count=${bulkBytes / 1024 ** 2} 2>/dev/null`);
    const rates = await inTurn(runs, {
      out: () => bare.fromGuest(),
      in: () => bare.toGuest(),
      outToNode: () => bareSocket.fromGuest(),
      outOfPipe: () => bare.fromGuest('pipe'),
      intoFile: () => bare.toGuest('file'),
      outOfFile: () => bare.fromGuest('file'),
      stdout: () => timed(() => stdout(sandbox)),
      stdin: () => timed(() => stdin(sandbox)),
      read: () => timed(() => read(sandbox)),
      write: () => timed(() => write(sandbox)),
      cloneStdout: () => timed(() => stdout(clone)),
      cloneStdin: () => timed(() => stdin(clone)),
      cloneRead: () => timed(() => read(clone)),
      cloneWrite: () => timed(() => write(clone)),
    });
    const rows = {
      out: summarize('floor: from the guest, MB/s', rates.out),
      in: summarize('floor: into the guest, MB/s', rates.in),
      outToNode: summarize('floor: from the guest to a socket of Node, MB/s', rates.outToNode),
      outOfPipe: summarize('floor: from the guest, out of a pipe, MB/s', rates.outOfPipe),
      outOfFile: summarize('floor: from the guest, out of a file, MB/s', rates.outOfFile),
      intoFile: summarize('floor: into the guest, into a file, MB/s', rates.intoFile),
      stdout: summarize("a command's stdout, MB/s", rates.stdout),
      stdin: summarize("a command's stdin, MB/s", rates.stdin),
      read: summarize('fs().readStream, MB/s', rates.read),
      write: summarize('fs().writeStream, MB/s', rates.write),
      cloneStdout: summarize("in a clone: a command's stdout, MB/s", rates.cloneStdout),
      cloneStdin: summarize("in a clone: a command's stdin, MB/s", rates.cloneStdin),
      cloneRead: summarize('in a clone: fs().readStream, MB/s', rates.cloneRead),
      cloneWrite: summarize('in a clone: fs().writeStream, MB/s', rates.cloneWrite),
    };
    const fairness = await shares(sandbox);
    const others = await besideOneThatDoesNotRead(sandbox);
    return {
      name: 'stream',
      unit: 'as the row says',
      method:
        `${bulkBytes / 1024 ** 2} MiB in each run, ${runs} runs of each way, in rounds, the order moving on by one, after a round that does not count; 1 cpu, 512 MiB. ` +
        'The floor: a bare QEMU of the same command line with the same virtio-serial port, whose ends are held by dd (64 KiB) here and by what dd does there (from /dev/zero, to /dev/null, 32 KiB); and the same read by a socket of Node here, whose pieces nobody keeps; out of a pipe there, as what a command writes comes; and with a file in memory there. ' +
        'Ours has booted, as the floor has; a clone has pages of its own to get as it goes. The command is dd from /dev/zero or to /dev/null, the file is in a tmpfs of the guest. ' +
        `${streams} streams: as many commands that write without end, read at once for ${fairMs / 1000} s; what the fastest got over what the slowest got. ` +
        `One that does not read: \`true\` again and again, ${stallMs / 1000} s without, ${stallMs / 1000} s beside a command that writes without end to a client that reads nothing.`,
      rows: [...Object.values(rows), ...fairness.rows, ...others.rows],
      ratios: {
        'stdout / floor (at least 0.7)': ratio(rows.stdout, rows.out),
        'stdin / floor (at least 0.7)': ratio(rows.stdin, rows.in),
        'read / floor (at least 0.7)': ratio(rows.read, rows.out),
        'write / floor (at least 0.7)': ratio(rows.write, rows.in),
        'a socket of Node / floor': ratio(rows.outToNode, rows.out),
        'read / a socket of Node': ratio(rows.read, rows.outToNode),
        'stdout / floor out of a pipe': ratio(rows.stdout, rows.outOfPipe),
        'read / floor out of a file': ratio(rows.read, rows.outOfFile),
        'write / floor into a file': ratio(rows.write, rows.intoFile),
        ...fairness.ratios,
        ...others.ratios,
      },
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<number>): Promise<number> {
  const begin = performance.now();
  const moved = await work();
  if (moved !== bulkBytes) throw new Error(`${moved} bytes were moved in the place of ${bulkBytes}.`);
  return rate(performance.now() - begin);
}

async function stdout(sandbox: Sandbox): Promise<number> {
  await using command = await sandbox.execStream('dd', [
    'if=/dev/zero',
    'bs=64k',
    `count=${bulkBytes / 65_536}`,
  ]);
  let moved = 0;
  for await (const event of command) if (event.kind === 'stdout') moved += event.data.length;
  return moved;
}

async function stdin(sandbox: Sandbox): Promise<number> {
  await using command = await sandbox.execStreamWith('dd', (options) =>
    options.args(['of=/dev/null', 'bs=64k']).stdinPipe(),
  );
  const sink = await command.takeStdin();
  for (let moved = 0; moved < bulkBytes; moved += chunk.length) await sink?.write(chunk);
  await sink?.close();
  if ((await command.collect()).code !== 0) throw new Error('dd has not taken its input.');
  return bulkBytes;
}

async function read(sandbox: Sandbox): Promise<number> {
  let moved = 0;
  for await (const piece of await sandbox.fs().readStream(file)) moved += piece.length;
  return moved;
}

async function write(sandbox: Sandbox): Promise<number> {
  const to = `${file}.new`;
  const sink = await sandbox.fs().writeStream(to);
  for (let moved = 0; moved < bulkBytes; moved += chunk.length) await sink.write(chunk);
  await sink.close();
  return (await sandbox.fs().stat(to)).size;
}

async function shares(sandbox: Sandbox) {
  const commands = await Promise.all(
    Array.from({ length: streams }, () => sandbox.execStream('cat', ['/dev/zero'])),
  );
  const end = performance.now() + fairMs;
  const bytes = await Promise.all(
    commands.map(async (command) => {
      let got = 0;
      for await (const event of command) {
        if (event.kind === 'stdout') got += event.data.length;
        if (performance.now() > end) break;
      }
      return got;
    }),
  );
  await Promise.all(commands.map((command) => command[Symbol.asyncDispose]()));
  const row = summarize(
    `${streams} streams at once: each, MB/s`,
    bytes.map((b) => b / 1e6 / (fairMs / 1000)),
    3,
  );
  return {
    rows: [row],
    ratios: { 'fastest / slowest of 64 (under 2)': round(Math.max(...bytes) / Math.min(...bytes), 3) },
  };
}

async function besideOneThatDoesNotRead(
  sandbox: Sandbox,
): Promise<{ rows: BenchRow[]; ratios: Record<string, number> }> {
  const alone = await execsFor(sandbox, stallMs);
  const idle = await sandbox.execStream('cat', ['/dev/zero']);
  const beside = await execsFor(sandbox, stallMs);
  await idle[Symbol.asyncDispose]();
  const rows = {
    alone: summarize('exec of `true`, alone, ms', alone, 2),
    beside: summarize('exec of `true`, beside a client that does not read, ms', beside, 2),
  };
  return {
    rows: Object.values(rows),
    ratios: { 'exec beside one that does not read / alone': ratio(rows.beside, rows.alone) },
  };
}

async function execsFor(sandbox: Sandbox, ms: number): Promise<number[]> {
  const times: number[] = [];
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const begin = performance.now();
    await sandbox.exec('true');
    times.push(performance.now() - begin);
  }
  return times;
}

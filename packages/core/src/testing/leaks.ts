import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../host/native.js';
import type { Places } from '../host/paths.js';
import type { SandboxDirectory } from '../store/sandbox-directory.js';

/** Listing processes takes milliseconds. */
const psTimeoutMs = 10_000;

/** Where things of one sandbox can be. */
export type Whereabouts = Pick<SandboxDirectory, 'path' | 'sockets' | 'bornAt'>;

/** What is left of one sandbox that should be gone, each thing named; empty when nothing is. */
export function sandboxLeaks({ path, sockets, bornAt }: Whereabouts): string[] {
  return [
    ...processesOf([path, sockets, bornAt]),
    ...[path, sockets, bornAt].filter(exists).map((left) => `directory ${left}`),
  ];
}

/** What is in a home and its place for sockets, and the processes that use them, each thing named; without the sandboxes in `kept`. */
export function homeLeaks(
  { home, runtime }: Pick<Places, 'home' | 'runtime'>,
  kept: readonly Whereabouts[] = [],
): string[] {
  const spared = kept.flatMap(({ path, sockets, bornAt }) => [path, sockets, bornAt]);
  return [
    ...processesOf([home, runtime], spared),
    ...[...entries(join(home, 'sandboxes')), ...entries(runtime)]
      .filter((left) => !spared.includes(left))
      .map((left) => `directory ${left}`),
  ];
}

/**
 * Processes other than this one whose command line names one of the paths, or something below it, and none of those spared. A VMM that was
 * forked has the command line of what it is a fork of: whose it is, its relay's tells.
 */
function processesOf(all: readonly string[], spared: readonly string[] = []): string[] {
  const namesAny = (paths: readonly string[]) => (argument: string) =>
    paths.some((path) => argument.includes(`${path}/`) || argument === path || argument.endsWith(`=${path}`));
  return processes()
    .filter(({ pid, args }) => pid !== process.pid && args.some(namesAny(all)))
    .filter(({ pid, args }) => ![...args, ...argumentsOf(parentOf(pid))].some(namesAny(spared)))
    .map(({ pid, args }) => `process ${pid}: ${args[0]}`);
}

function processes(): { pid: number; args: readonly string[] }[] {
  if (process.platform !== 'linux') {
    const options = { encoding: 'utf8', timeout: psTimeoutMs, maxBuffer: 64 * 1024 ** 2 } as const;
    const table = execFileSync('ps', ['-axww', '-o', 'pid=,command='], options);
    return [...table.matchAll(/^\s*(\d+) (.*)$/gm)].map(([, pid, command]) => ({
      pid: Number(pid),
      args: (command ?? '').split(' '),
    }));
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), args: argumentsOf(Number(name)) }));
}

/** On Linux; none of a process that has ended. */
function argumentsOf(pid: number): string[] {
  return readProcess(pid, 'cmdline').split('\0');
}

/** On Linux, where there are forks; 0 elsewhere. */
function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readProcess(pid, 'status'))?.[1] ?? 0);
}

function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended since, or there is no such place
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

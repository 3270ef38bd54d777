import { readdirSync, readFileSync } from 'node:fs';
import type { Sandbox } from '@msbtest/core';
import { vmmOf } from '../support/vm.js';

/** What serves a sandbox's commands holds: by what it is. */
export async function footprint(sandbox: Sandbox): Promise<Readonly<Record<string, number>>> {
  (globalThis as { gc?: () => void }).gc?.();
  const { relay } = vmmOf(sandbox);
  const output = await sandbox.shell(script);
  const [descriptors = Number.NaN, zombies = Number.NaN, kib = Number.NaN] = output
    .stdout()
    .trim()
    .split(/\s+/)
    .map(Number);
  return {
    'agent: descriptors': descriptors,
    'agent: zombies in the guest': zombies,
    'agent: resident, KiB': kib,
    'relay: descriptors': readdirSync(`/proc/${relay}/fd`).length,
    'relay: resident, KiB': residentKib(relay),
    'here: descriptors': readdirSync('/proc/self/fd').length,
    'here: resident, MiB': process.memoryUsage().rss / 1024 ** 2,
  };
}

const script = `
ls /proc/1/fd | wc -l
cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '
awk '/^VmRSS/ { print $2 }' /proc/1/status`;

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

import { readdirSync, readFileSync } from 'node:fs';

/** What one machine is on the host. */
export interface MachineProcesses {
  readonly relay: number;
  readonly vmm: number;
}

/** The machines whose sandboxes are in a home. */
export function machinesIn(home: string): MachineProcesses[] {
  const relays = new Set<number>();
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const pid = Number(name);
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (args[1] === '--sandbox-dir' && args[2]?.startsWith(`${home}/`)) relays.add(pid);
      else parents.set(pid, Number(statFields(pid)[1]));
    } catch {
      // it has ended since
    }
  }
  return [...parents].filter(([, parent]) => relays.has(parent)).map(([vmm, relay]) => ({ relay, vmm }));
}

/** Memory that they have, their part of what they share with others included; MiB. */
export function pssMib(machines: readonly MachineProcesses[]): number {
  const kib = pidsOf(machines).map((pid) =>
    Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]),
  );
  return sum(kib) / 1024;
}

/** Processor time that they have used; ms, in steps of 10. */
export function cpuMs(machines: readonly MachineProcesses[]): number {
  const ticks = pidsOf(machines).map((pid) => {
    const fields = statFields(pid);
    return Number(fields[11]) + Number(fields[12]);
  });
  return sum(ticks) * tickMs;
}

/** USER_HZ, which is 100 for every architecture that we run on. */
const tickMs = 10;

/** The fields of `stat` from the state on, which is the first after a name that may hold anything. */
function statFields(pid: number): string[] {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return line.slice(line.lastIndexOf(')') + 2).split(' ');
}

function pidsOf(machines: readonly MachineProcesses[]): number[] {
  return machines.flatMap(({ relay, vmm }) => [relay, vmm]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

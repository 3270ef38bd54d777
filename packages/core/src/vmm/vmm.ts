import type { Accelerator } from '../host/hypervisor.js';

/** The machine to run, as far as a VMM needs to know it. */
export interface MachineSpec {
  readonly accelerator: Accelerator;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** The read-only root, `/dev/vda` in the guest. */
  readonly lower: string;
  /** The writable disk, `/dev/vdb` in the guest. */
  readonly upper: string;
  /** Where the VMM's own control socket shall be; null for one that nobody else may tell anything. */
  readonly controlSocket: string | null;
  readonly start: MachineStart;
}

/** What a kernel is booted with. */
export interface BootFiles {
  readonly kernel: string;
  readonly initramfs: string;
}

/**
 * How a machine comes to run. `boot`: its kernel boots. `template`: the same, with its memory in a file that is shared, so that the
 * machine can be frozen. `clone`: it goes on from where a template was frozen, on a private view of that file. `live`: the same, to be
 * forked; whose that is, its process says, and its forks. All but the first have more {@link vmmDescriptors}.
 */
export type MachineStart =
  | ({ readonly kind: 'boot' | 'template' } & BootFiles)
  | { readonly kind: 'clone' }
  | { readonly kind: 'live'; readonly owner: string };

/** The descriptors of every VMM's agent line and console. */
export const vmmLines = { agent: 3, console: 4 } as const;

/** The descriptors of a template's VMM, but for the last, and of the others', beside those that each has; in this order. */
export const vmmDescriptors = { control: 5, memory: 6, state: 7 } as const;

/** A program and its arguments. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * A virtual machine monitor, as the engine uses it: something that makes a command line. The process it names finds the
 * agent's chardev on descriptor 3 and the console's on 4 (connected sockets, {@link vmmLines}), and ends when the guest powers off.
 */
export interface Vmm {
  readonly name: string;
  /** @throws MissingDependencyError when it is not installed. */
  commandLine(spec: MachineSpec): CommandLine;
}

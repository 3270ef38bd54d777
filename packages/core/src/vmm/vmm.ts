import type { Accelerator } from '../host/hypervisor.js';

/** The machine to run, as far as a VMM needs to know it. */
export interface MachineSpec {
  readonly accelerator: Accelerator;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly initramfs: string;
  /** The read-only root, `/dev/vda` in the guest. */
  readonly lower: string;
  /** The writable disk, `/dev/vdb` in the guest. */
  readonly upper: string;
  /** Where the VMM's own control socket shall be. */
  readonly controlSocket: string;
}

/** A program and its arguments. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * A virtual machine monitor, as the engine uses it: something that makes a command line. The process it names finds the
 * agent's chardev on descriptor 3 and the console's on 4 (connected sockets), and ends when the guest powers off.
 */
export interface Vmm {
  readonly name: string;
  /** @throws MissingDependencyError when it is not installed. */
  commandLine(spec: MachineSpec): CommandLine;
}

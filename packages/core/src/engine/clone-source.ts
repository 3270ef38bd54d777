import type { SandboxDirectory } from '../store/sandbox-directory.js';
import type { Qmp } from '../vmm/qmp.js';
import type { StartVmm } from './spawn-relay.js';

/** What machines of one shape can be cloned from. */
export interface CloneSource {
  /** The disk that a clone begins with; to be copied. */
  readonly upper: string;
  /** Whether its clones are forks of a VMM, which there is before the relay, rather than started by that. */
  readonly forks: boolean;

  /**
   * A way to start the VMM of a clone.
   *
   * @param directory with the clone's own copy of the disk.
   * @param qmp whose other end the VMM gets.
   * @throws the error of the file system where the source is gone.
   */
  vmm(directory: SandboxDirectory, qmp: Qmp): StartVmm;

  /** Has that VMM run the guest; may be called before there is one. Resolves when it does. @throws VmmControlError */
  goOn(qmp: Qmp): Promise<void>;

  /** Hears that a clone of it came to nothing. It is not used again; what is to be said of it is said. */
  failed(sandbox: string, error: Error): Promise<void>;
}

import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { guestInitramfs } from '../guest/initramfs.js';
import { guestKernel } from '../guest/kernel.js';
import type { Accelerator } from '../host/hypervisor.js';
import { errnoOf } from '../host/native.js';
import type { SandboxRecord } from '../store/record.js';
import { qemu } from '../vmm/qemu.js';
import type { BootFiles, CommandLine, MachineStart } from '../vmm/vmm.js';
import type { Environment } from './environment.js';

/** Changes with what a template is made of, or what is done to a machine before it is frozen. */
const templateFormat = 1;

/**
 * What machines have in common that can be clones of one template: everything that their kernel and their agent have seen before
 * they are told whose they are.
 */
export class Shape {
  readonly accelerator: Accelerator;
  readonly diskMib: number;
  readonly #record: SandboxRecord;
  readonly #boot: BootFiles;

  /** @throws MissingDependencyError, InvalidConfigError without what a guest boots with. */
  constructor(environment: Environment, record: SandboxRecord, accelerator: Accelerator) {
    const kernel = guestKernel();
    this.accelerator = accelerator;
    this.diskMib = record.config.rootDiskMib;
    this.#record = record;
    this.#boot = {
      kernel: kernel.image,
      initramfs: guestInitramfs(environment.places, kernel, environment.agent),
    };
  }

  /** The VMM for a machine of this shape. @throws MissingDependencyError */
  command(
    start: Exclude<MachineStart, BootFiles> | 'boot' | 'template',
    files: { readonly upper: string; readonly controlSocket: string | null },
  ): CommandLine {
    const { config, image } = this.#record;
    return qemu.commandLine({
      accelerator: this.accelerator,
      cpus: config.cpus,
      memoryMiB: config.memoryMib,
      lower: image.rootfs,
      upper: files.upper,
      controlSocket: files.controlSocket,
      start: typeof start === 'string' ? { kind: start, ...this.#boot } : start,
    });
  }

  /**
   * The name of this shape's template: a hash of all that it depends on. So none is ever found that was made by another QEMU or of
   * another agent, and none of before the host's last start, whose files a power cut may have left half written.
   *
   * @returns null where the host does not tell one start from another; machines boot there.
   */
  templateKey(): string | null {
    const hostBoot = hostBootId();
    if (hostBoot === null) return null;
    const { file, args } = this.command('template', { upper: 'upper', controlSocket: 'control' });
    const files = [file, this.#boot.kernel, this.#boot.initramfs, this.#record.image.rootfs].map(identityOf);
    const whole = JSON.stringify({
      templateFormat,
      hostBoot,
      args: args.map(withoutMeasurement),
      files,
      disk: this.diskMib,
    });
    return createHash('sha256').update(whole).digest('hex').slice(0, 32);
  }
}

function hostBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** An argument without the rate of the host's counter, which each process measures anew, and a little differently. */
function withoutMeasurement(arg: string): string {
  return arg.replace(/\btsc_early_khz=\d+/, '');
}

/** A file and its content, as far as that can be told without reading it. */
function identityOf(path: string): readonly unknown[] {
  const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
  return [path, dev, ino, size, mtimeMs, ctimeMs];
}

import { HypervisorUnavailableError, InvalidConfigError } from '../errors.js';
import { type HypervisorProbe, native } from './native.js';

/** What executes the guest's instructions. `tcg` is emulation: everywhere available, about twenty times slower. */
export type Accelerator = 'kvm' | 'hvf' | 'tcg';

/** What `MSB_ACCEL` may say. */
export type AcceleratorChoice = Accelerator | 'auto';

/** One hypervisor as this machine has it. */
export interface HypervisorReport {
  readonly accelerator: 'kvm' | 'hvf';
  readonly available: boolean;
  /** What was found: the failing step and its errno, or the API version. */
  readonly finding: string;
  /** What to do about it; absent when available. */
  readonly remedy?: string;
  readonly step: string;
}

/** Reads `MSB_ACCEL`; default `auto`. @throws InvalidConfigError */
export function acceleratorChoice(env: NodeJS.ProcessEnv = process.env): AcceleratorChoice {
  const choice = env.MSB_ACCEL || 'auto';
  if (choice === 'auto' || choice === 'kvm' || choice === 'hvf' || choice === 'tcg') return choice;
  throw new InvalidConfigError(`MSB_ACCEL is "${choice}"; it can be auto, kvm, hvf or tcg.`);
}

/**
 * The accelerator to use. `auto` takes the hypervisor of this system and never falls back to emulation: a suite that became
 * twenty times slower by itself would be a riddle.
 *
 * @throws HypervisorUnavailableError with the failing step and the remedy.
 */
export function pickAccelerator(choice: AcceleratorChoice): Accelerator {
  const report = hypervisorFor(choice);
  if (report === null) return 'tcg';
  if (report.available) return report.accelerator;
  throw new HypervisorUnavailableError(
    `This machine cannot run microVMs with ${report.accelerator}: ${report.finding}. ${report.remedy} ` +
      'Or set MSB_ACCEL=tcg for software emulation, which needs no hypervisor and is about twenty times slower.',
    report.step,
  );
}

/** What the choice comes to on this machine: the report on its hypervisor; null for emulation, which needs none. */
export function hypervisorFor(choice: AcceleratorChoice): HypervisorReport | null {
  if (choice === 'tcg') return null;
  return choice === 'auto' ? probeHypervisor() : probe(choice);
}

/** Asks the hypervisor that belongs to this operating system. */
export function probeHypervisor(): HypervisorReport {
  return probe(process.platform === 'darwin' ? 'hvf' : 'kvm');
}

function probe(accelerator: 'kvm' | 'hvf'): HypervisorReport {
  const result = accelerator === 'kvm' ? native.probeKvm() : native.probeHvf();
  if (result.ok) {
    return { accelerator, available: true, finding: `API version ${result.apiVersion}`, step: 'done' };
  }
  const where =
    accelerator === 'kvm' ? `${result.step === 'open' ? 'open /dev/kvm' : result.step}` : result.step;
  return {
    accelerator,
    available: false,
    finding: `${where} failed with ${result.code}`,
    remedy: remedy(accelerator, result),
    step: result.step,
  };
}

function remedy(accelerator: 'kvm' | 'hvf', result: Exclude<HypervisorProbe, { ok: true }>): string {
  if (accelerator === 'hvf') {
    return process.platform === 'darwin'
      ? 'Hypervisor.framework needs Apple hardware that is not itself a virtual machine (hosted macOS runners are).'
      : 'Hypervisor.framework is a part of macOS; use MSB_ACCEL=kvm here.';
  }
  switch (result.code) {
    case 'ENOENT':
      return 'Load the module (modprobe kvm_intel or kvm_amd), enable virtualization in the firmware, or, in a virtual machine or container, have /dev/kvm passed through.';
    case 'EACCES':
    case 'EPERM':
      return 'Give this user access: sudo usermod -aG kvm $USER and log in again; on a CI runner, a udev rule (KERNEL=="kvm", MODE="0666").';
    case 'EBUSY':
      return 'Another hypervisor on this machine holds the virtualization extensions; stop it.';
    default:
      return 'See the kernel log (dmesg) for KVM messages.';
  }
}

import { HypervisorUnavailableError, InvalidConfigError } from '../errors.js';
import { type Accelerator, acceleratorChoice, hypervisorFor } from '../host/hypervisor.js';

/**
 * What `MSB_TEST` may say. `auto`: microVM tests run where a hypervisor is, and are skipped elsewhere; `require`: a machine
 * that cannot run them is an error; `off`: they are skipped everywhere.
 */
export type TestMode = 'auto' | 'require' | 'off';

/** Whether microVM tests run here, and if not, why, and what would change that. */
export type Gate =
  | { readonly open: true; readonly mode: 'auto' | 'require'; readonly accelerator: Accelerator }
  | { readonly open: false; readonly mode: TestMode; readonly reason: string; readonly remedy: string };

/** Reads `MSB_TEST`; default `auto`. @throws InvalidConfigError */
export function testMode(env: NodeJS.ProcessEnv = process.env): TestMode {
  const mode = env.MSB_TEST || 'auto';
  if (mode === 'auto' || mode === 'require' || mode === 'off') return mode;
  throw new InvalidConfigError(`MSB_TEST is "${mode}"; it can be auto, require or off.`);
}

/**
 * Asks this machine, by opening its hypervisor. Software emulation opens the gate only where it was chosen (`MSB_ACCEL=tcg`).
 *
 * @throws InvalidConfigError when `MSB_TEST` or `MSB_ACCEL` say what they cannot.
 */
export function decideGate(env: NodeJS.ProcessEnv = process.env): Gate {
  const mode = testMode(env);
  const choice = acceleratorChoice(env);
  if (mode === 'off') {
    return { open: false, mode, reason: 'MSB_TEST=off', remedy: 'Unset MSB_TEST, or set it to auto.' };
  }
  const report = hypervisorFor(choice);
  if (report === null) return { open: true, mode, accelerator: 'tcg' };
  if (report.available) return { open: true, mode, accelerator: report.accelerator };
  return {
    open: false,
    mode,
    reason: `no ${report.accelerator.toUpperCase()}: ${report.finding}`,
    remedy: `${report.remedy} Or set MSB_ACCEL=tcg for software emulation, about twenty times slower.`,
  };
}

/** Why a test was skipped, in one line: the reason and the remedy. */
export function skipNote(gate: Gate & { readonly open: false }): string {
  return `microVM: ${gate.reason}. ${gate.remedy}`;
}

/** The same for all microVM tests of a file, where nothing at the end of the run says so. */
export function skippedFileNote(file: string, gate: Gate & { readonly open: false }): string {
  return `microVM tests of ${file} are skipped: ${gate.reason}. ${gate.remedy}`;
}

/** Whether tests are to be skipped here; where they may not be, and cannot run, that is {@link requireGate}'s to say. */
export function isSkipped(gate: Gate): gate is Gate & { readonly open: false } {
  return !gate.open && gate.mode !== 'require';
}

/** @throws HypervisorUnavailableError where microVM tests must run and cannot. */
export function requireGate(gate: Gate): void {
  if (gate.open || gate.mode !== 'require') return;
  throw new HypervisorUnavailableError(
    `MSB_TEST=require, but this machine cannot run microVM tests: ${gate.reason}. ${gate.remedy}`,
    'gate',
  );
}

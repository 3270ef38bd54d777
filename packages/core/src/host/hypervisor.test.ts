import { describe, expect, it } from 'vitest';
import { HypervisorUnavailableError, InvalidConfigError } from '../errors.js';
import { acceleratorChoice, pickAccelerator, probeHypervisor } from './hypervisor.js';

describe('the accelerator', () => {
  it('is what MSB_ACCEL says, auto by default, and nothing else', () => {
    expect(acceleratorChoice({})).toBe('auto');
    for (const choice of ['auto', 'kvm', 'hvf', 'tcg'] as const)
      expect(acceleratorChoice({ MSB_ACCEL: choice })).toBe(choice);
    expect(() => acceleratorChoice({ MSB_ACCEL: 'fast' })).toThrow(InvalidConfigError);
  });

  it('is emulation only when that was asked for', () => {
    expect(pickAccelerator('tcg')).toBe('tcg');
    const { available, accelerator } = probeHypervisor();
    if (available) expect(pickAccelerator('auto')).toBe(accelerator);
    else expect(() => pickAccelerator('auto')).toThrow(HypervisorUnavailableError);
  });

  it('that cannot be had is named with the failing step and the remedy', () => {
    const elsewhere = process.platform === 'darwin' ? 'kvm' : 'hvf';
    expect(() => pickAccelerator(elsewhere)).toThrow(
      new RegExp(`cannot run microVMs with ${elsewhere}: .* failed with .*MSB_ACCEL=tcg`),
    );
  });
});

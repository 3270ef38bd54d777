import { describe, expect, it } from 'vitest';
import { probeHypervisor } from '../host/hypervisor.js';
import { decideGate, isSkipped, requireGate, skipNote, testMode } from './gate.js';

describe('testMode', () => {
  it.each([
    [undefined, 'auto'],
    ['', 'auto'],
    ['auto', 'auto'],
    ['require', 'require'],
    ['off', 'off'],
  ])('reads MSB_TEST=%s as %s', (value, mode) => {
    expect(testMode({ MSB_TEST: value })).toBe(mode);
  });

  it('refuses anything else', () => {
    expect(() => testMode({ MSB_TEST: 'required' })).toThrow(
      'MSB_TEST is "required"; it can be auto, require or off.',
    );
  });
});

describe('decideGate', () => {
  it('is open for emulation only where that was chosen', () => {
    expect(decideGate({ MSB_ACCEL: 'tcg' })).toEqual({ open: true, mode: 'auto', accelerator: 'tcg' });
    expect(decideGate({ MSB_ACCEL: 'tcg', MSB_TEST: 'require' })).toMatchObject({
      open: true,
      mode: 'require',
    });
  });

  it('is closed by MSB_TEST=off, whatever the machine can do', () => {
    expect(decideGate({ MSB_ACCEL: 'tcg', MSB_TEST: 'off' })).toMatchObject({
      open: false,
      reason: 'MSB_TEST=off',
    });
  });

  it('goes by the hypervisor otherwise', () => {
    expect(decideGate({}).open).toBe(probeHypervisor().available);
  });

  it('says what is missing and what to do', () => {
    const gate = decideGate({ MSB_ACCEL: process.platform === 'darwin' ? 'kvm' : 'hvf' }); // the other system's
    if (gate.open) throw new Error('this machine has the hypervisor of another system');
    expect(skipNote(gate)).toMatch(/^microVM: no (HVF|KVM): .* MSB_ACCEL=tcg/);
    expect(isSkipped(gate)).toBe(true);
    expect(() => requireGate(gate)).not.toThrow();
    const required = { ...gate, mode: 'require' } as const;
    expect(isSkipped(required)).toBe(false);
    expect(() => requireGate(required)).toThrow(/^MSB_TEST=require, but .*no (HVF|KVM).*MSB_ACCEL=tcg/);
    expect(() => requireGate(required)).toThrow(expect.objectContaining({ code: 'hypervisorUnavailable' }));
  });
});

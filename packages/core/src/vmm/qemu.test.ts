import { describe, expect, it } from 'vitest';
import type { Accelerator } from '../host/hypervisor.js';
import { qemu } from './qemu.js';
import type { MachineStart } from './vmm.js';

const booted = { kind: 'boot', kernel: '/kernel', initramfs: '/initramfs' } as const;

function argumentsFor(
  accelerator: Accelerator,
  { upper = '/upper', start = booted as MachineStart } = {},
): readonly string[] {
  const files = { lower: '/lower', upper, controlSocket: '/run/qmp.sock' };
  return qemu.commandLine({ accelerator, cpus: 2, memoryMiB: 128, ...files, start }).args;
}

const following = (args: readonly string[], option: string) => args[args.indexOf(option) + 1];

describe('the command line of QEMU', () => {
  it('differs between accelerators by the accelerator, the processor and what the kernel is told of the clock', () => {
    const [kvm, hvf, tcg] = (['kvm', 'hvf', 'tcg'] as const).map((accelerator) => argumentsFor(accelerator));
    const differing = (a: readonly string[] = [], b: readonly string[] = []) =>
      a.flatMap((arg, i) => (arg === b[i] ? [] : [a[i - 1]]));
    expect(differing(kvm, hvf)).toEqual(['-accel']);
    expect(differing(kvm, tcg)).toEqual(['-accel', '-cpu', '-append']);
    expect(following(kvm ?? [], '-cpu')).toBe('host');
  });

  it('has the read-only root first and the upper second, which makes them vda and vdb', () => {
    const drives = argumentsFor('tcg').filter((arg) => arg.startsWith('if=none'));
    expect(drives).toHaveLength(2);
    expect(drives[0]).toMatch(/id=lower.*file=\/lower.*readonly=on/);
    expect(drives[1]).toMatch(/id=upper.*file=\/upper.*werror=report/);
    expect(drives[1]).not.toContain('readonly');
  });

  it('is not led astray by a comma in a path', () => {
    expect(argumentsFor('tcg', { upper: '/a,readonly=on/upper' }).join(' ')).toContain(
      'file=/a,,readonly=on/upper,',
    );
  });

  it('gives the guest no device that it was not asked for', () => {
    const args = argumentsFor('tcg');
    expect(args).toContain('-nodefaults');
    expect(args).toContain('-no-user-config');
    expect(args.filter((_, i) => args[i - 1] === '-device')).toEqual([
      'virtio-serial-device',
      'virtserialport,chardev=agent,name=agent',
      'virtio-blk-device,drive=lower,serial=lower',
      'virtio-blk-device,drive=upper,serial=upper',
    ]);
  });

  it('gives a clone the same machine as its template, a private view of its memory, and nothing to boot', () => {
    const template = argumentsFor('tcg', { start: { ...booted, kind: 'template' } });
    const clone = argumentsFor('tcg', { start: { kind: 'clone' } });
    const machine = ['-machine', '-cpu', '-smp', '-m', '-global'];
    for (const option of machine) expect(following(clone, option)).toBe(following(template, option));
    expect(clone.filter((_, i) => clone[i - 1] === '-device')).toEqual(
      template.filter((_, i) => template[i - 1] === '-device'),
    );
    expect(following(template, '-object')).toMatch(/mem-path=\/proc\/self\/fd\/6,share=on$/);
    expect(following(clone, '-object')).toMatch(/mem-path=\/proc\/self\/fd\/6,share=off$/);
    expect(clone).not.toContain('-kernel');
    expect(following(clone, '-incoming')).toBe('defer');
  });
});

import { MissingDependencyError } from '../errors.js';
import { findExecutable } from '../host/executables.js';
import type { Accelerator } from '../host/hypervisor.js';
import { native } from '../host/native.js';
import {
  type CommandLine,
  type MachineSpec,
  type MachineStart,
  type Vmm,
  vmmDescriptors,
  vmmLines,
} from './vmm.js';

/** What differs between the processors that guests can have; a guest has its host's. */
interface Architecture {
  readonly program: string;
  /** A smaller build that knows hypervisors only, and starts in a quarter of the time; used where it is installed. */
  readonly slimProgram?: string;
  readonly debianPackage: string;
  readonly machine: string;
  readonly emulatedCpu: string;
  readonly console: string;
  /** What the kernel has to be told on that machine. */
  kernelArguments(accelerator: Accelerator): string;
}

const architectures: Readonly<Record<string, Architecture>> = {
  x64: {
    program: 'qemu-system-x86_64',
    slimProgram: 'qemu-system-x86_64-microvm',
    debianPackage: 'qemu-system-x86',
    // acpi=on: Debian's kernel finds its virtio-mmio devices there, and RB_POWER_OFF needs it.
    // rtc=on: without it the kernel waits two seconds for a clock that is not there.
    // pit=off: the kernel measures its timer against the time-stamp counter then, and never ticks by the slow one.
    machine: 'microvm,acpi=on,rtc=on,isa-serial=on,pcie=off,usb=off,pit=off,ioapic2=off',
    // arat: the timer does not stop when the processor rests. Without it the kernel keeps ticking, 250 times a second.
    emulatedCpu: 'qemu64,arat=on',
    console: 'ttyS0',
    // Without a hypervisor's clock the kernel measures its time-stamp counter against an emulated timer, which fails while the
    // host is busy, and it then hangs. Under emulation the counter is the host's, so its rate can be told.
    kernelArguments: (accelerator) =>
      accelerator === 'tcg' ? `no_timer_check tsc=reliable tsc_early_khz=${tscKhz()}` : 'no_timer_check',
  },
  arm64: {
    program: 'qemu-system-aarch64',
    debianPackage: 'qemu-system-arm',
    machine: 'virt,gic-version=max',
    emulatedCpu: 'cortex-a57',
    console: 'ttyAMA0',
    kernelArguments: () => '',
  },
};

let measuredTscKhz: number | undefined;

/** Measured once for each process: it takes 20 ms and does not change. */
function tscKhz(): number {
  measuredTscKhz ??= Math.round(native.measureTscKhz());
  return measuredTscKhz;
}

/** QEMU with nothing but what a guest needs: two disks, one agent port, one serial console. */
export const qemu: Vmm = {
  name: 'qemu',

  commandLine(spec: MachineSpec): CommandLine {
    const architecture = hostArchitecture();
    return { file: qemuProgram(spec.accelerator), args: qemuArguments(spec, architecture) };
  },
};

/** The QEMU of this host's processor: `MSB_QEMU`, else the one in PATH. @throws MissingDependencyError */
export function qemuProgram(accelerator: Accelerator, env: NodeJS.ProcessEnv = process.env): string {
  const { program, slimProgram, debianPackage } = hostArchitecture();
  const wanted = env.MSB_QEMU || program;
  const slim = !env.MSB_QEMU && accelerator === 'kvm' && slimProgram;
  const found = (slim && findExecutable(slim, env)) || findExecutable(wanted, env);
  if (found) return found;
  throw new MissingDependencyError(
    `${wanted} is not installed${env.MSB_QEMU ? ' (MSB_QEMU names it)' : ''}; it runs the microVMs. ` +
      `On Debian: apt-get install ${debianPackage}; with Homebrew: brew install qemu.`,
  );
}

function hostArchitecture(): Architecture {
  const architecture = architectures[process.arch];
  if (architecture) return architecture;
  throw new MissingDependencyError(
    `There are no microVMs for ${process.arch} processors yet; x64 and arm64 have them.`,
  );
}

function qemuArguments(spec: MachineSpec, architecture: Architecture): string[] {
  // What is forked has the lock of its disk in common with its forks, whose disks are others.
  const locking = spec.start.kind === 'live' ? ['file.locking=off'] : [];
  return [
    '-nodefaults',
    '-no-user-config',
    '-no-reboot',
    ['-display', 'none'],
    ['-accel', spec.accelerator],
    ['-cpu', spec.accelerator === 'tcg' ? architecture.emulatedCpu : 'host'],
    ['-smp', `${spec.cpus}`],
    ['-m', `${spec.memoryMiB}M`],
    ['-global', 'virtio-mmio.force-legacy=false'],
    ['-chardev', `socket,id=console,fd=${vmmLines.console}`],
    ['-serial', 'chardev:console'],
    ['-chardev', `socket,id=agent,fd=${vmmLines.agent}`],
    ['-device', 'virtio-serial-device'],
    ['-device', 'virtserialport,chardev=agent,name=agent'],
    drive('lower', spec.lower, 'readonly=on', ...locking),
    drive('upper', spec.upper, 'cache=writeback', 'discard=unmap', ...locking),
    spec.controlSocket === null ? [] : ['-qmp', `unix:${escaped(spec.controlSocket)},server=on,wait=off`],
    startArguments(spec, architecture),
  ].flat();
}

function startArguments(
  { start, accelerator, memoryMiB }: MachineSpec,
  architecture: Architecture,
): string[] {
  if (start.kind === 'boot')
    return ['-machine', architecture.machine, ...bootArguments(start, accelerator, architecture)];
  const { control, memory } = vmmDescriptors;
  const share = start.kind === 'template' ? 'on' : 'off';
  return [
    ['-machine', `${architecture.machine},memory-backend=ram`],
    [
      '-object',
      `memory-backend-file,id=ram,size=${memoryMiB}M,mem-path=/proc/self/fd/${memory},share=${share}`,
    ],
    ['-chardev', `socket,id=control,fd=${control}`],
    ['-mon', 'chardev=control,mode=control'],
    start.kind === 'template' ? bootArguments(start, accelerator, architecture) : ['-incoming', 'defer'],
    start.kind === 'live' ? ['-name', `guest=${escaped(start.owner)}`] : [],
  ].flat();
}

function bootArguments(
  { kernel, initramfs }: Exclude<MachineStart, { kind: 'clone' | 'live' }>,
  accelerator: Accelerator,
  architecture: Architecture,
): string[] {
  const kernelCommandLine = [
    `console=${architecture.console}`,
    'quiet loglevel=4', // warnings and worse: what a failed boot is explained with
    'panic=-1 reboot=t', // a guest that panics ends at once, with the reason on its console
    // An idle kernel's own housekeeping is most of what an idle machine costs, and a hundred of them slow down the next.
    'nowatchdog sysctl.vm.compaction_proactiveness=0 sysctl.vm.stat_interval=60',
    architecture.kernelArguments(accelerator),
  ];
  return ['-kernel', kernel, '-initrd', initramfs, '-append', kernelCommandLine.filter(Boolean).join(' ')];
}

function drive(id: string, file: string, ...options: string[]): string[] {
  // A full disk is the guest's to hear of; by default QEMU would stop its processors, for ever and without a word.
  const errors = ['werror=report', 'rerror=report'];
  const backend = ['if=none', `id=${id}`, 'format=raw', `file=${escaped(file)}`, ...errors, ...options].join(
    ',',
  );
  return ['-drive', backend, '-device', `virtio-blk-device,drive=${id},serial=${id}`];
}

/** A value inside a QEMU option list: its commas are doubled. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}

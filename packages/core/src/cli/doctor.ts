import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { environmentFrom } from '../engine/environment.js';
import type { Templates } from '../engine/templates.js';
import { guestKernel } from '../guest/kernel.js';
import { findExecutable } from '../host/executables.js';
import { type AcceleratorChoice, pickAccelerator, probeHypervisor } from '../host/hypervisor.js';
import { privateDirectory } from '../host/paths.js';
import type { ImageStore } from '../image/image-store.js';
import { qemuProgram } from '../vmm/qemu.js';
import { type Command, printJson } from './command.js';

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** What was found, or the failing step with its remedy. */
  readonly finding: string;
  /** Whether sandboxes can run although it is not ok. */
  readonly optional: boolean;
}

export const doctor: Command = {
  summary: 'say whether this machine can run microVMs, and if not, why and what to do',
  help: `Usage: msbtest doctor [--json]

Probes the hypervisor by opening it and asking it, and looks for everything else that a sandbox needs. The exit status is 0 when
sandboxes can run here with the chosen accelerator (MSB_ACCEL), else 1.`,
  options: { json: { type: 'boolean' } },

  async run(invocation) {
    const environment = environmentFrom();
    const findings = [
      probe('hypervisor', () => hypervisor(), true),
      probe(`accelerator (MSB_ACCEL=${environment.accelerator})`, () =>
        pickAccelerator(environment.accelerator),
      ),
      probe('VMM', () => vmm(environment.accelerator)),
      probe('guest kernel', () => kernel()),
      probe('base image', () => baseImage(environment.images), true),
      probe('guest agent', () => readable(environment.agent)),
      probe('relay', () => executable(environment.relay)),
      probe('mke2fs', () => tool('mke2fs', 'e2fsprogs')),
      probe('templates', () => templates(environment.templates)),
      probe('sockets', () => privateDirectory(environment.places.runtime)),
    ];
    const ok = findings.every((finding) => finding.ok || finding.optional);
    if (invocation.flag('json')) printJson({ ok, findings, places: environment.places });
    else
      for (const finding of findings)
        process.stdout.write(`${mark(finding)} ${finding.check}: ${finding.finding}\n`);
    return ok ? 0 : 1;
  },
};

function mark({ ok, optional }: Finding): string {
  return ok ? '✓' : optional ? '-' : '✗';
}

function probe(check: string, look: () => string, optional = false): Finding {
  try {
    return { check, ok: true, finding: look(), optional };
  } catch (error) {
    return { check, ok: false, finding: (error as Error).message, optional };
  }
}

function hypervisor(): string {
  const report = probeHypervisor();
  if (report.available) return `${report.accelerator}, ${report.finding}`;
  throw new Error(`${report.accelerator}: ${report.finding}. ${report.remedy}`);
}

function vmm(choice: AcceleratorChoice): string {
  const program = qemuProgram(choice === 'auto' ? probeHypervisor().accelerator : choice);
  const version = execFileSync(program, ['--version'], { encoding: 'utf8', timeout: 10_000 }).split('\n')[0];
  return `${program} (${version})`;
}

function kernel(): string {
  const { version, image, modules } = guestKernel();
  for (const file of [image, ...modules]) readable(file);
  return `${version}, ${image}, ${modules.length} modules`;
}

function baseImage(images: ImageStore): string {
  const { digest, annotations } = images.baseManifest();
  return `${annotations?.['org.opencontainers.image.ref.name']} ${digest}`;
}

function templates(store: Templates): string {
  const list = store.list();
  const bytes = list.reduce((sum, template) => sum + template.bytes, 0);
  return `${list.length}, ${Math.round(bytes / 1024 ** 2)} MiB of the disk; made when a kind of machine is first asked for`;
}

function readable(path: string): string {
  accessSync(path, constants.R_OK);
  return path;
}

function executable(path: string): string {
  accessSync(path, constants.X_OK);
  return path;
}

function tool(name: string, debianPackage: string): string {
  const found = findExecutable(name);
  if (found) return found;
  throw new Error(`not installed; on Debian: apt-get install ${debianPackage}`);
}

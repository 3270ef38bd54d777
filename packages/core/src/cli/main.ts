import { isMicrosandboxError } from '../errors.js';
import { type Command, parseInvocation, UsageError } from './command.js';
import { conformance } from './conformance.js';
import { doctor } from './doctor.js';
import { exec } from './exec.js';
import { prune, rmi } from './image-cleaning.js';
import { rm, start, stop } from './lifecycle.js';
import { images, load, ps } from './list.js';
import { logs } from './logs.js';
import { pull } from './pull.js';
import { run } from './run.js';

const commands: Readonly<Record<string, Command>> = {
  doctor,
  run,
  exec,
  ps,
  stop,
  start,
  rm,
  logs,
  images,
  pull,
  load,
  rmi,
  prune,
  conformance,
};

/** As container tools have it: the tool itself failed, not the guest's command. */
const statusOwnFailure = 125;
const statusUsage = 2;

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const wanted = args[0] === undefined ? undefined : commands[args[0]];
    process.stdout.write(`${wanted?.help ?? overview()}\n`);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return usageError(`there is no command "${name}".`, 'msbtest --help');
  const end = args.indexOf('--');
  if (args.slice(0, end < 0 ? undefined : end).some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(`${command.help}\n`);
    return 0;
  }
  try {
    return await command.run(parseInvocation(command, args));
  } catch (error) {
    if (error instanceof UsageError) return usageError(error.message, `msbtest ${name} --help`);
    if (!isMicrosandboxError(error)) throw error;
    process.stderr.write(`msbtest: ${error.message}\n`);
    return name === 'run' || name === 'exec' ? statusOwnFailure : 1;
  }
}

function usageError(message: string, help: string): number {
  process.stderr.write(`msbtest: ${message} See ${help}\n`);
  return statusUsage;
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const list = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `msbtest: microVMs for tests

Usage: msbtest COMMAND [options]

${list.join('\n')}

"msbtest COMMAND --help" explains one. Begin with: msbtest doctor

Environment: MSB_ACCEL auto|kvm|hvf|tcg (tcg is software emulation: slow, but it needs no hypervisor), MSB_HOME for
sandboxes, MSB_CACHE for images and blank disks, MSB_REGISTRY_MIRRORS and MSB_REGISTRY_INSECURE for registries, MSB_KERNEL for another guest kernel, MSB_QEMU for another QEMU.`;
}

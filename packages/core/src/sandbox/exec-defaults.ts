import { ImageError, NoDefaultCommandError } from '../errors.js';
import type { SandboxConfig, SandboxRecord } from '../store/record.js';
import type { ExecOptions } from './exec-types.js';
import { signalNumber } from './signal-number.js';

/** Adds to a command's details what its sandbox says of all commands. What the command says itself comes first. */
export function applyDefaults(options: ExecOptions, { user, rlimits = [] }: SandboxConfig): void {
  if (options.user === undefined && user !== undefined) options.user = user;
  const own = new Set(options.rlimits.map(({ resource }) => resource));
  options.rlimits.push(...rlimits.filter(({ resource }) => !own.has(resource)));
}

/** @throws NoDefaultCommandError */
export function defaultCommand({ name, image, entrypoint = [], cmd = [] }: SandboxConfig): {
  program: string;
  args: string[];
} {
  const [program, ...args] = [...entrypoint, ...cmd];
  if (program !== undefined) return { program, args };
  throw new NoDefaultCommandError(
    `Sandbox "${name}" has no command of its own: the image ${image} names none. Name one with .entrypoint() or .cmd(), ` +
      'or run one by name with exec().',
  );
}

/** The number of the signal that ends the default command; undefined where the image names none. @throws ImageError */
export function stopSignalOf({ image }: SandboxRecord): number | undefined {
  if (image.stopSignal === undefined) return undefined;
  const number = signalNumber(image.stopSignal);
  if (number !== null) return number;
  throw new ImageError(
    `The image ${image.reference} names ${JSON.stringify(image.stopSignal)} as its stop signal, which is none. ` +
      'Image.from(…).stopSignal(…) makes one that names another.',
  );
}

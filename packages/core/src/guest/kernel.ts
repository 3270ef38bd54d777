import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { kernelDirectory } from '@msbtest/guest';
import { InvalidConfigError, MissingDependencyError } from '../errors.js';

/** A kernel that guests boot. */
export interface GuestKernel {
  readonly version: string;
  /** The image for the VMM's `-kernel`. */
  readonly image: string;
  /** Modules to load before anything else, in this order; absolute paths. */
  readonly modules: readonly string[];
}

/** `kernel.json`: what lies beside it. */
interface KernelManifest {
  readonly version: string;
  /** As Node names it; this machine's unless told. */
  readonly arch?: string;
  /** In the order in which they are loaded. */
  readonly modules: readonly { readonly file: string }[];
}

/**
 * The kernel to boot: `MSB_KERNEL`, else the one of `@msbtest/guest`. `MSB_KERNEL` names a directory with `vmlinuz`,
 * `kernel.json` and `modules/`, or a kernel image that has all its drivers built in.
 *
 * @throws InvalidConfigError when MSB_KERNEL names nothing of the kind; MissingDependencyError when the package has none that can be
 *   booted here.
 */
export function guestKernel(env: NodeJS.ProcessEnv = process.env, packaged = kernelDirectory): GuestKernel {
  if (env.MSB_KERNEL) return namedKernel(env.MSB_KERNEL);
  try {
    return kernelIn(packaged);
  } catch (error) {
    throw new MissingDependencyError(
      `The package @msbtest/guest has no guest kernel for this machine. ${(error as Error).message} In a checkout, npm start ` +
        'makes it; elsewhere install the package again, or name a kernel with MSB_KERNEL.',
      { cause: error },
    );
  }
}

function namedKernel(path: string): GuestKernel {
  try {
    if (statSync(path).isDirectory()) return kernelIn(path);
  } catch (error) {
    throw new InvalidConfigError(
      `MSB_KERNEL names ${path}, which is no guest kernel. ${(error as Error).message}`,
      { cause: error },
    );
  }
  return { version: basename(path), image: path, modules: [] };
}

function kernelIn(directory: string): GuestKernel {
  const { version, arch = process.arch, modules } = readManifest(directory);
  if (arch !== process.arch) {
    throw new InvalidConfigError(
      `The guest kernel in ${directory} is for ${arch}; this machine is ${process.arch}.`,
    );
  }
  const kernel: GuestKernel = {
    version,
    image: join(directory, 'vmlinuz'),
    modules: modules.map(({ file }) => join(directory, 'modules', basename(file))),
  };
  const absent = [kernel.image, ...kernel.modules].filter((file) => !existsSync(file));
  if (absent.length > 0)
    throw new InvalidConfigError(`The guest kernel in ${directory} lacks ${absent.join(', ')}.`);
  return kernel;
}

function readManifest(directory: string): KernelManifest {
  const path = join(directory, 'kernel.json');
  try {
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as KernelManifest;
    if (Array.isArray(manifest.modules)) return manifest;
    throw new Error('it lists no modules');
  } catch (error) {
    throw new InvalidConfigError(`${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

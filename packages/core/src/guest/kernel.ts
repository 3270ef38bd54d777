import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InvalidConfigError, MissingDependencyError } from '../errors.js';
import type { Places } from '../host/paths.js';

/** A kernel that guests boot. */
export interface GuestKernel {
  readonly version: string;
  /** The image for the VMM's `-kernel`. */
  readonly image: string;
  /** Modules to load before anything else, in this order; absolute paths. */
  readonly modules: readonly string[];
}

/** What set-up leaves beside an unpacked kernel. */
interface KernelManifest {
  readonly version: string;
  readonly modules: readonly { readonly file: string; readonly needed: 'boot' | 'extra' }[];
}

/**
 * The kernel to boot: `MSB_KERNEL`, else the one that set-up unpacked. `MSB_KERNEL` names a directory with `vmlinuz`,
 * `kernel.json` and `modules/`, or a kernel image that has all its drivers built in.
 *
 * @throws MissingDependencyError when there is none; InvalidConfigError when MSB_KERNEL names nothing of the kind.
 */
export function guestKernel(places: Places, env: NodeJS.ProcessEnv = process.env): GuestKernel {
  if (env.MSB_KERNEL) return namedKernel(env.MSB_KERNEL);
  const kernels = join(places.cache, 'kernels');
  let version: string;
  try {
    version = basename(readFileSync(join(kernels, 'default'), 'utf8').trim());
  } catch (error) {
    throw new MissingDependencyError(
      `No guest kernel in ${kernels}. In a checkout, npm start fetches one; elsewhere name one with MSB_KERNEL.`,
      { cause: error },
    );
  }
  return unpackedKernel(join(kernels, version));
}

function namedKernel(path: string): GuestKernel {
  try {
    if (statSync(path).isDirectory()) return unpackedKernel(path);
  } catch (error) {
    throw new InvalidConfigError(`MSB_KERNEL names ${path}, which cannot be read.`, { cause: error });
  }
  return { version: basename(path), image: path, modules: [] };
}

function unpackedKernel(directory: string): GuestKernel {
  try {
    const manifest = JSON.parse(readFileSync(join(directory, 'kernel.json'), 'utf8')) as KernelManifest;
    return {
      version: manifest.version,
      image: join(directory, 'vmlinuz'),
      modules: manifest.modules
        .filter(({ needed }) => needed === 'boot')
        .map(({ file }) => join(directory, 'modules', basename(file))),
    };
  } catch (error) {
    throw new InvalidConfigError(`${directory} holds no guest kernel: kernel.json is missing or damaged.`, {
      cause: error,
    });
  }
}

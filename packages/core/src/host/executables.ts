import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Debian keeps mke2fs and friends where only root's PATH looks. */
const systemDirectories = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/opt/homebrew/opt/e2fsprogs/sbin'];

/** The absolute path of an executable, looked up in PATH and the system's sbin directories; undefined if there is none. */
export function findExecutable(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (name.includes('/')) return isAbsolute(name) && isExecutable(name) ? name : undefined;
  const directories = [...(env.PATH ?? '').split(delimiter).filter(isAbsolute), ...systemDirectories];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

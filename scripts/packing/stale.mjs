// @ts-check
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Removes what tsc once wrote and would not write now, since its source is gone: tsc leaves it, and npm would pack it.
 * @param {string} directory a workspace with `src/` and `dist/`, or neither
 */
export function removeStale(directory) {
  const output = join(directory, 'dist');
  if (!existsSync(output)) return;
  for (const entry of readdirSync(output, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(output, path);
    const source = name.replace(/(?:\.([cm]?)js(?:\.map)?|\.d\.([cm]?)ts)$/, '.$1$2ts');
    const written = source !== name && existsSync(join(directory, 'src', source));
    if (entry.isFile() && !written && !name.endsWith('.tsbuildinfo')) rmSync(path);
  }
}

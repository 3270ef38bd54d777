import { statSync } from 'node:fs';
import type { PatchBuilder } from '../sandbox/patch-builder.js';
import { type Invocation, UsageError } from './command.js';

const repeated = { type: 'string', multiple: true } as const;

/** Changes of the image's files, as `msb run` has them. */
export const patchOptions = {
  copy: repeated,
  'copy-file': repeated,
  'copy-dir': repeated,
  mkdir: repeated,
  rm: repeated,
};

export const patchOptionsHelp = `  --copy SRC:DST     a file or directory of the host, copied into the image before the boot; also --copy-file, --copy-dir
  --mkdir PATH       a directory to be made in the image; --rm PATH: what is to be removed. All in the order given`;

/** @throws UsageError */
export function addPatches(patches: PatchBuilder, invocation: Invocation): PatchBuilder {
  for (const { option, value } of invocation.inOrder(Object.keys(patchOptions))) {
    if (option === 'mkdir') patches.mkdir(value);
    else if (option === 'rm') patches.remove(value);
    else {
      const { src, dst } = splitCopy(option, value);
      const isDirectory = statSync(src, { throwIfNoEntry: false })?.isDirectory() ?? false;
      if (option === 'copy-dir' || (option === 'copy' && isDirectory))
        patches.copyDir(src, dst, { replace: true });
      else patches.copyFile(src, dst, { replace: true });
    }
  }
  return patches;
}

/** At the last ":/", since paths of the guest are absolute and names on the host may have colons. */
function splitCopy(option: string, value: string): { src: string; dst: string } {
  const colon = value.lastIndexOf(':/');
  if (colon <= 0) throw new UsageError(`--${option} takes SRC:DST with an absolute DST, not "${value}".`);
  return { src: value.slice(0, colon), dst: value.slice(colon + 1) };
}

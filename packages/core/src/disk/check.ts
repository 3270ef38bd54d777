import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MissingDependencyError } from '../errors.js';
import { findExecutable } from '../host/executables.js';

/** What an ext4 image says about itself when nobody has it mounted. */
export interface FileSystemCheck {
  /** No errors, and no journal that waits to be replayed. */
  readonly clean: boolean;
  /** The journal holds transactions that are not in place yet: the machine was not stopped. */
  readonly needsRecovery: boolean;
  /** e2fsck's own words. */
  readonly report: string;
}

const checkTimeoutMs = 120_000;

/** Examines an ext4 image without changing it (`e2fsck -fn`, and the superblock's recovery flag). */
export async function checkUpper(path: string): Promise<FileSystemCheck> {
  const [check, features] = await Promise.all([
    run('e2fsck', ['-f', '-n', path]),
    run('dumpe2fs', ['-h', path]),
  ]);
  const needsRecovery = /^Filesystem features:.*\bneeds_recovery\b/m.test(features.output);
  return {
    clean: check.code === 0 && features.code === 0 && !needsRecovery,
    needsRecovery,
    report: check.output.trim(),
  };
}

async function run(name: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const file = findExecutable(name);
  if (!file)
    throw new MissingDependencyError(`${name} is not installed. On Debian: apt-get install e2fsprogs`);
  try {
    const { stdout, stderr } = await promisify(execFile)(file, args, {
      timeout: checkTimeoutMs,
      env: { LC_ALL: 'C' },
    });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const failed = error as { code?: unknown; stdout?: string; stderr?: string };
    if (typeof failed.code !== 'number') throw error;
    return { code: failed.code, output: `${failed.stdout ?? ''}${failed.stderr ?? ''}` };
  }
}

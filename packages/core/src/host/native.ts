/** The one door to the native addon; everything in it is described in `@msbtest/native`. */

export type { HypervisorProbe, SystemError } from '@msbtest/native';
export * as native from '@msbtest/native';
export { forkLibraryPath, relayPath } from '@msbtest/native';

/** The errno name of a system error, such as `ENOENT`; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

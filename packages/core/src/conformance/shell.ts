import type { ExecResult, ProvidedSandbox } from './provider.js';
import { expect } from './scenario.js';

export const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

/** The command that runs a script in a sandbox's directory; what is in `args` the script has as `$1` and so on. */
export function scriptIn(sandbox: ProvidedSandbox, script: string, args: readonly string[] = []): string[] {
  return ['sh', '-c', `cd "$0" || exit 99\n${script}`, sandbox.directory, ...args];
}

/** Runs a script in a sandbox's directory, to whatever end. */
export function attempt(
  sandbox: ProvidedSandbox,
  script: string,
  ...args: readonly string[]
): Promise<ExecResult> {
  return sandbox.exec(scriptIn(sandbox, script, args));
}

/** Runs a script in a sandbox's directory. @returns its stdout. @throws Finding when it fails. */
export async function sh(
  sandbox: ProvidedSandbox,
  script: string,
  ...args: readonly string[]
): Promise<string> {
  const result = await attempt(sandbox, script, ...args);
  expect(
    result.code === 0 && result.signal === null,
    () => `A command that should succeed ${how(result)}: ${text(result.stderr).trim() || script}`,
  );
  return text(result.stdout);
}

export function how({ code, signal }: ExecResult): string {
  return signal === null ? `exited with ${code}` : `was ended by signal ${signal}`;
}

/** Starts a script in the background, and waits until it has written "ready" to its stdout. */
export async function background(
  sandbox: ProvidedSandbox,
  script: string,
  ...args: readonly string[]
): Promise<void> {
  const said = `said-${Math.random().toString(36).slice(2, 10)}`;
  await sh(
    sandbox,
    `(${script}\n) > ${said} 2>&1 < /dev/null &
i=0
until grep -q ready ${said}; do
  i=$((i+1)); [ $i -lt 200 ] || { cat ${said} >&2; exit 1; }
  sleep 0.1
done`,
    ...args,
  );
}

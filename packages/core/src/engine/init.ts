import type { PayloadFields } from '../agent/message.js';
import type { ImageConfig } from '../image/layout.js';
import type { SandboxInit } from '../store/record.js';

/** Of an image that declares one of these as its entrypoint, that is the init; the first is too common a name to be looked for. */
const entrypointInits = ['/init', '/sbin/init', '/lib/systemd/systemd', '/usr/lib/systemd/systemd'];

/**
 * What the image decides of an init: for `auto`, an entrypoint that is a known init, which then has the sandbox's environment, as it
 * would have it in a container. Otherwise the guest looks in the usual places.
 */
export function resolveInit(
  init: SandboxInit,
  { entrypoint }: Pick<ImageConfig, 'entrypoint'>,
  sandboxEnv: Readonly<Record<string, string>>,
): SandboxInit {
  const [cmd] = entrypoint ?? [];
  if (init.cmd !== 'auto' || cmd === undefined || !entrypointInits.includes(cmd)) return init;
  return { ...init, cmd, env: { ...sandboxEnv, ...init.env } };
}

/** What the agent is told of an init. */
export function handoffPayload(init: SandboxInit | null | undefined): PayloadFields | undefined {
  if (!init) return undefined; // sandboxes that were made before there were inits have none
  const env = Object.entries(init.env).map(([key, value]) => ({ key, value }));
  return { cmd: init.cmd, args: init.args, env };
}

/** Why an agent ended its machine, if that was the init's doing: its last words on the console. */
export function initFailure(console: string): string | null {
  return /^agentd: fatal: (init: [^\r\n]*)/m.exec(console)?.[1] ?? null;
}

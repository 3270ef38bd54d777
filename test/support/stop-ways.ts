import type { SandboxHandle, StopResult } from '@msbtest/core';
import { saboteurs } from './saboteurs.js';
import { qmpQuit, vmmOf } from './vm.js';

/** A way to stop a machine: ours, and those that are wrong. */
export interface StopWay {
  readonly name: string;
  /** Whether it must lose what was not synced. */
  readonly wrong: boolean;
  /** Parts of the product to exchange while the machine is made and stopped. */
  readonly env: Readonly<Record<string, string>>;
  stop(handle: SandboxHandle): Promise<StopResult | null>;
}

const timeoutMs = 60_000;

const ours = (handle: SandboxHandle) => handle.stopWithTimeout(timeoutMs);

/** Our stop over a part that is wrong; that it may notice and throw is another test's matter. */
const oursOverSabotage = (handle: SandboxHandle) => ours(handle).catch(() => null);

const signalled = (signal: NodeJS.Signals) => async (handle: SandboxHandle) => {
  process.kill(vmmOf(handle).pid, signal);
  await handle.waitUntilStopped();
  return null;
};

export const stopWays: readonly StopWay[] = [
  { name: 'graceful', wrong: false, env: {}, stop: ours },
  { name: 'SIGKILL to the VMM', wrong: true, env: {}, stop: signalled('SIGKILL') },
  { name: 'SIGTERM to the VMM', wrong: true, env: {}, stop: signalled('SIGTERM') },
  {
    name: 'QMP quit',
    wrong: true,
    env: {},
    stop: async (handle) => {
      await qmpQuit(handle);
      await handle.waitUntilStopped();
      return null;
    },
  },
  { name: 'relay ends the VMM', wrong: true, env: { MSB_RELAY: saboteurs.relay }, stop: oursOverSabotage },
  { name: 'agent does not sync', wrong: true, env: { MSB_AGENTD: saboteurs.agent }, stop: oursOverSabotage },
];

/** Runs `work` with parts exchanged through the environment, and puts it back. */
export async function withEnv<T>(env: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const before = Object.fromEntries(Object.keys(env).map((key) => [key, process.env[key]]));
  Object.assign(process.env, env);
  try {
    return await work();
  } finally {
    for (const [key, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
  }
}

import type { BootTimes, Sandbox, SandboxBuilder } from '@msbtest/core';
import type { MachinePool } from '#core/engine/pool.js';
import { small } from '../support/vm.js';
import { signsOf, type Way } from '../support/ways.js';

/** A fresh machine from being asked for until nothing is left of it; milliseconds since it was asked for. */
export interface Life {
  /** `true` has run in it. */
  readonly doneMs: number;
  readonly goneMs: number;
}

/** One of ours. */
export interface OurLife extends Life {
  /** create() has returned. */
  readonly createdMs: number;
  readonly boot: BootTimes;
}

let count = 0;

/** A machine that nobody else has the name of. */
export function another(): SandboxBuilder {
  return small(`bench-${process.pid}-${++count}`).ephemeral(true);
}

export const liveCold = () => live('cold', () => another().coldBoot().create());

/** By a VMM of its own. There must be no live template. */
export const liveCloned = () => live('clone', () => another().create());

/** By fork. There must be a live template. */
export const liveForked = () => live('fork', () => another().create());

/** @param onTaken is called when the pool has one less. */
export const livePooled = (pool: MachinePool, onTaken = () => {}) =>
  live('pool', async () => {
    const sandbox = await another().create({ pool });
    onTaken();
    return sandbox;
  });

/** @throws when it has come to run in another way than it should. */
async function live(way: Way, create: () => Promise<Sandbox>): Promise<OurLife> {
  const begin = performance.now();
  const since = () => performance.now() - begin;
  const sandbox = await create();
  try {
    const createdMs = since();
    const { success } = await sandbox.exec('true');
    const doneMs = since();
    await sandbox[Symbol.asyncDispose]();
    const goneMs = since();
    const boot = sandbox.bootTimes;
    const signs = signsOf(way);
    const came = boot?.origin === signs.origin && (way === 'pool' || boot.forked === signs.forked);
    if (!success || !boot || !came)
      throw new Error(
        `It should come as ${way} and came as ${JSON.stringify(boot)}; \`true\` ${success ? 'did not fail' : 'failed'}.`,
      );
    return { createdMs, doneMs, goneMs, boot };
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

import type { BootTimes, MachineOrigin, Sandbox, SandboxBuilder } from '@msbtest/core';
import { environmentFrom, MachinePool } from '../support/engine.js';
import { small } from '../support/vm.js';

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

export type Pool = InstanceType<typeof MachinePool>;

/** A pool that nothing limits. */
export function openPool(): Pool {
  const leave = { [Symbol.dispose]() {} };
  return new MachinePool(environmentFrom(), { leave: async () => leave, isMemoryShort: () => false });
}

export const liveCold = () => live('cold', () => another().coldBoot().create());
export const liveCloned = () => live('clone', () => another().create());

/** @param onTaken is called when the pool has one less. */
export const livePooled = (pool: Pool, onTaken = () => {}) =>
  live('pool', async () => {
    const sandbox = await another().create({ pool });
    onTaken();
    return sandbox;
  });

/** @throws when it has come to run in another way than it should. */
async function live(origin: MachineOrigin, create: () => Promise<Sandbox>): Promise<OurLife> {
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
    if (!success || boot?.origin !== origin)
      throw new Error(
        `It should be ${origin} and is ${boot?.origin}; \`true\` ${success ? 'did not fail' : 'failed'}.`,
      );
    return { createdMs, doneMs, goneMs, boot };
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

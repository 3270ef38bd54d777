import type { MachineOrigin, Sandbox, SandboxBuilder } from '@msbtest/core';
import { environmentFrom } from '#core/engine/environment.js';
import { MachinePool } from '#core/engine/pool.js';

/** All ways in which a machine can come to run. */
export const ways: readonly MachineOrigin[] = ['cold', 'clone', 'pool'];

/** A pool that gets leave for whatever it wants to make. */
export function openPool(): MachinePool {
  const leave = { [Symbol.dispose]() {} };
  return new MachinePool(environmentFrom(), { leave: async () => leave, isMemoryShort: () => false });
}

/** Makes a machine in one of the ways; what of it came in which is for its `bootTimes` to say. */
export async function createBy(way: MachineOrigin, builder: SandboxBuilder): Promise<Sandbox> {
  if (way === 'cold') return builder.coldBoot().create();
  if (way === 'clone') return builder.create();
  await using pool = openPool();
  pool.foresee([await builder.build()]);
  await pool.settled();
  return await builder.create({ pool }); // before the pool is closed
}

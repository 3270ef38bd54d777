import { type BootTimes, releaseTemplates, type Sandbox, type SandboxBuilder } from '@msbtest/core';
import { environmentFrom } from '#core/engine/environment.js';
import { enliven, liveTemplate } from '#core/engine/live-templates.js';
import { newRecord } from '#core/engine/new-record.js';
import { MachinePool, type PoolOptions } from '#core/engine/pool.js';
import { Shape } from '#core/engine/shape.js';
import { templateFor } from '#core/engine/template-for.js';
import { pickAccelerator } from '#core/host/hypervisor.js';

/** A way in which a machine can come to run: `clone` of a template's files, `fork` of its live form. */
export type Way = 'cold' | 'clone' | 'fork' | 'pool';

/** All that there are on this host. */
export const ways: readonly Way[] = ['cold', 'clone', ...(canFork() ? (['fork'] as const) : []), 'pool'];

function canFork(): boolean {
  return process.platform === 'linux' && process.arch === 'x64' && environmentFrom().accelerator === 'tcg';
}

/** What a machine's times say of a way. */
export type Signs = Pick<BootTimes, 'origin' | 'forked'>;

export function signsOf(way: Way): Signs {
  return { origin: way === 'fork' ? 'clone' : way, forked: way === 'fork' };
}

/** Of a pool that has foreseen several machines, which is worth a live template where there are such. */
export const signsOfSeveral: Signs = { origin: 'pool', forked: canFork() };

/** A pool that gets leave for whatever it wants to make, unless told otherwise. */
export function openPool(host: Partial<PoolOptions> = {}): MachinePool {
  const leave = { [Symbol.dispose]() {} };
  return new MachinePool(environmentFrom(), {
    leave: async () => leave,
    isMemoryShort: () => false,
    ...host,
  });
}

/** Sees to it that the next clones of that shape are forks. */
export async function makeLive(builder: SandboxBuilder): Promise<void> {
  const environment = environmentFrom();
  const record = await newRecord(environment, await builder.build());
  const shape = new Shape(environment, record, pickAccelerator(environment.accelerator));
  const template = await templateFor(environment, shape, record, { timeoutMs: 60_000 });
  if (!template) throw new Error('There is no template.');
  enliven(environment, template, shape, record);
  if (!(await liveTemplate(environment, template))) throw new Error('The template has no live form.');
}

/** Makes a machine in one of the ways; what of it came in which is for its `bootTimes` to say. */
export async function createBy(way: Way, builder: SandboxBuilder): Promise<Sandbox> {
  switch (way) {
    case 'cold':
      return builder.coldBoot().create();
    case 'clone':
      await releaseTemplates(); // or it would be a fork
      return builder.create();
    case 'fork':
      await makeLive(builder);
      return builder.create();
    case 'pool': {
      await releaseTemplates();
      await using pool = openPool();
      pool.foresee([await builder.build()]);
      await pool.settled();
      return await builder.create({ pool }); // before the pool is closed
    }
  }
}

/** The engine below the public API, for what measures its parts: the very modules that `@msbtest/core` runs. */
import { checkout } from './saboteurs.js';

const core = `${checkout}/packages/core/dist`;

export const { createUpper } = (await import(
  `${core}/disk/upper.js`
)) as typeof import('../../packages/core/dist/disk/upper.js');
export const { environmentFrom } = (await import(
  `${core}/engine/environment.js`
)) as typeof import('../../packages/core/dist/engine/environment.js');
export const { newRecord } = (await import(
  `${core}/engine/new-record.js`
)) as typeof import('../../packages/core/dist/engine/new-record.js');
export const { MachinePool } = (await import(
  `${core}/engine/pool.js`
)) as typeof import('../../packages/core/dist/engine/pool.js');
export const { Shape } = (await import(
  `${core}/engine/shape.js`
)) as typeof import('../../packages/core/dist/engine/shape.js');
export const { freeze } = (await import(
  `${core}/vmm/freezing.js`
)) as typeof import('../../packages/core/dist/vmm/freezing.js');
export const { Qmp } = (await import(
  `${core}/vmm/qmp.js`
)) as typeof import('../../packages/core/dist/vmm/qmp.js');

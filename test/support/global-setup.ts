import { type Accelerator, acceleratorChoice, pickAccelerator } from '@msbtest/core';
import { buildSaboteurs } from './saboteurs.js';

/** Says once what the VM tests run on, or fails at once where they cannot: in this repository none of them is ever skipped. */
export default async function setup(): Promise<void> {
  const accelerator: Accelerator = pickAccelerator(acceleratorChoice());
  process.stderr.write(`VM tests run on ${accelerator}.\n`);
  await buildSaboteurs();
}

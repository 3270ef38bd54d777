import { join } from 'node:path';
import { decideGate } from '@msbtest/core/testing';
import { inject } from 'vitest';
import type { ProvidedRun } from './vitest-types.js';

let probed: ProvidedRun | undefined;

/** Whether the plugin is in the configuration of this run. */
export function hasPlugin(): boolean {
  return inject('msb') !== undefined;
}

/** What this worker knows of its run: from the plugin, or, without it, by asking the machine itself. */
export function currentRun(): ProvidedRun {
  const provided = inject('msb');
  if (provided) return provided;
  probed ??= { gate: decideGate(), defaults: {}, evidence: join(process.cwd(), '.vitest', 'msb') };
  return probed;
}

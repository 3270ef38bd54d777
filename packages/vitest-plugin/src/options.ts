import { checkMachineOptions, type MachineOptions, mergeMachineOptions } from '@msbtest/core/testing';
import type { RunnerTestSuite, TestOptions } from 'vitest';

/** What vitest's own tests can be told. */
export const vitestOptionNames: readonly (keyof TestOptions)[] = [
  'timeout',
  'retry',
  'repeats',
  'concurrent',
  'sequential',
  'skip',
  'only',
  'todo',
  'fails',
  'tags',
  'meta',
];

/**
 * Everything that the levels around a test and the test itself say of its machine, the inner over the outer.
 *
 * @throws InvalidConfigError, which names the level.
 */
export function machineFor(
  suite: RunnerTestSuite | undefined,
  own: readonly MachineOptions[],
  defaults: MachineOptions,
): MachineOptions {
  const levels: MachineOptions[] = [];
  for (let level = suite; level; level = level.suite) {
    levels.unshift(checkMachineOptions(level.meta.msb, `describe("${level.name}"), meta.msb`));
  }
  return mergeMachineOptions(defaults, ...levels, ...own);
}

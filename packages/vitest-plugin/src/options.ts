import { InvalidConfigError } from '@msbtest/core';
import {
  checkMachineOptions,
  type MachineOptions,
  machineOptionNames,
  mergeMachineOptions,
} from '@msbtest/core/testing';
import type { RunnerTestSuite, TestOptions } from 'vitest';
import type { MsbTestOptions } from './api.js';

/** What vitest's own tests can be told. */
const vitestOptionNames = [
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

/** Tells the machine's options from vitest's. @throws InvalidConfigError for what is neither. */
export function split(
  options: MsbTestOptions,
  where: string,
): { vitest: TestOptions; machine: MachineOptions } {
  const vitest: Record<string, unknown> = {};
  const machine: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (vitestOptionNames.includes(name)) vitest[name] = value;
    else machine[name] = value;
  }
  return { vitest, machine: checkMachineOptions(machine, where) };
}

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

/** @throws InvalidConfigError when a test was given something else than options, a function or a time-out. */
export function parseArguments(
  where: string,
  first: unknown,
  second: unknown,
): { options: MsbTestOptions; body: ((...args: never[]) => unknown) | undefined } {
  const body = [first, second].find((value) => typeof value === 'function');
  const options = [first, second].find((value) => typeof value === 'object' && value !== null);
  const timeout = [first, second].find((value) => typeof value === 'number');
  const known = [body, options, timeout, undefined];
  if ([first, second].some((value) => !known.includes(value as never))) {
    throw new InvalidConfigError(
      `${where} takes options, then a function; see ${machineOptionNames.join(', ')}.`,
    );
  }
  return {
    options: {
      ...(options as MsbTestOptions),
      ...(timeout === undefined ? {} : { timeout: timeout as number }),
    },
    body: body as ((...args: never[]) => unknown) | undefined,
  };
}

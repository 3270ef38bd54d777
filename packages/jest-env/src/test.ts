import type { Global } from '@jest/types';
import type { Sandbox } from '@msbtest/core';
import { InvalidConfigError } from '@msbtest/core';
import {
  checkSharing,
  type MsbFixtures,
  mergeMachineOptions,
  parseSharedOptions,
  parseTestArguments,
  type SharedMachine,
} from '@msbtest/core/testing';
import { bind } from 'jest-each';
import type { MsbTest, MsbTestAPI, MsbTestOptions, SharedOptions } from './api.js';
import type { TestFile } from './test-file.js';

/** One of jest's own test functions: `test`, `test.only`, `test.concurrent.failing`, … */
type JestTest = (name: never, fn: () => Promise<unknown>, timeout?: number) => void;
type JestOptions = Pick<MsbTestOptions, 'timeout'>;
type Cases = readonly unknown[];
type BoundEach = (...table: readonly unknown[]) => (name: unknown, fn: (...values: Cases) => Cases) => void;

/** `test.msb` for one file, on top of jest's `test`. */
export function msbTest(test: Global.ItConcurrent, file: TestFile): MsbTest {
  return Object.assign(withModes(test, file, undefined), {
    shared: (options: SharedOptions, prepare?: (sandbox: Sandbox) => unknown): MsbTestAPI => {
      const { machine } = parseSharedOptions(options, ['file']);
      return withModes(test, file, file.share(mergeMachineOptions(file.defaults, machine), prepare));
    },
  });
}

/** Everything that hangs on jest's `test`, for microVM tests. */
function withModes(test: Global.ItConcurrent, file: TestFile, shared: SharedMachine | undefined): MsbTestAPI {
  const collect = (own: unknown) => withEach(own as JestTest, file, shared);
  const withFailing = (own: { failing: unknown }) =>
    Object.assign(collect(own), { failing: collect(own.failing) });
  const { concurrent } = test;
  return Object.assign(withFailing(test), {
    only: withFailing(test.only),
    skip: withFailing(test.skip),
    concurrent: Object.assign(withFailing(concurrent), {
      only: withFailing(concurrent.only),
      skip: withFailing(concurrent.skip),
    }),
    todo: (name: string) => {
      test.todo(name);
      file.planLater();
    },
  }) as MsbTestAPI;
}

/** Collects tests, and the cases of a table. */
function withEach(jestTest: JestTest, file: TestFile, shared: SharedMachine | undefined) {
  const collect = (name: unknown, args: readonly unknown[], cases: () => Cases, caller: object) => {
    const parsed = parseTestArguments<JestOptions>('test.msb', name, args, ['timeout']);
    const { where, machine, runner, body } = parsed;
    if (!body)
      throw new InvalidConfigError(`${where} has no function to run; test.msb.todo("…") needs none.`);
    if (shared) checkSharing(machine, where);
    const planned = file.plan(
      shared ?? mergeMachineOptions(file.defaults, machine),
      (fixtures: MsbFixtures) => (body as (...args: unknown[]) => unknown)(...cases(), fixtures),
      caller,
    );
    jestTest(name as never, planned.fn, runner.timeout);
  };
  const one = (name: unknown, ...args: readonly unknown[]) => collect(name, args, () => [], one);
  const each = (...table: readonly unknown[]) => {
    const many = (name: unknown, ...args: readonly unknown[]) => {
      // Of jest's own it has the titles and the checks of tables; what it would call with a case hands the case over.
      const take = (title: string, cases: () => Cases) => collect(title, args, cases, many);
      const bound = bind(take as never, false) as unknown as BoundEach;
      bound(...table)(name, (...values) => values);
    };
    return many;
  };
  return Object.assign(one, { each });
}

import type { Sandbox } from '@msbtest/core';
import type { MachineOptions, MsbFixtures } from '@msbtest/core/testing';
import type { TestContext, TestOptions } from 'vitest';

/** Options of a microVM test: its machine's, and vitest's own. */
export interface MsbTestOptions extends MachineOptions, TestOptions {}

/** Options of a machine that tests share. */
export interface SharedOptions extends MachineOptions {
  /** `file`: from its first use in a test file to the file's end; `worker`: to the end of the worker process or thread. */
  readonly scope: 'file' | 'worker';
}

// biome-ignore lint/complexity/noBannedTypes: vitest takes any function or class for its name
type TestName = string | Function;
type Context<Extra> = TestContext & MsbFixtures & Extra;
type Body<Extra> = (context: Context<Extra>) => unknown;
type Cleanup = { onCleanup(cleanup: () => unknown): void };
type FixtureFunction<Extra, T> = (context: Context<Extra>, hooks: Cleanup) => T | Promise<T>;
/** Fixtures that outlive a test are given only what does, too. */
type SharedFixtureFunction<T> = (context: Record<string, unknown>, hooks: Cleanup) => T | Promise<T>;

interface Collect<Extra> {
  (name: TestName, body?: Body<Extra>, timeout?: number): void;
  (name: TestName, options: MsbTestOptions, body?: Body<Extra>): void;
}

interface CollectEach<Args extends readonly unknown[]> {
  (name: TestName, body: (...args: Args) => unknown, timeout?: number): void;
  (name: TestName, options: MsbTestOptions, body: (...args: Args) => unknown): void;
}

interface CollectFor<Extra, T> {
  (name: TestName, body: (value: T, context: Context<Extra>) => unknown, timeout?: number): void;
  (name: TestName, options: MsbTestOptions, body: (value: T, context: Context<Extra>) => unknown): void;
}

/** Vitest's `test`, with a machine. */
export interface MsbTestAPI<Extra = object> extends Collect<Extra> {
  readonly concurrent: MsbTestAPI<Extra>;
  readonly sequential: MsbTestAPI<Extra>;
  readonly only: MsbTestAPI<Extra>;
  readonly skip: MsbTestAPI<Extra>;
  readonly todo: MsbTestAPI<Extra>;
  readonly fails: MsbTestAPI<Extra>;
  skipIf(condition: unknown): MsbTestAPI<Extra>;
  runIf(condition: unknown): MsbTestAPI<Extra>;

  /** Vitest's `each`, which gives the cases but no context, and so no sandbox: see `for`. */
  each<T extends readonly unknown[]>(cases: readonly T[]): CollectEach<T>;
  each<T>(cases: readonly T[]): CollectEach<[T]>;
  each<T extends Record<string, unknown> = Record<string, unknown>>(
    strings: TemplateStringsArray,
    ...values: unknown[]
  ): CollectEach<[T]>;

  /** One test, and one machine, for each case: `test.msb.for([1, 2])('case %i', async (n, { sandbox }) => …)`. */
  for<T>(cases: readonly T[]): CollectFor<Extra, T>;
  for<T extends Record<string, unknown> = Record<string, unknown>>(
    strings: TemplateStringsArray,
    ...values: unknown[]
  ): CollectFor<Extra, T>;

  /** Adds a fixture that may use the sandbox. Name what comes of it `…Test`, so that editors find its tests. */
  extend<K extends string, T>(name: K, fixture: FixtureFunction<Extra, T>): MsbTestAPI<Extra & Record<K, T>>;
  extend<K extends string, T>(
    name: K,
    options: { readonly auto?: boolean; readonly injected?: boolean; readonly scope?: 'test' },
    fixture: FixtureFunction<Extra, T>,
  ): MsbTestAPI<Extra & Record<K, T>>;
  extend<K extends string, T>(
    name: K,
    options: { readonly auto?: boolean; readonly scope: 'file' | 'worker' },
    fixture: SharedFixtureFunction<T>,
  ): MsbTestAPI<Extra & Record<K, T>>;
  extend<K extends string, T>(name: K, value: T): MsbTestAPI<Extra & Record<K, T>>;
  extend<T extends Record<string, unknown>>(
    fixtures: {
      readonly [K in keyof T]:
        | T[K]
        | ((context: Context<Extra & T>, use: (value: T[K]) => Promise<void>) => unknown);
    },
  ): MsbTestAPI<Extra & T>;

  /** Gives a fixture another value, from here on in this suite or file. */
  override<K extends keyof Context<Extra>>(
    name: K,
    fixture: Context<Extra>[K] | FixtureFunction<Extra, Context<Extra>[K]>,
  ): MsbTestAPI<Extra>;
}

/** `test.msb` itself. */
export interface MsbTest extends MsbTestAPI {
  /**
   * Tests that share one machine. It boots before the first of them, outside of that test's time.
   *
   * @param prepare makes it ready, once, within `bootTimeout`. What it changes, all of the tests see.
   */
  shared(options: SharedOptions, prepare?: (sandbox: Sandbox) => unknown): MsbTestAPI;
}

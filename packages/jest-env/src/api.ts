import type { Sandbox } from '@msbtest/core';
import type { MachineOptions, MsbFixtures } from '@msbtest/core/testing';

/** Options of a microVM test: its machine's, and jest's own. */
export interface MsbTestOptions extends MachineOptions {
  /** Milliseconds for the test's function, the boot not counted; default jest's `testTimeout`. */
  readonly timeout?: number | undefined;
}

/** Options of a machine that the tests of a file share. */
export interface SharedOptions extends MachineOptions {
  /** `file`, the default and the only one: jest runs each file in a world of its own. */
  readonly scope?: 'file' | undefined;
}

// biome-ignore lint/complexity/noBannedTypes: jest takes any function or class for its name
type TestName = string | number | Function;

interface Collect<Args extends readonly unknown[]> {
  (name: TestName, body: (...args: Args) => unknown, timeout?: number): void;
  (name: TestName, options: MsbTestOptions, body: (...args: Args) => unknown, timeout?: number): void;
}

/** Jest's `each`: every case is a test, with the machine that such a test has, which comes last. */
interface Each {
  <T extends readonly [unknown, ...unknown[]]>(table: readonly T[]): Collect<[...T, MsbFixtures]>;
  <T extends readonly unknown[]>(table: readonly T[]): Collect<[...T, MsbFixtures]>;
  <T>(table: readonly T[]): Collect<[T, MsbFixtures]>;
  <T extends Record<string, unknown> = Record<string, unknown>>(
    strings: TemplateStringsArray,
    ...values: unknown[]
  ): Collect<[T, MsbFixtures]>;
}

interface MsbTestBase extends Collect<[MsbFixtures]> {
  readonly each: Each;
}

interface MsbTestMode extends MsbTestBase {
  readonly failing: MsbTestBase;
}

/** Jest's `test`, with a machine. */
export interface MsbTestAPI extends MsbTestMode {
  readonly only: MsbTestMode;
  readonly skip: MsbTestMode;
  readonly concurrent: MsbTestMode & { readonly only: MsbTestMode; readonly skip: MsbTestMode };
  todo(name: string): void;
}

/** `test.msb` itself. */
export interface MsbTest extends MsbTestAPI {
  /**
   * Tests that share one machine. It boots before the first of them, outside of that test's time, and goes at the end of the file.
   *
   * @param prepare makes it ready, once, within `bootTimeout`. What it changes, all of the tests see.
   */
  shared(options: SharedOptions, prepare?: (sandbox: Sandbox) => unknown): MsbTestAPI;
}

import type { Sandbox } from '../sandbox/sandbox.js';
import type { MachineOptions } from './machine-options.js';

/** More machines for a test that needs several. */
export interface Sandboxes {
  /**
   * Boots another machine, which goes when the test ends, however it ends. It boots within the test's time.
   *
   * @param options over those of the test.
   * @throws InvalidConfigError; TestMachineError when it does not come up.
   */
  create(options?: MachineOptions): Promise<Sandbox>;
}

/** What a microVM test is given. */
export interface MsbFixtures {
  /** The test's machine, booted before the test's time began. */
  readonly sandbox: Sandbox;
  readonly sandboxes: Sandboxes;
}

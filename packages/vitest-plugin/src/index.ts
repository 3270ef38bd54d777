/**
 * `test.msb(…)`: a test with a microVM of its own. Import `test` from here instead of from vitest; everything else of vitest's is
 * as it was.
 */
import './vitest-types.js';

export type { MachineOptions, MsbFixtures, Sandboxes } from '@msbtest/core/testing';
export {
  afterAll,
  afterEach,
  aroundAll,
  aroundEach,
  assert,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFailed,
  onTestFinished,
  suite,
  vi,
} from 'vitest';
export type { MsbTest, MsbTestAPI, MsbTestOptions, SharedOptions } from './api.js';
export { it, msbTest, test } from './test.js';

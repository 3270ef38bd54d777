/**
 * An environment for jest in which `test.msb(…)` is a test with a microVM of its own: `testEnvironment: '@msbtest/jest-env'`.
 * Everything else is as in jest's own environment for Node.
 */
import './globals.js';

export type { MachineOptions, MsbFixtures, Sandboxes } from '@msbtest/core/testing';
export type { MsbTest, MsbTestAPI, MsbTestOptions, SharedOptions } from './api.js';
export { TestEnvironment, TestEnvironment as default } from './environment.js';

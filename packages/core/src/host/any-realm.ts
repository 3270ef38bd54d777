import { types } from 'node:util';

/** `instanceof Error`, also for what a test runner's realm made: each has an `Error` of its own. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

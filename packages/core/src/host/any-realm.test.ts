import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { isError } from './any-realm.js';

it.each([
  new Error('ours'),
  new DOMException('no native error', 'AbortError'),
  runInNewContext('new TypeError("of another realm")'),
])('isError(%s)', (error) => {
  expect(isError(error)).toBe(true);
});

it.each([undefined, null, 'Error', { message: 'looks like one' }])('not isError(%s)', (value) => {
  expect(isError(value)).toBe(false);
});

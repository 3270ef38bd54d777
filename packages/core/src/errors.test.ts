import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { BootFailedError, isMicrosandboxError, MicrosandboxError, SandboxNotFoundError } from './errors.js';

const cause = new Error('underneath');
const notFound = new SandboxNotFoundError('No sandbox is named "x".', { cause });
const bootFailed = new BootFailedError('It did not come up.', 'kernel', 'panic', { cause });

describe.each([notFound, bootFailed])('%s', (error) => {
  it('has a stack that begins with its name and message, and then with where it was made', () => {
    const [header, at] = error.stack?.split('\n') ?? [];
    expect(header).toBe(`${error.name}: ${error.message}`);
    expect(at).toContain('errors.test.ts');
  });

  it('keeps its cause, which is shown with it', () => {
    expect(error.cause).toBe(cause);
    expect(inspect(error)).toContain('[cause]: Error: underneath');
  });

  it('has no more to enumerate than its own fields', () => {
    expect(Object.keys(error)).not.toContain('stack');
    expect(Object.keys(error)).toEqual(expect.arrayContaining(['name', 'code']));
  });
});

it('has the console, and does not print it beside the message that ends with it', () => {
  expect(bootFailed.console).toBe('panic');
  expect(inspect(bootFailed)).not.toContain('panic');
});

it('is told apart from other errors, also without its class', () => {
  expect(notFound).toBeInstanceOf(MicrosandboxError);
  expect(isMicrosandboxError(notFound)).toBe(true);
  expect(isMicrosandboxError(cause)).toBe(false);
  expect(runInNewContext('is(error)', { is: isMicrosandboxError, error: notFound })).toBe(true);
});

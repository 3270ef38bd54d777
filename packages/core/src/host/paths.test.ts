import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from '../errors.js';
import { checkSocketPath } from './paths.js';

const most = process.platform === 'darwin' ? 103 : 107;

describe('the path of a socket', () => {
  it('may be as long as sun_path has room for, counted in bytes', () => {
    checkSocketPath(`/${'x'.repeat(most - 1)}`);
    expect(() => checkSocketPath(`/${'x'.repeat(most - 2)}é`)).toThrow(InvalidConfigError);
  });

  it('that is longer is refused with a remedy', () => {
    expect(() => checkSocketPath(`/${'x'.repeat(most)}`)).toThrow(
      new RegExp(`/xxx.* at most ${most} bytes, this one has ${most + 1}.*MSB_RUNTIME_DIR.*XDG_RUNTIME_DIR`),
    );
  });
});

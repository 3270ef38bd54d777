import type { MsbTest } from './api.js';

// For `import { test } from '@jest/globals'`.
declare module '@jest/types' {
  namespace Global {
    interface ItConcurrent {
      /** A test with a microVM of its own: `test.msb('boots', async ({ sandbox }) => …)`. */
      readonly msb: MsbTest;
    }
  }
}

// For the globals of @types/jest, where they are installed.
declare global {
  namespace jest {
    interface It {
      /** A test with a microVM of its own: `test.msb('boots', async ({ sandbox }) => …)`. */
      readonly msb: MsbTest;
    }
  }
}

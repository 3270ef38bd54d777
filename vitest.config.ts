import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'fixtures/**/*.test.ts'],
          exclude: ['**/dist/**', '**/node_modules/**'],
          // Images are made, servers asked, children started, on a host that may be busy: a test that hangs costs so much, once.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/**/*.test.ts'],
          exclude: ['**/dist/**', '**/node_modules/**'],
          globalSetup: ['test/support/global-setup.ts'],
          // Two machines at once fill two cores under emulation; a third only makes all three slower.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          // Emulated machines on a host that may be busy with others': what passes at a second try only is named at the end of npm test.
          retry: 1,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});

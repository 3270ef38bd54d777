import type { Sources } from '../integrations/sources.js';

/** How a vitest project with the plugin is written. */
export const sources: Sources = {
  testFile: (name) => `${name}.test.ts`,
  configuration: ({ machine = 'memory: 256', settings = '', bare = false } = {}) => ({
    'vitest.config.ts': `
import { msb } from '@msbtest/vitest-plugin/plugin';
import { defineConfig } from 'vitest/config';
export default defineConfig({
  plugins: [${bare ? '' : `msb({ ${machine} })`}],
  test: { include: ['*.test.ts'], testTimeout: 5000, ${settings} },
});
`,
  }),
  imports: (names, from) => `import { ${names} } from '${from}';`,
  api: (names) => `import { ${names} } from '@msbtest/vitest-plugin';`,
  evidence: '.vitest/msb',
};

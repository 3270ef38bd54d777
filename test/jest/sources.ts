import type { Sources } from '../integrations/sources.js';

/** How a jest project with the environment is written: CommonJS, unless a file's name says that it is a module. */
export const sources: Sources = {
  testFile: (name) => `${name}.test.js`,
  configuration: ({ machine = 'memory: 256', settings = '', bare = false } = {}) => ({
    'jest.config.mjs': `
export default {
  testEnvironment: '@msbtest/jest-env',
  testEnvironmentOptions: { msb: { ${machine} } },
  reporters: ['default', ${bare ? '' : `'@msbtest/jest-env/reporter'`}],
  testMatch: ['**/*.test.?(m)js'],
  transform: {},
  testTimeout: 5000,
  ${settings}
};
`,
  }),
  imports: (names, from) => `const { ${names} } = require('${from}');`,
  api: () => '', // they are globals
  evidence: '.jest/msb',
};

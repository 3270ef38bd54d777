import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  link,
  nodeOf,
  type Results,
  type Runner,
  readReport,
  reportFiles,
  type TestResult,
} from '../integrations/runner.js';

/** A reporter that writes a line for each test: its names from the outermost suite, what it came to, its error. */
const reporter = `
import { inspect } from 'node:util';
export default async function* (events) {
  const names = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') names[data.nesting] = data.name;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details.type === 'suite') continue;
    const state = data.skip !== undefined ? 'skipped'
      : data.todo !== undefined ? 'todo'
      : type === 'test:pass' ? 'passed' : 'failed';
    const { error } = data.details;
    const messages = error ? [inspect(error.cause ?? error)] : [];
    const name = names.slice(0, data.nesting + 1).join(' > ');
    yield JSON.stringify([name, { state, messages, meta: { skip: data.skip } }]) + '\\n';
  }
}
`;

const nodeRunner = (name: string, node: string): Runner => ({
  name,
  node,
  moduleType: 'module',
  neverSays: [],
  install(modules) {
    link(modules, ['expect', '@msbtest/core']);
    writeFileSync(join(modules, 'reporter.mjs'), reporter);
  },
  command: (args) => [
    node,
    '--test',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./node_modules/reporter.mjs',
    `--test-reporter-destination=${reportFiles.json}`,
    ...args,
  ],
  results(project): Results {
    const lines = readReport(project, 'json').trimEnd().split('\n').filter(Boolean);
    return Object.fromEntries(lines.map((line) => JSON.parse(line) as [string, TestResult]));
  },
});

/** What `msbTest` for Node's own test runner promises to work with. */
export const runners: readonly Runner[] = [
  nodeRunner('node:test, this Node', process.execPath),
  nodeRunner('node:test, Node 24', nodeOf(24)),
];

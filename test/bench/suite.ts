import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Project } from '../integrations/project.js';
import type { Runner } from '../integrations/runner.js';
import { type BenchReport, type BenchRow, ratio, summarize } from '../support/report.js';
import { runners } from '../vitest/runners.js';
import { sources } from '../vitest/sources.js';

/** Of a test's body; milliseconds. */
type Body = readonly [begin: number, end: number];

/** What a suite takes for a machine that is fresh in each test, beside one that tests share and must reset. */
export async function suite(): Promise<BenchReport> {
  const own = await run('own', { count: 100, machine: 'memory: 256', test: 'test.msb' });
  const shared = await run('shared', {
    count: 100,
    machine: 'memory: 256',
    test: "test.msb.shared({ scope: 'file' })",
    reset: "await sandbox.exec('rm', ['/root/mark']);",
  });
  const cold = await run('cold', { count: 10, machine: 'memory: 256, coldBoot: true', test: 'test.msb' });
  return {
    name: 'suite',
    unit: 'ms',
    method:
      'vitest with the plugin, one file of tests, each of which looks for what another may have left, writes a file and reads it back. ' +
      'Beyond the body: from the end of one body to the begin of the next. own: a machine for each test; shared: one for all, and each ' +
      'test removes its file after its body; cold: a machine for each test, which boots.',
    rows: [own, shared, cold],
    ratios: {
      'beyond the body, own / shared': ratio(own, shared),
      'beyond the body, own / cold': ratio(own, cold),
    },
  };
}

interface Kind {
  readonly count: number;
  readonly machine: string;
  /** What collects a test. */
  readonly test: string;
  readonly reset?: string;
}

async function run(name: string, kind: Kind): Promise<BenchRow> {
  process.stderr.write(`\r${kind.count} tests: ${name}\x1b[K`);
  const [runner] = runners as [Runner, ...Runner[]];
  using project = new Project(runner, {
    ...sources.configuration({ machine: kind.machine, settings: 'testTimeout: 60_000' }),
    'suite.test.ts': testFile(kind),
  });
  // Without the relay that notes what it starts: a shell would be a part of what is measured.
  const env = { MSB_RELAY: undefined, MSB_ACCEL: process.env.MSB_ACCEL };
  const { exitCode, stdout, stderr } = await project.run({ env });
  const left = await project.settledLeaks();
  process.stderr.write('\r\x1b[K');
  if (exitCode !== 0 || left.length > 0)
    throw new Error(
      `The suite "${name}" ended with ${exitCode} and left ${left.length} things.\n${stdout}${stderr}`,
    );
  const bodies = JSON.parse(readFileSync(join(project.path, 'bodies.json'), 'utf8')) as Body[];
  const beyond = bodies.slice(1).map(([begin], n) => begin - (bodies[n]?.[1] ?? Number.NaN));
  return summarize(`${name}: beyond the body, for each of ${kind.count} tests`, beyond);
}

const testFile = ({ count, test, reset = '' }: Kind) => `
import { writeFileSync } from 'node:fs';
import { afterAll, expect, test } from '@msbtest/vitest-plugin';
const bodies: [number, number][] = [];
afterAll(() => writeFileSync('bodies.json', JSON.stringify(bodies)));
const cases = Array.from({ length: ${count} }, (_, n) => n);
${test}.for(cases)('test %i', async (n, { sandbox }) => {
  const begin = performance.now();
  const output = await sandbox.shell('test ! -e /root/mark && echo ' + n + ' > /root/mark && cat /root/mark');
  expect(output.stdout()).toBe(n + '\\n');
  bodies.push([begin, performance.now()]);
  ${reset}
});
`;

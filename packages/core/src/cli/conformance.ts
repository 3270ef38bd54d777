import { writeFileSync } from 'node:fs';
import {
  type ConformanceReport,
  junitText,
  resultText,
  runConformance,
  scenarios,
  summaryText,
} from '../conformance/index.js';
import { messageOf } from '../conformance/load-provider.js';
import { InvalidConfigError } from '../errors.js';
import { type Command, printJson, UsageError } from './command.js';

/** This product's own. */
const ours = new URL('../conformance/msbtest-provider.js', import.meta.url);

export const conformance: Command = {
  summary: 'put a sandbox, ours or any other, through the conformance kit',
  help: `Usage: msbtest conformance [options]

Runs each scenario on real sandboxes, and then once more with a saboteur that breaks just what it checks: one that passes with its
saboteur proves nothing, and has failed. What the provider says that it has not is unsupported, and never passed. The exit status is
0 when nothing failed, 1 when something did, and 2 when there was nothing to run.

  --provider FILE   the module whose default export is the provider; default: msbtest itself. Node 22.18 or newer takes .ts too
  --only ID,...     these scenarios
  --no-controls     without the saboteurs; it takes half of the time, and nothing shows that a scenario could fail
  --timeout MS      for each attempt; default 240,000
  --list            print the scenarios and what they need, and run none
  --json            print the report as JSON
  --junit FILE      write it as JUnit XML, too`,
  options: {
    provider: { type: 'string' },
    only: { type: 'string', multiple: true },
    'no-controls': { type: 'boolean' },
    timeout: { type: 'string' },
    list: { type: 'boolean' },
    json: { type: 'boolean' },
    junit: { type: 'string' },
  },

  async run(invocation) {
    const { positionals, rest } = invocation;
    if (positionals.length > 0 || rest.length > 0) throw new UsageError('It takes options only.');
    const json = invocation.flag('json');
    if (invocation.flag('list')) {
      if (json) printJson(scenarios.map(({ id, title, needs, note = null }) => ({ id, title, needs, note })));
      else
        for (const { id, title, needs } of scenarios)
          print(`${id}: ${title}${needs.length > 0 ? ` [${needs.join(', ')}]` : ''}`);
      return 0;
    }
    const only = invocation.texts('only').flatMap((ids) => ids.split(','));
    const timeoutMs = invocation.number('timeout');
    let report: ConformanceReport;
    try {
      report = await runConformance(invocation.text('provider') ?? ours, {
        ...(only.length > 0 && { only }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        controls: !invocation.flag('no-controls'),
        onResult: (result) => (json ? undefined : print(resultText(result))),
      });
    } catch (error) {
      if (error instanceof InvalidConfigError) throw new UsageError(error.message);
      throw error;
    }
    const junit = invocation.text('junit');
    if (junit !== undefined) write(junit, junitText(report));
    if (json) printJson(report);
    else print(`\n${summaryText(report)}`);
    return report.failed === 0 ? 0 : 1;
  },
};

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`--junit: ${messageOf(error)}`);
  }
}

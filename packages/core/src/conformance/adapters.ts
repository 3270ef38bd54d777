import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { providerModule } from './load-provider.js';
import type { ConformanceOptions, ScenarioResult } from './run.js';

/** `test` of vitest, or of jest. */
interface TestOfRunner {
  (name: string, body: () => Promise<void>, timeoutMs?: number): unknown;
  skip(name: string, body: () => Promise<void>): unknown;
}

/** `test` of `node:test`. */
type TestOfNode = (
  name: string,
  options: { readonly timeout?: number; readonly skip?: string },
  body: () => Promise<void>,
) => unknown;

export type AdapterOptions = Pick<ConformanceOptions, 'only' | 'timeoutMs'>;

/** What the kit would do with a provider, as `scenario-process.js` prints it. */
export interface Plan {
  readonly provider: string;
  readonly scenarios: readonly {
    readonly id: string;
    readonly title: string;
    readonly lack: string | null;
  }[];
}

/** What `scenario-process.js` is to do: without `run` it prints a {@link Plan}, with it a result. */
export interface ScenarioErrand extends AdapterOptions {
  readonly module: string;
  readonly run?: string;
}

/** A provider that probes longer than this does not answer. */
const planWithinMs = 120_000;
/** An attempt, its saboteur's, and the cleaning up after both. */
const slackMs = 240_000;
const attemptMs = 240_000;
const outputBytes = 16 * 1024 * 1024;

const program = fileURLToPath(new URL('./scenario-process.js', import.meta.url));
const commandLine = (errand: ScenarioErrand) => [program, JSON.stringify(errand)];

/**
 * Makes a test of each scenario, with its saboteur, in vitest or jest: `conformanceTests(test, new URL('./provider.js', import.meta.url))`.
 * What the provider does not support is skipped, with the reason in its name. Each runs in a process of its own, so that the provider
 * is loaded by Node, and not by the test runner.
 *
 * @param where the provider's module: a path, or a URL.
 * @throws when the provider cannot be loaded.
 */
export function conformanceTests(
  test: TestOfRunner,
  where: string | URL,
  options: AdapterOptions = {},
): void {
  const module = providerModule(where);
  for (const { id, title, lack } of planOf({ ...options, module }).scenarios) {
    const run = () => runScenario({ ...options, module, run: id });
    if (lack === null) test(`${id}: ${title}`, run, boundOf(options));
    else test.skip(`${id}: ${title} (unsupported: ${lack})`, run);
  }
}

/** The same for `node:test`. */
export function conformanceNodeTests(
  test: TestOfNode,
  where: string | URL,
  options: AdapterOptions = {},
): void {
  const module = providerModule(where);
  for (const { id, title, lack } of planOf({ ...options, module }).scenarios) {
    const skip = lack === null ? {} : { skip: `unsupported: ${lack}` };
    test(`${id}: ${title}`, { timeout: boundOf(options), ...skip }, () =>
      runScenario({ ...options, module, run: id }),
    );
  }
}

const boundOf = ({ timeoutMs = attemptMs }: AdapterOptions) => 2 * timeoutMs + slackMs;

/** At once, since runners collect tests without waiting. */
function planOf(errand: ScenarioErrand): Plan {
  const printed = execFileSync(process.execPath, commandLine(errand), {
    encoding: 'utf8',
    timeout: planWithinMs,
    maxBuffer: outputBytes,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '') as Plan;
}

async function runScenario(errand: ScenarioErrand): Promise<void> {
  const { stdout } = await promisify(execFile)(process.execPath, commandLine(errand), {
    timeout: boundOf(errand),
    maxBuffer: outputBytes,
  });
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as ScenarioResult;
  if (result.status !== 'passed') throw new Error(`${result.id}: ${result.status}: ${result.reason}`);
}

import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkout } from '../support/saboteurs.js';

/** A test runner of some version, on some version of Node. */
export interface Runner {
  readonly name: string;
  readonly node: string;
  /** What a `.js` file of its projects is. */
  readonly moduleType: 'commonjs' | 'module';
  /** Puts what a project imports into its `node_modules`. */
  install(modules: string): void;
  /** What starts it once, in the project's directory, with its reports in {@link reportFiles}. */
  command(args: readonly string[]): string[];
  /** What its report says of each test. */
  results(project: string): Results;
  /** What none of its finished runs may say. */
  readonly neverSays: readonly RegExp[];
}

/** Where the checkout has a package. */
export const installed = (name: string): string => join(checkout, 'node_modules', name);

export const nodeOf = (major: number): string => join(installed(`node-${major}`), 'bin/node');

/** Lets a project import packages of the checkout; what they import is the checkout's, too. */
export function link(modules: string, names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(installed(name), join(modules, name));
  }
}

/** Tests by full name, suites and all. */
export type Results = Readonly<Record<string, TestResult>>;

/** One test in a report. */
export interface TestResult {
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending' | 'todo';
  readonly messages: readonly string[];
  readonly meta: Readonly<Record<string, unknown>>;
}

/** In the project's directory; JUnit's is there only where a runner writes one. */
export const reportFiles = { json: 'report.json', junit: 'report.xml' } as const;

/** Reads jest's JSON report, whose format vitest writes too. */
export function jsonResults(project: string): Results {
  const json = readReport(project, 'json');
  if (json === '') return {};
  const report = JSON.parse(json) as {
    testResults: {
      assertionResults: {
        ancestorTitles: string[];
        title: string;
        status: TestResult['state'];
        failureMessages: string[] | null;
        meta?: Record<string, unknown>;
      }[];
    }[];
  };
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  return Object.fromEntries(
    tests.map(({ ancestorTitles, title, status, failureMessages, meta }) => [
      [...ancestorTitles, title].filter(Boolean).join(' > '),
      { state: status, messages: failureMessages ?? [], meta: meta ?? {} },
    ]),
  );
}

/** Empty when the run wrote none. */
export function readReport(project: string, kind: keyof typeof reportFiles): string {
  const path = join(project, reportFiles[kind]);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/**
 * The conformance kit: what a sandbox must do, as scenarios that any can be put through, and the proof of each that it can fail.
 * docs/conformance.md has how.
 */
import '../index.js';

export { type AdapterOptions, conformanceNodeTests, conformanceTests } from './adapters.js';
export { type MsbtestProviderOptions, msbtestProvider } from './msbtest-provider.js';
export {
  type Capability,
  type CreateOptions,
  capabilities,
  type ExecOptions,
  type ExecResult,
  type Probe,
  type ProvidedSandbox,
  type Provider,
  type RunningCommand,
  type StopReport,
} from './provider.js';
export { junitText, resultText, summaryText } from './report.js';
export {
  type AttemptOutcome,
  type ConformanceOptions,
  type ConformanceReport,
  chooseScenarios,
  judge,
  judgeControl,
  runConformance,
  type ScenarioResult,
  Subject,
} from './run.js';
export { exchange, withSandboxes } from './sabotage.js';
export type { Owner, Saboteur, Scenario, ScenarioContext } from './scenario.js';
export { scenarios } from './scenarios/index.js';

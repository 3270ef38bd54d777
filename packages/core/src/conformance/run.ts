import { setTimeout as delay } from 'node:timers/promises';
import { InvalidConfigError } from '../index.js';
import { Attempt } from './context.js';
import { loadProvider, messageOf, providerModule } from './load-provider.js';
import { lackOf, type Provider } from './provider.js';
import { Finding, type Scenario } from './scenario.js';
import { scenarios } from './scenarios/index.js';

/** What a run is to do. */
export interface ConformanceOptions {
  /** Ids of the scenarios to run; default all. */
  readonly only?: readonly string[];
  /** Whether each scenario that passes is run again with its saboteur; default true. Without, nothing shows that it could fail. */
  readonly controls?: boolean;
  /** For each attempt at a scenario, in milliseconds; default 240,000. */
  readonly timeoutMs?: number;
  /** Told of each result as it comes. */
  readonly onResult?: (result: ScenarioResult) => void;
}

export interface ScenarioResult {
  readonly id: string;
  readonly title: string;
  /** `passed`: the provider does it, and its saboteur was caught. `unsupported`: the provider says that it has no such thing. */
  readonly status: 'passed' | 'failed' | 'unsupported';
  /** What failed, or why it is not supported; null when it passed. */
  readonly reason: string | null;
  /** What the saboteur was, and what was found of it; null where it was not run. */
  readonly control: {
    readonly breaks: string;
    readonly caught: boolean;
    readonly found: string | null;
  } | null;
  /** What passing does not show. */
  readonly note: string | null;
  readonly ms: number;
}

export interface ConformanceReport {
  readonly provider: string;
  /** Why the provider cannot run here; null when it can. */
  readonly unavailable: string | null;
  readonly passed: number;
  readonly failed: number;
  readonly unsupported: number;
  readonly results: readonly ScenarioResult[];
}

/** How one attempt at a scenario went. */
export interface AttemptOutcome {
  /** Why it failed; null when it passed. */
  readonly failure: string | null;
  /** Sandboxes that could not be removed afterwards, by name. */
  readonly left: readonly string[];
  readonly ms: number;
}

const defaultTimeoutMs = 240_000;
/** Characters; a guest may have said megabytes. */
const failureLimit = 4_000;

/** A provider, loaded and asked whether it can run here. */
export class Subject implements AsyncDisposable {
  readonly module: string;
  readonly provider: Provider;
  /** Why it cannot run here; null when it can. */
  readonly unavailable: string | null;

  private constructor(module: string, provider: Provider, unavailable: string | null) {
    this.module = module;
    this.provider = provider;
    this.unavailable = unavailable;
  }

  /** @param where the provider's module. @throws InvalidConfigError where it cannot be loaded, or asked. */
  static async load(where: string | URL): Promise<Subject> {
    const module = providerModule(where);
    const provider = await loadProvider(module);
    const probe = await provider.probe().catch((cause: unknown) => {
      throw new InvalidConfigError(`The probe() of ${provider.name} failed: ${messageOf(cause)}`, { cause });
    });
    return new Subject(module, provider, 'unsupported' in probe ? probe.unsupported : null);
  }

  /** Why a scenario cannot be run with this provider; null when it can. */
  lack(scenario: Scenario): string | null {
    return this.unavailable ?? lackOf(this.provider, scenario.needs);
  }

  /** Runs a scenario once, with the provider as it is or with its saboteur in its place. */
  async attempt(
    scenario: Scenario,
    { sabotaged = false, timeoutMs = defaultTimeoutMs }: { sabotaged?: boolean; timeoutMs?: number } = {},
  ): Promise<AttemptOutcome> {
    const begin = performance.now();
    const attempt = new Attempt(this.provider, this.module, scenario, sabotaged);
    let failure: string | null = null;
    const over = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: over.signal }).then(() => {
      throw new Finding(`It was not done after ${timeoutMs} ms.`);
    });
    const running = scenario.run(attempt);
    try {
      await Promise.race([running, late]);
    } catch (error) {
      failure = messageOf(error).slice(0, failureLimit) || 'it failed without a word';
    } finally {
      over.abort();
      late.catch(() => {});
      running.catch(() => {}); // of one that was given up
    }
    const left = await attempt.cleanUp();
    return { failure, left, ms: Math.round(performance.now() - begin) };
  }

  /** Runs a scenario, and then its saboteur, which has to be caught. */
  async run(
    scenario: Scenario,
    { controls = true, timeoutMs }: ConformanceOptions = {},
  ): Promise<ScenarioResult> {
    const { id, title, note = null, saboteur } = scenario;
    const told = { id, title, note };
    const lack = this.lack(scenario);
    if (lack !== null) return { ...told, status: 'unsupported', reason: lack, control: null, ms: 0 };
    const bound = timeoutMs === undefined ? {} : { timeoutMs };
    const honest = await this.attempt(scenario, bound);
    const { ms } = honest;
    const failure = judge(honest);
    if (failure !== null) return { ...told, status: 'failed', reason: failure, control: null, ms };
    if (!controls) return { ...told, status: 'passed', reason: null, control: null, ms };
    const sabotaged = await this.attempt(scenario, { ...bound, sabotaged: true });
    const verdict = judgeControl(scenario, sabotaged);
    return {
      ...told,
      status: verdict === null ? 'passed' : 'failed',
      reason: verdict,
      control: { breaks: saboteur.breaks, caught: verdict === null, found: sabotaged.failure },
      ms: ms + sabotaged.ms,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.provider.close?.();
  }
}

/** What is wrong with how an attempt went; null when nothing is. */
export function judge({ failure, left }: AttemptOutcome): string | null {
  return failure ?? (left.length > 0 ? whatIsLeft(left) : null);
}

/** What is wrong with how a sabotaged attempt went; null when the saboteur was caught, and by what it breaks. */
export function judgeControl({ saboteur }: Scenario, { failure, left }: AttemptOutcome): string | null {
  if (left.length > 0) return whatIsLeft(left);
  if (failure === null)
    return `It proves nothing here: with ${saboteur.breaks} it passed, too. Does the provider have all that it says?`;
  if (saboteur.symptom.test(failure)) return null;
  return `It proves nothing here: with ${saboteur.breaks} it failed in another way than it must: ${failure}`;
}

const whatIsLeft = (left: readonly string[]) =>
  `Still there after it was killed and removed: ${left.join(', ')}`;

/** The scenarios with these ids; all of them without. @throws InvalidConfigError for an id that there is not. */
export function chooseScenarios(only: readonly string[] | undefined): readonly Scenario[] {
  if (!only) return scenarios;
  const unknown = only.filter((id) => !scenarios.some((scenario) => scenario.id === id));
  if (unknown.length > 0) {
    throw new InvalidConfigError(
      `There is no scenario ${unknown.map((id) => `"${id}"`).join(', ')}; there are ${scenarios.map(({ id }) => id).join(', ')}.`,
    );
  }
  return scenarios.filter(({ id }) => only.includes(id));
}

/**
 * Puts a provider through the kit, one scenario after the other, and each saboteur after its scenario.
 *
 * @param where the module whose default export is the provider: a path, or a URL.
 * @throws InvalidConfigError where it cannot be loaded, or a scenario is named that there is not.
 */
export async function runConformance(
  where: string | URL,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const chosen = chooseScenarios(options.only);
  await using subject = await Subject.load(where);
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    const result = await subject.run(scenario, options);
    options.onResult?.(result);
    results.push(result);
  }
  const count = (status: ScenarioResult['status']) =>
    results.filter((result) => result.status === status).length;
  return {
    provider: subject.provider.name,
    unavailable: subject.unavailable,
    passed: count('passed'),
    failed: count('failed'),
    unsupported: count('unsupported'),
    results,
  };
}

import type { Capability, CreateOptions, ProvidedSandbox, Provider } from './provider.js';

/** One thing that a sandbox must do, and the proof that its not doing it would be seen. */
export interface Scenario {
  /** Stable; what `--only` takes. */
  readonly id: string;
  readonly title: string;
  readonly needs: readonly Capability[];
  /** What passing it does not show. */
  readonly note?: string;
  /** @throws Finding when the sandbox does not do it. */
  run(context: ScenarioContext): Promise<void>;
  readonly saboteur: Saboteur;
}

/** A provider that is wrong in exactly what a scenario checks, made of any provider and its real sandboxes. */
export interface Saboteur {
  /** What is wrong with it, as in "a stop that kills". */
  readonly breaks: string;
  /** What the scenario must then find; any other failure would not be due to the saboteur. */
  readonly symptom: RegExp;
  wrap(provider: Provider): Provider;
}

/** What a scenario has found wrong. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** @throws Finding */
export function expect(holds: boolean, otherwise: () => string): asserts holds {
  if (!holds) throw new Finding(otherwise());
}

/** What a scenario is given. Whatever is made through it is gone afterwards. */
export interface ScenarioContext {
  readonly provider: Provider;
  /** Makes a sandbox, under a name of this run's own unless `options` has one. */
  create(options?: Omit<CreateOptions, 'name'> & { readonly name?: string }): Promise<ProvidedSandbox>;
  /** A name that nobody else has, and that is cleaned up. */
  newName(): string;
  get(name: string): Promise<ProvidedSandbox>;
  /** A directory of the host's, which is removed afterwards. */
  hostDirectory(): string;
  /** Another process that makes a sandbox, writes {@link ownersWord} into the file `owned`, and lives until it is killed. */
  owner(options: CreateOptions, then: 'stay' | 'detach'): Promise<Owner>;
  /** Stops a sandbox by its name from another process. */
  stopElsewhere(name: string): Promise<void>;
  /** Resolves when `holds` does. @throws Finding `what`, with the bound. */
  eventually(holds: () => Promise<boolean>, withinMs: number, what: string): Promise<void>;
}

export interface Owner {
  /** Ends it, and resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export const ownersWord = 'owned-705';

/** For a graceful stop: emulated machines on a busy host take their time. */
export const patientStopMs = 60_000;

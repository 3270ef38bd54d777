import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Errand, runElsewhere, startOwner } from './elsewhere.js';
import { messageOf } from './load-provider.js';
import type { CreateOptions, ProvidedSandbox, Provider } from './provider.js';
import { withSandboxes } from './sabotage.js';
import { expect, Finding, type Owner, type Scenario, type ScenarioContext } from './scenario.js';

/** Nobody tells when something holds. */
const lookAgainMs = 100;
/** For each step of the cleaning up: what cannot be ended is named, and left. */
const cleanUpStepMs = 30_000;

/** What one attempt at a scenario is given, and what it leaves behind. */
export class Attempt implements ScenarioContext {
  readonly provider: Provider;
  readonly #real: Provider;
  readonly #errand: Omit<Errand, 'work'>;
  /** As the real provider gave them, whatever a saboteur has made of them; in the order of their coming. */
  readonly #sandboxes: ProvidedSandbox[] = [];
  readonly #names = new Set<string>();
  readonly #owners: (Owner & Disposable)[] = [];
  readonly #directories: string[] = [];
  #isOver = false;

  constructor(provider: Provider, module: string, scenario: Scenario, sabotaged: boolean) {
    this.#real = provider;
    this.#errand = { module, scenario: scenario.id, sabotaged };
    const recorded = withSandboxes(provider, (sandbox) => {
      this.#sandboxes.push(sandbox);
      // A scenario that was given up may still be at it.
      if (this.#isOver) sandbox.kill().catch(() => {});
      return {};
    });
    this.provider = sabotaged ? scenario.saboteur.wrap(recorded) : recorded;
  }

  newName(): string {
    const name = `kit-${process.pid}-${randomBytes(4).toString('hex')}`;
    this.#names.add(name);
    return name;
  }

  create(options: Partial<CreateOptions> = {}): Promise<ProvidedSandbox> {
    const name = options.name ?? this.newName();
    if (name !== '') this.#names.add(name);
    return this.provider.create({ ...options, name });
  }

  get(name: string): Promise<ProvidedSandbox> {
    if (!this.provider.get) throw new Finding('It has "by-name", and no get().');
    return this.provider.get(name);
  }

  hostDirectory(): string {
    const directory = mkdtempSync(join(tmpdir(), 'msb-kit-'));
    this.#directories.push(directory);
    return directory;
  }

  async owner(options: CreateOptions, then: 'stay' | 'detach'): Promise<Owner> {
    const owner = await startOwner({ ...this.#errand, work: { kind: 'own', options, then } });
    this.#owners.push(owner);
    return owner;
  }

  stopElsewhere(name: string): Promise<void> {
    return runElsewhere({ ...this.#errand, work: { kind: 'stop', name } });
  }

  async eventually(holds: () => Promise<boolean>, withinMs: number, what: string): Promise<void> {
    const end = performance.now() + withinMs;
    while (!(await holds())) {
      expect(performance.now() < end && !this.#isOver, () => `${what} after ${withinMs} ms.`);
      await delay(lookAgainMs);
    }
  }

  /** Ends and removes all that there is. @returns what could not be, each thing named. */
  async cleanUp(): Promise<string[]> {
    this.#isOver = true;
    for (const owner of this.#owners) owner[Symbol.dispose]();
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
    const { get, list } = this.#real;
    const byName = async (name: string) => get?.call(this.#real, name);
    // Those of other processes last: an object here knows best how to end its own.
    const known = [...this.#sandboxes].reverse();
    for (const sandbox of known) {
      await bounded(sandbox.kill()).catch(() => {});
      await bounded(sandbox.remove()).catch(() => {}); // of several objects for one sandbox, the first has done it
    }
    for (const name of this.#names) {
      const sandbox = await bounded(byName(name)).catch(() => undefined);
      if (!sandbox) continue;
      await bounded(sandbox.kill()).catch(() => {});
      await bounded(sandbox.remove()).catch(() => {});
    }
    try {
      const there = (list && (await bounded(list.call(this.#real)))) ?? [];
      return there.filter((name) => this.#names.has(name));
    } catch (error) {
      return [`the list of sandboxes cannot be had: ${messageOf(error)}`];
    }
  }
}

async function bounded<T>(work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = delay(cleanUpStepMs, undefined, { signal: over.signal, ref: false }).then(() => {
    throw new Error(`It was not done after ${cleanUpStepMs} ms.`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
    late.catch(() => {});
  }
}

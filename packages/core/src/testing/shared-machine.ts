import { setTimeout as delay } from 'node:timers/promises';
import { InvalidConfigError, TestMachineError } from '../errors.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { EvidenceFile } from './evidence.js';
import { checkMachineOptions, type MachineOptions } from './machine-options.js';
import { say } from './say.js';
import { type MachinesReport, TestMachines } from './test-machines.js';

/** Default of `bootTimeout`, which also bounds the preparation. */
const defaultPrepareTimeoutMs = 60_000;

let living = 0;

/** Whether this worker has a shared machine, so that its tests must not wait for places that others with such a machine wait for too. */
export function holdsSharedMachine(): boolean {
  return living > 0;
}

/**
 * Reads what somebody wants of a machine to share.
 *
 * @param scopes how long it can live, in this runner; where there is but one, it need not be named.
 * @throws InvalidConfigError
 */
export function parseSharedOptions<Scope extends string>(
  options: MachineOptions & { readonly scope?: Scope | undefined },
  scopes: readonly Scope[],
): { readonly scope: Scope; readonly machine: MachineOptions } {
  const where = 'test.msb.shared';
  const { scope = scopes.length === 1 ? scopes[0] : undefined, ...machine } = options;
  if (scope === undefined || !scopes.includes(scope)) {
    const known = scopes.map((one) => `"${one}"`).join(' or ');
    throw new InvalidConfigError(`${where}: scope is ${JSON.stringify(scope)}; it is ${known}.`);
  }
  return { scope, machine: checkMachineOptions(machine, where) };
}

/** A test that shares a machine cannot ask for another. @throws InvalidConfigError */
export function checkSharing(own: MachineOptions, where: string): void {
  const names = Object.keys(own);
  if (names.length === 0) return;
  throw new InvalidConfigError(
    `${where} shares a machine, so it has no say in ${names.join(', ')}: tell test.msb.shared(…).`,
  );
}

/** A machine that the tests of a file or a worker share. */
export class SharedMachine implements AsyncDisposable {
  readonly options: MachineOptions;
  readonly #scope: string;
  readonly #prepare: ((sandbox: Sandbox) => unknown) | undefined;
  readonly #machines: TestMachines;
  readonly #listeners = new Set<(error: TestMachineError) => void>();
  #ready: Promise<Sandbox> | undefined;
  #failed = false;
  #told = false;

  constructor(scope: string, options: MachineOptions, prepare: ((sandbox: Sandbox) => unknown) | undefined) {
    this.options = options;
    this.#scope = scope;
    this.#prepare = prepare;
    this.#machines = new TestMachines({ file: `shared by a ${scope}`, name: 'shared machine' }, options, {
      holdsMachine: () => living > 1, // this one has been counted
      log: say,
      onDeath: (error) => {
        for (const listener of this.#listeners) listener(error);
      },
    });
  }

  /** Boots it and prepares it, at the first call. @throws TestMachineError, at each call then; what the preparation throws. */
  sandbox(): Promise<Sandbox> {
    if (!this.#ready) living++;
    this.#ready ??= this.#boot();
    return this.#ready.then(async (sandbox) => {
      const death = await this.death();
      if (death) throw death;
      return sandbox;
    });
  }

  death(): Promise<TestMachineError | undefined> {
    return this.#machines.death();
  }

  get accelerator(): MachinesReport['accelerator'] {
    return this.#machines.report().accelerator;
  }

  /** What its boot came to, for the first of its tests to report. */
  firstReport(): MachinesReport | undefined {
    if (this.#told) return undefined;
    this.#told = true;
    return this.#machines.report();
  }

  /** Calls `listener` if the machine dies, until disposed of. */
  onDeath(listener: (error: TestMachineError) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  evidence(directory: string): Promise<EvidenceFile[]> {
    return this.#machines.evidence(directory);
  }

  /** A test that used it has failed. */
  fail(): void {
    this.#failed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ready) living--;
    const { kept } = await this.#machines.end({ failed: this.#failed });
    for (const command of kept)
      say(`The microVM shared by a ${this.#scope} was kept. Into it:`, `  ${command}`);
  }

  async #boot(): Promise<Sandbox> {
    const sandbox = await this.#machines.create();
    if (!this.#prepare) return sandbox;
    const timeoutMs = this.options.bootTimeout ?? defaultPrepareTimeoutMs;
    const late = new AbortController();
    try {
      await Promise.race([
        this.#prepare(sandbox),
        delay(timeoutMs, undefined, { signal: late.signal }).then(() => {
          throw new TestMachineError(
            `The machine shared by a ${this.#scope} was not prepared within ${timeoutMs} ms; give it more with bootTimeout.`,
            'boot',
            '',
          );
        }),
      ]);
      return sandbox;
    } finally {
      late.abort();
    }
  }
}

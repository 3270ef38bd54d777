import { join } from 'node:path';
import { TestMachineError } from '../errors.js';
import type { Accelerator } from '../host/hypervisor.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { type EvidenceFile, writeEvidence } from './evidence.js';
import { checkMachineOptions, type MachineOptions, mergeMachineOptions } from './machine-options.js';
import { type Origins, sumOrigins } from './tally.js';
import { type TestIdentity, TestMachine } from './test-machine.js';

/** What the machines of one test came to; plain data, for reports. */
export interface MachinesReport {
  /** Machines that booted. */
  readonly booted: number;
  /** How many of them came which way. */
  readonly origins: Origins;
  readonly accelerator: Accelerator | null;
  /** Milliseconds that booting took, and the wait for a place on this host before; sums. */
  readonly bootMs: number;
  readonly waitedMs: number;
  /** The command lines that lead into machines that were kept. */
  readonly kept: readonly string[];
}

/** What `TestMachines` tells while a test runs. */
export interface MachinesHooks {
  /** Whether something else holds a machine for this test at that moment, so that it must not wait for another's end. */
  readonly holdsMachine: () => boolean;
  /** For lines that a person may want to read while the test runs. */
  readonly log?: ((line: string) => void) | undefined;
  /** A machine ended by itself: the test cannot go on. */
  readonly onDeath?: ((error: TestMachineError) => void) | undefined;
}

/**
 * The machines of one attempt of one test, or of a part of a run that shares them: each is owned from the moment that it is asked
 * for, and `end()` leaves none.
 */
export class TestMachines {
  readonly #test: TestIdentity;
  readonly #options: MachineOptions;
  readonly #hooks: MachinesHooks;
  readonly #machines: TestMachine[] = [];
  #death: TestMachineError | undefined;
  #end: Promise<MachinesReport> | undefined;

  /** @param options of every machine, unless told otherwise when it is made. */
  constructor(test: TestIdentity, options: MachineOptions, hooks: MachinesHooks) {
    this.#test = test;
    this.#options = options;
    this.#hooks = hooks;
  }

  /** Why the test cannot go on; undefined while it can. */
  async death(): Promise<TestMachineError | undefined> {
    for (const machine of this.#machines) {
      const death = await machine.death();
      this.#death ??= death; // the watch of the machine may have been quicker
    }
    return this.#death;
  }

  /**
   * Boots one more machine, whose options are the test's with these over them.
   *
   * @throws InvalidConfigError; TestMachineError when it does not come up.
   */
  async create(options?: MachineOptions): Promise<Sandbox> {
    const own = mergeMachineOptions(this.#options, checkMachineOptions(options, 'sandboxes.create'));
    if (this.#end) {
      throw new TestMachineError(
        `"${this.#test.name}" asked for a machine when it was over. Await what a test starts.`,
        'boot',
        '',
      );
    }
    const machine = new TestMachine(this.#test, own, {
      mayWait: !this.#hooks.holdsMachine() && this.#machines.length === 0,
      log: this.#hooks.log,
      onDeath: (error) => this.#died(error),
    });
    this.#machines.push(machine);
    return machine.sandbox;
  }

  /** Writes down, into `directory`, what the machines have to say about a test that failed; before `end()`. */
  async evidence(directory: string): Promise<EvidenceFile[]> {
    const files: EvidenceFile[] = [];
    for (const [index, machine] of this.#machines.entries()) {
      const own = this.#machines.length === 1 ? directory : join(directory, String(index + 1));
      files.push(...(await writeEvidence(machine, own)));
    }
    return files;
  }

  /**
   * Ends all of them, whatever state they are in; it happens once.
   *
   * @param verdict.failed whether machines that are kept on failure are kept.
   * @throws TestMachineError, or an AggregateError of several, after all have been ended.
   */
  end(verdict: { readonly failed: boolean }): Promise<MachinesReport> {
    this.#end ??= this.#finish(verdict);
    return this.#end;
  }

  async #finish(verdict: { readonly failed: boolean }): Promise<MachinesReport> {
    const ends = await Promise.allSettled(this.#machines.map((machine) => machine.end(verdict)));
    const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, errors.map((error) => error.message).join('\n'));
    return {
      ...this.report(),
      kept: ends.flatMap((end) => (end.status === 'fulfilled' ? (end.value ?? []) : [])),
    };
  }

  /** What they have come to by now. */
  report(): MachinesReport {
    const running = this.#machines.flatMap((machine) => machine.running ?? []);
    return {
      booted: running.length,
      origins: sumOrigins(...running.map(({ bootTimes }) => ({ [bootTimes?.origin ?? 'cold']: 1 }))),
      accelerator: running[0]?.accelerator ?? null,
      bootMs: Math.round(running.reduce((sum, { bootTimes }) => sum + (bootTimes?.totalMs ?? 0), 0)),
      waitedMs: Math.round(this.#machines.reduce((sum, { waitedMs }) => sum + waitedMs, 0)),
      kept: [],
    };
  }

  #died(error: TestMachineError): void {
    this.#death ??= error;
    this.#hooks.onDeath?.(error);
  }
}

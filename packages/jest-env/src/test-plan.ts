import {
  type AttemptOutcome,
  type MachineOptions,
  type MsbFixtures,
  SharedMachine,
  TestAttempt,
  type TestIdentity,
  type TestRecord,
} from '@msbtest/core/testing';

export type Body = (fixtures: MsbFixtures) => unknown;

/** A microVM test as it was written, and its attempts, one after the other. */
export class TestPlan {
  /** What jest is given to run. It has no parameter: jest would take one for `done`. */
  readonly fn = (): Promise<unknown> => this.#run();
  /** The function of ours that its author called, for the place in the file. */
  readonly #caller: object;
  /** What came of it by now. */
  record: TestRecord = { kind: 'left out' };
  readonly #machine: MachineOptions | SharedMachine;
  readonly #body: Body;
  #attempt: TestAttempt | undefined;
  #death: Promise<never> | undefined;

  constructor(machine: MachineOptions | SharedMachine, body: Body, caller: object) {
    this.#machine = machine;
    this.#body = body;
    this.#caller = caller;
  }

  /** Lets an error that jest made for the test's place in the file begin where its author called us. */
  locate(place: Error): void {
    Error.captureStackTrace(place, this.#caller as () => void);
  }

  /** The machine that it has to itself; undefined for one that shares another's. */
  get machine(): MachineOptions | undefined {
    return this.#machine instanceof SharedMachine ? undefined : this.#machine;
  }

  /** Begins an attempt: resolves when its machine runs. @throws TestMachineError; what the preparation of a shared one throws. */
  async begin(test: TestIdentity): Promise<void> {
    this.#death = new Promise((_, reject) => {
      this.#attempt = new TestAttempt(test, this.#machine, reject);
    });
    this.#death.catch(() => {}); // the test may not be waiting at that moment; `death()` tells afterwards
    await this.#attempt?.sandbox;
  }

  /** Why the attempt cannot have passed, if a machine of it has ended by itself. */
  async death(): Promise<Error | undefined> {
    return this.#attempt?.death();
  }

  /** Ends the attempt, if there is one. @throws TestMachineError, AggregateError; see {@link TestAttempt.end} */
  async end(outcome: AttemptOutcome): Promise<void> {
    const attempt = this.#attempt;
    if (!attempt) return;
    this.#attempt = undefined;
    try {
      await attempt.end(outcome);
    } finally {
      this.record = attempt.record(this.record);
    }
  }

  async #run(): Promise<unknown> {
    if (!this.#attempt) throw new Error('jest runs a microVM test that it has not announced.');
    const { sandbox, sandboxes } = this.#attempt;
    return Promise.race([this.#body({ sandbox: await sandbox, sandboxes }), this.#death]);
  }
}

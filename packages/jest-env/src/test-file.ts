import type { Circus } from '@jest/types';
import {
  decideGate,
  type Gate,
  isSkipped,
  type MachineOptions,
  neverReported,
  nextMachines,
  requireGate,
  SharedMachine,
  say,
  skippedFileNote,
  skippedRecord,
  type TestIdentity,
  testIdentity,
} from '@msbtest/core/testing';
import { FileRecords } from './records.js';
import { type Body, TestPlan } from './test-plan.js';

type Test = Circus.TestEntry;

/** The microVM tests of one test file, from their collection to their end. */
export class TestFile {
  /** The machine of every test, unless the test says otherwise. */
  readonly defaults: MachineOptions;
  readonly #identify: (names: readonly string[]) => TestIdentity;
  readonly #evidence: string;
  readonly #records: FileRecords;
  /** By the function that jest was given. */
  readonly #planned = new Map<unknown, TestPlan>();
  readonly #tests = new Map<Test, { readonly planned: TestPlan; readonly index: number }>();
  readonly #begun = new Set<Test>();
  readonly #shared: SharedMachine[] = [];
  #todo = 0;
  #gate: Gate | undefined;

  /**
   * @param project what a part of jest's configuration is called in reports, and by jest itself.
   * @param evidence the directory for the evidence of failures.
   */
  constructor(
    path: string,
    project: { readonly name: string; readonly id: string },
    defaults: MachineOptions,
    evidence: string,
  ) {
    this.defaults = defaults;
    this.#identify = (names) => testIdentity(path, project.name, names);
    this.#evidence = evidence;
    this.#records = new FileRecords(`${project.id}\0${path}`);
  }

  /** Takes in a test that is collected; its `fn` is for jest. */
  plan(machine: MachineOptions | SharedMachine, body: Body, caller: object): TestPlan {
    const planned = new TestPlan(machine, body, caller);
    this.#planned.set(planned.fn, planned);
    return planned;
  }

  /** While jest takes in a test: puts right what it believes of the test's place in the file. */
  locate(fn: unknown, place: Error): void {
    this.#planned.get(fn)?.locate(place);
  }

  /** Takes in one that is still to be written. */
  planLater(): void {
    this.#todo++;
  }

  /** Makes a machine for tests of the file to share; it boots before the first of them. */
  share(options: MachineOptions, prepare: ConstructorParameters<typeof SharedMachine>[2]): SharedMachine {
    const shared = new SharedMachine('file', options, prepare);
    this.#shared.push(shared);
    return shared;
  }

  /** Before the first test: decides which of them run. */
  begin(state: Circus.State): void {
    for (const test of testsBelow(state.rootDescribeBlock)) {
      const planned = this.#planned.get(test.fn);
      if (planned) this.#tests.set(test, { planned, index: this.#tests.size });
    }
    if (this.#tests.size + this.#todo === 0) return;
    try {
      this.#decide(decideGate(), state);
      nextMachines.foresee(this.#ahead());
    } catch (error) {
      for (const test of this.#tests.keys()) test.errors.push(error); // thrown, it would end all of jest's work on the file
    }
  }

  #decide(gate: Gate, state: Circus.State): void {
    this.#gate = gate;
    for (const [test, { planned, index }] of this.#tests) {
      if (!isLeftOut(test, state)) {
        planned.record = isSkipped(gate) ? skippedRecord(gate) : neverReported;
        // Now, and not at the test's turn: jest runs no `beforeAll` where every test is skipped.
        if (isSkipped(gate)) test.mode = 'skip';
      }
      this.#records.write(index, planned.record);
    }
    for (let index = 0; index < this.#todo; index++) {
      this.#records.write(this.#tests.size + index, { kind: 'left out' });
    }
    const skipped = [...this.#tests.values()].some(({ planned }) => planned.record.kind === 'skipped');
    if (skipped && isSkipped(gate) && !this.#records.areRead) {
      say(skippedFileNote(this.#identify([]).file, gate));
    }
  }

  /** The machines of the tests that have not begun, in the file's order. */
  *#ahead(): Generator<MachineOptions> {
    if (!this.#gate?.open) return;
    for (const [test, { planned }] of this.#tests) {
      if (planned.machine && planned.record.kind === 'ran' && !this.#begun.has(test)) yield planned.machine;
    }
  }

  /** Boots the machine of a test, before its hooks and outside of its time. */
  async start(test: Test): Promise<void> {
    this.#begun.add(test);
    const planned = this.#tests.get(test)?.planned;
    if (!planned || !this.#gate || test.errors.length > 0) return; // a `beforeAll` has failed: jest will not run it
    try {
      requireGate(this.#gate);
      await planned.begin(this.#identify(namesOf(test)));
      nextMachines.foresee(this.#ahead());
      test.startedAt = Date.now(); // jest's word on how long the test took is on the test, too
    } catch (error) {
      test.errors.push(error); // jest runs nothing of it then but its `afterEach`
    }
  }

  /**
   * Ends what a test had, after its hooks. Throws nothing: jest would give up the whole file.
   *
   * @param last whether jest will not try it again if it has failed.
   */
  async end(test: Test, last: boolean): Promise<void> {
    const { planned, index } = this.#tests.get(test) ?? {};
    if (!planned || index === undefined) return;
    try {
      const death = await planned.death();
      if (death && !test.errors.some((error) => error === death || error?.[0] === death)) {
        test.errors.push(death);
      }
    } catch (error) {
      test.errors.push(error);
    }
    try {
      await planned.end({
        verdict: test.errors.length > 0 ? 'failed' : 'passed',
        last,
        evidence: this.#evidence,
        attach: async (files) =>
          say(
            `The microVM of "${namesOf(test).join(' > ')}" says: ${files.map(({ shown }) => shown).join(', ')}`,
          ),
      });
    } catch (error) {
      test.errors.push(error);
    }
    try {
      this.#records.write(index, planned.record);
    } catch (error) {
      test.errors.push(error);
    }
  }

  /** Ends what is left at the end of the file; @returns what could not be. */
  async finish(): Promise<unknown[]> {
    const attempts = [...this.#tests.values()].map(({ planned }) =>
      planned.end({ verdict: 'neither', last: true, evidence: this.#evidence }),
    );
    const shared = this.#shared.splice(0).map((machine) => machine[Symbol.asyncDispose]());
    const ends = await Promise.allSettled([...attempts, ...shared, nextMachines.end()]);
    return ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  }
}

function* testsBelow(block: Circus.DescribeBlock): Generator<Test> {
  for (const child of block.children) {
    if (child.type === 'test') yield child;
    else yield* testsBelow(child);
  }
}

/** As jest decides it, when the test's turn comes: by its author, or by a filter. */
function isLeftOut(test: Test, { hasFocusedTests, testNamePattern }: Circus.State): boolean {
  if (test.mode === 'skip' || test.mode === 'todo' || test.parent.mode === 'skip') return true;
  if (hasFocusedTests && test.mode !== 'only') return true;
  return testNamePattern ? !testNamePattern.test(namesOf(test).join(' ')) : false;
}

/** Its name and those of the blocks around it, without jest's own around them all. */
function namesOf(test: Test): string[] {
  const names = [test.name];
  for (let block: Circus.DescribeBlock | undefined = test.parent; block?.parent; block = block.parent) {
    names.unshift(block.name);
  }
  return names.map(String);
}

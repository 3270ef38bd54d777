import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { TestMachineError } from '../errors.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { EvidenceFile } from './evidence.js';
import type { MsbFixtures, Sandboxes } from './fixtures.js';
import type { MachineOptions } from './machine-options.js';
import { say } from './say.js';
import { holdsSharedMachine, SharedMachine } from './shared-machine.js';
import { sumOrigins, type TestRecord } from './tally.js';
import { slug, type TestIdentity } from './test-machine.js';
import { TestMachines } from './test-machines.js';

/** How an attempt ended, as its runner sees it; `neither`: skipped, or failed as it was to. */
export interface AttemptOutcome {
  readonly verdict: 'passed' | 'failed' | 'neither';
  /** Whether the runner will try no more: only then may a machine be kept. */
  readonly last: boolean;
  /** Where the evidence of failures goes; the test's own goes into a directory below. */
  readonly evidence: string;
  /** Shows the evidence where the runner's reports show such things. */
  readonly attach?: (files: readonly EvidenceFile[]) => Promise<void>;
}

/**
 * One attempt of one test, in whichever runner: its machine boots when this is made, and goes with {@link end}, as do all that the test
 * made besides. A retry is another attempt, with another machine.
 */
export class TestAttempt implements Pick<MsbFixtures, 'sandboxes'> {
  /** The test's machine, or the one that it shares; settles with its boot. @throws TestMachineError; what its preparation throws. */
  readonly sandbox: Promise<Sandbox>;
  readonly sandboxes: Sandboxes;
  readonly #test: TestIdentity;
  /** The test's own, whether or not it shares its first. */
  readonly #machines: TestMachines;
  readonly #shared: SharedMachine | undefined;
  readonly #listening: Disposable | undefined;
  #kept: readonly string[] = [];

  /**
   * @param machine what it is to be, or the one to share.
   * @param onDeath hears when a machine ended by itself, so that the test cannot go on.
   */
  constructor(
    test: TestIdentity,
    machine: MachineOptions | SharedMachine,
    onDeath: (error: TestMachineError) => void,
  ) {
    this.#test = test;
    const shared = machine instanceof SharedMachine ? machine : undefined;
    this.#shared = shared;
    const options = machine instanceof SharedMachine ? machine.options : machine;
    const machines = new TestMachines(test, options, {
      holdsMachine: holdsSharedMachine,
      log: say,
      onDeath,
    });
    this.#machines = machines;
    this.#listening = shared?.onDeath(onDeath);
    this.sandboxes = { create: (more) => machines.create(more) };
    this.sandbox = shared ? shared.sandbox() : machines.create();
  }

  /** Why the test cannot have passed, if a machine of it has ended by itself; asked now, where `onDeath` may be a moment behind. */
  async death(): Promise<TestMachineError | undefined> {
    return (await this.#machines.death()) ?? (await this.#shared?.death());
  }

  /**
   * Ends the attempt's machines, with their evidence first if it failed.
   *
   * @throws TestMachineError, or an AggregateError of several, when something is left of one; or when a test passed without any.
   */
  async end({ verdict, last, evidence, attach }: AttemptOutcome): Promise<void> {
    this.#listening?.[Symbol.dispose]();
    const failed = verdict === 'failed';
    try {
      if (failed) {
        if (last) this.#shared?.fail();
        const own = join(evidence, evidenceName(this.#test));
        rmSync(own, { recursive: true, force: true });
        const files = [
          ...((await this.#shared?.evidence(join(own, 'shared'))) ?? []),
          ...(await this.#machines.evidence(own)),
        ];
        if (files.length > 0) await attach?.(files);
      }
    } finally {
      const { kept } = await this.#machines.end({ failed: failed && last });
      this.#kept = kept;
      for (const command of kept)
        say(`The microVM of "${this.#test.name}" was kept. Into it:`, `  ${command}`);
    }
    if (verdict === 'passed' && !this.#shared && this.#machines.report().booted === 0) {
      throw new TestMachineError(
        `"${this.#test.name}" is a microVM test, and no microVM ever booted.`,
        'boot',
        '',
      );
    }
  }

  /** What the machines came to, once it has ended, summed with the test's attempts `before`. */
  record(before: TestRecord | undefined): TestRecord {
    const sum = before?.kind === 'ran' ? before : undefined;
    const own = this.#machines.report();
    const boot = this.#shared?.firstReport();
    return {
      kind: 'ran',
      accelerator: own.accelerator ?? this.#shared?.accelerator ?? null,
      origins: sumOrigins(sum?.origins ?? {}, own.origins, boot?.origins ?? {}),
      booted: (sum?.booted ?? 0) + own.booted + (boot?.booted ?? 0),
      bootMs: (sum?.bootMs ?? 0) + own.bootMs + (boot?.bootMs ?? 0),
      waitedMs: (sum?.waitedMs ?? 0) + own.waitedMs + (boot?.waitedMs ?? 0),
      kept: this.#kept,
    };
  }
}

/** A directory's name for a test, unique in its run. */
function evidenceName({ file, name }: TestIdentity): string {
  const hash = createHash('sha256').update(`${file}\0${name}`).digest('hex').slice(0, 8);
  return `${slug(file, 40)}-${slug(name, 60)}-${hash}`;
}

import type { Accelerator } from '../host/hypervisor.js';
import type { BootRecord } from '../store/record.js';
import type { Gate, TestMode } from './gate.js';

/** How many machines came which way. */
export type Origins = Readonly<Partial<Record<BootRecord['origin'], number>>>;

/** The ways, the quickest first. */
const ways = ['pool', 'clone', 'cold'] as const satisfies readonly BootRecord['origin'][];

export function sumOrigins(...all: readonly Origins[]): Origins {
  const sums = ways.map((way) => [way, all.reduce((sum, origins) => sum + (origins[way] ?? 0), 0)] as const);
  return Object.fromEntries(sums.filter(([, sum]) => sum > 0));
}

/** How one microVM test ended, as far as machines are concerned. */
export type TestRecord =
  | {
      readonly kind: 'ran';
      readonly accelerator: Accelerator | null;
      readonly booted: number;
      readonly origins: Origins;
      readonly bootMs: number;
      readonly waitedMs: number;
      readonly kept: readonly string[];
    }
  /** It was not run because of this machine or `MSB_TEST`. */
  | { readonly kind: 'skipped'; readonly reason: string; readonly remedy: string }
  /** It was not run because of its author or a filter. */
  | { readonly kind: 'left out' };

/** Of a test that is skipped because of this machine or `MSB_TEST`. */
export function skippedRecord({ reason, remedy }: Gate & { readonly open: false }): TestRecord {
  return { kind: 'skipped', reason, remedy };
}

/** Of a test that was to run, and went down with its worker before its machine could be reported. */
export const neverReported = {
  kind: 'ran',
  accelerator: null,
  booted: 0,
  origins: {},
  bootMs: 0,
  waitedMs: 0,
  kept: [],
} as const satisfies TestRecord;

/** Counts a run's microVM tests, for its last lines and for the verdict on the run. */
export class Tally {
  #ran = 0;
  #leftOut = 0;
  readonly #reasons = new Map<string, number>();
  readonly #remedies = new Set<string>();
  readonly #accelerators = new Set<Accelerator>();
  readonly #kept: string[] = [];
  #waitedMs = 0;
  #bootMs = 0;
  #booted = 0;
  #origins: Origins = {};

  add(record: TestRecord): void {
    if (record.kind === 'left out') this.#leftOut++;
    else if (record.kind === 'skipped') {
      this.#reasons.set(record.reason, (this.#reasons.get(record.reason) ?? 0) + 1);
      this.#remedies.add(record.remedy);
    } else {
      this.#ran++;
      if (record.accelerator) this.#accelerators.add(record.accelerator);
      this.#booted += record.booted;
      this.#origins = sumOrigins(this.#origins, record.origins);
      this.#bootMs += record.bootMs;
      this.#waitedMs += record.waitedMs;
      this.#kept.push(...record.kept);
    }
  }

  /** Tests that there were. */
  get collected(): number {
    return this.#ran + this.#leftOut + this.#skipped;
  }

  /** `microVM tests: 12 ran on kvm, 3 skipped (no KVM: open /dev/kvm failed with ENOENT)`. */
  get summary(): string {
    const on = this.#accelerators.size > 0 ? ` on ${[...this.#accelerators].join(', ')}` : '';
    const reasons = this.#skipped > 0 ? ` (${[...this.#reasons.keys()].join('; ')})` : '';
    const leftOut = this.#leftOut > 0 ? `, ${this.#leftOut} left out` : '';
    return `microVM tests: ${this.#ran} ran${on}, ${this.#skipped} skipped${reasons}${leftOut}`;
  }

  /** What else there is to know: how to run what was skipped, and what the machines cost. */
  get details(): string[] {
    const remedies = [...this.#remedies].map((remedy) => `to run them: ${remedy}`);
    return [...remedies, ...this.#machines, ...this.#kept.map((command) => `kept: ${command}`)];
  }

  get #machines(): string[] {
    if (this.#booted === 0) return [];
    const average = Math.round(this.#bootMs / this.#booted);
    const waited =
      this.#waitedMs >= 1000 ? `, ${seconds(this.#waitedMs)} s spent in the queue for a place` : '';
    const count = `${this.#booted} machine${this.#booted === 1 ? '' : 's'}`;
    const origins = Object.entries(this.#origins).map(([way, machines]) => `${machines} ${way}`);
    return [`${count} (${origins.join(', ')}), ${average} ms each to boot${waited}`];
  }

  /** Why the run has failed, though maybe no test has; null when it has not. */
  verdict(mode: TestMode): string | null {
    if (mode !== 'require' || this.collected === 0) return null;
    if (this.#skipped > 0) {
      return `MSB_TEST=require, and ${this.#skipped} microVM tests were skipped: ${[...this.#reasons.keys()].join('; ')}.`;
    }
    if (this.#ran === 0) {
      return `MSB_TEST=require, and none of the ${this.collected} microVM tests ran: all were filtered out or skipped by their authors.`;
    }
    return null;
  }

  /** A GitHub Actions command that puts a warning on the run; null when nothing was skipped because of the machine. */
  get githubWarning(): string | null {
    if (this.#skipped === 0) return null;
    const text = `${this.#skipped} microVM tests were skipped: ${[...this.#reasons.keys()].join('; ')}`;
    // The three characters that workflow commands escape.
    const escaped = text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
    return `::warning title=microVM tests skipped::${escaped}`;
  }

  get #skipped(): number {
    return [...this.#reasons.values()].reduce((sum, count) => sum + count, 0);
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

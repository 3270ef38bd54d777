import { readFileSync } from 'node:fs';
import { BootFailedError } from '../errors.js';
import { clearInterval, monotonicMs, setInterval } from '../host/clock.js';

/**
 * The processor time that a boot may take. Under emulation it takes two to four seconds, however busy the host is; a slow processor may
 * need some times that. With a hypervisor it is a fraction of a second, and one that does not work has been seen to spin.
 */
const mostCpuMs = 20_000;

/** Of so many boots the last may take what it wants: perhaps it is the processor that is slow. */
const mostAttempts = 3;

/**
 * Without a timer that works a kernel waits for ever, and its VMM uses next to nothing. A boot gets more than this in that time on an
 * overloaded host, too.
 */
const idle = { cpuMs: 200, inMs: 10_000 } as const;

const lookEveryMs = 250;

/** In /proc, Linux counts processor time in hundredths of a second. */
const tickMs = 10;

/** A boot does not come to its end. */
export class StuckBootError extends Error {
  override readonly name = 'StuckBootError';

  constructor(
    message: string,
    /** Whether another boot is likely to end better: not where the hypervisor does not work. */
    readonly again: boolean,
  ) {
    super(message);
  }
}

/** What one of several attempts to boot is given. */
export interface Attempt {
  /** Milliseconds that are left. */
  readonly timeoutMs: number;
  readonly number: number;
  /** Whether it is to be given up when it is stuck. */
  readonly mayBeStuck: boolean;
}

/**
 * Boots, and boots anew where that is stuck. An emulated processor that the host takes away at the wrong moment lets the kernel
 * mistake the rate of its timer, the local APIC's, for a fraction of what it is. It then gives the timer up, and waits for ever, or
 * drowns in interrupts. Nothing tells it the rate, and it measures but once; so on an overloaded host one boot in a hundred has been
 * seen to come to that.
 *
 * @param boot throws BootFailedError with {@link StuckBootError} as its cause for a boot that was stuck; nothing is left of it then.
 */
export async function retryStuck<T>(timeoutMs: number, boot: (attempt: Attempt) => Promise<T>): Promise<T> {
  const deadline = monotonicMs() + timeoutMs;
  for (let number = 1; ; number++) {
    const rest = Math.max(1, Math.ceil(deadline - monotonicMs()));
    try {
      return await boot({ timeoutMs: rest, number, mayBeStuck: number < mostAttempts });
    } catch (error) {
      const cause = error instanceof BootFailedError ? error.cause : undefined;
      if (!(cause instanceof StuckBootError && cause.again) || monotonicMs() >= deadline) throw error;
    }
  }
}

/** Looks after a boot; `signal` is aborted when it is stuck. */
export class StuckBootWatch implements Disposable {
  readonly #stuck = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #emulated: boolean;

  /** @param relayPid the process whose child the VMM is. */
  constructor(relayPid: number, { emulated }: { readonly emulated: boolean }) {
    this.#emulated = emulated;
    let before = { cpuMs: 0, at: monotonicMs() };
    this.#timer = setInterval(() => {
      const cpuMs = childrenCpuMs(relayPid);
      const now = { cpuMs: cpuMs ?? 0, at: monotonicMs() };
      if (now.cpuMs > mostCpuMs) this.#giveUp(`has used ${now.cpuMs} ms of processor time`);
      if (cpuMs === undefined || cpuMs - before.cpuMs > idle.cpuMs) before = now;
      else if (now.at - before.at > idle.inMs) this.#giveUp(`did next to nothing for ${idle.inMs} ms`);
    }, lookEveryMs);
  }

  get signal(): AbortSignal {
    return this.#stuck.signal;
  }

  #giveUp(what: string): void {
    const message = `The machine ${what}, and its agent is not ready.`;
    this.#stuck.abort(new StuckBootError(message, this.#emulated));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The processor time of a process's children; undefined where it has none, or there is no telling. */
export function childrenCpuMs(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return children.length > 0
      ? children.map(Number).reduce((sum, child) => sum + cpuMsOf(child), 0)
      : undefined;
  } catch {
    return undefined;
  }
}

function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may have anything in it: state, then ten more fields, then the times in user and kernel mode.
  const [utime = 0, stime = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (utime + stime) * tickMs;
}

import { readFileSync } from 'node:fs';
import { isMicrosandboxError, type Sandbox } from '@msbtest/core';
import { describe, expect, it } from 'vitest';
import { saboteurs } from './support/saboteurs.js';
import { withEnv } from './support/stop-ways.js';
import { ephemeral, eventually, small, usePrivateHome, vmmOf } from './support/vm.js';

// A guest that has been taken over says whatever it likes on its line. That may cost its own sandbox, with a typed error, and a
// bounded amount of its relay's and its host's memory; another sandbox does not notice.
usePrivateHome();

const mebibyte = 1024 * 1024;
/** What one client that does not read may make a relay hold (16 MiB), twice over for a queue that grows, and a frame of 4 MiB. */
const relayLimit = 44 * mebibyte;
/** An exec's answer comes in some hundredths of a second; a host with two busy machines may take a while. */
const undisturbedMs = 10_000;

/** A machine whose agent does what a command's first argument says. */
class Hostile {
  readonly sandbox: Sandbox;
  readonly #relay: number;

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.#relay = vmmOf(sandbox).relay;
  }

  readonly begin = (what: string) => this.sandbox.execStream('do', [what]);
  readonly run = (what: string, timeoutMs = 60_000) =>
    this.sandbox.execWith('do', (o) => o.arg(what).timeout(timeoutMs));

  /** The most memory that its relay has ever had, in bytes. */
  get relayPeak(): number {
    const status = readFileSync(`/proc/${this.#relay}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024; // none of one that has ended and was not reaped yet
  }
}

/** Has a hostile machine beside a good one: what it costs its relay is bounded, and the other does not notice. */
async function beside(work: (hostile: Hostile) => Promise<void>): Promise<void> {
  await using bystander = await ephemeral('bystander');
  const answers = async () => {
    const begin = performance.now();
    expect((await bystander.shell('echo undisturbed')).stdout()).toBe('undisturbed\n');
    expect(performance.now() - begin).toBeLessThan(undisturbedMs);
  };
  await withEnv({ MSB_AGENTD: saboteurs.hostileAgent }, async () => {
    await using sandbox = await small('hostile').coldBoot().ephemeral(true).create();
    const hostile = new Hostile(sandbox);
    const before = hostile.relayPeak;
    let peak = before;
    const watching = setInterval(() => {
      peak = Math.max(peak, peakIfThere(hostile));
    }, 50);
    try {
      await work(hostile);
      peak = Math.max(peak, peakIfThere(hostile));
      await answers(); // also while it goes on with whatever it does
    } finally {
      clearInterval(watching);
    }
    expect(peak - before).toBeLessThan(relayLimit);
  });
  await answers();
}

function peakIfThere(hostile: Hostile): number {
  try {
    return hostile.relayPeak;
  } catch {
    return 0; // the machine has been ended for what it did, and its relay with it
  }
}

async function failure(promise: Promise<unknown>): Promise<Error & { code: string }> {
  const error = await promise.then(
    () => {
      throw new Error('It should have failed.');
    },
    (reason: unknown) => reason,
  );
  expect(isMicrosandboxError(error), `${error}`).toBe(true);
  return error as Error & { code: string };
}

describe('a guest that floods', () => {
  it('a reader is cut off: at the limit of what is collected, or where it cannot keep up', () =>
    beside(async ({ run }) => {
      const { code } = await failure(run('flood'));
      expect(['outputLimit', 'agentProtocol']).toContain(code);
    }));

  it('one who does not read costs that one its connection', () =>
    beside(async (hostile) => {
      await using handle = await hostile.begin('large');
      // It ignores being asked for a pause, so what waits comes to the relay's limit, at which it hangs up.
      await eventually(() => hostile.relayPeak > 16 * mebibyte, 60_000, 'the queue has filled');
      expect(await failure(handle.collect())).toMatchObject({ code: 'agentProtocol' });
    }));

  it('with hundreds of thousands of empty messages, or of control, is heard to its end', () =>
    beside(async ({ run }) => {
      const output = await run('crumbs');
      expect({ code: output.code, length: output.stdoutBytes().length }).toEqual({ code: 0, length: 0 });
      expect((await run('control')).code).toBe(0);
    }));
});

describe('a guest that lies', () => {
  it('about whose session it is, or with what is no message, fails the command that it is asked for', () =>
    beside(async ({ begin, run }) => {
      await using waiting = await begin('stall');
      expect((await waiting.recv())?.kind).toBe('started');
      const end = failure(waiting.recv());
      for (const what of ['other-session', 'refuse-id', 'no-cbor']) {
        expect(await failure(run(what)), what).toMatchObject({ code: 'agentProtocol' });
      }
      // Ids of every client: those of a relay that nobody has go nowhere, and a client of the same machine hears that it lies.
      expect((await run('foreign')).code).toBe(0);
      expect(await end).toMatchObject({ code: 'agentProtocol' });
      expect((await run('control')).code).toBe(0);
    }));

  it.each(['too-long', 'too-short'])('about a length (%s) has its machine ended', (what) =>
    beside(async ({ run }) => {
      const error = await failure(run(what));
      expect(error).toMatchObject({ code: 'sandboxCrashed' });
      expect(error.message).toContain('bytes that are not the agent protocol');
    }),
  );
});

it('a guest that stalls, between messages or within one, is given up by the time-out, which is the host’s', () =>
  beside(async ({ run }) => {
    for (const what of ['stall', 'half-frame']) {
      expect(await failure(run(what, 1_000)), what).toMatchObject({ code: 'execTimeout' });
    }
  }));

import { setTimeout as delay } from 'node:timers/promises';
import type { CreateOptions, ProvidedSandbox, Provider } from '../provider.js';
import { exchange, stopThatKills, withOptions, withSandboxes } from '../sabotage.js';
import {
  expect,
  Finding,
  patientStopMs,
  type Saboteur,
  type Scenario,
  type ScenarioContext,
} from '../scenario.js';
import { background, sh, text } from '../shell.js';
import {
  largeFile,
  lastWords,
  mappedPages,
  onSecondDisk,
  secondDiskPath,
  smallFile,
  tree,
  type Write,
} from './writes.js';

/** The whole of its life: written, stopped in some way, started again, read. */
async function survives(
  context: ScenarioContext,
  write: Write,
  end: (sandbox: ProvidedSandbox) => Promise<unknown>,
  options: Partial<CreateOptions> = {},
): Promise<void> {
  const sandbox = await context.create(options);
  await write.write(sandbox);
  await end(sandbox);
  expect(!(await sandbox.isRunning()), () => 'It still runs after it was stopped.');
  const damage = sandbox.checkDisk && (await sandbox.checkDisk());
  const again = await startAgain(sandbox);
  await write.check(again);
  expect(!damage, () => `After a graceful stop its disk is not clean: ${damage}`);
}

export function startAgain(sandbox: ProvidedSandbox): Promise<ProvidedSandbox> {
  if (!sandbox.startAgain) throw new Finding('It has "restart", and no startAgain().');
  return sandbox.startAgain();
}

const gracefully = async (sandbox: ProvidedSandbox) => {
  const { outcome } = await sandbox.stop(patientStopMs);
  expect(outcome !== 'escalated', () => `It was not stopped gracefully within ${patientStopMs} ms.`);
};

const lost = /^Lost: /;

const killing = (provider: Provider) => stopThatKills(provider);

/** A stop in the ordinary way, of something that was written. */
function flush(id: string, title: string, write: Write, options: Partial<CreateOptions> = {}): Scenario {
  return {
    id: `stop-flushes-${id}`,
    title: `a graceful stop keeps ${title}`,
    needs: ['stop', 'restart', 'own-kernel', ...write.needs],
    run: (context) => survives(context, write, gracefully, options),
    saboteur: { breaks: 'a stop that kills', symptom: lost, wrap: killing },
  };
}

/** The same small file, and another way to a stop. */
function way(
  scenario: Pick<Scenario, 'id' | 'title' | 'needs'>,
  end: (sandbox: ProvidedSandbox, context: ScenarioContext) => Promise<unknown>,
  saboteur: Omit<Saboteur, 'symptom'>,
  options: Partial<CreateOptions> = {},
): Scenario {
  return {
    ...scenario,
    needs: ['stop', 'restart', 'own-kernel', ...scenario.needs],
    run: (context) => survives(context, smallFile, (sandbox) => end(sandbox, context), options),
    saboteur: { ...saboteur, symptom: lost },
  };
}

const idleSecs = 2;
const durationSecs = 6;
/** From when its time is over until it has stopped. */
const endByItselfMs = 60_000;

async function endsByItself(sandbox: ProvidedSandbox): Promise<void> {
  const given = new AbortController();
  const late = async () => {
    await delay(endByItselfMs, undefined, { signal: given.signal, ref: false });
    throw new Finding(`It had not ended by itself after ${endByItselfMs} ms.`);
  };
  try {
    await Promise.race([sandbox.waitUntilStopped?.(), late()]);
  } finally {
    given.abort();
  }
}

/** A machine whose time ends with a kill. */
const killedInTime = (provider: Provider): Provider =>
  withSandboxes(
    withOptions(provider, ({ idleTimeoutSecs: _idle, maxDurationSecs: _duration, ...options }) => options),
    (sandbox) => ({ waitUntilStopped: () => sandbox.kill() }),
  );

const stuckStopMs = 3_000;
/** A stop of a stuck machine has its budget, and then some seconds to see to its end. */
const stuckStopWithinMs = 30_000;

export const stops: readonly Scenario[] = [
  flush('small', 'nine bytes in one file', smallFile),
  flush('large', '64 MiB in one file', largeFile),
  flush('many', '2,000 files in a tree', tree),
  flush('mapped', '8 MiB that were changed through a mapping', mappedPages),
  {
    id: 'stop-lets-programs-end',
    title: 'a graceful stop keeps what a program writes when it gets SIGTERM',
    needs: ['stop', 'restart'],
    run: (context) => survives(context, lastWords, gracefully),
    saboteur: { breaks: 'a stop that kills', symptom: lost, wrap: killing },
  },
  flush('second-disk', 'what was written to a second disk', onSecondDisk, { secondDisk: secondDiskPath }),
  way(
    {
      id: 'stop-after-detach',
      title: 'a stop through a fresh handle after detach keeps what was written (microsandbox issue #705)',
      needs: ['detach', 'by-name'],
    },
    async (sandbox, context) => {
      await sandbox.detach?.();
      await gracefully(await context.get(sandbox.name));
    },
    { breaks: 'a handle whose stop kills', wrap: (provider) => stopThatKills(provider, 'by name') },
  ),
  way(
    {
      id: 'stop-by-handle',
      title: 'a stop through a handle of another process keeps what was written, while its owner lives',
      needs: ['by-name'],
    },
    (sandbox, context) => context.stopElsewhere(sandbox.name),
    { breaks: 'a handle whose stop kills', wrap: (provider) => stopThatKills(provider, 'by name') },
  ),
  way(
    {
      id: 'stop-by-owner',
      title: 'an owner who is done with a sandbox stops it, and what was written is kept',
      needs: ['owner-close'],
    },
    async (sandbox) => sandbox.close?.(),
    {
      breaks: 'a close() that kills',
      wrap: (provider) => withSandboxes(provider, (sandbox) => ({ close: () => sandbox.kill() })),
    },
  ),
  way(
    {
      id: 'stop-by-command',
      title: 'a stop by the command line keeps what was written',
      needs: ['stop-command', 'by-name'],
    },
    async (sandbox, { provider }) => provider.stopByCommand?.(sandbox.name),
    {
      breaks: 'a command that kills',
      wrap: (provider) =>
        exchange(provider, { stopByCommand: async (name) => (await provider.get?.(name))?.kill() }),
    },
  ),
  way(
    {
      id: 'stop-on-idle',
      title: 'a machine that was idle for its time is stopped, and keeps what was written',
      needs: ['idle-timeout'],
    },
    endsByItself,
    { breaks: 'a machine that is killed when it has been idle', wrap: killedInTime },
    { idleTimeoutSecs: idleSecs },
  ),
  way(
    {
      id: 'stop-on-max-duration',
      title: 'a machine that has run for its time is stopped, busy as it is, and keeps what was written',
      needs: ['max-duration'],
    },
    async (sandbox) => {
      await background(sandbox, '(echo ready; while :; do sleep 0.1; done) &');
      await endsByItself(sandbox);
    },
    { breaks: 'a machine that is killed when its time is over', wrap: killedInTime },
    { maxDurationSecs: durationSecs },
  ),
  {
    id: 'stop-on-replace',
    title: 'a sandbox that is replaced is stopped: its programs get SIGTERM, and are heard to the end',
    needs: ['replace', 'streams'],
    note: 'Its disk goes with it, so whether that was flushed cannot be seen.',
    run: async (context) => {
      const first = await context.create();
      const words = await lastWordsHeard(first, () =>
        context.create({ name: first.name, replace: { timeoutMs: patientStopMs } }),
      );
      expect(words.includes('bye'), () => 'Its program was ended without a SIGTERM that it could heed.');
    },
    saboteur: {
      breaks: 'a replacement that kills',
      symptom: /without a SIGTERM/,
      wrap: (provider) =>
        withOptions(provider, ({ replace, ...options }) => ({
          ...options,
          ...(replace && { replace: { timeoutMs: 0 } }),
        })),
    },
  },
  {
    id: 'stop-escalates',
    title: 'a stop of a machine that is stuck ends it in time, and says that it was not graceful',
    needs: ['stop', 'stop-report', 'vmm-pid'],
    run: async (context) => {
      const sandbox = await context.create();
      await sh(sandbox, 'echo there');
      const pid = await sandbox.vmmPid?.();
      if (pid === undefined) throw new Finding('It has "vmm-pid", and no vmmPid().');
      process.kill(pid, 'SIGSTOP');
      const begin = performance.now();
      const { outcome } = await sandbox.stop(stuckStopMs);
      const ms = performance.now() - begin;
      expect(outcome === 'escalated', () => `The stop of a machine that did not move said "${outcome}".`);
      expect(
        ms < stuckStopWithinMs,
        () => `A stop with a budget of ${stuckStopMs} ms took ${Math.round(ms)}.`,
      );
      expect(!(await sandbox.isRunning()), () => 'It still runs.');
    },
    saboteur: {
      breaks: 'a stop that always says "graceful"',
      symptom: /said "graceful"/,
      wrap: (provider) =>
        withSandboxes(provider, (sandbox) => ({
          stop: async (timeoutMs) => {
            await sandbox.stop(timeoutMs);
            return { outcome: 'graceful' };
          },
        })),
    },
  },
];

/** Runs a program that says "bye" when it gets SIGTERM, ends its sandbox, and gives what the program was heard to say. */
export async function lastWordsHeard(sandbox: ProvidedSandbox, end: () => Promise<unknown>): Promise<string> {
  const service = `trap 'echo bye; exit 0' TERM; echo ready > up; while :; do sleep 0.1; done`;
  const running = await sandbox.start?.(['sh', '-c', `cd "$0"; ${service}`, sandbox.directory]);
  if (!running) throw new Finding('It has "streams", and no start().');
  const heard = running.ended.then(
    ({ stdout }) => text(stdout),
    () => '', // it ended with its sandbox
  );
  await sh(sandbox, 'until [ -e up ]; do sleep 0.1; done');
  await end();
  return heard;
}

import type { ProvidedSandbox, Provider } from '../provider.js';
import { exchange, withOptions, withResults, withSandboxes } from '../sabotage.js';
import { expect, Finding, patientStopMs, type Scenario } from '../scenario.js';
import { attempt, sh, text } from '../shell.js';
import { startAgain } from './stops.js';
import { checkWord } from './writes.js';

const orphans = 8;
/** Whoever reaps does so when it hears of it; an emulated guest on a busy host takes its time. */
const reapedWithinMs = 10_000;

/** The clock of a guest may be off by this: `date` has whole seconds, and to ask takes a moment. */
const clockMs = 3_000;

const zombies = 'grep -l "^State:.Z" /proc/[0-9]*/status 2> /dev/null | wc -l';

export const machines: readonly Scenario[] = [
  {
    id: 'child-reaping',
    title: 'what commands leave behind is adopted, and reaped when it ends',
    needs: ['own-processes'],
    run: async (context) => {
      const sandbox = await context.create();
      await sh(sandbox, `for i in $(seq ${orphans}); do (sleep 0.3 > /dev/null 2>&1 &) ; done`);
      await context.eventually(
        async () =>
          (await sh(sandbox, zombies)).trim() === '0' &&
          !(await attempt(sandbox, 'pidof sleep')).stdout.length,
        reapedWithinMs,
        'Processes that have ended are still there',
      );
      for (const code of [23, 47]) {
        const result = await attempt(sandbox, `exit ${code}`);
        expect(result.code === code, () => `Beside that, an exit code of ${code} came as ${result.code}.`);
      }
    },
    saboteur: {
      breaks: 'a parent that does not reap',
      symptom: /Processes that have ended are still there/,
      wrap: (provider) =>
        exchange(provider, {
          create: async (options) => {
            const sandbox = await provider.create(options);
            // A shell that becomes a program which knows of no child.
            await sh(sandbox, `sh -c '(exit 0) & exec tail -f /dev/null' > /dev/null 2>&1 &`);
            return sandbox;
          },
        }),
    },
  },
  {
    id: 'init-handoff',
    title: 'PID 1 is the guest’s own init, and a stop is as durable',
    needs: ['init', 'stop', 'restart'],
    run: async (context) => {
      const { initProgram } = context.provider;
      if (initProgram === undefined) throw new Finding('It has "init", and no initProgram.');
      const sandbox = await context.create({ init: true });
      const program = (await sh(sandbox, 'readlink /proc/1/exe')).trim();
      expect(program === initProgram, () => `PID 1 is ${program}, and not ${initProgram}.`);
      await sh(sandbox, 'printf kept > kept');
      await sandbox.stop(patientStopMs);
      await checkWord(await startAgain(sandbox), 'kept', 'kept');
    },
    saboteur: {
      breaks: 'a create() that does not care for an init',
      symptom: /^PID 1 is /,
      wrap: (provider) => withOptions(provider, ({ init: _, ...options }) => options),
    },
  },
  {
    id: 'fresh-entropy',
    title: 'two sandboxes that are made alike draw different random numbers',
    needs: ['own-kernel'],
    run: async (context) => {
      const draw = `od -An -tx1 -N32 /dev/urandom; cat /proc/sys/kernel/random/uuid`;
      const [one, other] = [await context.create(), await context.create()];
      const [ofOne, ofOther] = [await sh(one, draw), await sh(other, draw)];
      const lines = ofOne.split('\n').filter((line) => line !== '');
      const same = lines.filter((line) => ofOther.includes(line));
      expect(lines.length >= 3, () => `It drew ${JSON.stringify(ofOne)}.`);
      expect(same.length === 0, () => `Both drew ${same.join(', ')}.`);
    },
    saboteur: {
      breaks: 'a clone that has the random numbers of the other',
      symptom: /^Both drew/,
      wrap: (provider) => repeating(provider, /urandom/),
    },
  },
  {
    id: 'fresh-clock',
    title: 'a sandbox’s clock is right, and stays so when it is stopped and started again',
    needs: ['own-kernel', 'stop', 'restart'],
    run: async (context) => {
      const check = async (sandbox: ProvidedSandbox) => {
        const before = Date.now();
        const told = Number(await sh(sandbox, 'date +%s')) * 1000;
        const right = told >= before - clockMs && told <= Date.now() + clockMs;
        expect(right, () => `Its clock is ${Math.round((told - Date.now()) / 1000)} s off.`);
      };
      const sandbox = await context.create();
      await check(sandbox);
      await sandbox.stop(patientStopMs);
      await check(await startAgain(sandbox));
    },
    saboteur: {
      breaks: 'a clock that has stood still for an hour',
      symptom: /clock is -36\d\d s off/,
      wrap: (provider) =>
        withResults(provider, (result, command) =>
          command.some((part) => part.includes('date +%s'))
            ? { ...result, stdout: Buffer.from(`${Number(text(result.stdout)) - 3600}\n`) }
            : result,
        ),
    },
  },
  {
    id: 'fresh-identity',
    title: 'two sandboxes have each a boot id, a machine id and a host name of their own',
    needs: ['own-kernel', 'identity'],
    run: async (context) => {
      const ask = 'cat /proc/sys/kernel/random/boot_id /etc/machine-id && hostname';
      const [one, other] = [await context.create(), await context.create()];
      const [ofOne, ofOther] = [await sh(one, ask), await sh(other, ask)].map((said) =>
        said.trim().split('\n'),
      );
      expect(ofOne?.length === 3, () => `It said of itself: ${ofOne?.join(', ')}`);
      const same = ofOne.filter((trait) => ofOther?.includes(trait));
      expect(same.length === 0, () => `Both have ${same.join(' and ')}.`);
    },
    saboteur: {
      breaks: 'a clone that has the identity of the other',
      symptom: /^Both have/,
      wrap: (provider) => repeating(provider, /machine-id/),
    },
  },
];

/** What one sandbox has answered to a command, all others answer, too. */
function repeating(provider: Provider, which: RegExp): Provider {
  let first: Promise<Uint8Array> | null = null;
  return withSandboxes(provider, (sandbox) => ({
    exec: async (command, options) => {
      const running = sandbox.exec(command, options);
      if (!command.some((part) => which.test(part))) return running;
      first ??= running.then(({ stdout }) => stdout);
      return { ...(await running), stdout: await first };
    },
  }));
}

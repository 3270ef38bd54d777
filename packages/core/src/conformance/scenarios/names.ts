import type { ProvidedSandbox, Provider } from '../provider.js';
import { exchange, withOptions } from '../sabotage.js';
import { expect, Finding, patientStopMs, type Scenario, type ScenarioContext } from '../scenario.js';
import { attempt, sh } from '../shell.js';
import { lastWordsHeard } from './stops.js';
import { checkWord } from './writes.js';

/** From asking for a replacement until it runs, on a busy host. */
const replacedWithinMs = 90_000;
const racers = 4;

async function refused(making: Promise<unknown>): Promise<boolean> {
  return making.then(
    () => false,
    () => true,
  );
}

const replacing = (name: string, timeoutMs = patientStopMs) => ({ name, replace: { timeoutMs } });

/** Makes a second sandbox of a name that one has, and checks that the first took no harm from the refusal. */
async function refusedWhileTaken(context: ScenarioContext): Promise<ProvidedSandbox> {
  const first = await context.create();
  await sh(first, 'printf first > whose');
  expect(
    await refused(context.provider.create({ name: first.name })),
    () => 'A second sandbox of a name that was taken could be made, without replace.',
  );
  await checkWord(first, 'whose', 'first');
  return first;
}

export const names: readonly Scenario[] = [
  {
    id: 'replace-live',
    title: 'a sandbox that is held and busy is replaced by a fresh one, in time',
    needs: ['replace'],
    run: async (context) => {
      const first = await context.create();
      await sh(first, 'printf first > whose');
      const begin = performance.now();
      const second = await context.create(replacing(first.name));
      const ms = Math.round(performance.now() - begin);
      expect(ms < replacedWithinMs, () => `It took ${ms} ms to replace a sandbox.`);
      const { code } = await attempt(second, 'cat whose');
      expect(code !== 0, () => 'The new sandbox has the files of the one that it replaced.');
      await first.close?.().catch(() => {}); // what its first owner does now is no harm to the new one
      await sh(second, 'echo there');
    },
    saboteur: {
      breaks: 'a replacement that is the old sandbox',
      symptom: /has the files of the one/,
      wrap: (provider) => {
        const made = new Map<string, ProvidedSandbox>();
        return exchange(provider, {
          create: async (options) => {
            const old = options.replace && made.get(options.name);
            const sandbox = old ?? (await provider.create(options));
            made.set(options.name, sandbox);
            return sandbox;
          },
        });
      },
    },
  },
  {
    id: 'replace-at-once',
    title: 'with a time-out of 0 a sandbox is killed and replaced, without waiting for its programs',
    needs: ['replace', 'streams'],
    run: async (context) => {
      const first = await context.create();
      let second: ProvidedSandbox | undefined;
      const words = await lastWordsHeard(first, async () => {
        second = await context.create(replacing(first.name, 0));
      });
      expect(!words.includes('bye'), () => 'Its programs were given time to end.');
      if (!second) throw new Finding('There is no second one.');
      await sh(second, 'echo there');
    },
    saboteur: {
      breaks: 'a replacement that takes its time',
      symptom: /given time to end/,
      wrap: (provider) =>
        withOptions(provider, ({ replace, ...options }) => ({
          ...options,
          ...(replace && { replace: { timeoutMs: patientStopMs } }),
        })),
    },
  },
  {
    id: 'create-refuses-taken',
    title: 'a name that is taken is refused without replace, also when its sandbox does not run',
    needs: ['unique-names', 'stop'],
    run: async (context) => {
      const first = await refusedWhileTaken(context);
      await first.stop(patientStopMs);
      expect(
        await refused(context.provider.create({ name: first.name })),
        () => 'A second sandbox of the name of a stopped one could be made, without replace.',
      );
    },
    saboteur: {
      breaks: 'a create() that always replaces',
      symptom: /could be made, without replace/,
      wrap: (provider) => {
        const made = new Map<string, ProvidedSandbox>();
        return exchange(provider, {
          create: async (options) => {
            const old = made.get(options.name);
            if (old) {
              await old.kill();
              await old.remove();
            }
            const sandbox = await provider.create(options);
            made.set(options.name, sandbox);
            return sandbox;
          },
        });
      },
    },
  },
  {
    id: 'create-race',
    title: `of ${racers} that ask for one name at once, one gets it`,
    needs: ['unique-names'],
    run: async (context) => {
      const name = context.newName();
      const making = Array.from({ length: racers }, () => context.create({ name }));
      const made = (await Promise.allSettled(making)).filter(({ status }) => status === 'fulfilled').length;
      expect(made === 1, () => `Of ${racers} creates of one name ${made} succeeded.`);
    },
    saboteur: {
      breaks: 'a create() that gives the sandbox of that name, whoever made it',
      symptom: /creates of one name \d+ succeeded/,
      wrap: (provider) => {
        const made = new Map<string, Promise<ProvidedSandbox>>();
        return exchange(provider, {
          create: (options) => {
            const making = made.get(options.name) ?? provider.create(options);
            made.set(options.name, making);
            return making;
          },
        });
      },
    },
  },
  {
    id: 'names-limits',
    title: 'the longest name works and is listed as it is; a longer one, and none, are refused',
    needs: ['unique-names', 'list'],
    run: async (context) => {
      const { provider } = context;
      const { longestName } = provider;
      if (longestName === undefined) throw new Finding('It has "unique-names", and no longestName.');
      const longest = `${`${context.newName()}-`.padEnd(longestName - 2, 'x')}é`; // the limit is of bytes
      const sandbox = await context.create({ name: longest });
      expect(sandbox.name === longest, () => `It is called "${sandbox.name}", not "${longest}".`);
      const listed = (await provider.list?.()) ?? [];
      expect(listed.includes(longest), () => `The list does not have "${longest}".`);
      expect(
        await refused(context.create({ name: `${longest}x` })),
        () => `A name of ${longestName + 1} bytes was not refused.`,
      );
      expect(await refused(context.create({ name: '' })), () => 'A sandbox without a name was not refused.');
    },
    saboteur: {
      breaks: 'a create() that cuts names which are too long',
      symptom: /bytes was not refused/,
      wrap: (provider) => cutting(provider, provider.longestName ?? 0),
    },
  },
];

function cutting(provider: Provider, longest: number): Provider {
  return withOptions(provider, (options) => {
    if (Buffer.byteLength(options.name) <= longest) return options;
    return { ...options, name: `y${options.name}`.slice(0, longest - 4) }; // somebody else's name by now, perhaps
  });
}

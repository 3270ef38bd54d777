import type { Provider } from '../provider.js';
import { exchange, withOptions, withSandboxes } from '../sabotage.js';
import { expect, ownersWord, type Scenario } from '../scenario.js';
import { sh } from '../shell.js';
import { startAgain } from './stops.js';
import { checkWord } from './writes.js';

/** From an owner's death until its machine is gone, on a busy host. */
const goneWithinMs = 15_000;
/** For as long as this, what was detached must still run after its owner's death. */
const detachedForMs = 6_000;

const signals = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGKILL'] as const;

/** Sandboxes that are given up as soon as they are made; where none can be, ones that say for ever that they run. */
function outliving(provider: Provider): Provider {
  if (provider.capabilities.detach !== true)
    return withSandboxes(provider, () => ({ isRunning: async () => true }));
  return exchange(provider, {
    create: async (options) => {
      const sandbox = await provider.create(options);
      await sandbox.detach?.();
      return sandbox;
    },
  });
}

export const owners: readonly Scenario[] = [
  ...signals.map(
    (signal): Scenario => ({
      id: `owner-death-${signal.toLowerCase()}`,
      title: `when its owner dies by ${signal}, a sandbox is stopped, and keeps what was written`,
      needs: ['owner-death', 'by-name', 'restart'],
      run: async (context) => {
        const name = context.newName();
        const owner = await context.owner({ name }, 'stay');
        const sandbox = await context.get(name);
        await owner.end(signal);
        const isGone = async () => !(await sandbox.isRunning());
        await context.eventually(isGone, goneWithinMs, 'A sandbox whose owner has died still runs');
        await checkWord(await startAgain(sandbox), 'owned', ownersWord);
      },
      saboteur: {
        breaks: 'a sandbox that does not heed its owner',
        symptom: /whose owner has died still runs/,
        wrap: outliving,
      },
    }),
  ),
  {
    id: 'owner-death-removes-ephemeral',
    title: 'when its owner dies, an ephemeral sandbox is removed',
    needs: ['owner-death', 'ephemeral', 'list'],
    run: async (context) => {
      const name = context.newName();
      const owner = await context.owner({ name, ephemeral: true }, 'stay');
      const isThere = async () => (await context.provider.list?.())?.includes(name) ?? false;
      expect(await isThere(), () => 'The list does not have it while it runs.');
      await owner.end('SIGKILL');
      await context.eventually(
        async () => !(await isThere()),
        goneWithinMs,
        'An ephemeral sandbox whose owner has died is still there',
      );
    },
    saboteur: {
      breaks: 'a create() that makes nothing ephemeral',
      symptom: /is still there/,
      wrap: (provider) => withOptions(provider, ({ ephemeral: _, ...options }) => options),
    },
  },
  {
    id: 'detach-survives-owner',
    title: 'a sandbox that was detached outlives its owner',
    needs: ['owner-death', 'detach', 'by-name'],
    run: async (context) => {
      const name = context.newName();
      const owner = await context.owner({ name }, 'detach');
      const sandbox = await context.get(name);
      await owner.end('SIGKILL');
      const end = performance.now() + detachedForMs;
      while (performance.now() < end) {
        expect(await sandbox.isRunning(), () => 'It has ended with the owner that had detached it.');
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      await sh(sandbox, '[ "$(cat owned)" = "$1" ]', ownersWord);
    },
    saboteur: {
      breaks: 'a detach() that does nothing',
      symptom: /has ended with the owner/,
      wrap: (provider) => withSandboxes(provider, () => ({ detach: async () => {} })),
    },
  },
];

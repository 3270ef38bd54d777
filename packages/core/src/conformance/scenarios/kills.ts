import { withCommands, withSandboxes } from '../sabotage.js';
import { expect, Finding, patientStopMs, type Scenario } from '../scenario.js';
import { sh } from '../shell.js';
import { startAgain } from './stops.js';
import { checkWord } from './writes.js';

const synced = 'synced-705';

/** The sandbox's machine is ended as by a kill of its process; gone within this. */
const goneWithinMs = 30_000;

export const kills: readonly Scenario[] = [
  {
    id: 'kill-keeps-synced',
    title: 'a kill loses only what was not synced, and the machine starts again with a clean disk',
    needs: ['restart'],
    run: async (context) => {
      const sandbox = await context.create();
      await sh(sandbox, 'mkdir kept && printf %s "$1" > kept/file && sync', synced);
      await sh(sandbox, 'printf later > not-synced');
      await sandbox.kill();
      expect(!(await sandbox.isRunning()), () => 'It still runs after it was killed.');
      const again = await startAgain(sandbox);
      await checkWord(again, 'kept/file', synced);
      await sh(again, 'echo usable > kept/other');
      await again.stop(patientStopMs);
      const damage = again.checkDisk && (await again.checkDisk());
      expect(!damage, () => `Its disk was not clean after that: ${damage}`);
    },
    saboteur: {
      breaks: 'a kill that takes with it what was synced',
      symptom: /^Lost: /,
      wrap: (provider) =>
        withSandboxes(provider, (sandbox) => ({
          kill: async () => {
            if (await sandbox.isRunning()) await sh(sandbox, 'rm -rf kept; sync');
            await sandbox.kill();
          },
        })),
    },
  },
  {
    id: 'fsync-survives-vmm-kill',
    title: 'what was fsynced survives a kill of the machine’s own process',
    needs: ['restart', 'own-kernel', 'vmm-pid'],
    note: 'This is no power cut: the host’s cache survives a killed process.',
    run: async (context) => {
      const sandbox = await context.create();
      await sh(sandbox, 'printf %s "$1" | dd of=fsynced conv=fsync 2> /dev/null', synced);
      const pid = await sandbox.vmmPid?.();
      if (pid === undefined) throw new Finding('It has "vmm-pid", and no vmmPid().');
      process.kill(pid, 'SIGKILL');
      const isGone = async () => !(await sandbox.isRunning());
      await context.eventually(isGone, goneWithinMs, 'A sandbox whose machine was killed still runs');
      await checkWord(await startAgain(sandbox), 'fsynced', synced);
    },
    saboteur: {
      breaks: 'an fsync that does nothing',
      symptom: /^Lost: /,
      wrap: (provider) =>
        withCommands(provider, (command, options) => [
          command.map((part) => part.replace(' conv=fsync', '')),
          options,
        ]),
    },
  },
];

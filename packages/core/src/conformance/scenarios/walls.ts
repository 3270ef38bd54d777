import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Capability, CreateOptions, ProvidedSandbox } from '../provider.js';
import { mirrored, withOptions, withSandboxes } from '../sabotage.js';
import { expect, Finding, type Scenario } from '../scenario.js';
import { attempt, background, sh } from '../shell.js';

/** A port that nothing else in a small guest listens on; as /proc/net/tcp has it. */
const port = 7705;
const portInHex = port.toString(16).toUpperCase().padStart(4, '0');

const memoryMib = 128;
const diskMib = 64;
const openFiles = 32;

/** Something that is done in one sandbox, and looked for in another. */
function wall(
  scenario: Pick<Scenario, 'id' | 'title'> & { readonly need: Capability; readonly what: string },
  make: (sandbox: ProvidedSandbox) => Promise<unknown>,
  isSeen: (sandbox: ProvidedSandbox) => Promise<boolean>,
  undo: (sandbox: ProvidedSandbox) => Promise<unknown> = async () => {},
): Scenario {
  const { id, title, need, what } = scenario;
  return {
    id,
    title,
    needs: [need],
    run: async (context) => {
      const [one, other] = [await context.create(), await context.create()];
      await make(one);
      expect(
        await isSeen(one),
        () => `${what} cannot be seen in the sandbox that has it, so this shows nothing.`,
      );
      const isThere = await isSeen(other);
      await undo(one); // it may be the host that has it
      expect(!isThere, () => `${what} of one sandbox is in another.`);
    },
    saboteur: {
      breaks: 'two sandboxes that do the same',
      symptom: /of one sandbox is in another/,
      wrap: mirrored,
    },
  };
}

const succeeds = async (sandbox: ProvidedSandbox, script: string, ...args: string[]) =>
  (await attempt(sandbox, script, ...args)).code === 0;

const pathOfFile = '/tmp/conformance-wall';

/** An option that is a limit, heeded or not. */
const without = (...names: readonly (keyof CreateOptions)[]): Scenario['saboteur']['wrap'] => {
  return (provider) =>
    withOptions(provider, (options) => {
      const entries = Object.entries(options).filter(([key]) => !names.includes(key as keyof CreateOptions));
      return { ...Object.fromEntries(entries), name: options.name };
    });
};

export const walls: readonly Scenario[] = [
  wall(
    {
      id: 'isolation-files',
      title: 'a file of one sandbox is not in another',
      need: 'own-files',
      what: 'A file',
    },
    (sandbox) => sh(sandbox, 'echo own > "$1" && echo own > wall', pathOfFile),
    (sandbox) => succeeds(sandbox, 'grep -q own "$1" || grep -q own wall', pathOfFile),
    (sandbox) => attempt(sandbox, 'rm -f "$1"', pathOfFile),
  ),
  wall(
    {
      id: 'isolation-processes',
      title: 'a process of one sandbox is not in another',
      need: 'own-processes',
      what: 'A process',
    },
    (sandbox) => background(sandbox, '(echo ready; exec sleep 770577) &'),
    (sandbox) =>
      succeeds(sandbox, 'cat /proc/[0-9]*/cmdline 2> /dev/null | tr "\\0" " " | grep -q "[s]leep 770577"'),
  ),
  wall(
    {
      id: 'isolation-sockets',
      title: 'a socket that listens in one sandbox does not in another',
      need: 'own-sockets',
      what: 'A socket',
    },
    async (sandbox) => {
      await background(sandbox, `(echo ready; exec nc -l -p ${port}) &`);
      const isOpen = `grep -q ":${portInHex} .* 0A " /proc/net/tcp /proc/net/tcp6`;
      await sh(sandbox, `for i in $(seq 100); do ${isOpen} && exit 0; sleep 0.1; done; exit 1`);
    },
    (sandbox) =>
      succeeds(sandbox, `cat /proc/net/tcp /proc/net/tcp6 2> /dev/null | grep -q ":${portInHex} .* 0A "`),
  ),
  {
    id: 'isolation-host-paths',
    title: 'a sandbox does not see files of the host',
    needs: ['own-files'],
    run: async (context) => {
      const path = join(context.hostDirectory(), 'of-the-host');
      writeFileSync(path, 'secret-705');
      const sandbox = await context.create();
      const seen = await succeeds(sandbox, 'cat "$1"', path);
      expect(!seen, () => `${path} of the host can be read in a sandbox.`);
    },
    saboteur: {
      breaks: 'a sandbox that is given the host’s file',
      symptom: /can be read in a sandbox/,
      wrap: (provider) =>
        withSandboxes(provider, (sandbox) => ({
          exec: async (command, options) => {
            const path = command.at(-1) ?? '';
            if (path.endsWith('/of-the-host'))
              await sh(sandbox, 'mkdir -p "$(dirname "$1")" && echo secret-705 > "$1"', path);
            return sandbox.exec(command, options);
          },
        })),
    },
  },
  {
    id: 'limit-memory',
    title: `a sandbox of ${memoryMib} MiB cannot have more, and outlives the attempt`,
    needs: ['memory-limit'],
    run: async (context) => {
      const sandbox = await context.create({ memoryMib });
      // dd fills a buffer of that size.
      const greedy = await attempt(sandbox, `dd if=/dev/zero of=/dev/null bs=${2 * memoryMib}M count=1`);
      expect(
        greedy.code !== 0 || greedy.signal !== null,
        () => `A program in a sandbox of ${memoryMib} MiB could have ${2 * memoryMib}.`,
      );
      await sh(sandbox, 'echo there');
    },
    saboteur: {
      breaks: 'a create() that gives more memory',
      symptom: /could have \d+/,
      wrap: (provider) => withOptions(provider, (options) => ({ ...options, memoryMib: 8 * memoryMib })),
    },
  },
  {
    id: 'limit-cpus',
    title: 'a sandbox of two processors has both of them, and no third',
    needs: ['cpu-limit'],
    run: async (context) => {
      const sandbox = await context.create({ cpus: 2 });
      const runsOn = (cpu: number) => succeeds(sandbox, 'taskset -c "$1" true', `${cpu}`);
      const usable = [];
      for (const cpu of [0, 1, 2, 3]) if (await runsOn(cpu)) usable.push(cpu);
      expect(usable.length === 2, () => `Of a sandbox of 2 processors ${usable.length} can be used.`);
    },
    saboteur: {
      breaks: 'a create() that does not care for processors',
      symptom: /of 2 processors [^2] can be used/,
      wrap: without('cpus'),
    },
  },
  {
    id: 'limit-disk',
    title: `a disk of ${diskMib} MiB takes no more, and says so`,
    needs: ['disk-limit'],
    run: async (context) => {
      const sandbox = await context.create({ diskMib });
      await sh(sandbox, 'head -c 8m /dev/zero > some');
      const filled = await attempt(sandbox, `head -c ${2 * diskMib}m /dev/zero > more`);
      const size = (await sh(sandbox, 'wc -c < more')).trim();
      expect(filled.code !== 0, () => `A disk of ${diskMib} MiB took ${size} bytes.`);
      await sh(sandbox, 'rm more && echo there > again');
    },
    saboteur: {
      breaks: 'a create() that gives a larger disk',
      symptom: /took \d+ bytes/,
      wrap: without('diskMib'),
    },
  },
  {
    id: 'limit-open-files',
    title: `a command that may have ${openFiles} files open cannot open more`,
    needs: ['rlimits'],
    run: async (context) => {
      const sandbox = await context.create({ maxOpenFiles: openFiles });
      const limit = (await sh(sandbox, 'ulimit -n')).trim();
      expect(limit === `${openFiles}`, () => `The limit of open files is ${limit}, not ${openFiles}.`);
      const open = await attempt(sandbox, `exec ${openFiles + 8}< /dev/null`);
      if (open.code === 0) throw new Finding(`It could open descriptor ${openFiles + 8}.`);
    },
    saboteur: {
      breaks: 'a create() that does not care for limits',
      symptom: /limit of open files is/,
      wrap: without('maxOpenFiles'),
    },
  },
];

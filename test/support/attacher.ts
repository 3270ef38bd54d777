/**
 * A process that attaches to commands of a sandbox, one after the other, and says on stdout how each went. Run at a terminal as:
 * node attacher.js NAME STEP...
 */
import { createInterface } from 'node:readline/promises';
import { Sandbox } from '@msbtest/core';

const [, , name = '', ...steps] = process.argv;
const say = (text: string) => process.stdout.write(`[${text}, ${process.stdin.isRaw ? 'raw' : 'cooked'}]\n`);

const sandbox = await (await Sandbox.get(name)).connect();
let detached = 0;
process.on('SIGUSR2', () => {
  throw new Error('thrown while attached');
});

const take: Readonly<Record<string, () => Promise<unknown>>> = {
  shell: () => sandbox.attachShell(),
  default: () => sandbox.attachDefault(),
  keys: () =>
    sandbox.attachWith('sh', (o) =>
      o
        .args(['-c', 'stty raw -echo; echo up; cat'])
        .detachKeys('ctrl-p,ctrl-q')
        .onDetach(() => {
          detached++;
        }),
    ),
  env: () =>
    sandbox.attachWith('sh', (o) =>
      o.args(['-c', 'echo $A $(id -un) $(pwd); kill -9 $$']).env('A', 'b').user('guest').cwd('/srv'),
    ),
  none: () => sandbox.attach('no-such-program'),
  both: () => {
    const first = sandbox.attach('sh', ['-c', 'read go']);
    return sandbox.attach('sh').catch(async (error) => `${error.code}, then ${await first}`);
  },
  listen: () => {
    process.once('SIGTERM', () => say('heard SIGTERM'));
    return sandbox.attachShell();
  },
  line: async () => {
    const lines = createInterface({ input: process.stdin });
    const answer = await lines.question('');
    lines.close();
    return JSON.stringify(answer);
  },
};

for (const step of steps) {
  const result = await take[step]?.().catch((error) => error.code);
  say(`${step}: ${result}`);
}
say(`detached ${detached} times`);

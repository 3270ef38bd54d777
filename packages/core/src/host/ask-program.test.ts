import { expect, it } from 'vitest';
import { askProgram } from './ask-program.js';
import { monotonicMs } from './clock.js';

const bounds = { env: { PATH: '/usr/bin:/bin' }, timeoutMs: 10_000, maxBytes: 1000 };
const shell = (script: string, options: Partial<typeof bounds> = {}) =>
  askProgram('/bin/sh', ['-c', script], 'question', { ...bounds, ...options });

it('asks and has the answer', async () => {
  expect(await shell('read -r q; echo "to $q"; echo no >&2; exit 4')).toEqual({
    code: 4,
    ending: 'exit code 4',
    stdout: 'to question\n',
  });
});

it('takes an answer to a question that nobody has read', async () => {
  expect(await shell('exec <&-; echo yes')).toMatchObject({ code: 0, stdout: 'yes\n' });
});

it('kills what does not answer in time, also when a child of it holds on to its output', async () => {
  const begin = monotonicMs();
  const answer = await shell('sleep 60 & sleep 60', { timeoutMs: 200 });
  expect(answer).toMatchObject({ code: null, ending: expect.stringContaining('within 200 ms') });
  expect(monotonicMs() - begin).toBeLessThan(10_000);
});

it('says why there is none', async () => {
  expect(await askProgram('/nowhere', [], 'x', bounds)).toMatchObject({
    code: null,
    ending: expect.stringContaining('ENOENT'),
  });
  expect(await shell('kill -9 $$')).toMatchObject({ code: null, ending: 'SIGKILL' });
});

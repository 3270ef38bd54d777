import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ScriptedAgent, started } from './scripted-agent.test.support.js';

/** What came for the command, in order; of stdin the text. */
function told(agent: ScriptedAgent): string[] {
  return agent.heard
    .filter(({ type }) => type !== 'core.exec.request')
    .map(({ type, payload }) =>
      type === 'core.exec.stdin' ? Buffer.from(payload.bytes('data')).toString('latin1') : type,
    );
}

it('sends a small write at once, and what follows it together', async () => {
  await using agent = new ScriptedAgent();
  await using handle = await started(agent);
  const sink = await handle.takeStdin();
  const letter = Buffer.alloc(1);
  for (const text of 'abcd') {
    letter.write(text);
    await sink?.write(letter); // which is ours again
  }
  await expect.poll(() => told(agent)).toEqual(['a', 'bcd']);
  await sink?.write('e');
  await setImmediate();
  await sink?.write('f');
  await sink?.write('g');
  await sink?.close();
  await expect.poll(() => told(agent)).toEqual(['a', 'bcd', 'e', 'f', 'g', '']);
});

it('keeps its order with all else that a command is told', async () => {
  await using agent = new ScriptedAgent();
  await using handle = await started(agent);
  const sink = await handle.takeStdin();
  await sink?.write('a');
  await sink?.write('b');
  await handle.signal(2);
  await sink?.write('c');
  await sink?.write('L'.repeat(20_000));
  await sink?.write('d');
  await handle.detach();
  await expect
    .poll(() => told(agent))
    .toEqual(['a', 'b', 'core.exec.signal', 'c', 'L'.repeat(20_000), 'd', 'msb.exec.detach']);
});

it('keeps the order of writes that nobody waits for', async () => {
  await using agent = new ScriptedAgent();
  await using handle = await started(agent);
  const sink = await handle.takeStdin();
  const large = 'L'.repeat(20_000);
  await Promise.all(['a', 'b', large, 'c', large, large, 'd'].map((text) => sink?.write(text)));
  await sink?.close();
  await expect.poll(() => told(agent).at(-1)).toBe('');
  expect(told(agent).join('')).toBe(`ab${large}c${large}${large}d`);
});

it('loses nothing, whatever the writes, and gathers no more than a message takes', async () => {
  const size = fc.oneof(fc.nat({ max: 10 }), fc.nat({ max: 20_000 }), fc.nat({ max: 400_000 }));
  const writes = fc.array(fc.tuple(size, fc.boolean()), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(writes, async (list) => {
      await using agent = new ScriptedAgent();
      await using handle = await started(agent);
      const sink = await handle.takeStdin();
      let sent = '';
      for (const [n, [length, pause]] of list.entries()) {
        const text = String.fromCharCode(33 + n).repeat(length);
        sent += text;
        const written = sink?.write(text);
        agent.say('msb.taken', { bytes: length });
        await written;
        if (pause) await setImmediate();
      }
      await sink?.close();
      await expect.poll(() => told(agent).at(-1), { timeout: 5000 }).toBe('');
      expect(told(agent).join('')).toBe(sent);
      expect(Math.max(...told(agent).map(({ length }) => length))).toBeLessThanOrEqual(256 * 1024);
    }),
    { numRuns: 30 },
  );
});

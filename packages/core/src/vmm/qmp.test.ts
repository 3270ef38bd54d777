import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Qmp, VmmControlError, VmmGoneError } from './qmp.js';
import { ScriptedVmm } from './scripted-vmm.test.support.js';

const greeting = { QMP: { version: {}, capabilities: [] } };

let qmp: Qmp;
let peer: ScriptedVmm;
beforeEach(() => {
  qmp = new Qmp();
  peer = new ScriptedVmm(qmp);
});
afterEach(() => {
  peer.socket.destroy(); // closes what was to be the VMM's, which is not to be closed once more
});

const id = async (count = 1) => (await peer.hear(count)).map((order) => order.id);

describe('orders to a VMM', () => {
  it('may be given before it reads, and are done when it says so, in whatever order', async () => {
    const done: string[] = [];
    const both = ['stop', 'cont'].map((order) => qmp.execute(order).then(() => done.push(order)));
    const orders = await peer.hear(3);
    expect(orders.map(({ execute }) => execute)).toEqual(['qmp_capabilities', 'stop', 'cont']);
    const [first = 0, stop = 0, cont = 0] = orders.map((order) => order.id);
    peer.say(greeting, { return: {}, id: first }, { return: {}, id: cont });
    await both[1];
    expect(done).toEqual(['cont']);
    peer.say({ return: {}, id: stop });
    await both[0];
  });

  it('are the first that is said to a VMM that has been spoken to already, and as short as they can be', async () => {
    const fork = new Qmp({ negotiated: true });
    const vmm = new ScriptedVmm(fork);
    const going = fork.execute('cont');
    expect(await vmm.obey(1)).toEqual([{ execute: 'cont', id: expect.any(Number) }]);
    await going;
    vmm.socket.destroy();
  });

  it('that are refused say why, and do not keep the next from being carried out', async () => {
    const refused = qmp.execute('migrate', { uri: 'nowhere' });
    const [, migrate = 0] = await id(2);
    peer.say({ error: { class: 'GenericError', desc: 'No such thing' }, id: migrate });
    await expect(refused).rejects.toThrow('QEMU refused migrate: No such thing');
    await expect(refused).rejects.not.toBeInstanceOf(VmmGoneError);
    const next = qmp.execute('stop');
    peer.say({ return: {}, id: (await id())[0] });
    await next;
  });

  it('are answered by nothing that only looks like an answer', async () => {
    let done = false;
    const order = qmp.execute('stop').then(() => {
      done = true;
    });
    const [, stop = 0] = await id(2);
    peer.say(
      { return: {} },
      { return: {}, id: `${stop}` },
      { return: {}, id: stop + 1 },
      { event: 'STOP' },
      [],
      {},
    );
    const later = qmp.execute('cont');
    peer.say({ return: {}, id: (await id())[0] });
    await later;
    expect(done).toBe(false);
    peer.say({ return: {}, id: stop });
    await order;
  });

  it('fail when it hangs up, those that are given later too', async () => {
    const orders = [qmp.execute('stop'), qmp.event('RESUME')];
    await id(2);
    peer.socket.destroy();
    for (const order of orders) await expect(order).rejects.toBeInstanceOf(VmmGoneError);
    await expect(qmp.execute('cont')).rejects.toThrow('QEMU takes no more orders');
    await expect(qmp.event('STOP')).rejects.toThrow('QEMU takes no more orders');
  });

  it('fail when nobody waits for an answer any more, and leave nothing open', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    const other = new Qmp();
    const order = other.execute('stop');
    other[Symbol.dispose]();
    other[Symbol.dispose]();
    await expect(order).rejects.toBeInstanceOf(VmmControlError);
    await expect.poll(open).toBe(before);
  });

  it.each([
    ['garbage', 'not JSON\n', /what is not QMP: not JSON/],
    ['a number', '7\n', /what is not QMP: 7/],
    ['null', 'null\n', /what is not QMP: null/],
    ['a line without an end', 'x'.repeat(1024 * 1024 + 1), /a line without an end/],
  ])('fail when it says %s', async (_, text, why) => {
    const order = qmp.execute('stop');
    peer.socket.write(text);
    await expect(order).rejects.toThrow(why);
    await expect(order).rejects.toBeInstanceOf(VmmGoneError);
  });
});

describe('an event', () => {
  it('is the next one of that name', async () => {
    const [stopped, resumed] = [qmp.event('STOP'), qmp.event('RESUME')];
    peer.say({ event: 'STOP', data: {} });
    await stopped;
    peer.say({ event: 'RESUME' });
    await resumed;
  });

  it('has the status that is waited for, or fails with it', async () => {
    const [completed, fails] = [qmp.event('MIGRATION', 'completed'), qmp.event('MIGRATION', 'never')];
    peer.say(
      { event: 'MIGRATION' },
      { event: 'MIGRATION', data: null },
      { event: 'MIGRATION', data: { status: 'active' } },
      { event: 'MIGRATION', data: { status: 'completed' } },
      { event: 'MIGRATION', data: { status: 'failed' } },
    );
    await completed;
    await expect(fails).rejects.toThrow('QEMU reports that MIGRATION failed.');
  });
});

it('is heard however the bytes are cut', async () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('€\u{1f5a5}\r'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { maxLength: 8 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      async (words, cuts) => {
        const orders = new Qmp();
        const vmm = new ScriptedVmm(orders);
        const events = words.map((_, i) => orders.event(`E${i}`, words[i]));
        const bytes = Buffer.from(
          words.map((status, i) => `${JSON.stringify({ event: `E${i}`, data: { status } })}\n`).join(''),
        );
        for (let at = 0; at < bytes.length; ) {
          const size = cuts.next().value ?? 1;
          await new Promise((resolve) => vmm.socket.write(bytes.subarray(at, at + size), resolve));
          at += size;
        }
        await Promise.all(events);
        vmm.socket.destroy();
      },
    ),
    { numRuns: 50 },
  );
});

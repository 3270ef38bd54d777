import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freeze, goOn } from './freezing.js';
import { Qmp, VmmControlError } from './qmp.js';
import { ScriptedVmm } from './scripted-vmm.test.support.js';

let directory: string;
let qmp: Qmp;
let vmm: ScriptedVmm;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'msb-unit-'));
  qmp = new Qmp();
  vmm = new ScriptedVmm(qmp);
});
afterEach(() => {
  vmm.socket.destroy();
  rmSync(directory, { recursive: true });
});

const file = () => join(directory, 'state');
const socket = () => join(directory, 'state.sock');
const completed = { event: 'MIGRATION', data: { status: 'completed' } };

/** Connects as the VMM does to write its state, and does not mind being hung up on. */
function connected(): Socket {
  return connect(socket()).on('error', () => {});
}

/** Begins to freeze. @returns where the state is to go, and what comes of it. */
function begin(): Promise<{ frozen: Promise<void>; migrate: { id: number; arguments: unknown } }> {
  const frozen = freeze(qmp, file(), socket());
  frozen.catch(() => {}); // looked at by the test
  return vmm.hear(3).then(([start, set, migrate]) => {
    vmm.say(...[start, set].map((order) => ({ return: {}, id: order?.id })));
    if (!migrate) throw new Error('there was no order to migrate');
    return { frozen, migrate };
  });
}

describe('freezing', () => {
  it('writes what the VMM sends, whole, and leaves no socket', async () => {
    const { frozen, migrate } = await begin();
    expect(migrate.arguments).toEqual({ uri: `unix:${socket()}` });
    const state = connected();
    vmm.say({ return: {}, id: migrate.id });
    state.write('first, ');
    vmm.say({ event: 'MIGRATION', data: { status: 'active' } }, completed); // it says so before all has come
    state.end('last');
    await frozen;
    expect(readFileSync(file(), 'utf8')).toBe('first, last');
    expect(existsSync(socket())).toBe(false);
  });

  it('may hear that all is done before it hears of the connection', async () => {
    const { frozen, migrate } = await begin();
    vmm.say({ return: {}, id: migrate.id }, completed);
    await qmp.event('MIGRATION', 'completed');
    connected().end('state');
    await frozen;
    expect(readFileSync(file(), 'utf8')).toBe('state');
  });

  it.each<[string, (migrate: number) => void, RegExp]>([
    ['refuses', (id) => vmm.say({ error: { desc: 'no' }, id }), /refused migrate: no/],
    [
      'fails',
      (id) => vmm.say({ return: {}, id }, { event: 'MIGRATION', data: { status: 'failed' } }),
      /MIGRATION failed/,
    ],
    ['dies', () => vmm.socket.destroy(), /takes no more orders/],
    ['has written nothing', (id) => vmm.say({ return: {}, id }, completed), /written its state, and has not/],
  ])('fails when the VMM %s', async (_, answer, why) => {
    const { frozen, migrate } = await begin();
    answer(migrate.id);
    await expect(frozen).rejects.toThrow(why);
    await expect(frozen).rejects.toBeInstanceOf(VmmControlError);
    expect([existsSync(file()), existsSync(socket())]).toEqual([false, false]);
  });

  it('takes no more than a state can be', async () => {
    const { frozen, migrate } = await begin();
    vmm.say({ return: {}, id: migrate.id }, completed);
    const state = connected();
    for (let i = 0; i < 17; i++) state.write(Buffer.alloc(1024 * 1024));
    await expect(frozen).rejects.toThrow(/a state of more than 16777216 bytes/);
  });

  it('never writes over a file', async () => {
    writeFileSync(file(), 'precious');
    const { frozen, migrate } = await begin();
    vmm.say({ return: {}, id: migrate.id }, completed);
    connected().end('state');
    await expect(frozen).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(file(), 'utf8')).toBe('precious');
  });
});

describe('going on', () => {
  it('is done when the machine runs', async () => {
    let done = false;
    const gone = goOn(qmp).then(() => {
      done = true;
    });
    const orders = await vmm.obey(3);
    expect(orders.map(({ execute }) => execute)).toEqual([
      'qmp_capabilities',
      'migrate-set-capabilities',
      'migrate-incoming',
    ]);
    await Promise.all([qmp.execute('query-status'), vmm.obey(1)]);
    expect(done).toBe(false);
    vmm.say({ event: 'RESUME' });
    await gone;
  });

  it('fails when the state is refused', async () => {
    const gone = goOn(qmp);
    const [, , incoming] = await vmm.hear(3);
    vmm.say({ error: { desc: 'not a state' }, id: incoming?.id });
    await expect(gone).rejects.toThrow('QEMU refused migrate-incoming: not a state');
  });
});

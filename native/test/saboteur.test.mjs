import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { message, SHUTDOWN } from './support/frames.mjs';
import { Machine } from './support/relay.mjs';

test('negative control: the relay that ends the machine on a shutdown frame is told apart', async (t) => {
  const relay = fileURLToPath(new URL('../build/msb-relay-end-on-shutdown', import.meta.url));
  const machine = await Machine.start(t, { relay });
  const first = await machine.boot();
  assert.equal(first.t, 'core.bootstrap');
  const client = await machine.client();
  await client.write(message('core.shutdown', {}, { flags: SHUTDOWN }));
  assert.equal(await machine.guest.frame(), null); // the guest never hears of it
  const record = await machine.exitRecord();
  assert.deepEqual([record.vmm.signal, record.halted, record.cause], [9, null, null]);
  assert.ok(record.asked.shutdownMs > 0);
});

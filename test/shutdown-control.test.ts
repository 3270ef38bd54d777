import { once } from 'node:events';
import { connect } from 'node:net';
import { Sandbox } from '@msbtest/core';
import { expect, it } from 'vitest';
import { encodeFrame, SHUTDOWN } from '#core/agent/frame.js';
import { encodeMessage } from '#core/agent/message.js';
import { small, socketsOf, usePrivateHome } from './support/vm.js';

usePrivateHome();

it('shutdown_control_id_zero_stops_sandbox', async () => {
  const sandbox = await small('control').create();
  await sandbox.shell('printf kept > /root/file');
  const handle = await Sandbox.get('control');
  const client = connect(socketsOf(sandbox).agent);
  await once(client, 'data'); // the relay has greeted
  client.resume();
  const begin = performance.now();
  client.write(encodeFrame({ id: 0, flags: SHUTDOWN, body: encodeMessage('core.shutdown', {}) }));
  const result = await handle.waitUntilStopped({ signal: AbortSignal.timeout(30_000) });
  expect(performance.now() - begin).toBeLessThan(30_000);
  expect(result).toMatchObject({ status: 'stopped', exitCode: 0, signal: null });
  client.destroy();
  const again = await handle.start();
  expect((await again.exec('cat', ['/root/file'])).stdout()).toBe('kept'); // it was a graceful one
  await again.kill();
  await handle.remove();
});

/**
 * A process that owns a sandbox and goes through create, exec and stop, saying on stdout what it is about to do, until it is
 * killed. Run as: node owner.js NAME
 */
import { Sandbox } from '@msbtest/core';

const name = process.argv[2] ?? 'owned';
const say = (word: string) => process.stdout.write(`${word}\n`);

say('creating');
const sandbox = await Sandbox.builder(name)
  .image('docker.io/library/msb-base:latest')
  .cpus(1)
  .memory(256)
  .ephemeral(process.argv[3] === 'ephemeral')
  .create();
say('created');
say('exec');
await sandbox.shell('printf owned > /root/marker');
const busy = sandbox.exec('sleep', ['600']);
say('busy');
if (process.argv[4] === 'stop') {
  busy.catch(() => {}); // it ends with the machine
  say('stopping');
  await sandbox.stop();
  say('stopped');
}
setInterval(() => {}, 60_000); // stays until it is killed

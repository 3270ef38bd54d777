/**
 * A process that owns a sandbox and goes through create, exec and stop, saying on stdout what it is about to do, until it is
 * killed. Run as: node owner.js NAME kept|ephemeral stay|stop|detach clone|cold
 */
import { Sandbox } from '@msbtest/core';

const [, , name = 'owned', kind, end, origin] = process.argv;
const say = (word: string) => process.stdout.write(`${word}\n`);

say('creating');
const builder = Sandbox.builder(name)
  .image('docker.io/library/msb-base:latest')
  .cpus(1)
  .memory(256)
  .ephemeral(kind === 'ephemeral');
const sandbox = await (origin === 'cold' ? builder.coldBoot() : builder).create();
say('created');
say('exec');
await sandbox.shell('printf owned > /root/marker');
if (end === 'detach') {
  await sandbox.detach();
  say('detached');
}
const busy = sandbox.exec('sleep', ['600']);
say('busy');
if (end === 'stop') {
  busy.catch(() => {}); // it ends with the machine
  say('stopping');
  await sandbox.stop();
  say('stopped');
}
setInterval(() => {}, 60_000); // stays until it is killed

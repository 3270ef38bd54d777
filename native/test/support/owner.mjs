/** Owns a machine, says so, and waits to be killed. */
import { childrenOf } from './proc.mjs';
import { eventually, Machine } from './relay.mjs';

// Not the stand-in, which would end by itself when we do.
const machine = await Machine.start(
  { after: () => {} },
  { args: ['--ephemeral'], vmm: ['/bin/sleep', '60'] },
);
const relay = machine.process.pid;
await eventually('the VMM runs', () => childrenOf(relay).length === 1);
console.log(JSON.stringify({ home: machine.home, dir: machine.dir, relay, vmm: childrenOf(relay)[0] }));
setInterval(() => {}, 1000);

// SPDX-License-Identifier: Apache-2.0
// Runs the agent in real machines and prints TAP: node test/vm/run.mjs [NAME...]. See machine.mjs for what it needs.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { agentdPath } from '../../index.js';
import * as connections from './connections.mjs';
import * as files from './files.mjs';
import * as handoffs from './handoffs.mjs';
import { build, killMachines, makeUpper, whyNot } from './machine.mjs';
import * as profiles from './profiles.mjs';
import * as renewals from './renewals.mjs';
import * as scenarios from './scenarios.mjs';
import * as terminals from './terminals.mjs';

const count = { passed: 0, failed: 0, skipped: 0 };
let n = 0;
const tap = (good, what) => {
  count[good ? 'passed' : 'failed']++;
  console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${what}`);
};

const why = whyNot();
if (why) {
  console.log(`1..0 # SKIP ${why}`);
  console.log('0 passed, 0 failed, 1 skipped');
  process.exit(0);
}
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'agentd-vm-'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    killMachines();
    fs.rmSync(dir, { recursive: true, force: true });
    process.kill(process.pid, signal);
  });
build(dir, process.env.AGENTD_TEST_BINARY ?? agentdPath);
const wanted = process.argv.slice(2);
for (const [name, scenario] of Object.entries({
  ...scenarios,
  ...terminals,
  ...connections,
  ...files,
  ...profiles,
  ...renewals,
  ...handoffs,
})) {
  if (wanted.length && !wanted.includes(name)) continue;
  console.log(`# ${name}`);
  makeUpper(path.join(dir, 'upper.ext4'));
  const machines = [];
  const t = {
    dir,
    upper: path.join(dir, 'upper.ext4'),
    keep: (m) => {
      machines.push(m);
      return m;
    },
    is: (got, want, what) => {
      const same = JSON.stringify(got) === JSON.stringify(want);
      tap(same, what);
      if (!same) console.log(`# got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
    },
    ok: (cond, what, detail) => {
      tap(cond, what);
      if (!cond && detail !== undefined) console.log(`# ${JSON.stringify(detail)}`);
    },
    note: (text) => console.log(`# ${text}`),
  };
  try {
    await scenario(t);
  } catch (e) {
    tap(false, `${name}: ${e.stack.replaceAll('\n', '\n# ')}`);
    for (const m of machines) console.log(`# console: ${m.console.replaceAll('\n', '\n# ')}`);
  }
  for (const m of machines) await m.kill();
}
fs.rmSync(dir, { recursive: true, force: true });
console.log(`1..${n}`);
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed ? 1 : 0;

/** Runs the unit tests and then those of the addon and the relay; the last line counts all of them. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const counts = { passed: 0, failed: 0, skipped: 0 };
const RESULT = /^(\s*)(not ok|ok) \d+ - (.*)$/;

const count = (line) => {
  const [, , result, name] = RESULT.exec(line);
  if (/# (SKIP|TODO)\b/i.test(name)) counts.skipped++;
  else if (result === 'ok') counts.passed++;
  else counts.failed++;
};

const run = async (command, args) => {
  const before = counts.failed;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let diagnosing = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (RESULT.test(line)) {
      count(line);
      diagnosing = line.trimStart().startsWith('not ok');
      console.log(line);
    } else if (diagnosing || /^# \S*:\d+:/.test(line)) {
      console.log(line);
    }
  }
  const code = await ended;
  // A program that dies has no line for it.
  if (code !== 0 && counts.failed === before) {
    counts.failed++;
    console.log(`not ok - ${command} ended with ${code}`);
  }
};

const [, , unitTests] = process.argv;
await run(unitTests, []);
const files = readdirSync(here).filter((name) => name.endsWith('.test.mjs'));
for (const file of files) {
  await run(process.execPath, ['--test-reporter=tap', join(here, file)]);
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;

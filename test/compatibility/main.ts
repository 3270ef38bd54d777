/** Makes docs/compatibility.md and test/types/compatibility.ts, unless the judgements contradict the declarations. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../support/saboteurs.js';
import { makeCompatibility } from './made.js';

const { files, problems } = makeCompatibility();
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length === 0) {
  for (const [path, text] of Object.entries(files)) {
    writeFileSync(join(checkout, path), text);
    process.stdout.write(`${path}\n`);
  }
} else {
  process.stderr.write(`Nothing was written: mend test/compatibility/verdicts.ts or scenarios.ts.\n`);
  process.exitCode = 1;
}

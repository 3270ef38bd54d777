import { noise, throughCat } from '../support/through-cat.js';
import { ephemeral } from '../support/vm.js';

const mebibyte = 1024 * 1024;

/**
 * A mebibyte into a command and out of both its streams, in pieces of a byte, of 4 KiB, and whole, again and again.
 *
 * @param options.trials of each size.
 */
export async function cat({ trials, json }: { trials: number; json: boolean }): Promise<boolean> {
  await using sandbox = await ephemeral('cat');
  const bytes = noise(mebibyte);
  const rows = [];
  for (const piece of [mebibyte, 4096, 1]) {
    const begin = performance.now();
    const problems: string[] = [];
    for (let trial = 1; trial <= trials; trial++) {
      process.stderr.write(`\r${piece} bytes a piece: ${trial} of ${trials}\u001b[K`);
      problems.push(...(await throughCat(sandbox, bytes, piece)));
    }
    process.stderr.write('\r\u001b[K');
    const seconds = Math.round((performance.now() - begin) / 1000);
    rows.push({ piece, trials, wrong: problems.length, seconds, problems: problems.slice(0, 5) });
  }
  if (json) process.stdout.write(`${JSON.stringify({ name: 'cat', bytes: mebibyte, rows })}\n`);
  else console.table(rows);
  return rows.every((row) => row.wrong === 0);
}

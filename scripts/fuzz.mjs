// @ts-check
// npm run fuzz [-- TARGET ... --seconds N]: builds the fuzz targets and runs them. docs/fuzzing.md says what they are.
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './fuzzing/build.mjs';
import { fuzz, replay } from './fuzzing/fuzz-target.mjs';
import { merge } from './fuzzing/merge.mjs';
import { TARGETS } from './fuzzing/targets.mjs';
import { side } from './fuzzing/together.mjs';
import { clangTrouble } from './setup/clang.mjs';
import { runMain, SetupError } from './setup/errors.mjs';
import { root } from './setup/paths.mjs';
import { passing } from './setup/signals.mjs';
import { countLine } from './testing/parts.mjs';

/** @typedef {import('./fuzzing/targets.mjs').Target} Target */
/** @typedef {import('./fuzzing/fuzz-target.mjs').Result} Result */

const SECONDS = 300;
const SMOKE = { seconds: 60, jobs: 5 };

const HELP = `npm run fuzz -- [TARGET ...] [--seconds N] [--jobs N] [--merge]

Builds the fuzz targets (libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer) and runs each of them, or those named.

  --seconds N  how long each runs; ${SECONDS} unless told. 0: only the inputs that are kept, each once
  --jobs N     how many at a time; 1 unless told
  --merge      takes into the repository what they have found that reaches new code (look at it before you commit it)
  --smoke      what npm test does: ${SMOKE.seconds} seconds each, ${SMOKE.jobs} at a time
  --help       this

Targets:
${TARGETS.map(({ name, what }) => `  ${name.padEnd(17)} ${what}`).join('\n')}

Everything that is found lies in build/fuzz/TARGET/findings/, and the run fails. What is at the bottom of a finding is mended with
a test beside the source; its input goes to the kept corpus under a name that says what it was. docs/fuzzing.md tells more.
`;

/** @param {string[]} args */
function choose(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seconds: { type: 'string' },
      jobs: { type: 'string' },
      merge: { type: 'boolean' },
      smoke: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const number = (/** @type {'seconds' | 'jobs'} */ option, /** @type {number} */ least, unless = 0) => {
    const text = values[option];
    if (text === undefined) return unless;
    if (/^\d{1,6}$/.test(text) && Number(text) >= least) return Number(text);
    throw new SetupError(`--${option} ${text}: it takes a number from ${least} on`);
  };
  const unknown = positionals.filter((name) => !TARGETS.some((target) => target.name === name));
  if (unknown.length > 0) {
    throw new SetupError(`no target is called ${unknown.join(', ')}`, {
      remedy: `name some of: ${TARGETS.map(({ name }) => name).join(' ')}`,
    });
  }
  return {
    help: values.help ?? false,
    merge: values.merge ?? false,
    seconds: number('seconds', 0, values.smoke ? SMOKE.seconds : SECONDS),
    jobs: number('jobs', 1, values.smoke ? SMOKE.jobs : 1),
    targets: positionals.length > 0 ? TARGETS.filter(({ name }) => positionals.includes(name)) : TARGETS,
  };
}

/** @param {Result} result @param {number} number */
function report({ target, executions, perSecond, corpus, features, findings, trouble }, number) {
  const result = `${trouble ? 'not ok' : 'ok'} ${number} - fuzz ${target.name}`;
  process.stdout.write(
    `${result}: ${executions} executions, ${perSecond}/s, corpus ${corpus}, features ${features}\n`,
  );
  if (!trouble) return;
  process.stdout.write(trouble.replaceAll(/^/gm, '# ').concat('\n'));
  for (const path of findings) {
    process.stdout.write(`# found: ${relative(root, path)}\n#   again: ${replay(target, path)}\n`);
  }
}

/** @param {readonly Result[]} results */
function table(results) {
  const kinds = ['crash', 'timeout', 'leak', 'oom'];
  const rows = [
    ['target', 'executions', 'exec/s', 'corpus', 'features', 'crashes', 'timeouts', 'leaks', 'out of memory'],
    ...results.map(({ target, executions, perSecond, corpus, features, findings }) => [
      target.name,
      ...[executions, perSecond, corpus, features].map(String),
      ...kinds.map((kind) => `${findings.filter((path) => path.includes(`/findings/${kind}-`)).length}`),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (/** @type {string[]} */ row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
  return rows.map((row) => `# ${line(row).join('  ')}\n`).join('');
}

await runMain(async () => {
  const chosen = choose(process.argv.slice(2));
  if (chosen.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (process.platform !== 'linux') {
    chosen.targets.forEach(({ name }, index) => {
      process.stdout.write(`ok ${index + 1} - fuzz ${name} # SKIP the targets are for Linux\n`);
    });
    process.stdout.write(`${countLine({ passed: 0, failed: 0, skipped: chosen.targets.length })}\n`);
    return 0;
  }
  const trouble = clangTrouble();
  if (trouble) throw trouble;
  return passing(async () => {
    await build(chosen.targets);
    let number = 0;
    const results = await side(chosen.targets, chosen.jobs, async (target) => {
      const result = await fuzz(target, chosen.seconds);
      report(result, ++number);
      return result;
    });
    process.stdout.write(table(results));
    if (chosen.merge) {
      for (const { target, trouble: finding } of results) {
        if (finding) continue;
        const added = await merge(target);
        process.stdout.write(`# ${target.name}: ${added.length} inputs more are kept\n`);
      }
    }
    const failed = results.filter((result) => result.trouble).length;
    process.stdout.write(`${countLine({ passed: results.length - failed, failed, skipped: 0 })}\n`);
    return failed > 0 ? 1 : 0;
  });
});

// @ts-check

/** @typedef {(line: string) => void} Log */

/**
 * @typedef {object} Step
 * @property {string} id the name to ask for it alone by
 * @property {string} title what
 * @property {string} why
 * @property {() => boolean | Promise<boolean>} isDone cheap: every run asks it
 * @property {() => Promise<string | undefined>} run resolves to what it did, for the line; undefined: there was nothing
 */

/** Set-up never writes to stdout: it belongs to the job that follows. @type {Log} */
export const toStderr = (line) => process.stderr.write(`${line}\n`);

const STILL_AFTER_MS = 10_000;

/**
 * Runs a step unless it is done; tells what it did and how long it took.
 * @param {Step} step
 * @param {Log} log
 * @returns {Promise<boolean>} whether there was anything to do
 */
export async function perform(step, log) {
  if (await step.isDone()) return false;
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const still = setInterval(
    () => log(`  ${step.title}: still at it (${step.why}), ${seconds()}`),
    STILL_AFTER_MS,
  );
  still.unref();
  try {
    const detail = await step.run();
    if (detail === undefined) return false;
    log(`✓ ${step.title}: ${detail}, ${step.why}  ${seconds()}`);
    return true;
  } catch (error) {
    log(`✗ ${step.title} (${step.why})  ${seconds()}`);
    throw error;
  } finally {
    clearInterval(still);
  }
}

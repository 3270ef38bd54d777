// @ts-check

/** What set-up throws: the thing, the cause and the remedy. */
export class SetupError extends Error {
  /**
   * @param {string} message the thing and the cause
   * @param {{ remedy?: string | undefined, output?: string, cause?: unknown }} [more] `output` is shown before the remedy
   */
  constructor(message, { remedy, output, cause } = {}) {
    super([message, output, remedy && `Remedy: ${remedy}`].filter(Boolean).join('\n'), { cause });
    this.name = 'SetupError';
  }
}

/** A signal asked this process to end; whatever ran has ended. */
export class Interrupted extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`interrupted by ${signal}`);
    this.name = 'Interrupted';
    this.signal = signal;
  }
}

/** Ends as if the signal had met no handler, so that the caller's shell sees it. @param {NodeJS.Signals} signal */
export function endBySignal(signal) {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Should the signal be ignored by inheritance (nohup), this still ends.
  setTimeout(() => process.exit(1), 1000);
}

/**
 * Runs a script's main function; says what went wrong without a stack where the message is all there is to know.
 * @param {() => Promise<number>} main resolves to the exit status
 */
export async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (error instanceof Interrupted) return endBySignal(error.signal);
    const text = error instanceof SetupError ? error.message : error instanceof Error ? error.stack : error;
    process.stderr.write(`${text}\n`);
    process.exitCode = 1;
  }
}

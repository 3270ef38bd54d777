// @ts-check

/**
 * A reporter of vitest's that names, at the end of a run, the tests that passed only when they were tried again. They count as
 * passed; each is a race in a test or in the product, to be found.
 */
export default class SecondTries {
  /** @type {string[]} */
  #names = [];

  /** @param {import('vitest/node').TestCase} test */
  onTestCaseResult(test) {
    if (test.diagnostic()?.flaky) this.#names.push(`${test.module.relativeModuleId} > ${test.fullName}`);
  }

  onTestRunEnd() {
    if (this.#names.length === 0) return;
    process.stdout.write(
      `\npassed at a second try, and to be looked at:\n${this.#names.map((name) => `  ${name}\n`).join('')}`,
    );
  }
}

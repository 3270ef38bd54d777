import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestRecord } from '@msbtest/core/testing';

/** Names the directory in which the files of a run leave their records; set where the reporter is. */
export const recordsVariable = 'MSB_TEST_RECORDS';

/**
 * What came of the microVM tests of one file, on its way from the process that runs it to the reporter: jest's own results have no
 * room for it. What is written survives the process.
 */
export class FileRecords {
  readonly #path: string | undefined;

  /** @param file its name, by which another process that runs it again replaces what was recorded. */
  constructor(file: string) {
    const directory = process.env[recordsVariable];
    const name = createHash('sha256').update(file).digest('hex').slice(0, 16);
    this.#path = directory && join(directory, name);
  }

  /** Whether a reporter will read them at the end of the run. */
  get areRead(): boolean {
    return this.#path !== undefined;
  }

  /** @param index of the test in its file; a later record of the same replaces an earlier. */
  write(index: number, record: TestRecord): void {
    // On a line of its own also after half a line.
    if (this.#path) appendFileSync(this.#path, `\n${JSON.stringify([index, record])}\n`, { mode: 0o600 });
  }
}

/** Makes the directory for a run's records. */
export function makeRecords(directory: string): void {
  mkdirSync(directory, { mode: 0o700 });
}

/** All records of a run. */
export function readRecords(directory: string): TestRecord[] {
  return readdirSync(directory).flatMap((name) => {
    const lines = readFileSync(join(directory, name), 'utf8').split('\n');
    return [...new Map(lines.flatMap(parse)).values()];
  });
}

function parse(line: string): [number, TestRecord][] {
  try {
    return [JSON.parse(line)];
  } catch {
    return []; // empty, or half a line of a process that was killed
  }
}

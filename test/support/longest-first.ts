import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes. By their size, which is what there is to go by otherwise, most would be last: their scenarios are elsewhere. */
const longest = [
  'test/vitest/vitest-4.test.ts',
  'test/vitest/vitest-5.test.ts',
  'test/jest/jest.test.ts',
  'test/jest/jest-node-24.test.ts',
  'test/templates.test.ts',
  'test/stop-flush.test.ts',
];

/** Begins with the files that take longest, lest one worker has nothing to do while the other is at one of them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification) =>
      longest.findIndex((file) => moduleId.endsWith(`/${file}`));
    const first = sorted.filter((file) => place(file) >= 0).sort((a, b) => place(a) - place(b));
    return [...first, ...sorted.filter((file) => place(file) < 0)];
  }
}

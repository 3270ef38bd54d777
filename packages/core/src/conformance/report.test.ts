import { expect, it } from 'vitest';
import { junitText, resultText, summaryText } from './report.js';
import type { ConformanceReport, ScenarioResult } from './run.js';

const result: ScenarioResult = {
  id: 'some',
  title: 'a <title> & "more"',
  status: 'passed',
  reason: null,
  control: { breaks: 'a stop that kills', caught: true, found: 'Lost: it' },
  note: 'Not that.',
  ms: 1240,
};
const failed: ScenarioResult = { ...result, status: 'failed', reason: 'one\ntwo \u001b[31m', control: null };
const unsupported: ScenarioResult = {
  ...result,
  status: 'unsupported',
  reason: 'no "such"',
  control: null,
  ms: 0,
};

const report: ConformanceReport = {
  provider: 'mine',
  unavailable: null,
  passed: 1,
  failed: 1,
  unsupported: 1,
  results: [result, failed, unsupported],
};

it('says of each what there is to say, and of one without its saboteur that it may prove nothing', () => {
  expect(resultText(result)).toBe(
    '✓ some: a <title> & "more" (1.2 s)\n    caught: a stop that kills\n    note: Not that.',
  );
  expect(resultText({ ...result, control: null })).toContain('may not be able to fail');
  expect(resultText(failed)).toMatch(/^✗ some: .*\n {4}one\n {4}two/);
  expect(resultText(failed)).not.toContain('\u001b');
  expect(resultText(unsupported)).toBe('- some: a <title> & "more"\n    unsupported: no "such"');
  expect(summaryText(report)).toBe('mine: 1 passed, 1 failed, 1 unsupported');
  expect(summaryText({ ...report, unavailable: 'no KVM' })).toMatch(/It cannot run here: no KVM$/);
});

it('is well-formed as JUnit', () => {
  const xml = junitText(report);
  expect(xml).toContain('tests="3" failures="1" skipped="1"');
  expect(xml).toContain('name="some: a &lt;title&gt; &amp; &quot;more&quot;" time="1.24"');
  expect(xml).toContain('<failure message="one&#10;two \uFFFD[31m"/>');
  expect(xml).toContain('<skipped message="no &quot;such&quot;"/>');
});

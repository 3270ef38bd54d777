import type { ConformanceReport, ScenarioResult } from './run.js';

/** What a guest has said may be in it, and goes to a terminal. */
const printable = (text: string) => text.replaceAll(/[^\t\n\x20-\x7E\u00A0-\uFFFF]/g, '\uFFFD');

const marks = { passed: '✓', failed: '✗', unsupported: '-' } as const;

/** One result as a line, and a second one for what there is to say. */
export function resultText({ id, title, status, reason, control, note, ms }: ScenarioResult): string {
  const time = status === 'unsupported' ? '' : ` (${(ms / 1000).toFixed(1)} s)`;
  const lines = [`${marks[status]} ${id}: ${title}${time}`];
  if (status === 'unsupported') lines.push(`    unsupported: ${reason}`);
  if (status === 'failed') lines.push(...`${reason}`.split('\n').map((line) => `    ${line}`));
  if (status === 'passed') {
    lines.push(
      control
        ? `    caught: ${control.breaks}`
        : '    its saboteur was not run, so it may not be able to fail',
    );
    if (note) lines.push(`    note: ${note}`);
  }
  return printable(lines.join('\n'));
}

export function summaryText({
  provider,
  unavailable,
  passed,
  failed,
  unsupported,
}: ConformanceReport): string {
  const counts = `${provider}: ${passed} passed, ${failed} failed, ${unsupported} unsupported`;
  return printable(unavailable === null ? counts : `${counts}. It cannot run here: ${unavailable}`);
}

/** As what reads test reports of continuous integration has it. */
export function junitText({ provider, failed, unsupported, results }: ConformanceReport): string {
  const cases = results.map(({ id, title, status, reason, ms }) => {
    const inner =
      status === 'passed'
        ? ''
        : status === 'failed'
          ? `<failure message="${xmlText(reason ?? '')}"/>`
          : `<skipped message="${xmlText(reason ?? '')}"/>`;
    return `  <testcase classname="${xmlText(provider)}" name="${xmlText(`${id}: ${title}`)}" time="${ms / 1000}">${inner}</testcase>`;
  });
  const counts = `tests="${results.length}" failures="${failed}" skipped="${unsupported}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="conformance of ${xmlText(provider)}" ${counts}>\n${cases.join('\n')}\n</testsuite>\n`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function xmlText(text: string): string {
  return text
    .replaceAll(/[&<>"]/g, (character) => entities[character] ?? '')
    .replaceAll('\n', '&#10;')
    .replaceAll(/[^\t\x20-\uFFFD]/g, '\uFFFD'); // XML has no control characters
}

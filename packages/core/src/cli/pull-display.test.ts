import { expect, it } from 'vitest';
import type { PullProgress } from '../image/pull-progress.js';
import { bytesText, PullDisplay } from './pull-display.js';

const digest = `sha256:${'ab'.repeat(32)}`;
const step = (layerIndex: number, downloadedBytes: number): PullProgress => ({
  kind: 'layerDownloadProgress',
  layerIndex,
  digest,
  downloadedBytes,
  totalBytes: 2_000_000,
});
const told: PullProgress[] = [
  { kind: 'resolving', reference: 'a/b/c:1' },
  {
    kind: 'resolved',
    reference: 'a/b/c:1',
    manifestDigest: digest,
    layerCount: 2,
    totalDownloadBytes: 4_000_000,
  },
  step(0, 500_000),
  step(1, 1_000_000),
  { kind: 'layerDownloadComplete', layerIndex: 0, digest, downloadedBytes: 2_000_000 },
  { kind: 'layerDownloadComplete', layerIndex: 1, digest, downloadedBytes: 2_000_000 },
  { kind: 'stitchMergingTrees', layerCount: 2 },
  { kind: 'stitchComplete' },
  { kind: 'complete', reference: 'a/b/c:1', layerCount: 2 },
];

/** What a terminal shows in the end: it knows how to go up and clear what is below. */
function shown(written: string): string[] {
  const [first = '', ...commands] = written.split('\u001b[');
  const text = commands.reduce((screen, command) => {
    const up = /^(\d+)A$/.exec(command)?.[1];
    if (up === undefined) return screen + command.slice('J'.length);
    return `${screen
      .split('\n')
      .slice(0, -1 - Number(up))
      .join('\n')}\n`;
  }, first);
  return text.split('\n').slice(0, -1);
}

const lasting = [
  `a/b/c:1: ${digest}, 2 layers, 4.0 MB to download`,
  'abababababab 2.0 MB, complete',
  'abababababab 2.0 MB, complete',
  'Making the root file system',
  'a/b/c:1: complete',
];

it('says what happened in plain lines where there is no terminal', () => {
  let written = '';
  {
    using display = new PullDisplay({ write: (text: string) => (written += text) });
    for (const event of told) display.show(event);
  }
  expect(written.split('\n').slice(0, -1)).toEqual(lasting);
});

it('draws bars on a terminal, and takes them back', () => {
  let written = '';
  const screen = { write: (text: string) => (written += text), isTTY: true, columns: 60 };
  using display = new PullDisplay(screen);
  for (const event of told.slice(0, 3)) display.show(event);
  expect(shown(written)).toEqual([lasting[0], 'abababababab ██████░░░░░░░░░░░░░░░░░░ 500.0 kB of 2.0 MB']);
  for (const event of told.slice(3)) display.show(event);
  expect(shown(written)).toEqual(lasting);
});

it('leaves no bar when the pull fails', () => {
  let written = '';
  const screen = { write: (text: string) => (written += text), isTTY: true, columns: 10 };
  {
    using display = new PullDisplay(screen);
    for (const event of told.slice(0, 4)) display.show(event);
    for (const line of shown(written).slice(1)) expect(line.length).toBeLessThan(20);
  }
  expect(shown(written)).toEqual([lasting[0]]);
});

it('says bytes as people do', () => {
  expect([0, 999, 1000, 1_500_000, 2.5e9, 1e15].map(bytesText)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 MB',
    '2.5 GB',
    '1000.0 TB',
  ]);
});

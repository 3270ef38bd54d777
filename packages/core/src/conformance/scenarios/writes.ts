import { createHash } from 'node:crypto';
import type { Capability, ProvidedSandbox } from '../provider.js';
import { Finding } from '../scenario.js';
import { attempt, background, sh, text } from '../shell.js';

/** Something a guest does to its disk without any sync, and how to see later whether all of it is there. */
export interface Write {
  readonly needs: readonly Capability[];
  write(sandbox: ProvidedSandbox): Promise<void>;
  /** @throws Finding, which begins with "Lost: ", when something is missing or wrong. */
  check(sandbox: ProvidedSandbox): Promise<void>;
}

/** What issue #705 of microsandbox wrote. */
const marker = 'hello-705';

const manyFiles = 2000;
const mappedBytes = 8 * 1024 * 1024;

/** 64 MiB in which a block that is lost or out of place shows: blocks of 1 MiB, each with its number. */
const block = Buffer.from(
  Array.from({ length: 150_001 }, (_, index) => `${100_000 + index}\n`).join(''),
).subarray(0, 1024 * 1024 - 5);
const blockNumbers = Array.from({ length: 64 }, (_, index) => 1000 + index);

async function checked(sandbox: ProvidedSandbox, script: string, ...args: readonly string[]): Promise<void> {
  const result = await attempt(sandbox, script, ...args);
  if (result.code !== 0 || result.signal !== null)
    throw new Finding(`Lost: ${(text(result.stderr) + text(result.stdout)).trim() || 'the content differs'}`);
}

/** Looks for one word in a file. */
export function checkWord(sandbox: ProvidedSandbox, path: string, word: string): Promise<void> {
  return checked(
    sandbox,
    'found=$(cat "$1") || exit 1; [ "$found" = "$2" ] || { echo "$1 reads \\"$found\\""; exit 1; }',
    path,
    word,
  );
}

export const smallFile: Write = {
  needs: [],
  write: async (sandbox) => {
    await sh(sandbox, 'printf %s "$1" > marker', marker);
  },
  check: (sandbox) => checkWord(sandbox, 'marker', marker),
};

export const largeFile: Write = {
  needs: [],
  write: async (sandbox) => {
    await sh(
      sandbox,
      `seq 100000 250000 | head -c ${block.length} > block
       for n in $(seq 1000 1063); do echo "$n"; cat block; done > large`,
    );
  },
  check: (sandbox) => {
    const digest = createHash('md5'); // what an emulated guest is quickest at
    for (const number of blockNumbers) digest.update(`${number}\n`).update(block);
    return checked(sandbox, 'md5sum < large | grep -q "^$1 "', digest.digest('hex'));
  },
};

export const tree: Write = {
  needs: [],
  write: async (sandbox) => {
    await sh(
      sandbox,
      'for d in $(seq 0 39); do mkdir -p tree/$d; for f in $(seq 1 $1); do echo "$d/$f" > tree/$d/$f; done; done',
      `${manyFiles / 40}`,
    );
  },
  check: (sandbox) =>
    checked(
      sandbox,
      `for d in $(seq 0 39); do for f in $(seq 1 $1); do
         read -r found < tree/$d/$f || exit 1
         [ "$found" = "$d/$f" ] || { echo "tree/$d/$f reads $found"; exit 1; }
       done; done`,
      `${manyFiles / 40}`,
    ),
};

/** Pages that no write call has ever told the file system of. */
export const mappedPages: Write = {
  needs: ['mapped-writes'],
  write: async (sandbox) => {
    await background(sandbox, `mmap-writer mapped ${mappedBytes} 705 &`);
  },
  // The pattern has hardly a zero byte; a page that was lost is nothing else.
  check: (sandbox) =>
    checked(
      sandbox,
      `size=$(wc -c < mapped) || exit 1
       [ "$size" = ${mappedBytes} ] || { echo "mapped has $size bytes"; exit 1; }
       left=$(tr -d '\\000' < mapped | wc -c)
       [ "$left" -gt ${Math.floor(mappedBytes * 0.99)} ] || { echo "$((size-left)) bytes of mapped are zero"; exit 1; }`,
    ),
};

/** A service that saves its state when it is asked to end. */
export const lastWords: Write = {
  needs: [],
  write: (sandbox) =>
    background(
      sandbox,
      `(trap 'printf %s "$1" > last-words; exit 0' TERM; echo ready; while :; do sleep 0.1; done) &`,
      marker,
    ),
  check: (sandbox) => checkWord(sandbox, 'last-words', marker),
};

/** What is written to a second disk. */
export const secondDiskPath = '/mnt/second';

export const onSecondDisk: Write = {
  needs: ['second-disk'],
  write: async (sandbox) => {
    await sh(sandbox, 'printf %s "$2" > "$1/marker"', secondDiskPath, marker);
  },
  check: (sandbox) => checkWord(sandbox, `${secondDiskPath}/marker`, marker),
};

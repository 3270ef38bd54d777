// @ts-check
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a machine consists of on the host. */
const PROCESSES = /(?:^|\/)(?:qemu-system-[\w-]+|msb-relay[\w-]*)$/;

/** A relay whose owner died takes up to 3 s to shut its machine down, and then kills it. */
const PATIENCE_MS = 10_000;

/**
 * A place for one test run's state, sockets and temporary files, of its own so that whatever is left there is the run's
 * fault: tests make themselves homes of their own in TMPDIR, and machines name their home in their command lines.
 */
export function makePlace() {
  // Not os.tmpdir(): sockets have to fit into the 108 bytes of sun_path, and TMPDIR may be long already.
  const place = mkdtempSync('/tmp/msbt-');
  const made = (/** @type {string} */ name) => {
    mkdirSync(join(place, name), { mode: 0o700 });
    return join(place, name);
  };
  return { place, env: { MSB_HOME: made('home'), MSB_RUNTIME_DIR: made('run'), TMPDIR: made('tmp') } };
}

/**
 * Every process's id and arguments.
 * @returns {{ pid: number, args: string[] }[]}
 */
function processes() {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' });
    return [...stdout.matchAll(/^\s*(\d+) (.*)$/gm)].map((match) => ({
      pid: Number(match[1]),
      args: (match[2] ?? '').split(' '),
    }));
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), args: argumentsOf(name) }));
}

/** @param {string} pid */
function argumentsOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // gone by now
  }
}

/** The processes of machines that belong to a place. @param {string} place */
function machineProcesses(place) {
  return processes().filter(
    ({ args }) => PROCESSES.test(args[0] ?? '') && args.some((word) => word.includes(`${place}/`)),
  );
}

/** Node and the tools that run the tests keep what they compiled in TMPDIR, on purpose. */
const KEPT = new Set(['node-compile-cache', 'node-jiti', 'v8-compile-cache-0']);

/**
 * What lies in a place, other than its furniture: the three directories themselves, and empty ones in a home.
 * @param {ReturnType<typeof makePlace>} place
 */
function filesIn({ env: { MSB_HOME, MSB_RUNTIME_DIR, TMPDIR } }) {
  const state = readdirSync(MSB_HOME, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory() || entry.parentPath !== MSB_HOME)
    .map((entry) => join(entry.parentPath, entry.name));
  const inside = (/** @type {string} */ directory) =>
    readdirSync(directory)
      .filter((name) => !KEPT.has(name))
      .map((name) => join(directory, name));
  return [...state, ...inside(MSB_RUNTIME_DIR), ...inside(TMPDIR)];
}

/**
 * What a test run left in its place. Waits for what is on its way out; ends what stays, so that it spoils no later run.
 * @param {ReturnType<typeof makePlace>} place
 * @returns {Promise<string[]>} each named
 */
export async function leftovers(place) {
  let running = machineProcesses(place.place);
  for (const end = Date.now() + PATIENCE_MS; running.length > 0 && Date.now() < end; ) {
    await sleep(200);
    running = machineProcesses(place.place);
  }
  const files = filesIn(place);
  for (const { pid } of running) {
    // Asked again, since in between the number could have become somebody else's.
    if (machineProcesses(place.place).some((still) => still.pid === pid)) process.kill(pid, 'SIGKILL');
  }
  return [
    ...running.map(({ pid, args }) => `process ${pid}: ${args.join(' ').trim().slice(0, 200)}`),
    ...files,
  ];
}

/** @param {ReturnType<typeof makePlace>} place */
export const removePlace = ({ place }) => rmSync(place, { recursive: true, force: true });

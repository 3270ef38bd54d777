import { clearTimeout, setTimeout } from '../host/clock.js';
import type { SandboxRecord } from '../store/record.js';
import type { Environment } from './environment.js';
import { LiveTemplate } from './live-template.js';
import { LiveVmm } from './live-vmm.js';
import type { Shape } from './shape.js';
import type { Template } from './template.js';

/** Each takes the memory of a machine; more kinds than that are rarely used in turns. */
const mostLive = 2;

/** Whoever makes one machine of a kind may be done. Whoever makes a second will likely make more, and pays for this with the third. */
const worthwhileAt = 2;

/** One that nobody has needed for so long is given up; it is started again in a sixth of a second. */
const idleMs = 60_000;

interface Entry {
  /** Null when it could not be started. */
  readonly live: Promise<LiveTemplate | null>;
  idle?: NodeJS.Timeout;
}

/** The live templates of this process, by key; the one that was used last comes last. */
const entries = new Map<string, Entry>();
/** How often a template was cloned from its files. */
const cloned = new Map<string, number>();
let hasFailed = false;

/**
 * The live form of a template, which is waited for if it is being started: that takes no longer than a clone from the files.
 *
 * @returns null where there is none.
 */
export async function liveTemplate(
  environment: Environment,
  template: Template,
): Promise<LiveTemplate | null> {
  const key = keyOf(environment, template);
  const entry = entries.get(key);
  if (!entry) return null;
  touch(key, entry);
  return entry.live;
}

/** Hears that a template was cloned from its files; starts its live form where that is worthwhile. */
export function notedClone(
  environment: Environment,
  template: Template,
  shape: Shape,
  record: SandboxRecord,
): void {
  const count = (cloned.get(template.key) ?? 0) + 1;
  cloned.set(template.key, count);
  if (count >= worthwhileAt) enliven(environment, template, shape, record);
}

/** Starts the live form of a template, for somebody who knows that several machines will be wanted. */
export function enliven(
  environment: Environment,
  template: Template,
  shape: Shape,
  record: SandboxRecord,
): void {
  const key = keyOf(environment, template);
  if (hasFailed || entries.has(key) || !LiveVmm.isPossible(shape)) return;
  const whenFailed = async () => {
    hasFailed = true;
    await Promise.all([...entries.keys()].map(giveUp));
  };
  const live = LiveTemplate.start(environment, template, shape, record, whenFailed).catch(() => {
    hasFailed = true; // clones come from the files, and whoever makes one is told where those are no good
    entries.delete(key);
    return null;
  });
  const entry: Entry = { live };
  touch(key, entry);
  for (const oldest of [...entries.keys()].slice(0, -mostLive)) void giveUp(oldest);
}

/**
 * Ends the processes that this one keeps so that its next machines come quickly: one for each kind of machine of which it has made
 * several, ended by itself after a minute without use, and with this process. Machines that run are not touched, and whoever makes
 * several more begins anew.
 */
export async function releaseTemplates(): Promise<void> {
  cloned.clear();
  hasFailed = false;
  await Promise.all([...entries.keys()].map(giveUp));
}

/** A home has its own, so that nobody is blamed for what another has started. */
function keyOf({ places }: Environment, { key }: Template): string {
  return `${places.home}\0${key}`;
}

function touch(key: string, entry: Entry): void {
  clearTimeout(entry.idle);
  entry.idle = setTimeout(() => void giveUp(key), idleMs);
  entry.idle.unref();
  entries.delete(key);
  entries.set(key, entry);
}

async function giveUp(key: string): Promise<void> {
  const entry = entries.get(key);
  if (!entry) return;
  clearTimeout(entry.idle);
  entries.delete(key);
  const live = await entry.live;
  await live?.[Symbol.asyncDispose]();
}

// @ts-check
import { Interrupted } from './errors.mjs';

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

/** @type {NodeJS.Signals[]} */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** @type {Set<ChildProcess>} */
const children = new Set();
/** @type {NodeJS.Signals | undefined} */
let received;
/** How many are within `passing` at the moment; the handlers are there once for all of them. */
let depth = 0;

/** Passes signals on to this child for as long as it runs. @param {ChildProcess} child */
export function adopt(child) {
  children.add(child);
  child.once('close', () => children.delete(child));
  child.once('error', () => children.delete(child));
}

/** Throws if a signal has asked this process to end. */
export function checkInterrupted() {
  if (received) throw new Interrupted(received);
}

/** @param {NodeJS.Signals} signal */
function onSignal(signal) {
  received ??= signal;
  // Ctrl-C at a terminal goes to the whole process group: the children have it already, and to many programs a
  // second one means "at once, without tidying up".
  if (signal === 'SIGINT' && process.stdin.isTTY) return;
  for (const child of children) child.kill(signal);
}

/**
 * While `work` runs, signals go to its children; the process itself ends only when they have ended, so that nothing
 * works on in a tree that somebody else may already have the lock of.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function passing(work) {
  if (depth++ === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work();
  } finally {
    if (--depth === 0) for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/**
 * The order to a live template to be forked, and its answer, as `native/fork/order.h` has them: one message each way, in the byte
 * order of the host.
 */

const version = 1;
const headerBytes = 16;
const answerBytes = 72;

/** In the fork, descriptor `number` becomes what `with` is here. */
export interface Replacement {
  readonly number: number;
  readonly with: number;
}

export interface ForkOrder {
  /** What is executed as the relay, and its arguments; the VMM's process id comes behind the last. */
  readonly relay: readonly string[];
  /** What the relay is born with, from 0 on. */
  readonly relayFds: readonly number[];
  readonly replacements: readonly Replacement[];
}

/** The message, and the descriptors that go with it. */
export function encodeForkOrder(order: ForkOrder): {
  readonly bytes: Uint8Array;
  readonly fds: readonly number[];
} {
  const { relay, relayFds, replacements } = order;
  const numbers = [
    version,
    relay.length,
    relayFds.length,
    replacements.length,
    ...replacements.map(({ number }) => number),
  ];
  const head = Buffer.alloc(headerBytes + replacements.length * 4);
  for (const [index, number] of numbers.entries()) head.writeUInt32LE(number, index * 4);
  const text = Buffer.from(relay.map((argument) => `${argument}\0`).join(''));
  return { bytes: Buffer.concat([head, text]), fds: [...relayFds, ...replacements.map((one) => one.with)] };
}

/** Processes that were made, or why none were. */
export type ForkAnswer =
  | { readonly relay: number; readonly vmm: number }
  | { readonly errno: number; readonly step: string };

/** @returns null for what is no answer. */
export function decodeForkAnswer(bytes: Buffer): ForkAnswer | null {
  if (bytes.length !== answerBytes) return null;
  const errno = bytes.readInt32LE(0);
  const step = bytes.subarray(12).toString('latin1').replace(/\0.*$/s, '');
  if (errno !== 0) return { errno, step };
  return { relay: bytes.readInt32LE(4), vmm: bytes.readInt32LE(8) };
}

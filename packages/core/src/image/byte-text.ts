import type { ByteText } from '../disk/file-tree.js';

const shownCharacters = 120;

export const bytesOf = (text: string): ByteText => Buffer.from(text).toString('latin1');

/** A name as messages show it: what is no UTF-8 or cannot be printed is made visible. */
export function shown(name: ByteText): string {
  const text = Buffer.from(name, 'latin1').toString('utf8');
  return JSON.stringify(text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text);
}

import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the library under test keeps its things; the documented environment variables and their defaults. */
export function placesForTests(): { home: string; cache: string } {
  const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const { MSB_HOME } = process.env;
  if (!MSB_HOME) throw new Error('Benchmarks and tests run in a home of their own.');
  return { home: MSB_HOME, cache: process.env.MSB_CACHE || join(cacheHome, 'msb') };
}

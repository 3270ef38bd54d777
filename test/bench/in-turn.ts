type Ways = Readonly<Record<string, () => Promise<unknown>>>;

/** What came of each way, in the order of the rounds. */
export type Results<W extends Ways> = { readonly [Name in keyof W]: Awaited<ReturnType<W[Name]>>[] };

/**
 * Does the same thing in several ways, so many times each, after one round that does not count. The order moves on by one from round to
 * round, so that none always meets the caches, or the noise, that the same other one has left.
 */
export async function inTurn<W extends Ways>(runs: number, ways: W): Promise<Results<W>> {
  const entries = Object.entries(ways);
  const results: Record<string, unknown[]> = Object.fromEntries(entries.map(([name]) => [name, []]));
  for (let round = 0; round <= runs; round++) {
    const first = round % entries.length;
    for (const [name, way] of [...entries.slice(first), ...entries.slice(0, first)]) {
      process.stderr.write(`\rround ${round} of ${runs}: ${name}\x1b[K`);
      const result = await way();
      if (round > 0) results[name]?.push(result);
    }
  }
  process.stderr.write('\r\x1b[K');
  return results as Results<W>;
}

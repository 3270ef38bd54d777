// @ts-check

/**
 * Does a piece of work for each of several things, some of them at a time. After the first failure nothing more is begun.
 * @template T, R
 * @param {readonly T[]} things
 * @param {number} atATime
 * @param {(thing: T) => Promise<R>} work
 * @returns {Promise<R[]>} in the order of the things
 */
export async function side(things, atATime, work) {
  /** @type {R[]} */
  const results = [];
  let next = 0;
  let failed = false;
  const lane = async () => {
    while (next < things.length && !failed) {
      const index = next++;
      try {
        results[index] = await work(/** @type {T} */ (things[index]));
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: atATime }, lane));
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
  return results;
}

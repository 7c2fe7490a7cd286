/** Waiting for a state with a deadline; never for a time. */

const STEP_MS = 20;

/**
 * Asks `condition` again and again until it gives something other than false, null or undefined, and gives that.
 * @template T
 * @param {string} what what is waited for, for the error
 * @param {() => T | Promise<T>} condition
 * @param {number} deadlineMs
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, condition, deadlineMs = 10_000) {
  const end = performance.now() + deadlineMs;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined) {
        return value;
      }
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${deadlineMs} ms`, { cause: last });
    }
    await new Promise((next) => setTimeout(next, STEP_MS));
  }
}

/** Time that passes faster: for tests of what waits for seconds. */

/**
 * Runs something while each second of the machine's lasts `1 / factor` of one: `Date.now` and
 * `setTimeout` agree about it. Nothing else may run meanwhile: the test's file runs by itself.
 */
export async function inFastTime<T>(factor: number, run: () => Promise<T>): Promise<T> {
  const { setTimeout: realTimeout } = globalThis;
  const { now } = Date;
  const started = now();
  Date.now = () => started + (now() - started) * factor;
  globalThis.setTimeout =
    ((call: () => void, milliseconds = 0, ...rest: []) =>
      realTimeout(call, milliseconds / factor, ...rest)) as typeof setTimeout;
  try {
    return await run();
  } finally {
    Date.now = now;
    globalThis.setTimeout = realTimeout;
  }
}

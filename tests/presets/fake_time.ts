/** Time that nobody waits for: for tests of what waits. */
import { setImmediate } from "node:timers";

/** A longer timer is a limit on what takes time, and nothing takes any here. */
const LONGEST_WAIT_MS = 15_000;

/** So many turns without a new timer, and all that could be done at this time is done. */
const QUIET_TURNS = 3;

interface Timer {
  at: number;
  call: () => void;
}

/**
 * Runs something that waits for timers alone, over no socket: whenever nothing is left to do, it is at
 * once as late as the next timer. How fast the machine is does not show. Nothing else may run
 * meanwhile in the same file.
 */
export async function inFakeTime<T>(run: () => Promise<T>): Promise<T> {
  const { setTimeout: realTimeout, clearTimeout: realClear } = globalThis;
  const [realNow, realPerformance] = [Date.now, performance.now];
  const timers = new Map<number, Timer>();
  const start = Date.now();
  let [passed, changes, working, over] = [0, 0, 0, false];
  let lastId = 2 ** 40; // not one of the machine's own

  Date.now = () => start + passed;
  performance.now = () => passed;
  globalThis.setTimeout = ((call: (...rest: unknown[]) => void, delay = 0, ...rest: unknown[]) => {
    changes++;
    timers.set(++lastId, { at: passed + Math.max(0, delay), call: () => call(...rest) });
    return lastId;
  }) as typeof setTimeout;
  globalThis.clearTimeout = (id) => {
    if (!timers.delete(Number(id))) realClear(id);
  };
  // Signatures are made and checked on other threads.
  const subtle = ["digest", "sign", "verify", "importKey"] as const;
  for (const name of subtle) {
    Object.defineProperty(crypto.subtle, name, {
      configurable: true,
      async value(...args: unknown[]) {
        working++;
        try {
          return await Reflect.apply(SubtleCrypto.prototype[name], crypto.subtle, args);
        } finally {
          working--;
          changes++;
        }
      },
    });
  }

  async function pass(): Promise<void> {
    for (let quiet = 0, seen = changes; !over;) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = working > 0 || changes !== seen ? 0 : quiet + 1;
      seen = changes;
      if (quiet < QUIET_TURNS) continue;
      const [next] = [...timers].sort(([, one], [, other]) => one.at - other.at);
      if (next === undefined || next[1].at - passed > LONGEST_WAIT_MS) continue;
      timers.delete(next[0]);
      passed = next[1].at;
      next[1].call();
      quiet = 0;
    }
  }

  const passing = pass();
  try {
    return await run();
  } finally {
    over = true;
    await passing;
    Date.now = realNow;
    performance.now = realPerformance;
    Object.assign(globalThis, { setTimeout: realTimeout, clearTimeout: realClear });
    for (const name of subtle) delete (crypto.subtle as Partial<SubtleCrypto>)[name];
  }
}

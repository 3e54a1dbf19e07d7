import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { Deadlines } from "../server/listen/deadlines.ts";
import type { Middleware } from "../server/middleware.ts";
import { REGISTRY_OPTIONS, type RegistryOptions, registrySettings } from "../server/options.ts";
import { buildRegistry, type Registry } from "../server/registry.ts";
import { sleepForReal } from "./faults/body.ts";
import type { FaultRule } from "./faults/faults.ts";
import type { QuirkRule } from "./quirks/options.ts";
import type { PresetName } from "./quirks/preset.ts";
import { withPreset } from "./quirks/presets.ts";
import { misbehave } from "./quirks/quirks.ts";
import { replay, type ReplayOptions } from "./tape/replay.ts";
import type { Tape } from "./tape/tape.ts";

/** What a registry for tests does, beyond what every registry does. */
export interface TestRegistryOptions extends RegistryOptions {
  /**
   * Whose habits the registry has: how it authenticates, and its quirks. What `auth` and `quirks`
   * say besides is added; without `auth`, every client may do everything once it has
   * authenticated in its way.
   */
  preset?: PresetName;
  /**
   * What the registry does otherwise than others: always, or for some requests. Of rules for all
   * requests, the later one's options win.
   */
  quirks?: QuirkRule | readonly QuirkRule[];
  /** What goes wrong, always or for some requests; the first rule sees a request first. */
  faults?: FaultRule | readonly FaultRule[];
  /**
   * Waits for faults: slowness, delays, and the endless wait (`Infinity`) of what stalls. A test
   * gives one that does not wait.
   * @default {the machine's own time}
   */
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /**
   * What a recording gave: every request is answered as it was then, and nothing is stored. What
   * `auth`, `quirks` and `faults` say is then of no account.
   */
  tape?: Tape;
  /** How the tape is replayed. @default {every answer at once} */
  replay?: ReplayOptions;
}

const TEST_REGISTRY_OPTIONS: OptionNames<TestRegistryOptions> = names(
  "preset quirks faults sleep tape replay",
  REGISTRY_OPTIONS,
);

/**
 * A registry that is like another one, breaks, or replays a recording: for tests of clients.
 *
 * @throws {InvalidOptionError} When an option is not what it must be.
 *
 * @example A client that can wait
 * ```ts
 * import { createTestRegistry } from "@davit/registry-client/testing";
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch, requests } = createTestRegistry({
 *   preset: "ghcr",
 *   faults: { status: 503, on: { endpoint: "blob", nth: 1 } },
 * });
 * const client = new RegistryClientV2({
 *   name: "registry.test/app",
 *   scopes: ["pull", "push"],
 *   fetch,
 *   retry: { minDelay: 1 },
 * });
 * const { digest } = await client.putBlob(new TextEncoder().encode("hello"));
 * assertEquals(await (await client.getBlob(digest)).text(), "hello");
 * assertEquals(requests.filter(({ status }) => status === 503).length, 1);
 * ```
 */
export function createTestRegistry(options: TestRegistryOptions = {}): Registry {
  checkOptions(options, TEST_REGISTRY_OPTIONS);
  const { quirks, faults, sleep = sleepForReal, tape, replay: how, ...rest } = withPreset(options);
  const { middleware = [] } = rest;
  const { stallTimeout, now, later } = registrySettings(rest);
  const limits = { stallTimeout, now, deadlines: new Deadlines(now, later), sleep };
  const own = tape === undefined ? misbehave(quirks, faults, limits) : replaying(replay(tape, how));
  return buildRegistry({ ...rest, middleware: own ? [...middleware, own] : middleware }, true);
}

function replaying(answer: (request: Request) => Promise<Response>): Middleware {
  return () => ({ request }) => answer(request);
}

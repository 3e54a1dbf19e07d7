/** The table at the head of `mod.ts`: each of its lines as it stands there, typed and run. */
import { assert, assertEquals } from "@std/assert";
import { createTestRegistry, grade, record, type TestRegistryOptions } from "./mod.ts";

/** What the lines speak of. */
const registry = createTestRegistry();
const tape = await record(fetch).tape();

/** A registry whose answers to end-1 are these. */
async function answers(options: TestRegistryOptions, ...statuses: number[]): Promise<void> {
  const { fetch } = createTestRegistry(options);
  for (const status of statuses) {
    assertEquals((await fetch("http://registry.test/v2/")).status, status);
  }
}

const LINES: Record<string, () => unknown> = {
  'createTestRegistry({ preset: "ghcr" })': () => answers({ preset: "ghcr" }, 401),
  'createTestRegistry({ quirks: { noReferrers: "text", deletes: 405 } })': () =>
    answers({ quirks: { noReferrers: "text", deletes: 405 } }, 200),
  "createTestRegistry({ faults: { status: 503, retryAfter: 1, on: { nth: 2 } } })": () =>
    answers({ faults: { status: 503, retryAfter: 1, on: { nth: 2 } } }, 200, 503, 200),
  "registry.requests": () => assertEquals(registry.requests, []),
  "record(fetch)": () => assertEquals(tape.exchanges, []),
  "createTestRegistry({ tape })": () => answers({ tape }, 501),
  "grade()": () => assert(grade().report().results.length > 30),
};

Deno.test("testing/mod.ts: every line of the table is a line that runs", async () => {
  const page = await Deno.readTextFile(new URL("mod.ts", import.meta.url));
  const lines = [...page.matchAll(/^ \* \| [^|]+ \| (.+) \|$/gm)].slice(2)
    .flatMap(([, give]) => [...give!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
  assertEquals(lines, Object.keys(LINES));
  for (const run of Object.values(LINES)) await run();
});

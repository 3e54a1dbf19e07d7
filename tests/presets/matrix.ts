/**
 * Presets × verbs: davit's client, told nothing but a name and credentials, against every registry
 * that the server can imitate. What it cannot do there is a typed error, and stands in the table,
 * which is printed where `DAVIT_MATRIX` is set in the environment.
 */
import { assertEquals } from "@std/assert";
import type { PresetName } from "../../testing/mod.ts";
import { shareOf } from "../share_of.ts";
import { PRESETS } from "./hosts.ts";
import { outcome, VERBS } from "./verbs.ts";
import { inWorld, type Wire } from "./world.ts";

/** What a verb came to: "ok", or a code. */
type Row = Record<string, string>;

/** Outside of CI, sockets carry each verb for one preset in so many; memory carries all for each. */
const TURNS = 6;

/** Defines a test for each preset, and one that prints the table. */
export function testMatrix(wire: Wire): void {
  const columns = new Map<PresetName, Row>();

  for (const [at, [preset, host]] of PRESETS.entries()) {
    const verbs = shareOf(Object.entries(VERBS), at, wire === "memory" ? 1 : TURNS);
    Deno.test(`preset ${preset}, ${wire}: every verb, or a typed error`, async () => {
      await inWorld(preset, wire, async (world) => {
        const got: Row = {};
        columns.set(preset, got);
        for (const [verb, run] of verbs) {
          got[verb] = await outcome(() => run(world)).catch((error) => error.stack);
        }
        const lacks: Row = { ...host.lacks };
        const expected = verbs.map(([verb]) => [verb, lacks[verb] ?? "ok"]);
        assertEquals(got, Object.fromEntries(expected));
        // Nothing but the registry and its token service saw a password or a token.
        const elsewhere = world.requests.filter(({ origin }) => origin.includes("elsewhere"));
        assertEquals(elsewhere.filter(({ headers }) => "authorization" in headers), []);
        assertEquals(world.requests.filter(({ headers }) => "cookie" in headers), []);
      });
    });
  }

  Deno.test(`presets, ${wire}: the table`, () => {
    if (Deno.env.get("DAVIT_MATRIX")) console.log(table(columns));
    assertEquals([...columns.keys()], PRESETS.map(([preset]) => preset));
  });
}

/** A line for each verb, a column for each preset. */
function table(columns: Map<PresetName, Row>): string {
  const lines = [["", ...columns.keys()]];
  for (const verb of Object.keys(VERBS)) {
    // What is no code is a failure's stack.
    const cells = [...columns.values()].map((row) =>
      /^(ok|[A-Z_]+)$/.test(row[verb] ?? "ok") ? row[verb] ?? "-" : "FAILED"
    );
    lines.push([verb, ...cells]);
  }
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines.map((line) => line.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd())
    .join("\n");
}

import { assertEquals } from "@std/assert";
import { byteRange } from "./byte_range.ts";

for (
  const [header, size, expected] of [
    [null, 10, undefined],
    ["", 10, undefined],
    ["bytes=0-9", 10, [0, 10]],
    ["bytes=0-", 10, [0, 10]],
    ["bytes=3-3", 10, [3, 1]],
    ["bytes=3-30", 10, [3, 7]],
    ["bytes=-4", 10, [6, 4]],
    ["bytes=-40", 10, [0, 10]],
    ["BYTES = 1 - 2 ", 10, [1, 2]],
    ["bytes=9-", 10, [9, 1]],
    ["bytes=10-", 10, "unsatisfiable"],
    ["bytes=5-4", 10, "unsatisfiable"],
    ["bytes=-0", 10, "unsatisfiable"],
    ["bytes=-", 10, "unsatisfiable"],
    ["bytes=", 10, "unsatisfiable"],
    ["bytes=1", 10, "unsatisfiable"],
    ["bytes=+1-2", 10, "unsatisfiable"],
    ["bytes=1.5-2", 10, "unsatisfiable"],
    ["bytes=0-0", 0, "unsatisfiable"],
    ["bytes=-1", 0, "unsatisfiable"],
    [`bytes=0-${"9".repeat(400)}`, 10, [0, 10]],
    [`bytes=${"9".repeat(400)}-`, 10, "unsatisfiable"],
    ["bytes=0-1,3-4", 10, undefined],
    ["bytes 0-1", 10, undefined],
    ["items=0-1", 10, undefined],
  ] as [string | null, number, [number, number] | "unsatisfiable" | undefined][]
) {
  Deno.test(`byteRange: ${header?.slice(0, 30)} of ${size}`, () => {
    const range = byteRange(header, size);
    assertEquals(typeof range === "object" ? [range.offset, range.length] : range, expected);
  });
}

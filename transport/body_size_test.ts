import { assertEquals } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { bodySize, refusesBody } from "./body_size.ts";
import type { RequestBody } from "./channel.ts";

const sizes: [name: string, body: Partial<RequestBody>, size: number | undefined][] = [
  ["bytes", { bytes: encodeText("abc") }, 3],
  ["a blob", { blob: new Blob(["abcd"]) }, 4],
  ["a stream", { size: 5 }, 5],
  ["a stream of unknown size", {}, undefined],
];

for (const [name, given, size] of sizes) {
  Deno.test(`bodySize of ${name}`, () => {
    assertEquals(
      bodySize({ reopenable: true, open: () => Promise.reject(new Error("needless")), ...given }),
      size,
    );
  });
}

Deno.test("refusesBody: every answer but a success", () => {
  assertEquals([200, 201, 202, 301, 307, 401, 413, 500].filter(refusesBody), [
    301,
    307,
    401,
    413,
    500,
  ]);
});

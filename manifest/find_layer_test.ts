import { assertEquals, assertThrows } from "@std/assert";
import { ContentNotFoundError, InvalidReferenceError } from "../errors.ts";
import { findLayer } from "./find_layer.ts";
import type { ImageManifest } from "./types.ts";

const digestAt = (at: number) => `sha256:${String(at).repeat(64)}`;

/** A manifest whose layers have these titles, or none. */
function titled(...titles: (string | undefined)[]): ImageManifest {
  const layers = titles.map((title, at) => ({
    mediaType: "application/octet-stream",
    digest: digestAt(at),
    size: 1,
    ...(title !== undefined && { annotations: { "org.opencontainers.image.title": title } }),
  }));
  const config = { mediaType: "application/json", digest: digestAt(9), size: 2 };
  return { schemaVersion: 2, config, layers };
}

const found: [
  name: string,
  titles: (string | undefined)[],
  asked: string | undefined,
  at: number,
][] = [
  ["the only one", ["a"], undefined, 0],
  ["by title", ["a", "b/c.txt", "d"], "b/c.txt", 1],
  ["by digest", ["a", "b"], digestAt(1), 1],
  ["by its place", [undefined, undefined, "a"], "1", 1],
  ["a title that is a number, before a place", ["a", "0"], "0", 1],
  ["the first of one title", ["x", "a", "a"], "a", 1],
];

for (const [name, titles, asked, at] of found) {
  Deno.test(`findLayer: ${name}`, () => {
    assertEquals(findLayer(titled(...titles), asked).digest, digestAt(at));
  });
}

const refused: [
  name: string,
  titles: (string | undefined)[],
  asked: string | undefined,
  error: new (message: string) => Error,
  says: string,
][] = [
  ["no name, several", ["a", undefined], undefined, InvalidReferenceError, `"a", "sha256:111`],
  ["no name, none", [], undefined, ContentNotFoundError, "there are none"],
  ["another title", ["a", "b"], "c", ContentNotFoundError, `"c": there are "a", "b"`],
  ["a place past the end", ["a", "b"], "2", ContentNotFoundError, `"2"`],
  ["a place before the start", ["a", "b"], "-1", ContentNotFoundError, `"-1"`],
  ["a member of lists", ["a", "b"], "length", ContentNotFoundError, `"length"`],
];

for (const [name, titles, asked, error, says] of refused) {
  Deno.test(`findLayer: ${name}`, () => {
    assertThrows(() => findLayer(titled(...titles), asked), error, says);
  });
}

Deno.test("findLayer: many layers are not all named", () => {
  const manifest = titled(...Array.from({ length: 25 }, (_, at) => `file${at}`));
  assertThrows(() => findLayer(manifest, "y"), ContentNotFoundError, "and 5 more");
});

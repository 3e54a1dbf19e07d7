import { assertEquals } from "@std/assert";
import type { Descriptor } from "../content/descriptor.ts";
import { childrenOf, subjectOf } from "./children.ts";
import type { ImageIndex, ImageManifest } from "./types.ts";

const [CONFIG, BASE, TOP, SUBJECT] = ["0", "1", "2", "3"].map((digit): Descriptor => ({
  mediaType: "text/plain",
  digest: `sha256:${digit.repeat(64)}`,
  size: Number(digit),
})) as [Descriptor, Descriptor, Descriptor, Descriptor];

const IMAGE: ImageManifest = {
  schemaVersion: 2,
  config: CONFIG,
  layers: [BASE, TOP],
  subject: SUBJECT,
};
const INDEX: ImageIndex = { schemaVersion: 2, manifests: [TOP, BASE], subject: SUBJECT };

Deno.test("childrenOf an image: config, then layers, without the subject", () => {
  assertEquals(childrenOf(IMAGE), [CONFIG, BASE, TOP]);
});

Deno.test("childrenOf an index: its manifests, as a list of its own", () => {
  const children = childrenOf(INDEX);
  assertEquals(children, [TOP, BASE]);
  children.pop();
  assertEquals(INDEX.manifests.length, 2);
});

Deno.test("subjectOf: the subject, where there is one", () => {
  assertEquals(subjectOf(IMAGE), SUBJECT);
  assertEquals(subjectOf(INDEX), SUBJECT);
  assertEquals(subjectOf({ schemaVersion: 2, manifests: [] }), undefined);
});

import { assertEquals } from "@std/assert";
import { contentTypeOf } from "./content_type.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";

const cases: [name: string, mediaType: string, title: string | undefined, expected: string][] = [
  ["its own type", "image/png", "a.wasm", "image/png"],
  ["its own type, with parameters", "text/plain; charset=utf-8", "a", "text/plain; charset=utf-8"],
  ["WebAssembly's own", "application/wasm", undefined, "application/wasm"],
  [
    "what modules had before",
    "application/vnd.wasm.content.layer.v1+wasm",
    "a",
    "application/wasm",
  ],
  ["oras' type for a module", TAR, "plugin.wasm", "application/wasm"],
  ["oras' type for a script", TAR, "lib/a.min.MJS", "text/javascript"],
  ["oras' type for anything else", TAR, "model.gguf", TAR],
  ["octets with a known ending", "application/octet-stream", "a.json", "application/json"],
  ["octets without a title", "application/octet-stream", undefined, "application/octet-stream"],
  ["no type", "", undefined, "application/octet-stream"],
  ["a type that no header can hold", "text/plain\r\nx: y", "a", "application/octet-stream"],
  ["a type in other letters", "text/plaïn", "a.txt", "text/plain"],
  ["an ending that objects have", TAR, "a.constructor", TAR],
];

for (const [name, mediaType, title, expected] of cases) {
  Deno.test(`contentTypeOf: ${name}`, () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const annotations = title === undefined
      ? {}
      : { annotations: { "org.opencontainers.image.title": title } };
    assertEquals(contentTypeOf({ mediaType, digest, size: 1, ...annotations }), expected);
  });
}

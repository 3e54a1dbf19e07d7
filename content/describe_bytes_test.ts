import { assertEquals } from "@std/assert";
import { encodeText } from "./bytes.ts";
import { describeBytes } from "./describe_bytes.ts";
import { digestOf } from "./digest_of.ts";

Deno.test("describeBytes: the media type, the digest and the size, in the order of the spec", async () => {
  const bytes = encodeText("é");
  const descriptor = { mediaType: "text/plain", digest: await digestOf(bytes), size: 2 };
  assertEquals(
    JSON.stringify(await describeBytes(bytes, "text/plain")),
    JSON.stringify(descriptor),
  );
  assertEquals(await describeBytes(bytes, "text/plain", "sha512"), {
    ...descriptor,
    digest: await digestOf(bytes, "sha512"),
  });
});

import { assertEquals } from "@std/assert";
import { buildImageConfig } from "./config.ts";

Deno.test("buildImageConfig: byte for byte", async () => {
  const { bytes, descriptor } = await buildImageConfig({
    architecture: "amd64",
    os: "linux",
    rootfs: {
      type: "layers",
      diff_ids: ["sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"],
    },
  });
  assertEquals(descriptor, {
    mediaType: "application/vnd.oci.image.config.v1+json",
    // Computed with sha256sum.
    digest: "sha256:170b048d3b999351b85a819d3349fc13942693291fcf1e576ee668a9760aa403",
    size: 151,
  });
  assertEquals(bytes.byteLength, 151);
});

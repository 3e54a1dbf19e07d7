/**
 * DockerComms' package `oci`: messages, receipts and bundles as artifacts of a repository, under the
 * names of its index in JavaScript's case.
 *
 * @example
 * ```ts
 * import { Client, newReceiptManifest } from "@davit/registry-client/dockercomms";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the real registry is asked
 * const client = new Client("ghcr.io/you/inbox", { fetch });
 * await client.ensureEmptyConfig();
 * const { bytes, descriptor } = await newReceiptManifest({ from: "you" }).build();
 * await client.pushManifest(descriptor, bytes, "receipt-1");
 * assertEquals(await Array.fromAsync(client.tags()), ["receipt-1"]);
 * ```
 *
 * @module
 */
export type { CallOptions } from "../call_options.ts";
export { Client, type ClientOptions, newClient } from "./client.ts";
export {
  ArtifactTypeBundle,
  ArtifactTypeMessage,
  ArtifactTypeReceipt,
  EmptyConfigDescriptor,
  MediaTypeBundleConfig,
  MediaTypeChunkGzip,
  MediaTypeChunkZstd,
  MediaTypeEmptyConfig,
  MediaTypeManifest,
} from "./constants.ts";
export {
  ManifestBuilder,
  newBundleManifest,
  newMessageManifest,
  newReceiptManifest,
} from "./manifest_builder.ts";

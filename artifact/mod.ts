/**
 * Artifacts in any store: pack and unpack files, attach them to an image, list what is attached, and
 * say what a manifest is.
 *
 * @example A file attached to an image, listed and read
 * ```ts
 * import { attach, attached, describe, pack } from "@davit/registry-client/artifact";
 * import { RegistryClientV2, RegistryStore } from "@davit/registry-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry();
 * const store = new RegistryStore(new RegistryClientV2({ name: "localhost:5000/app", fetch }));
 * await pack(store, { artifactType: "application/vnd.example.app", tag: "v1" });
 * await attach(store, "v1", {
 *   artifactType: "application/vnd.cyclonedx+json",
 *   files: [{ title: "sbom.json", body: "{}", mediaType: "application/vnd.cyclonedx+json" }],
 * });
 * for await (const { manifest, bytes } of attached(store, "v1")) {
 *   assertEquals(describe(manifest).kind, "cyclonedx");
 *   assertEquals(new TextDecoder().decode(await bytes()), "{}");
 * }
 * ```
 *
 * @module
 */
export { attach, type AttachOptions } from "./attach.ts";
export { type Attached, attached, type AttachedOptions } from "./attached.ts";
export { detach, type DetachOptions } from "./detach.ts";
export { describe } from "./describe.ts";
export type {
  ArtifactKind,
  AttestationDescription,
  CosignSignatureDescription,
  Description,
  DescriptionBase,
  Evidence,
  HelmChartDescription,
  ImageDescription,
  IndexAttestation,
  IndexDescription,
  InTotoDescription,
  InvalidDescription,
  NotationDescription,
  OtherDescription,
  SbomDescription,
  SigstoreBundleDescription,
} from "./description.ts";
export type {
  DockerManifest,
  DockerManifestList,
  ImageIndex,
  ImageManifest,
  Manifest,
  PlatformDescriptor,
} from "../manifest/types.ts";
export type { Descriptor, Platform } from "../content/descriptor.ts";
export { helm, type HelmOptions, type PresetFile } from "./helm.ts";
export { pack, type PackOptions } from "./pack.ts";
export type { PackBody, PackContent, PackFile } from "./pack_content.ts";
export { type UnpackedFile, unpackFiles, type UnpackFilesOptions } from "./unpack_files.ts";
export { wasm, type WasmOptions } from "./wasm.ts";
export type { Bytes } from "../content/bytes.ts";
export type { ReopenableBody } from "../content/body.ts";
export type {
  ContentSource,
  ContentStore,
  OpenOptions,
  PartialBlob,
  ReferrersOptions,
  ResolveOptions,
  StoreOptions,
} from "../content/store.ts";

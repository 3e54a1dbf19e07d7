/**
 * Artifacts: what is packed, attached to a subject, listed, told apart and unpacked, in any store.
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
  StoreOptions,
} from "../content/store.ts";

import { bareMediaType, MEDIA_TYPES } from "../content/media_types.ts";
import type { ArtifactKind } from "./description.ts";

/** The media types of artifacts that others must be able to read, and that decide what one is. */
export const ARTIFACT_TYPES = {
  helmConfig: "application/vnd.cncf.helm.config.v1+json",
  helmChart: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
  helmProvenance: "application/vnd.cncf.helm.chart.provenance.v1.prov",
  wasmConfig: "application/vnd.wasm.config.v0+json",
  wasm: "application/wasm",
  dsse: "application/vnd.dsse.envelope.v1+json",
  inToto: "application/vnd.in-toto+json",
} as const;

const { ociEmpty, ociConfig, dockerConfig } = MEDIA_TYPES;

/** What tools write where they were given no type: as good as none. */
const USELESS = new Set([
  "",
  ociEmpty,
  "application/vnd.unknown.artifact.v1",
  "application/vnd.unknown.config.v1+json",
  "application/vnd.unknown.config+json",
]);

const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v\d+\.\d+)?\+json$/;
const DOCKER_MODEL = /^application\/vnd\.docker\.ai\.model\.config\.v\d+(?:\.\d+)*\+json$/;
const IMAGE_LAYER =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[+.]gzip|\+zstd)?(?:\+encrypted)?$/;

const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";

/** Types that name an SBOM, as artifact type, config or layer. */
const SBOMS: [string, ArtifactKind][] = [
  ["application/spdx+json", "spdx"],
  ["text/spdx", "spdx"],
  ["text/spdx+json", "spdx"],
  ["application/vnd.cyclonedx+json", "cyclonedx"],
  ["application/vnd.cyclonedx+xml", "cyclonedx"],
  ["application/vnd.cyclonedx", "cyclonedx"],
  ["application/vnd.syft+json", "sbom"],
];

/** Artifact types and config types that decide alone. */
const TYPES: ReadonlyMap<string, ArtifactKind> = new Map([
  ...SBOMS,
  ["application/vnd.cncf.notary.signature", "notation"],
  ["application/vnd.dev.cosign.artifact.sig.v1+json", "cosign-signature"],
  [SIMPLE_SIGNING, "cosign-signature"],
  ["application/vnd.dev.cosign.artifact.att.v1+json", "cosign-attestation"],
  [ARTIFACT_TYPES.inToto, "in-toto"],
  [ARTIFACT_TYPES.dsse, "in-toto"],
  ["application/vnd.docker.attestation.manifest.v1+json", "buildkit-attestation"],
  ["application/vnd.buildkit.cacheconfig.v0", "buildkit-cache"],
  [ARTIFACT_TYPES.helmConfig, "helm-chart"],
  [ARTIFACT_TYPES.wasmConfig, "wasm"],
  ["application/vnd.wasm.config.v1+json", "wasm"],
  [ARTIFACT_TYPES.wasm, "wasm"],
  ["application/vnd.cncf.model.manifest.v1+json", "modelpack"],
  ["application/vnd.cncf.model.config.v1+json", "modelpack"],
  ["application/vnd.cnai.model.manifest.v1+json", "modelpack"],
  ["application/vnd.cnai.model.config.v1+json", "modelpack"],
]);

/** Layer types that decide where nothing above the layers does. */
const LAYER_TYPES: ReadonlyMap<string, ArtifactKind> = new Map([
  ...SBOMS,
  [SIMPLE_SIGNING, "cosign-signature"],
  [ARTIFACT_TYPES.wasm, "wasm"],
  ["application/vnd.wasm.content.layer.v1+wasm", "wasm"],
  [ARTIFACT_TYPES.helmChart, "helm-chart"],
  [ARTIFACT_TYPES.helmProvenance, "helm-chart"],
]);

/** The type under which cosign pushes an SBOM of any format: the layers tell which. */
export const COSIGN_SBOM = "application/vnd.dev.cosign.artifact.sbom.v1+json";

/** The entry that makes an index BuildKit's cache: its config stands among the manifests. */
export const BUILDKIT_CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0";

/** A media type to compare with: without parameters, in lower case; empty where it is no text. */
export function plainType(type: unknown): string {
  return typeof type === "string" ? bareMediaType(type) : "";
}

/** Whether a type says something: tools that were given none write one of a few placeholders. */
export function isUseful(type: unknown): type is string {
  return !USELESS.has(plainType(type));
}

/** Whether a type is that of an image's config, OCI's or Docker's. */
export function isImageConfig(type: unknown): boolean {
  const plain = plainType(type);
  return plain === ociConfig || plain === dockerConfig;
}

/** Whether a type is that of an image's layer, OCI's or Docker's. */
export function isImageLayer(type: unknown): boolean {
  return IMAGE_LAYER.test(plainType(type));
}

/** What an artifact type or config type names alone. */
export function kindOfType(type: unknown): ArtifactKind | undefined {
  const plain = plainType(type);
  if (BUNDLE.test(plain)) return "sigstore-bundle";
  if (DOCKER_MODEL.test(plain)) return "docker-model";
  return TYPES.get(plain);
}

/** What a layer is, beside the config of its manifest. */
export function kindOfLayer(
  { mediaType, annotations }: { mediaType?: unknown; annotations?: unknown },
  configType: unknown,
): ArtifactKind | undefined {
  const plain = plainType(mediaType);
  if (BUNDLE.test(plain)) return "sigstore-bundle";
  if (plain === ARTIFACT_TYPES.dsse) {
    const byCosign = isImageConfig(configType) ||
      Object.keys(annotations ?? {}).some((name) =>
        /^dev\.(?:cosignproject|sigstore)\.cosign\//.test(name)
      );
    return byCosign ? "cosign-attestation" : "in-toto";
  }
  if (plain === ARTIFACT_TYPES.inToto) {
    return isImageConfig(configType) ? "buildkit-attestation" : "in-toto";
  }
  return LAYER_TYPES.get(plain);
}

/** A Sigstore bundle's version: in the type's name since 0.3, in a parameter before. */
export function bundleVersion(type: string): string | undefined {
  return /\.v(\d+\.\d+)\+json/i.exec(type)?.[1] ?? /;\s*version="?(\d+\.\d+)/i.exec(type)?.[1];
}

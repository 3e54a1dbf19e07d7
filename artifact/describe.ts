import { isObject } from "../content/json_object.ts";
import { TITLE } from "../content/content_type.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type { ArtifactKind, Description, DescriptionBase, Evidence } from "./description.ts";
import {
  ARTIFACT_TYPES,
  BUILDKIT_CACHE_CONFIG,
  bundleVersion,
  COSIGN_SBOM,
  isImageConfig,
  isImageLayer,
  isUseful,
  kindOfLayer,
  kindOfType,
  plainType,
} from "./kinds.ts";

type Entry = Partial<Descriptor>;

/** The members that decide, whatever stands in them. */
interface Members {
  artifactType: unknown;
  configType: unknown;
  layers: Entry[];
  annotations: Record<string, string>;
}

/** The predicate type of cosign's signatures, which are attestations since its version 3. */
const COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1";

/**
 * What a manifest is, and the field that says so: an image, an index, a signature, an attestation,
 * an SBOM, a Helm chart, a WebAssembly module, a model, or another artifact. It takes a manifest of
 * any form, also of abandoned ones, and never throws; no blob is looked at.
 *
 * The artifact type and the config's type decide where they are known, as registries and tools go by
 * them; then the layers, as older tools wrote signatures and SBOMs with the config of an image.
 *
 * @example
 * ```ts
 * import { describe } from "@davit/registry-client/artifact";
 * import { buildManifest } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { manifest } = await buildManifest({
 *   artifactType: "application/spdx+json",
 *   layers: [],
 * });
 * assertEquals(describe(manifest), {
 *   kind: "spdx",
 *   evidence: { field: "artifactType", value: "application/spdx+json" },
 *   artifactType: "application/spdx+json",
 * });
 * ```
 */
export function describe(manifest: unknown): Description {
  if (!isObject(manifest)) {
    return invalid("not an object");
  }
  const object = manifest as Record<string, unknown>;
  if (object.schemaVersion === 1 || isPresent(object.fsLayers)) {
    const value = typeof object.schemaVersion === "number" ? object.schemaVersion : "fsLayers";
    return { kind: "docker-schema1", evidence: { field: "schemaVersion", value } };
  }
  const hasLayers = isPresent(object.layers) || isPresent(object.config);
  if (isPresent(object.manifests) && hasLayers) return invalid("manifests beside layers or config");
  // An empty list of Go's encoder is null.
  const isList = !hasLayers && "manifests" in object;
  const lists = [object.manifests, object.layers, object.blobs].filter(isPresent);
  if (lists.some((list) => !Array.isArray(list))) return invalid("a list that is none");
  if (isList) return describeIndex(object);
  const members: Members = {
    artifactType: object.artifactType,
    configType: isPresent(object.config) ? (object.config as Entry).mediaType : undefined,
    // The artifact manifest that the specification took back had blobs.
    layers: entries(object.layers ?? object.blobs),
    annotations: stringMap(object.annotations),
  };
  const { kind, evidence } = decide(members);
  return { ...details(kind, evidence, members), ...base(object, members, evidence) } as Description;
}

/** The decision, first match wins; the order is explained at {@linkcode describe}. */
function decide(
  { artifactType, configType, layers }: Members,
): { kind: ArtifactKind; evidence: Evidence } {
  const [first] = layers;
  const byType: Evidence = { field: "artifactType", value: String(artifactType) };
  const byConfig: Evidence = { field: "config.mediaType", value: String(configType) };
  const byLayers: Evidence = typeof first?.mediaType === "string"
    ? { field: "layers[].mediaType", value: first.mediaType }
    : { field: "layers", value: layers.length };
  const layerKinds = new Set(layers.map((layer) => kindOfLayer(layer, configType)));
  const layerKind = layerKinds.size === 1 ? [...layerKinds][0] : undefined;

  for (const [type, evidence] of [[artifactType, byType], [configType, byConfig]] as const) {
    const kind = kindOfType(type);
    if (kind !== undefined) return { kind, evidence };
    if (plainType(type) !== COSIGN_SBOM) continue;
    return layerKind ? { kind: layerKind, evidence: byLayers } : { kind: "sbom", evidence };
  }
  // Runtimes run it, whatever it calls itself; a file is called a layer by oras.
  const runs = layers.some(({ mediaType }) => isImageLayer(mediaType)) ||
    (layers.length === 0 && !isUseful(artifactType));
  if (isImageConfig(configType) && runs && !layers.some(titleOf)) {
    return { kind: "image", evidence: byConfig };
  }
  if (isUseful(artifactType)) return { kind: "artifact", evidence: byType };
  if (isUseful(configType) && !isImageConfig(configType)) {
    return { kind: "artifact", evidence: byConfig };
  }
  return { kind: layerKind ?? "artifact", evidence: byLayers };
}

function describeIndex(object: Record<string, unknown>): Description {
  const manifests = entries(object.manifests);
  const { artifactType } = object;
  const members = { artifactType, configType: undefined, layers: [], annotations: {} };
  if (manifests.some(({ mediaType }) => plainType(mediaType) === BUILDKIT_CACHE_CONFIG)) {
    const evidence: Evidence = { field: "manifests[].mediaType", value: BUILDKIT_CACHE_CONFIG };
    return { kind: "buildkit-cache", ...base(object, members, evidence) };
  }
  const attestations = manifests.flatMap((entry) => {
    const annotations = stringMap(entry.annotations);
    if (annotations["vnd.docker.reference.type"] !== "attestation-manifest") return [];
    const image = annotations["vnd.docker.reference.digest"];
    return { descriptor: entry as Descriptor, ...(image !== undefined && { image }) };
  });
  const evidence: Evidence = { field: "manifests", value: manifests.length };
  return { kind: "index", attestations, ...base(object, members, evidence) };
}

/** What a kind tells beside its name. */
function details(
  kind: ArtifactKind,
  { value }: Evidence,
  { layers, annotations }: Members,
): Record<string, unknown> {
  const layerTypes = layers.map(({ mediaType }) => plainType(mediaType));
  const layerOf = (type: string) => layers[layerTypes.indexOf(type)];
  const annotated = (name: string) => layers.flatMap((it) => stringMap(it.annotations)[name] ?? []);
  switch (kind) {
    case "image":
      return { kind, runnable: true };
    case "sigstore-bundle": {
      const predicateType = annotations["dev.sigstore.bundle.predicateType"];
      return defined({
        kind,
        version: bundleVersion(String(value)),
        content: annotations["dev.sigstore.bundle.content"],
        predicateType,
        signature: predicateType === COSIGN_SIGN || undefined,
      });
    }
    case "cosign-signature":
      return { kind, signatures: annotated("dev.cosignproject.cosign/signature") };
    case "cosign-attestation":
      return { kind, predicateTypes: annotated("predicateType") };
    case "buildkit-attestation":
      return { kind, predicateTypes: annotated("in-toto.io/predicate-type") };
    case "in-toto": {
      const own = annotations["in-toto.io/predicate-type"] ?? [];
      const isDsse = layerTypes.includes(ARTIFACT_TYPES.dsse);
      const predicateTypes = new Set([own, annotated("in-toto.io/predicate-type")].flat());
      return { kind, envelope: isDsse ? "dsse" : "statement", predicateTypes: [...predicateTypes] };
    }
    case "notation": {
      const isJws = layerTypes.includes("application/jose+json");
      const isCose = layerTypes.includes("application/cose");
      return defined({ kind, envelope: isJws ? "jws" : isCose ? "cose" : undefined });
    }
    case "spdx":
    case "cyclonedx":
    case "sbom": {
      const [type = ""] = layerTypes;
      const format = /\+(json|xml)$/.exec(type)?.[1] ?? (/^text\//.test(type) ? "text" : undefined);
      return defined({ kind, format });
    }
    case "helm-chart":
      return defined({
        kind,
        chart: layerOf(ARTIFACT_TYPES.helmChart),
        provenance: layerOf(ARTIFACT_TYPES.helmProvenance),
      });
    default:
      return { kind };
  }
}

function base(
  { subject }: Record<string, unknown>,
  { artifactType, configType, layers }: Members,
  evidence: Evidence,
): DescriptionBase {
  const digest = isPresent(subject) ? (subject as Entry).digest : undefined;
  return {
    evidence,
    ...(isUseful(artifactType) && { artifactType }),
    ...(isUseful(configType) && { configType }),
    ...(typeof digest === "string" && { subject: digest }),
    ...(layers.some(titleOf) && { files: true }),
  };
}

/** A layer's title: it is a file then, whatever its type says. */
export function titleOf({ annotations }: Entry): string | undefined {
  return stringMap(annotations)[TITLE] || undefined;
}

function invalid(why: string): Description {
  return { kind: "invalid", why, evidence: { field: "shape", value: why } };
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The objects in a list: what else stands there describes nothing. */
function entries(list: unknown): Entry[] {
  return Array.isArray(list)
    ? list.map((entry) => typeof entry === "object" && entry !== null ? entry as Entry : {})
    : [];
}

function stringMap(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === "string"));
}

function defined<T extends Record<string, unknown>>(value: T): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}

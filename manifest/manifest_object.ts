import { isObject } from "../content/json_object.ts";
import { InvalidManifestError, ManifestVerificationError } from "../errors.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { checkNesting } from "./check_nesting.ts";

const SCHEMA_1_TYPES = new Set([
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
]);

/** The type of the artifact manifest that the image specification took back before its 1.1. */
const ARTIFACT_MANIFEST = "application/vnd.oci.artifact.manifest.v1+json";

/**
 * The JSON object in a manifest's bytes, whatever stands in it: only what could never be read is
 * refused.
 *
 * @throws {InvalidManifestError} When the bytes are not UTF-8, not JSON or not an object, nest too
 * deeply, or are a schema 1 manifest; or, unless `abandoned`, of another format that nobody writes.
 * @throws {ManifestVerificationError} When an object in it states one name twice.
 */
export function manifestObject(bytes: Uint8Array, abandoned = false): Record<string, unknown> {
  let text: string;
  try {
    // A byte order mark stays, and fails below: no other JSON reader of manifests takes one.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new InvalidManifestError("Cannot read the manifest: it is not UTF-8", { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // A SyntaxError, or a RangeError where the engine's parser is recursive.
    throw new InvalidManifestError("Cannot read the manifest: it is not JSON", { cause });
  }
  if (!isObject(value)) {
    throw new InvalidManifestError("Cannot read the manifest: it is not a JSON object");
  }
  checkNesting(text);
  const object = value as Record<string, unknown>;
  if (object.schemaVersion === 1) throw schema1();
  if (!abandoned && typeof object.mediaType === "string") refuseDeadMediaType(object.mediaType);
  return object;
}

/**
 * Refuses the media types of formats that nobody writes any more.
 *
 * @throws {InvalidManifestError} When it is one of them.
 */
export function refuseDeadMediaType(mediaType: string): void {
  const type = mediaType.toLowerCase();
  if (SCHEMA_1_TYPES.has(type)) throw schema1();
  if (type === ARTIFACT_MANIFEST) {
    throw new InvalidManifestError(
      `Cannot read the manifest: ${ARTIFACT_MANIFEST} is an abandoned format; ` +
        "artifacts are image manifests with an artifactType",
    );
  }
}

function schema1(): InvalidManifestError {
  return new InvalidManifestError(
    "Cannot read the manifest: schema 1 is not supported; push the image again with a current tool",
  );
}

/**
 * Which of the two kinds a manifest's members make it. A document that is both has two meanings,
 * of which each reader takes its own (CVE-2021-41190).
 *
 * @throws {InvalidManifestError} When it is neither.
 * @throws {ManifestVerificationError} When it is both.
 */
export function manifestShape(object: Record<string, unknown>): "image" | "index" {
  const present = (name: string) => object[name] !== undefined && object[name] !== null;
  const image = ["config", "layers", "fsLayers"].find(present);
  if (present("manifests")) {
    if (image === undefined) return "index";
    throw new ManifestVerificationError(
      `Cannot use the manifest: it has both manifests and ${image}, so it means two things`,
    );
  }
  if (present("fsLayers")) {
    throw new ManifestVerificationError(
      "Cannot use the manifest: it says schema 2 and has the fsLayers of schema 1",
    );
  }
  // An empty list of Go's encoder is null: it tells the kind where nothing else does.
  if (image !== undefined || "layers" in object) return "image";
  if ("manifests" in object) return "index";
  throw new InvalidManifestError(
    "Cannot read the manifest: it has neither config and layers nor manifests",
  );
}

/** The OCI media type of each shape: Docker's formats state theirs in the body. */
export const SHAPE_MEDIA_TYPES = {
  image: MEDIA_TYPES.ociManifest,
  index: MEDIA_TYPES.ociIndex,
} as const;

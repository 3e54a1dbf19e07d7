import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { InvalidManifestError, ManifestVerificationError } from "../errors.ts";
import { type Bytes, toBytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import {
  bareMediaType,
  isIndexMediaType,
  isManifestMediaType,
  MEDIA_TYPES,
} from "../content/media_types.ts";
import { refuseOtherCase, settleDescriptor, settleManifestFields } from "./check_fields.ts";
import {
  manifestObject,
  manifestShape,
  refuseDeadMediaType,
  SHAPE_MEDIA_TYPES,
} from "./manifest_object.ts";
import { quoted } from "./quoted.ts";
import type { Manifest } from "./types.ts";

/** Options of {@linkcode parseManifest}. */
export interface ParseManifestOptions {
  /** The `Content-Type` header that came with the bytes; its parameters are ignored. */
  mediaType?: string;
  /** The descriptor that led to the bytes. Its media type is compared; its digest is not. */
  descriptor?: Descriptor;
}

const PARSE_MANIFEST_OPTIONS: OptionNames<ParseManifestOptions> = names("mediaType descriptor");

/** A manifest, and the bytes that it was read from. */
export interface ParsedManifest {
  /** What the bytes say. */
  manifest: Manifest;
  /** The bytes as they came: the digest is theirs. */
  bytes: Bytes;
  /** The manifest's media type. */
  mediaType: string;
}

/** What servers and files send that know nothing of manifests. The last one is S3's default. */
const GENERIC_TYPES = new Set([
  "",
  "application/json",
  "application/octet-stream",
  "binary/octet-stream",
]);

/** Whether a bare media type says nothing of what it is given to: any text is such a type, too. */
export function isGenericType(mediaType: string): boolean {
  return GENERIC_TYPES.has(mediaType) || mediaType.startsWith("text/");
}

/**
 * Reads a manifest or index, OCI's or Docker's, and checks that it has one meaning: the
 * `Content-Type` header, the body's `mediaType`, the descriptor and the members present must
 * agree, and no name may be there twice, in another case or not (CVE-2021-41190). Where none of
 * them names a type, the members decide between OCI's two.
 *
 * Unknown fields, unknown media types of layers and empty lists are left alone. In the typed value,
 * not in the bytes, `layers` and `manifests` are always lists (Go's encoder writes `null` for an
 * empty one), optional fields that are `null` are left out, a platform has an `architecture` and an
 * `os`, empty where they were missing, and Docker's formats have their `mediaType`.
 *
 * The digest is not computed here: verify the bytes first.
 *
 * @example
 * ```ts
 * import { buildManifest, isImage, parseManifest } from "@davit/registry-client";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const { bytes } = await buildManifest({ artifactType: "text/plain", layers: [] });
 * const { manifest, mediaType } = parseManifest(bytes, { mediaType: "application/json" });
 * assert(isImage(manifest));
 * assertEquals(mediaType, "application/vnd.oci.image.manifest.v1+json");
 * ```
 *
 * @throws {InvalidManifestError} When the bytes are not JSON, or not a manifest of a supported kind.
 * @throws {ManifestVerificationError} When they say two things.
 */
export function parseManifest(
  bytes: Uint8Array,
  options: ParseManifestOptions = {},
): ParsedManifest {
  checkOptions(options, PARSE_MANIFEST_OPTIONS);
  const object = manifestObject(bytes);
  const mediaType = settleManifest(object, options);
  return { manifest: object as unknown as Manifest, bytes: toBytes(bytes), mediaType };
}

/** {@linkcode parseManifest} for an object that was read already; answers its media type. */
export function settleManifest(
  object: Record<string, unknown>,
  options: ParseManifestOptions,
): string {
  refuseOtherCase(object, "manifest");
  const stated = statedMediaType(object, options);
  if (object.schemaVersion !== 2) {
    throw new InvalidManifestError(
      `Cannot read the manifest: schemaVersion is ${quoted(object.schemaVersion)}, not 2`,
    );
  }
  const shape = manifestShape(object);
  const mediaType = stated ?? SHAPE_MEDIA_TYPES[shape];
  if (isIndexMediaType(mediaType) !== (shape === "index")) {
    throw new ManifestVerificationError(
      `Cannot use the manifest: its media type is ${mediaType}, its members are those of an ${shape}`,
    );
  }
  settleManifestFields(object);
  settleMediaType(object, mediaType);
  if (shape === "image") {
    object.config = settleDescriptor(object.config, "config");
    object.layers = settleDescriptors(object.layers, "layers");
  } else {
    object.manifests = settleDescriptors(object.manifests, "manifests");
    if (mediaType === MEDIA_TYPES.dockerManifestList) {
      for (const entry of object.manifests as Descriptor[]) {
        entry.platform ??= { architecture: "", os: "" };
      }
    }
  }
  if (object.subject === null) delete object.subject;
  else if (object.subject !== undefined) settleDescriptor(object.subject, "subject");
  return mediaType;
}

/** The media type that the header, the body and the descriptor name, once they agree. */
function statedMediaType(
  object: Record<string, unknown>,
  { mediaType, descriptor }: ParseManifestOptions,
): string | undefined {
  const own = object.mediaType ?? "";
  if (typeof own !== "string") {
    throw new InvalidManifestError("Cannot read the manifest: mediaType is not a string");
  }
  const claims = [
    { who: "its Content-Type", type: bareMediaType(mediaType) },
    { who: "its body", type: own.toLowerCase() },
    { who: "its descriptor", type: bareMediaType(descriptor?.mediaType) },
  ].filter(({ who, type }) => !isGenericType(type) || (who === "its body" && type !== ""));
  for (const { type } of claims) refuseDeadMediaType(type);
  const [first, ...others] = claims;
  const other = others.find(({ type }) => type !== first!.type);
  if (other !== undefined) {
    throw new ManifestVerificationError(
      `Cannot use the manifest: ${first!.who} says ${quoted(first!.type)}, ` +
        `${other.who} says ${quoted(other.type)}`,
    );
  }
  if (first !== undefined && !isManifestMediaType(first.type)) {
    throw new InvalidManifestError(
      `Cannot read the manifest: ${first.who} says ${quoted(first.type)}, ` +
        "which is the type of no manifest or index",
    );
  }
  return first?.type;
}

function settleMediaType(object: Record<string, unknown>, mediaType: string): void {
  const docker = mediaType === MEDIA_TYPES.dockerManifest ||
    mediaType === MEDIA_TYPES.dockerManifestList;
  if (docker || object.mediaType) object.mediaType = mediaType;
  else delete object.mediaType;
}

function settleDescriptors(value: unknown, where: string): Descriptor[] {
  const list = value ?? [];
  if (!Array.isArray(list)) {
    throw new InvalidManifestError(`Cannot read the manifest: ${where} is not a list`);
  }
  return list.filter((entry) => entry !== null).map((entry, i) =>
    settleDescriptor(entry, `${where}[${i}]`)
  );
}

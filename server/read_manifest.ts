import { isObject } from "../content/json_object.ts";
import type { Bytes } from "../content/bytes.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import type { Digest } from "../content/digest.ts";
import { bareMediaType, isManifestMediaType } from "../content/media_types.ts";
import { ApiError } from "../errors.ts";
import { childrenOf, subjectOf } from "../manifest/children.ts";
import { manifestObject } from "../manifest/manifest_object.ts";
import { manifestMediaType } from "../manifest/media_type_of.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { referrerDescriptor } from "../manifest/referrers_index.ts";
import { isIndex } from "../manifest/types.ts";
import type { StoredManifest } from "./backends/backend.ts";
import { mediaTypeIn } from "./media_type.ts";
import { Refusal } from "./refusal.ts";

/** What a registry must know of a manifest. */
interface ManifestFacts extends Pick<StoredManifest, "contentType" | "referrer"> {
  /** What must be in the repository before the manifest is taken. */
  children: { digest: Digest; mayBeManifest: boolean }[];
}

/** Layers that registries must not ask for: their content may not be distributed. */
const FOREIGN_LAYERS =
  /^application\/vnd\.(oci\.image\.layer\.nondistributable\.v1\.tar(\+\w+)?|docker\.image\.rootfs\.foreign\.diff\.tar(\.\w+)?)$/;

/**
 * Reads a manifest that was pushed. Of OCI's and Docker's types it must be what its type says; of
 * another type it is kept when it names that type as its own.
 *
 * @throws {Refusal} 400 MANIFEST_INVALID when it is not what it should be.
 */
export function readManifest(
  bytes: Bytes,
  digest: Digest,
  contentTypeHeader: string | null,
): ManifestFacts {
  try {
    const stated = contentTypeHeader?.trim() || manifestMediaType(bytes);
    const type = mediaTypeIn(stated);
    if (type === undefined) throw noMediaType(stated);
    return isManifestMediaType(type)
      ? knownManifest(bytes, digest, type)
      : otherManifest(bytes, digest, type);
  } catch (cause) {
    if (cause instanceof ApiError) {
      throw new Refusal(400, "MANIFEST_INVALID", cause.message, { cause });
    }
    throw cause;
  }
}

function knownManifest(
  bytes: Bytes,
  digest: Digest,
  mediaType: string,
): ManifestFacts {
  const { manifest } = parseManifest(bytes, { mediaType });
  const mayBeManifest = isIndex(manifest);
  const children = childrenOf(manifest)
    .filter((child) => !FOREIGN_LAYERS.test(child.mediaType))
    .map((child) => ({ digest: child.digest as Digest, mayBeManifest }));
  const subject = subjectOf(manifest);
  if (subject === undefined) return { contentType: mediaType, children };
  const descriptor = referrerDescriptor(manifest, { mediaType, digest, size: bytes.byteLength });
  const referrer = { subject: subject.digest as Digest, descriptor };
  return { contentType: mediaType, children, referrer };
}

function otherManifest(
  bytes: Bytes,
  digest: Digest,
  mediaType: string,
): ManifestFacts {
  const object = manifestObject(bytes);
  if (bareMediaType(String(object.mediaType)) !== mediaType) {
    throw new Refusal(
      400,
      "MANIFEST_INVALID",
      `Cannot take the manifest: its Content-Type says ${
        JSON.stringify(mediaType.slice(0, 200))
      }, ` +
        "and it does not name that type as its own",
    );
  }
  const facts = { contentType: mediaType, children: [] };
  if (object.subject === undefined || object.subject === null) return facts;
  const subject = checkDescriptor(object.subject, "the subject").digest as Digest;
  const descriptor: Descriptor = { mediaType, digest, size: bytes.byteLength };
  if (typeof object.artifactType === "string") descriptor.artifactType = object.artifactType;
  if (isTextMap(object.annotations)) descriptor.annotations = object.annotations;
  return { ...facts, referrer: { subject, descriptor } };
}

function noMediaType(text: string): Refusal {
  return new Refusal(
    400,
    "MANIFEST_INVALID",
    `Cannot take the manifest: ${JSON.stringify(text.slice(0, 200))} is no media type`,
  );
}

function isTextMap(value: unknown): value is Record<string, string> {
  return isObject(value) &&
    Object.values(value).every((text) => typeof text === "string");
}

import { isObject } from "../content/json_object.ts";
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { isDigest } from "../content/digest.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { InvalidManifestError } from "../errors.ts";
import type { Manifest } from "../manifest/types.ts";

/** A manifest of a type that is not known here. */
interface OtherManifest {
  /** What it says. */
  manifest: Manifest;
  /** What it needs: each descriptor among its members, but for its subject. */
  children: Descriptor[];
}

/**
 * Reads a manifest of a type that is not known here; `undefined` where the bytes say of themselves that
 * they are something else, such as an attestation that an index lists and a registry keeps as a blob.
 *
 * @throws {InvalidManifestError} When nothing in it says what it needs.
 */
export function readOtherManifest(bytes: Bytes, mediaType: string): OtherManifest | undefined {
  let object: unknown;
  try {
    object = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (!isObject(object) || object.mediaType !== mediaType) return undefined;
  const { subject: _subject, ...members } = object;
  const children = Object.values(members).flat().flatMap(descriptorIn);
  if (children.length > 0) return { manifest: object as unknown as Manifest, children };
  // A Sigstore bundle names its own type, too.
  if (!("schemaVersion" in object)) return undefined;
  throw unknownManifest(mediaType);
}

function descriptorIn(value: unknown): Descriptor[] {
  if (!isObject(value)) return [];
  const { digest, mediaType = MEDIA_TYPES.octetStream, size } = value;
  if (!isDigest(digest) || typeof size !== "number" || typeof mediaType !== "string") return [];
  return [{ ...value, digest, mediaType, size }];
}

/** That nobody can say what a manifest leads to. */
export function unknownManifest(mediaType: string): InvalidManifestError {
  return new InvalidManifestError(
    `Cannot read the manifest: ${mediaType} is not known, nor what such a manifest needs`,
  );
}

import { isObject } from "./json_object.ts";
import { InvalidContentError } from "../errors.ts";
import { isDigest } from "./digest.ts";

/** What an image runs on. */
export interface Platform {
  /** The processor, as Go names it: `amd64`, `arm64`. */
  architecture: string;
  /** The operating system, as Go names it: `linux`, `windows`. */
  os: string;
  /** The operating system's version, such as `10.0.14393.1066`. */
  "os.version"?: string;
  /** Features that the operating system must have. */
  "os.features"?: string[];
  /** The processor's variant, such as `v8`. */
  variant?: string;
  /** Features of the processor: in Docker's manifest lists only. */
  features?: string[];
}

/**
 * A pointer to content: its type, digest and size.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md
 */
export interface Descriptor {
  /** The content's media type. */
  mediaType: string;
  /** The content's digest. */
  digest: string;
  /** The content's size in bytes. */
  size: number;
  /** Places to download it from: never used unless asked for. */
  urls?: string[];
  /** Arbitrary names and values. */
  annotations?: Record<string, string>;
  /** The content itself, in base64. */
  data?: string;
  /** What the content runs on; stands in the descriptors of an index. */
  platform?: Platform;
  /** The type of an artifact's manifest. */
  artifactType?: string;
}

/**
 * Checks that a value is a descriptor: the three required fields, and their types.
 *
 * @throws {InvalidContentError} When it is not.
 */
export function checkDescriptor(value: unknown, where: string): Descriptor {
  const bad = (what: string) =>
    new InvalidContentError(`Cannot use ${where} as a descriptor: ${what}`);
  if (!isObject(value)) {
    throw bad("it is not an object");
  }
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string") throw bad("mediaType is not a string");
  if (!isDigest(digest)) throw bad("digest is not a digest");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw bad("size is not a count of bytes");
  }
  return value as unknown as Descriptor;
}

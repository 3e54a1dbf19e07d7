import { isObject } from "../content/json_object.ts";
import { join } from "@std/path/join";
import type { Bytes } from "../content/bytes.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import { type Digest, hashAlgorithm, isDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { DEFAULT_LIMITS } from "../content/limits.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { ApiError, InvalidContentError } from "../errors.ts";
import { manifestMediaType } from "../manifest/media_type_of.ts";
import { OddEntry } from "./layout_entries.ts";

/** The list of what a layout is about. */
export const INDEX = "index.json";

/** What makes a folder a layout. */
export const LAYOUT_FILE = "oci-layout";

/** What an `index.json` says. */
interface IndexFile {
  /** Its entries, in their order. */
  entries: (Descriptor | OddEntry)[];
  /** The fields beside the entries, other programs' among them. */
  fields: Record<string, unknown>;
}

/** Where a layout is read: its folder, or a tar. */
export interface LayoutSource {
  /** What it is called in messages. */
  readonly folder: string;
  /** What may be done about a file beside the blobs that is damaged, or gone. */
  readonly repair: string;
  /** A blob's size; `undefined` where it is not here. */
  size(digest: Digest): Promise<number | undefined>;
  /** A small blob's bytes, not verified. */
  read(digest: Digest): Promise<Bytes | undefined>;
  /** A file beside the blobs. */
  readText(name: string): Promise<string | undefined>;
}

/**
 * Reads an `index.json`. An entry that is no descriptor is kept as it is and keeps nothing else from
 * being read; one that lacks its type has the type of what it leads to.
 *
 * @throws {InvalidContentError} When it is no index, or the layout is of another version.
 */
export async function readIndex(files: LayoutSource): Promise<IndexFile> {
  const isLayout = await checkVersion(files);
  const text = await files.readText(INDEX);
  if (text === undefined) {
    if (isLayout) {
      throw new InvalidContentError(
        `Cannot read ${files.folder}: it has no ${INDEX}${files.repair}`,
      );
    }
    return { entries: [], fields: { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex } };
  }
  const path = join(files.folder, INDEX);
  const { manifests, ...fields } = objectIn(text, path, files.repair);
  if (!Array.isArray(manifests ?? []) || "layers" in fields) {
    throw new InvalidContentError(`Cannot read ${path}: it is no index`);
  }
  const entries: (Descriptor | OddEntry)[] = [];
  for (const [at, value] of ((manifests ?? []) as unknown[]).entries()) {
    try {
      entries.push(checkDescriptor(value, `entry ${at} of ${path}`));
    } catch (error) {
      const descriptor = await withType(files, value);
      const { message: problem } = error as Error;
      entries.push(new OddEntry(value, descriptor === undefined ? { problem } : { descriptor }));
    }
  }
  return { entries, fields };
}

/** Whether the folder says that it is a layout; one that is being made does not yet. */
async function checkVersion(files: LayoutSource): Promise<boolean> {
  const text = await files.readText(LAYOUT_FILE);
  if (text === undefined) return false;
  const path = join(files.folder, LAYOUT_FILE);
  const { imageLayoutVersion: version } = objectIn(text, path, files.repair);
  if (version === undefined || /^1\./.test(String(version))) return true;
  throw new InvalidContentError(
    `Cannot read ${path}: the layout version is ${JSON.stringify(version)}, not 1.0.0`,
  );
}

function objectIn(text: string, path: string, repair: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const state = /^[\s\0]*$/.test(text) ? "it is empty" : "it is not JSON";
    throw new InvalidContentError(`Cannot read ${path}: ${state}${repair}`, { cause });
  }
  if (isObject(value)) {
    return value as Record<string, unknown>;
  }
  throw new InvalidContentError(`Cannot read ${path}: it is not an object`);
}

/** An entry that lacks nothing but its type, with that of the manifest that it leads to. */
async function withType(
  files: LayoutSource,
  value: unknown,
): Promise<Descriptor | undefined> {
  const { mediaType, digest, size } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (mediaType !== undefined && mediaType !== null && mediaType !== "") return undefined;
  if (!isDigest(digest) || Number(size) > DEFAULT_LIMITS.manifestBytes) return undefined;
  try {
    const bytes = await files.read(digest);
    if (bytes === undefined || await digestOf(bytes, hashAlgorithm(digest)) !== digest) {
      return undefined;
    }
    const descriptor = { ...value as object, mediaType: manifestMediaType(bytes) };
    return checkDescriptor(descriptor, "the entry");
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

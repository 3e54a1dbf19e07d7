import { isObject } from "../content/json_object.ts";
import { InvalidManifestError, ManifestVerificationError } from "../errors.ts";
import { checkDescriptor, type Descriptor } from "../content/descriptor.ts";
import { quoted } from "./quoted.ts";

type JsonObject = Record<string, unknown>;
type Check = readonly [ok: (value: unknown) => boolean, mustBe: string];

const TEXT: Check = [(value) => typeof value === "string", "a string"];
const TEXTS: Check = [
  (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
  "a list of strings",
];
const TEXT_MAP: Check = [
  (value) => isObject(value) && Object.values(value).every((item) => typeof item === "string"),
  "an object of strings",
];
const OBJECT: Check = [isObject, "an object"];

const MANIFEST_NAMES = [
  "schemaVersion",
  "mediaType",
  "artifactType",
  "config",
  "layers",
  "fsLayers",
  "manifests",
  "subject",
  "annotations",
];
const MANIFEST_FIELDS: Record<string, Check> = { artifactType: TEXT, annotations: TEXT_MAP };

const DESCRIPTOR_FIELDS: Record<string, Check> = {
  urls: TEXTS,
  annotations: TEXT_MAP,
  data: TEXT,
  platform: OBJECT,
  artifactType: TEXT,
};
const PLATFORM_FIELDS: Record<string, Check> = {
  architecture: TEXT,
  os: TEXT,
  "os.version": TEXT,
  "os.features": TEXTS,
  variant: TEXT,
  features: TEXTS,
};

const NAMES = {
  manifest: namesByFold(MANIFEST_NAMES),
  descriptor: namesByFold(["mediaType", "digest", "size", ...Object.keys(DESCRIPTOR_FIELDS)]),
  platform: namesByFold(Object.keys(PLATFORM_FIELDS)),
};

/** Checks the optional fields that images and indexes share; those that are `null` are removed. */
export function settleManifestFields(manifest: JsonObject): void {
  settle(manifest, MANIFEST_FIELDS, "");
}

/**
 * Refuses members that only a reader which ignores case takes for the specification's, as Go's
 * does: `Layers` beside `layers` would give one document two meanings.
 *
 * @throws {ManifestVerificationError} When there is one.
 */
export function refuseOtherCase(object: JsonObject, kind: keyof typeof NAMES): void {
  for (const name of Object.keys(object)) {
    const known = NAMES[kind].get(fold(name));
    if (known !== undefined && known !== name) {
      throw new ManifestVerificationError(
        `Cannot use the manifest: it has ${quoted(name)}, which some readers take for ${known}`,
      );
    }
  }
}

/**
 * Checks a descriptor that stands in a manifest, and its optional fields. Those that are `null`,
 * as some encoders write what is not there, are removed; unknown fields and types stay.
 *
 * @throws {InvalidManifestError} When it is not a descriptor, or a field has another type.
 * @throws {ManifestVerificationError} When a name differs from a field's in case alone.
 */
export function settleDescriptor(value: unknown, where: string): Descriptor {
  if (isObject(value)) refuseOtherCase(value, "descriptor");
  let descriptor: Descriptor;
  try {
    descriptor = checkDescriptor(value, where);
  } catch (cause) {
    throw new InvalidManifestError((cause as Error).message, { cause });
  }
  const fields = value as JsonObject;
  settle(fields, DESCRIPTOR_FIELDS, `${where}.`);
  if (isObject(fields.platform)) settlePlatform(fields.platform, `${where}.platform`);
  return descriptor;
}

function settlePlatform(platform: JsonObject, where: string): void {
  refuseOtherCase(platform, "platform");
  settle(platform, PLATFORM_FIELDS, `${where}.`);
  // Both are required, and some writers know only one: as in Go, what is missing is empty.
  platform.architecture ??= "";
  platform.os ??= "";
}

function settle(object: JsonObject, fields: Record<string, Check>, where: string): void {
  for (const [name, [ok, mustBe]] of Object.entries(fields)) {
    const value = object[name] = withoutNulls(object[name]);
    if (value === null || value === undefined) delete object[name];
    else if (!ok(value)) {
      throw new InvalidManifestError(
        `Cannot read the manifest: ${where}${name} is not ${mustBe}`,
      );
    }
  }
}

/** A list or a map of texts without what is `null` in it, as some encoders write what is not there. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== null);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null));
}

function namesByFold(names: readonly string[]): Map<string, string> {
  return new Map(names.map((name) => [fold(name), name]));
}

/** One text for all that Go takes as equal: it folds the long s and the Kelvin sign too. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

import { isObject } from "../content/json_object.ts";
import { type Digest, isDigest } from "../content/digest.ts";
import { InvalidArchiveError } from "../errors.ts";

/** An entry of `manifest.json`: paths of the tar, and names. */
export interface DockerImage {
  /** Where the configuration is. */
  config: string;
  /** What it is called, as it is written. */
  names: string[];
  /** Where the layers are, the base first. */
  layers: string[];
}

/**
 * The images of a `manifest.json`. `RepoTags` may be missing or null, and is so for an image that was
 * saved by its digest or ID.
 *
 * @throws {InvalidArchiveError} When it is broken, or has none.
 */
export function readDockerManifest(bytes: Uint8Array): DockerImage[] {
  const list = json(bytes, "manifest.json");
  if (!Array.isArray(list)) throw broken("manifest.json", "it is not a list");
  if (list.length === 0) throw broken("manifest.json", "it has no images");
  return list.map((image, at) => {
    const { Config: config, RepoTags: names, Layers: layers } = image ?? {};
    if (typeof config !== "string") throw broken("manifest.json", `image ${at} has no Config`);
    if (!isTexts(layers ?? [])) throw broken("manifest.json", `image ${at} has broken Layers`);
    if (!isTexts(names ?? [])) throw broken("manifest.json", `image ${at} has broken RepoTags`);
    return { config, names: (names ?? []).filter(isName), layers: layers ?? [] };
  });
}

/**
 * The digests of the uncompressed layers that a configuration names.
 *
 * @throws {InvalidArchiveError} When it is no image's configuration.
 */
export function readDiffIds(bytes: Uint8Array, name: string): Digest[] {
  const config = json(bytes, name) as { rootfs?: { diff_ids?: unknown } } | null;
  if (!isObject(config)) {
    throw broken(name, "it is not an object");
  }
  const ids = config.rootfs?.diff_ids ?? [];
  if (Array.isArray(ids) && ids.every((id) => isDigest(id))) return ids;
  throw broken(name, "its diff_ids are no list of digests");
}

/**
 * @throws {InvalidArchiveError} When a configuration has not a DiffID for each layer.
 */
export function checkLayerCount(name: string, layers: number, diffIds: number): void {
  if (layers === diffIds) return;
  const count = (many: number, what: string) => `${many} ${what}${many === 1 ? "" : "s"}`;
  throw broken(
    name,
    `the image has ${count(layers, "layer")}, and its configuration ${count(diffIds, "diff_id")}`,
  );
}

function json(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new InvalidArchiveError(`Cannot read ${name} of the archive: it is not JSON`, { cause });
  }
}

/** Docker has written `<none>:<none>` for an image that has no name. */
function isName(text: string): boolean {
  return text !== "" && !text.includes("<none>");
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function broken(name: string, why: string): InvalidArchiveError {
  return new InvalidArchiveError(`Cannot read ${name} of the archive: ${why}`);
}

import { ContentNotFoundError, InvalidOptionError } from "../errors.ts";
import { checkArgument } from "../content/check_argument.ts";
import type { Descriptor, Platform } from "../content/descriptor.ts";
import { isManifestMediaType } from "../content/media_types.ts";
import { canonicalNames, rankPlatform } from "./rank_platform.ts";
import { quoted } from "./quoted.ts";
import type { DockerManifestList, ImageIndex } from "./types.ts";

/** `os[(version[+feature…])]/architecture[/variant][:version]`. */
const SPECIFIER =
  /^([\w-]+)(?:\(([\w.%-]*)((?:\+[\w.%-]+)*)\))?\/([\w.-]+)(?:\/([\w.-]+))?(?::([\w.-]+))?$/;

/** How many platforms an error lists: the longest real indexes have about a dozen. */
const MAX_LISTED = 20;

/** BuildKit marks the attestations that it puts in an index beside the images with this. */
const REFERENCE_TYPE = "vnd.docker.reference.type";

/**
 * Reads a platform as `docker --platform` takes it: `linux/amd64`, `linux/arm/v7`,
 * `windows(10.0.17763)/amd64`, and crane's `windows/amd64:10.0.17763`. Other names of
 * architectures (`aarch64`, `x86_64`) and of macOS become Go's.
 *
 * Operating system and architecture are both required: nothing is filled in from this machine.
 *
 * @example
 * ```ts
 * import { parsePlatform } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parsePlatform("linux/arm64/v8"), {
 *   architecture: "arm64",
 *   os: "linux",
 *   variant: "v8",
 * });
 * ```
 *
 * @throws {InvalidOptionError} When the text is not a platform.
 */
export function parsePlatform(text: string): Platform {
  const bad = () =>
    new InvalidOptionError(
      "Cannot use 'platform' as it must be os/architecture[/variant], such as linux/arm64/v8: " +
        `current value is ${quoted(text)}`,
    );
  const match = typeof text === "string" ? SPECIFIER.exec(text) : null;
  if (match === null || (match[2] && match[6])) throw bad();
  const [, os, version, features, architecture, variant, suffix] = match;
  try {
    const osVersion = decodeURIComponent(version ?? "") || suffix;
    const osFeatures = features?.split("+").slice(1).map(decodeURIComponent) ?? [];
    const names = canonicalNames({ os: os!, architecture: architecture!, variant });
    return {
      architecture: names.architecture,
      os: names.os,
      ...(osVersion && { "os.version": osVersion }),
      ...(osFeatures.length > 0 && { "os.features": osFeatures }),
      ...(names.variant && { variant: names.variant }),
    };
  } catch {
    throw bad();
  }
}

/**
 * A platform as text that {@linkcode parsePlatform} reads.
 *
 * @example
 * ```ts
 * import { formatPlatform } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   formatPlatform({ os: "windows", architecture: "amd64", "os.version": "10.0.17763.1" }),
 *   "windows(10.0.17763.1)/amd64",
 * );
 * ```
 */
export function formatPlatform(platform: Platform): string {
  checkArgument("platform", platform, "platform");
  const features = (platform["os.features"] ?? []).map((name) => `+${escapeOption(name)}`).join("");
  const options = escapeOption(platform["os.version"] ?? "") + features;
  const variant = platform.variant ? `/${platform.variant}` : "";
  return `${platform.os}${options && `(${options})`}/${platform.architecture}${variant}`;
}

/**
 * The entry of an index for a platform, as containerd and Docker choose it:
 *
 * - the variant asked for first, then the nearest older one of the same architecture: `arm/v7` is
 *   also served by `v6` and `v5`, `amd64/v3` by `v2` and `v1`, `arm64/v9` by `v8.5` and below. Not
 *   stated, a variant means `arm/v7`, `arm64/v8`, `amd64/v1`. Another architecture is never chosen,
 *   though the processor might run it;
 * - on Windows, an `os.version` with the same first three numbers: the very version, else the
 *   highest fourth number;
 * - of entries that are equal in this, the one with the `os.features` asked for, then the first.
 *
 * The first entry without a platform is chosen where no other serves: whoever made the index did not
 * say what it is for. Attestations (`unknown/unknown`) never are.
 *
 * An error calls the index by the `name`.
 *
 * @example
 * ```ts
 * import { choosePlatform, type ImageIndex } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const index: ImageIndex = {
 *   schemaVersion: 2,
 *   manifests: ["v6", "v7"].map((variant, i) => ({
 *     mediaType: "application/vnd.oci.image.manifest.v1+json",
 *     digest: `sha256:${String(i).repeat(64)}`,
 *     size: 500,
 *     platform: { architecture: "arm", os: "linux", variant },
 *   })),
 * };
 * assertEquals(choosePlatform(index, "linux/arm").platform?.variant, "v7");
 * ```
 *
 * @throws {ContentNotFoundError} When the index has no such entry; the message lists what it has.
 * @throws {InvalidOptionError} When the platform is malformed.
 */
export function choosePlatform(
  index: ImageIndex | DockerManifestList,
  platform: string | Platform,
  name = "the index",
): Descriptor {
  checkArgument("index", index, "index");
  const wanted = typeof platform === "string" ? parsePlatform(platform) : platform;
  if (!wanted?.os || !wanted.architecture) {
    throw new InvalidOptionError(
      "Cannot use 'platform' as it must have an os and an architecture: current value is " +
        quoted(platform),
    );
  }
  const offers = index.manifests.filter(isOffer);
  let best: { descriptor: Descriptor; rank: number[] } | undefined;
  for (const descriptor of offers) {
    const rank = rankPlatform(wanted, descriptor.platform!);
    if (rank !== undefined && (best === undefined || isBefore(rank, best.rank))) {
      best = { descriptor, rank };
    }
  }
  if (best !== undefined) return best.descriptor;
  const unnamed = index.manifests.find(isUnnamed);
  if (unnamed !== undefined) return unnamed;
  throw new ContentNotFoundError(
    `Cannot find ${readable(wanted)} in ${name}: ${listed(offers)}`,
  );
}

/** Whether an entry may be for any platform: no attestation, and nothing else that has none. */
function isUnnamed({ mediaType, platform, annotations, artifactType }: Descriptor): boolean {
  if (annotations?.[REFERENCE_TYPE] || artifactType !== undefined) return false;
  return isManifestMediaType(mediaType) && !platform?.os && !platform?.architecture;
}

function isOffer({ platform, annotations }: Descriptor): boolean {
  if (!platform?.os || !platform.architecture || annotations?.[REFERENCE_TYPE]) return false;
  return platform.os !== "unknown" || platform.architecture !== "unknown";
}

function isBefore(rank: number[], other: number[]): boolean {
  const i = rank.findIndex((value, i) => value !== other[i]);
  return i !== -1 && rank[i]! < other[i]!;
}

function listed(offers: Descriptor[]): string {
  const names = [...new Set(offers.map(({ platform }) => readable(platform!)))];
  if (names.length === 0) return "it names no platforms";
  const more = names.length - MAX_LISTED;
  return `it has ${names.slice(0, MAX_LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** A platform for a message; an index may hold any text in its place. */
function readable(platform: Platform): string {
  const text = formatPlatform(platform);
  return text.length <= 100 && SPECIFIER.test(text) ? text : quoted(text);
}

/** Escapes what is part of the syntax, as containerd does. */
function escapeOption(text: string): string {
  return text.replace(
    /[%+()/]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

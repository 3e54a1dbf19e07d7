import type { Platform } from "../content/descriptor.ts";

type Names = Pick<Platform, "os" | "architecture" | "variant">;

const ARCHITECTURES = new Map<string, { architecture: string; variant?: string }>([
  ["x86_64", { architecture: "amd64" }],
  ["x86-64", { architecture: "amd64" }],
  ["aarch64", { architecture: "arm64" }],
  ["i386", { architecture: "386" }],
  ["armhf", { architecture: "arm", variant: "v7" }],
  ["armel", { architecture: "arm", variant: "v6" }],
]);

/** The variant that an architecture means where none is stated. */
const DEFAULT_VARIANTS = new Map([["arm", "v7"], ["arm64", "v8"], ["amd64", "v1"]]);

/** A Windows image runs on a host of the same build, whatever the fourth number of either is. */
const WINDOWS_BUILD_PARTS = 3;

/** Go's names for an operating system, an architecture and its variant, in lower case. */
export function canonicalNames({ os, architecture, variant }: Names): Names {
  const name = architecture.toLowerCase();
  const system = os.toLowerCase();
  const alias = ARCHITECTURES.get(name);
  return {
    os: system === "macos" ? "darwin" : system,
    architecture: alias?.architecture ?? name,
    variant: alias?.variant ?? variant?.toLowerCase().replace(/^(?=\d)/, "v"),
  };
}

/**
 * How well a platform serves the one that is wanted, `undefined` when it does not: numbers to
 * compare one after the other, the lower the better. They are how much older the variant is, how
 * far off the operating system's version is, and how many of its features differ.
 */
export function rankPlatform(wanted: Platform, offered: Platform): number[] | undefined {
  const want = canonicalNames(wanted);
  const offer = canonicalNames(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return undefined;
  const age = variantAge(want, offer);
  const version = rankVersion(want.os, wanted["os.version"], offered["os.version"]);
  if (age === undefined || version === undefined) return undefined;
  return [age, version, differences(wanted["os.features"], offered["os.features"])];
}

function variantAge(want: Names, offer: Names): number | undefined {
  const wantLevel = variantLevel(want);
  const offerLevel = variantLevel(offer);
  if (wantLevel === undefined || offerLevel === undefined) {
    return (want.variant || "") === (offer.variant || "") ? 0 : undefined;
  }
  return offerLevel <= wantLevel ? wantLevel - offerLevel : undefined;
}

/** A variant as a number that grows with what the processor can do; `undefined` if unknown. */
function variantLevel({ architecture, variant }: Names): number | undefined {
  const match = /^v(\d)(?:\.(\d))?$/.exec(variant || (DEFAULT_VARIANTS.get(architecture) ?? ""));
  if (match === null || !DEFAULT_VARIANTS.has(architecture)) return undefined;
  const major = Number(match[1]);
  if (architecture !== "arm64") return match[2] === undefined ? major : undefined;
  const minor = Number(match[2] ?? 0);
  if (major === 8) return minor;
  // v9.0 has all of v8.5 and more, v9.1 all of v8.6, and so on.
  return major === 9 ? minor + 5.5 : undefined;
}

function rankVersion(os: string, wanted?: string, offered?: string): number | undefined {
  if (!wanted) return 0;
  if (!offered) return Infinity;
  if (wanted === offered) return -Infinity;
  const want = wanted.split(".").slice(0, os === "windows" ? WINDOWS_BUILD_PARTS : undefined);
  const offer = offered.split(".");
  if (want.some((part, i) => part !== offer[i])) return undefined;
  const [, , build = 0, revision = 0] = offer.map(Number);
  return -(build * 1e6 + revision) || 0;
}

function differences(wanted: readonly string[] = [], offered: readonly string[] = []): number {
  return wanted.filter((name) => !offered.includes(name)).length +
    offered.filter((name) => !wanted.includes(name)).length;
}

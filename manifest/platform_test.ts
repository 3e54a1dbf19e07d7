import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ContentNotFoundError, InvalidOptionError } from "../errors.ts";
import type { Descriptor, Platform } from "../content/descriptor.ts";
import { choosePlatform, formatPlatform, parsePlatform } from "./platform.ts";
import type { ImageIndex } from "./types.ts";

function platform(os: string, architecture: string, rest: Partial<Platform> = {}): Platform {
  return { os, architecture, ...rest };
}

const V6 = { variant: "v6" };
const V7 = { variant: "v7" };
const OLD = { "os.version": "10.0.17763" };
const ALL = { "os.version": "10.0", "os.features": ["win32k", "x+y"], variant: "v2" };
const EROFS = { "os.features": ["erofs"], variant: "rva23u64" };

const PARSED: [text: string, platform: Platform, formatted?: string][] = [
  ["linux/amd64", platform("linux", "amd64")],
  ["linux/arm64/v8", platform("linux", "arm64", { variant: "v8" })],
  ["linux/arm/v7", platform("linux", "arm", V7)],
  ["linux/arm/6", platform("linux", "arm", V6), "linux/arm/v6"],
  ["Linux/X86_64", platform("linux", "amd64"), "linux/amd64"],
  ["linux/x86-64/v3", platform("linux", "amd64", { variant: "v3" }), "linux/amd64/v3"],
  ["linux/i386", platform("linux", "386"), "linux/386"],
  ["macos/aarch64", platform("darwin", "arm64"), "darwin/arm64"],
  ["linux/armhf", platform("linux", "arm", V7), "linux/arm/v7"],
  ["linux/armel", platform("linux", "arm", V6), "linux/arm/v6"],
  ["plan9/constructor", platform("plan9", "constructor")],
  ["windows(10.0.17763)/amd64", platform("windows", "amd64", OLD)],
  ["windows/amd64:10.0.17763", platform("windows", "amd64", OLD), "windows(10.0.17763)/amd64"],
  ["windows(10.0+win32k+x%2By)/amd64/v2", platform("windows", "amd64", ALL)],
  ["linux(+erofs)/riscv64/rva23u64", platform("linux", "riscv64", EROFS)],
];

for (const [text, platform, formatted = text] of PARSED) {
  Deno.test(`parsePlatform and formatPlatform: ${text}`, () => {
    assertEquals(parsePlatform(text), platform);
    assertEquals(formatPlatform(platform), formatted);
    assertEquals(parsePlatform(formatPlatform(platform)), platform);
  });
}

const MALFORMED = [
  "",
  "linux",
  "amd64",
  "/",
  "linux/",
  "/amd64",
  "linux//v7",
  "linux/arm/v7/x",
  "linux/*",
  "linux amd64",
  "linux/amd64\n",
  "windows(10.0/amd64",
  "windows(10%zz)/amd64",
  "windows(10.0)/amd64:10.0",
  "windows(10.0+)/amd64",
  undefined as unknown as string,
];

for (const text of MALFORMED) {
  Deno.test(`parsePlatform refuses ${JSON.stringify(text)}`, () => {
    const error = assertThrows(() => parsePlatform(text), InvalidOptionError, "os/architecture");
    assertEquals(error.message.endsWith(`current value is ${JSON.stringify(text)}`), true);
  });
}

Deno.test("formatPlatform escapes what is part of the syntax", () => {
  assertEquals(
    formatPlatform({ architecture: "amd64", os: "linux", "os.version": "1(2)/3+4%" }),
    "linux(1%282%29%2F3%2B4%25)/amd64",
  );
});

function entry(platform: Platform | string, rest: Partial<Descriptor> = {}): Descriptor {
  return {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
    size: 11,
    platform: typeof platform === "string" ? parsePlatform(platform) : platform,
    ...rest,
  };
}

function indexOf(...manifests: Descriptor[]): ImageIndex {
  return { schemaVersion: 2, manifests };
}

const ARMS = ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm/v8"];
const WINDOWS = [
  "windows(10.0.20348.100)/amd64",
  "windows(10.0.17763.50)/amd64",
  "windows(10.0.17763.1000)/amd64",
  "windows(10.0.17763.200)/amd64",
  "windows/amd64",
];

/** `chosen` is the place in `has`; -1 where nothing fits. */
const CHOICES: [wanted: string, has: string[], chosen: number, why: string][] = [
  ["linux/amd64", ["linux/arm64", "linux/amd64"], 1, "the same"],
  ["linux/amd64", ["linux/amd64", "linux/amd64"], 0, "the first"],
  ["linux/amd64", ["linux/amd64/v1"], 0, "v1 is the default"],
  ["linux/amd64/v1", ["linux/amd64"], 0, "v1 is the default"],
  ["linux/amd64", ["linux/amd64/v3"], -1, "v3 is too new"],
  ["linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], 1, "the nearest older"],
  ["linux/amd64", ["linux/386"], -1, "another architecture"],
  ["linux/arm64", ["linux/arm64/v8"], 0, "v8 is the default"],
  ["linux/arm64/v8", ["linux/arm/v7", "linux/arm64"], 1, "the default"],
  ["linux/arm64", ["linux/arm/v7"], -1, "another architecture"],
  ["linux/arm64", ["linux/arm64/v9"], -1, "v9 is too new"],
  ["linux/arm64/v9", ["linux/arm64", "linux/arm64/v8.5", "linux/arm64/v8.6"], 1, "v9.0 has v8.5"],
  [
    "linux/arm64/v9.1",
    ["linux/arm64/v8.6", "linux/arm64/v9", "linux/arm64/v9.2"],
    0,
    "v9.1 has v8.6",
  ],
  ["linux/arm64/v8.2", ["linux/arm64", "linux/arm64/v8.1"], 1, "nearest"],
  ["linux/arm64/v9", ["linux/arm64/v8.5", "linux/arm64/v9"], 1, "v9.0 is more than v8.5"],
  ["linux/arm64/v8.5", ["linux/arm64/v9"], -1, "v9 is too new"],
  ["linux/riscv64/v2", ["linux/riscv64/v1"], -1, "the variants have no known order"],
  ["linux/arm", ARMS, 2, "v7 is the default"],
  ["linux/arm/v7", ARMS.slice(0, 2), 1, "v6 before v5"],
  ["linux/arm/v7", ["linux/arm"], 0, "v7 is the default"],
  ["linux/arm/v6", ["linux/arm", "linux/arm/v5"], 1, "v7 is too new"],
  ["linux/arm/v8", ARMS, 3, "the same"],
  ["linux/arm/v5", ARMS.slice(1), -1, "all are too new"],
  ["linux/armhf", ARMS, 2, "another name of arm/v7"],
  ["linux/ppc64le", ["linux/ppc64le"], 0, "no variants"],
  ["linux/ppc64le", ["linux/ppc64le/power9"], -1, "not stated"],
  [
    "linux/riscv64/rva23u64",
    ["linux/riscv64", "linux/riscv64/rva23u64"],
    1,
    "an unknown variant must be the same",
  ],
  ["linux/arm64/v7", ["linux/arm64"], -1, "there is no such"],
  ["darwin/arm64", ["linux/arm64", "macos/aarch64"], 1, "other names"],
  ["windows/amd64", WINDOWS, 0, "no version asked for: the first"],
  ["windows(10.0.17763)/amd64", WINDOWS, 2, "the highest of the build"],
  ["windows(10.0.17763.200)/amd64", WINDOWS, 3, "the very version"],
  ["windows(10.0.17763.7)/amd64", WINDOWS, 2, "the same build"],
  ["windows(10.0.14393)/amd64", WINDOWS, 4, "any, then"],
  ["windows(10.0.1776)/amd64", WINDOWS.slice(0, 4), -1, "numbers are compared, not letters"],
  ["linux(5.1)/amd64", ["linux(5.2)/amd64"], -1, "the version"],
  ["linux(5.1.2.3)/amd64", ["linux(5.1.2.4)/amd64"], -1, "the fourth number counts but on Windows"],
  ["linux(5)/amd64", ["linux(5.2)/amd64"], 0, "the version's start"],
  ["linux/amd64", ["linux(+erofs)/amd64", "linux/amd64"], 1, "features not asked for come last"],
  [
    "linux(+erofs)/amd64",
    ["linux/amd64", "linux(+erofs)/amd64"],
    1,
    "features asked for come first",
  ],
  ["windows/amd64", ["windows(+win32k)/amd64"], 0, "the only one"],
];

for (const [wanted, has, chosen, why] of CHOICES) {
  const from = has.join(", ");
  Deno.test(`choosePlatform ${wanted} of ${from}: ${why}`, () => {
    const index = indexOf(...has.map((platform) => entry(platform)));
    if (chosen < 0) {
      assertThrows(() => choosePlatform(index, wanted), ContentNotFoundError, wanted.split("/")[0]);
    } else {
      assertStrictEquals(choosePlatform(index, wanted), index.manifests[chosen]);
      assertStrictEquals(choosePlatform(index, parsePlatform(wanted)), index.manifests[chosen]);
    }
  });
}

const attestation = { "vnd.docker.reference.type": "attestation-manifest" };
const platformless = { platform: undefined };
const NEVER_CHOSEN: [name: string, entry: Descriptor][] = [
  ["half a platform", entry({ architecture: "", os: "linux" })],
  ["an unknown platform", entry("unknown/unknown")],
  ["an attestation", entry("linux/amd64", { annotations: attestation })],
  [
    "an attestation without a platform",
    entry("linux/amd64", { ...platformless, annotations: attestation }),
  ],
  [
    "an artifact without a platform",
    entry("linux/amd64", { ...platformless, artifactType: "text/plain" }),
  ],
  ["what is no manifest", entry("linux/amd64", { ...platformless, mediaType: "text/plain" })],
];

for (const [name, skipped] of NEVER_CHOSEN) {
  Deno.test(`choosePlatform never chooses ${name}, nor lists it`, () => {
    const wanted = formatPlatform(skipped.platform ?? { architecture: "amd64", os: "linux" });
    const platform = wanted.endsWith("/") ? "linux/amd64" : wanted;
    assertThrows(
      () => choosePlatform(indexOf(skipped), platform),
      ContentNotFoundError,
      `Cannot find ${platform} in the index: it names no platforms`,
    );
  });
}

for (const platform of [undefined, { architecture: "", os: "" }]) {
  const unnamed = entry("linux/amd64", { platform });
  const name = JSON.stringify(platform) ?? "no platform";
  Deno.test(`choosePlatform chooses the first entry with ${name} where none serves`, () => {
    const index = indexOf(entry("linux/arm64"), unnamed, entry("linux/386", { platform }));
    assertStrictEquals(choosePlatform(index, "linux/amd64"), unnamed);
    assertStrictEquals(choosePlatform(index, "linux/arm64"), index.manifests[0]);
  });
}

Deno.test("choosePlatform lists each platform once", () => {
  const index = indexOf(
    entry("linux/amd64"),
    entry("linux/arm64/v8"),
    entry("linux/amd64"),
    entry("windows(10.0.17763.1)/amd64"),
  );
  assertThrows(
    () => choosePlatform(index, "linux/s390x"),
    ContentNotFoundError,
    "Cannot find linux/s390x in the index: " +
      "it has linux/amd64, linux/arm64/v8, windows(10.0.17763.1)/amd64",
  );
});

Deno.test("choosePlatform lists 20 platforms at most, and escapes them", () => {
  const many = Array.from({ length: 50 }, (_, i) => entry({ os: "linux", architecture: `a${i}` }));
  assertThrows(
    () => choosePlatform(indexOf(...many), "linux/b"),
    ContentNotFoundError,
    "linux/a19 and 30 more",
  );
  const foreign = entry({ os: "linux", architecture: "\u001b[31m".repeat(1_000) });
  const error = assertThrows(() => choosePlatform(indexOf(foreign), "linux/b"), Error);
  assertEquals(error.message.includes("\u001b"), false);
  assertEquals(error.message.length < 1_000, true);
});

for (const platform of ["linux", {}, { os: "linux" }, { architecture: "amd64" }, undefined]) {
  Deno.test(`choosePlatform refuses the platform ${JSON.stringify(platform)}`, () => {
    assertThrows(
      () => choosePlatform(indexOf(entry("linux/amd64")), platform as string),
      InvalidOptionError,
      "Cannot use 'platform'",
    );
  });
}

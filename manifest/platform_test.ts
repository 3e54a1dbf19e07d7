import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ContentNotFoundError, InvalidOptionError } from "../errors.ts";
import type { Descriptor, Platform } from "../content/descriptor.ts";
import { choosePlatform, formatPlatform, parsePlatform } from "./platform.ts";
import type { ImageIndex } from "./types.ts";

const PARSED: { text: string; platform: Platform; formatted?: string }[] = [
  { text: "linux/amd64", platform: { architecture: "amd64", os: "linux" } },
  { text: "linux/arm64/v8", platform: { architecture: "arm64", os: "linux", variant: "v8" } },
  { text: "linux/arm/v7", platform: { architecture: "arm", os: "linux", variant: "v7" } },
  {
    text: "linux/arm/6",
    platform: { architecture: "arm", os: "linux", variant: "v6" },
    formatted: "linux/arm/v6",
  },
  {
    text: "Linux/X86_64",
    platform: { architecture: "amd64", os: "linux" },
    formatted: "linux/amd64",
  },
  {
    text: "linux/x86-64/v3",
    platform: { architecture: "amd64", os: "linux", variant: "v3" },
    formatted: "linux/amd64/v3",
  },
  { text: "linux/i386", platform: { architecture: "386", os: "linux" }, formatted: "linux/386" },
  {
    text: "macos/aarch64",
    platform: { architecture: "arm64", os: "darwin" },
    formatted: "darwin/arm64",
  },
  {
    text: "linux/armhf",
    platform: { architecture: "arm", os: "linux", variant: "v7" },
    formatted: "linux/arm/v7",
  },
  {
    text: "linux/armel",
    platform: { architecture: "arm", os: "linux", variant: "v6" },
    formatted: "linux/arm/v6",
  },
  { text: "plan9/constructor", platform: { architecture: "constructor", os: "plan9" } },
  {
    text: "windows(10.0.17763)/amd64",
    platform: { architecture: "amd64", os: "windows", "os.version": "10.0.17763" },
  },
  {
    text: "windows/amd64:10.0.17763.1",
    platform: { architecture: "amd64", os: "windows", "os.version": "10.0.17763.1" },
    formatted: "windows(10.0.17763.1)/amd64",
  },
  {
    text: "windows(10.0+win32k+x%2By)/amd64/v2",
    platform: {
      architecture: "amd64",
      os: "windows",
      "os.version": "10.0",
      "os.features": ["win32k", "x+y"],
      variant: "v2",
    },
  },
  {
    text: "linux(+erofs)/riscv64/rva23u64",
    platform: {
      architecture: "riscv64",
      os: "linux",
      "os.features": ["erofs"],
      variant: "rva23u64",
    },
  },
];

for (const { text, platform, formatted = text } of PARSED) {
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

/** `chosen` is the place in `has`; `undefined` where nothing fits. */
const CHOICES: { wanted: string; has: string[]; chosen: number | undefined; why: string }[] = [
  { wanted: "linux/amd64", has: ["linux/arm64", "linux/amd64"], chosen: 1, why: "the same" },
  { wanted: "linux/amd64", has: ["linux/amd64", "linux/amd64"], chosen: 0, why: "the first" },
  { wanted: "linux/amd64", has: ["linux/amd64/v1"], chosen: 0, why: "v1 is the default" },
  { wanted: "linux/amd64/v1", has: ["linux/amd64"], chosen: 0, why: "v1 is the default" },
  { wanted: "linux/amd64", has: ["linux/amd64/v3"], chosen: undefined, why: "v3 is too new" },
  {
    wanted: "linux/amd64/v3",
    has: ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"],
    chosen: 1,
    why: "the nearest older",
  },
  { wanted: "linux/amd64", has: ["linux/386"], chosen: undefined, why: "another architecture" },
  { wanted: "linux/arm64", has: ["linux/arm64/v8"], chosen: 0, why: "v8 is the default" },
  { wanted: "linux/arm64/v8", has: ["linux/arm/v7", "linux/arm64"], chosen: 1, why: "the default" },
  { wanted: "linux/arm64", has: ["linux/arm/v7"], chosen: undefined, why: "another architecture" },
  { wanted: "linux/arm64", has: ["linux/arm64/v9"], chosen: undefined, why: "v9 is too new" },
  {
    wanted: "linux/arm64/v9",
    has: ["linux/arm64", "linux/arm64/v8.5", "linux/arm64/v8.6"],
    chosen: 1,
    why: "v9.0 has v8.5",
  },
  {
    wanted: "linux/arm64/v9.1",
    has: ["linux/arm64/v8.6", "linux/arm64/v9", "linux/arm64/v9.2"],
    chosen: 0,
    why: "v9.1 has v8.6",
  },
  {
    wanted: "linux/arm64/v8.2",
    has: ["linux/arm64", "linux/arm64/v8.1"],
    chosen: 1,
    why: "nearest",
  },
  {
    wanted: "linux/arm64/v9",
    has: ["linux/arm64/v8.5", "linux/arm64/v9"],
    chosen: 1,
    why: "v9.0 is more than v8.5",
  },
  { wanted: "linux/arm64/v8.5", has: ["linux/arm64/v9"], chosen: undefined, why: "v9 is too new" },
  {
    wanted: "linux/riscv64/v2",
    has: ["linux/riscv64/v1"],
    chosen: undefined,
    why: "the variants have no known order",
  },
  { wanted: "linux/arm", has: ARMS, chosen: 2, why: "v7 is the default" },
  { wanted: "linux/arm/v7", has: ARMS.slice(0, 2), chosen: 1, why: "v6 before v5" },
  { wanted: "linux/arm/v7", has: ["linux/arm"], chosen: 0, why: "v7 is the default" },
  { wanted: "linux/arm/v6", has: ["linux/arm", "linux/arm/v5"], chosen: 1, why: "v7 is too new" },
  { wanted: "linux/arm/v8", has: ARMS, chosen: 3, why: "the same" },
  { wanted: "linux/arm/v5", has: ARMS.slice(1), chosen: undefined, why: "all are too new" },
  { wanted: "linux/armhf", has: ARMS, chosen: 2, why: "another name of arm/v7" },
  { wanted: "linux/ppc64le", has: ["linux/ppc64le"], chosen: 0, why: "no variants" },
  { wanted: "linux/ppc64le", has: ["linux/ppc64le/power9"], chosen: undefined, why: "not stated" },
  {
    wanted: "linux/riscv64/rva23u64",
    has: ["linux/riscv64", "linux/riscv64/rva23u64"],
    chosen: 1,
    why: "an unknown variant must be the same",
  },
  { wanted: "linux/arm64/v7", has: ["linux/arm64"], chosen: undefined, why: "there is no such" },
  { wanted: "darwin/arm64", has: ["linux/arm64", "macos/aarch64"], chosen: 1, why: "other names" },
  { wanted: "windows/amd64", has: WINDOWS, chosen: 0, why: "no version asked for: the first" },
  { wanted: "windows(10.0.17763)/amd64", has: WINDOWS, chosen: 2, why: "the highest of the build" },
  { wanted: "windows(10.0.17763.200)/amd64", has: WINDOWS, chosen: 3, why: "the very version" },
  { wanted: "windows(10.0.17763.7)/amd64", has: WINDOWS, chosen: 2, why: "the same build" },
  { wanted: "windows(10.0.14393)/amd64", has: WINDOWS, chosen: 4, why: "any, then" },
  {
    wanted: "windows(10.0.1776)/amd64",
    has: WINDOWS.slice(0, 4),
    chosen: undefined,
    why: "numbers are compared, not letters",
  },
  { wanted: "linux(5.1)/amd64", has: ["linux(5.2)/amd64"], chosen: undefined, why: "the version" },
  {
    wanted: "linux(5.1.2.3)/amd64",
    has: ["linux(5.1.2.4)/amd64"],
    chosen: undefined,
    why: "the fourth number counts but on Windows",
  },
  { wanted: "linux(5)/amd64", has: ["linux(5.2)/amd64"], chosen: 0, why: "the version's start" },
  {
    wanted: "linux/amd64",
    has: ["linux(+erofs)/amd64", "linux/amd64"],
    chosen: 1,
    why: "features not asked for come last",
  },
  {
    wanted: "linux(+erofs)/amd64",
    has: ["linux/amd64", "linux(+erofs)/amd64"],
    chosen: 1,
    why: "features asked for come first",
  },
  { wanted: "windows/amd64", has: ["windows(+win32k)/amd64"], chosen: 0, why: "the only one" },
];

for (const { wanted, has, chosen, why } of CHOICES) {
  const from = has.join(", ");
  Deno.test(`choosePlatform ${wanted} of ${from}: ${why}`, () => {
    const index = indexOf(...has.map((platform) => entry(platform)));
    if (chosen === undefined) {
      assertThrows(() => choosePlatform(index, wanted), ContentNotFoundError, wanted.split("/")[0]);
    } else {
      assertStrictEquals(choosePlatform(index, wanted), index.manifests[chosen]);
      assertStrictEquals(choosePlatform(index, parsePlatform(wanted)), index.manifests[chosen]);
    }
  });
}

const attestation = { "vnd.docker.reference.type": "attestation-manifest" };
const NEVER_CHOSEN: { name: string; entry: Descriptor }[] = [
  { name: "half a platform", entry: entry({ architecture: "", os: "linux" }) },
  {
    name: "an attestation without a platform",
    entry: entry("linux/amd64", { platform: undefined, annotations: attestation }),
  },
  {
    name: "an artifact without a platform",
    entry: entry("linux/amd64", { platform: undefined, artifactType: "text/plain" }),
  },
  {
    name: "what is no manifest",
    entry: entry("linux/amd64", { platform: undefined, mediaType: "text/plain" }),
  },
  { name: "an unknown platform", entry: entry("unknown/unknown") },
  {
    name: "an attestation",
    entry: entry("linux/amd64", { annotations: attestation }),
  },
];

for (const { name, entry: skipped } of NEVER_CHOSEN) {
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

import { assertEquals } from "@std/assert";
import { derivedFrom, isDerivedTag } from "./derived_tag.ts";

const SHORT = "0123456789abcdef".repeat(4);
const LONG = SHORT.repeat(2);

const TAGS: [tag: string, derived: boolean, digest?: string][] = [
  [`sha256-${SHORT}`, true, `sha256:${SHORT}`],
  ...["sig", "att", "sbom", "src", "SIG", "source-image", "v2_scan", "sbom.json"].map((
    ending,
  ): [string, boolean, string] => [`sha256-${SHORT}.${ending}`, true, `sha256:${SHORT}`]),
  // The fallback tag cuts a sha512: which digest it was is not in it.
  [`sha512-${SHORT}`, true],
  [`sha512-${SHORT}.sig`, true],
  // No tag of a registry is so long; a folder's name may be.
  [`sha512-${LONG}`, true, `sha512:${LONG}`],
  [`sha512-${LONG}.sig`, true, `sha512:${LONG}`],
  ["latest", false],
  [`sha256-${SHORT.slice(1)}`, false],
  [`sha256-${SHORT}0`, false],
  [`sha256-${LONG}`, false],
  [`sha256-${SHORT.toUpperCase()}`, false],
  [`sha256-${SHORT}-amd64`, false],
  [`sha256-${SHORT}.`, false],
  [`v1-sha256-${SHORT}.sig`, false],
  [`sha384-${SHORT}`, false],
];

for (const [tag, derived, digest] of TAGS) {
  Deno.test(`derived tags: ${tag} is ${derived ? "one" : "none"}`, () => {
    assertEquals(isDerivedTag(tag), derived);
    assertEquals(derivedFrom(tag) as string | undefined, digest);
  });
}

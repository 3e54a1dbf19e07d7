import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { InvalidReferenceError } from "../errors.ts";
import { familiarReference, formatReference, parseReference, type Reference } from "./reference.ts";
import { checkRepositoryName } from "./repository_name.ts";
import { checkTag } from "./tag.ts";

const ROUNDS = 5_000;

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = seeded(20_240_229);

function pick<T>(choices: ArrayLike<T>): T {
  return choices[Math.floor(random() * choices.length)]!;
}

function repeat(most: number, make: () => string, between = ""): string {
  return Array.from({ length: 1 + Math.floor(random() * most) }, make).join(between);
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const word = () => repeat(4, () => pick(LETTERS));
const component = () =>
  repeat(3, () => word() + pick(["", ".", "_", "__", "-", "--", "---"]) + word(), "-");
const name = () => repeat(4, component, "/");
const label = () => pick("abcXYZ") + repeat(3, word, "-");
/** A registry; or the first component of a name without one, which must not look like a host. */
const host = () =>
  pick([
    `${word()}/`,
    "docker.io/",
    "index.docker.io/",
    "Registry-1.docker.io/",
    "localhost/",
    "localhost:5000/",
    `127.0.0.1:${1 + Math.floor(random() * 65535)}/`,
    "[::1]:5000/",
    "[2001:DB8:0:0::7]/",
    `${label()}:8080/`,
    `${label()}.${label()}/`,
    `http://${label()}.example/`,
    `https://${label()}.example:444/`,
    "https://docker.io/",
    "https://index.docker.io/v1/",
  ]);
const tag = () => pick(["", `:${pick("aZ0_")}${repeat(5, () => pick("aZ0_.-"))}`]);
const hex = (length: number) => Array.from({ length }, () => pick("0123456789abcdef")).join("");
const digest = () =>
  pick(["", "", `@sha256:${hex(64)}`, `@sha512:${hex(128)}`, `@a+b.c:${word()}=`]);

function withoutScheme({ scheme: _, ...rest }: Reference): Reference {
  return rest;
}

function assertStable(text: string, reference: Reference): void {
  const canonical = formatReference(reference);
  assertEquals(parseReference(canonical), reference, `${text} → ${canonical}`);
  assertEquals(formatReference(parseReference(canonical)), canonical, text);
  const familiar = familiarReference(reference);
  assertEquals(parseReference(familiar), withoutScheme(reference), `${text} → ${familiar}`);
  assertEquals(familiarReference(parseReference(familiar)), familiar, text);
  assert(familiar.length <= canonical.length, text);
}

Deno.test(`parse and format: ${ROUNDS} references come back as they were`, () => {
  for (let round = 0; round < ROUNDS; round++) {
    const text = host() + name() + tag() + digest();
    assertStable(text, parseReference(text));
  }
});

Deno.test(`parse and format: ${ROUNDS} damaged references are refused, or come back as they were`, () => {
  const damage = "aA0./:@-_[]%?# \\\0\n\u212aä😀";
  let parsed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const characters = [...host() + name() + tag() + digest()];
    for (let times = 1 + Math.floor(random() * 2); times > 0; times--) {
      const at = Math.floor(random() * characters.length);
      characters.splice(at, pick([0, 1]), ...pick([[], [pick([...damage])]]));
    }
    const text = characters.join("");
    let reference: Reference;
    try {
      reference = parseReference(text);
    } catch (error) {
      assertInstanceOf(error, InvalidReferenceError, text);
      continue;
    }
    parsed++;
    assertStable(text, reference);
    checkRepositoryName(reference.repository);
    if (reference.tag !== undefined) checkTag(reference.tag);
    // What passes is one path of one host for a URL parser too.
    const url = new URL(`https://${reference.registry}/v2/${reference.repository}/tags/list`);
    assertEquals(url.pathname, `/v2/${reference.repository}/tags/list`, text);
    // One in capitals is a host by its capitals alone.
    const where = reference.registry.replace(/:443$/, "");
    assertEquals(url.host, /[.:]/.test(where) ? where : where.toLowerCase(), text);
    assertEquals(url.username + url.password + url.search + url.hash, "", text);
  }
  assert(parsed > ROUNDS / 10 && parsed < ROUNDS, `${parsed} of ${ROUNDS} were references`);
});

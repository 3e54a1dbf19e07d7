import { assertEquals, assertRejects } from "@std/assert";
import { InvalidOptionError, InvalidReferenceError, RegistryResponseError } from "../errors.ts";
import { failure, fakeRegistry, json, reset, steps } from "./fake_registry_test.ts";
import { putManifest } from "./manifests.ts";
import { IMAGE, manifestAnswer, OTHER_IMAGE, sampleOf } from "./sample_manifests_test.ts";

const MANIFESTS = "/v2/app/manifests";
const { digest, sha512 } = IMAGE;

function created(...tags: string[]): Response {
  const headers = new Headers();
  for (const tag of tags) headers.append("oci-tag", tag);
  return new Response(null, { status: 201, headers });
}

interface Case {
  name: string;
  ref?: string;
  tags: string[];
  answers: (Response | Error)[];
  lines: string[];
}

const PUT = `PUT ${MANIFESTS}`;

const CASES: Case[] = [
  {
    name: "all in one request",
    tags: ["a", "b"],
    answers: [created("a", "b")],
    lines: [`${PUT}/${digest}?tag=a&tag=b`],
  },
  {
    name: "listed in one header",
    tags: ["a", "b"],
    answers: [created("a , b")],
    lines: [`${PUT}/${digest}?tag=a&tag=b`],
  },
  {
    name: "none: as ever",
    tags: [],
    answers: [created()],
    lines: [`${PUT}/${digest}`],
  },
  {
    name: "each once, and no character escaped",
    tags: ["_A.b-c", "a", "_A.b-c"],
    answers: [created("_A.b-c", "a")],
    lines: [`${PUT}/${digest}?tag=_A.b-c&tag=a`],
  },
  {
    name: "a registry that does not know it: one by one",
    tags: ["a", "b"],
    answers: [created(), created(), created()],
    lines: [`${PUT}/${digest}?tag=a&tag=b`, `${PUT}/a`, `${PUT}/b`],
  },
  {
    name: "what is not listed: one by one",
    tags: ["a", "b", "c"],
    answers: [created("a", "c"), created()],
    lines: [`${PUT}/${digest}?tag=a&tag=b&tag=c`, `${PUT}/b`],
  },
  {
    name: "a tag that only looks like a listed one",
    tags: ["a"],
    answers: [created("ab"), created()],
    lines: [`${PUT}/${digest}?tag=a`, `${PUT}/a`],
  },
  ...[414, 431].map((status) => ({
    name: `${status}: one by one`,
    tags: ["a", "b"],
    answers: [failure(status, "UNSUPPORTED"), created(), created(), created()],
    lines: [`${PUT}/${digest}?tag=a&tag=b`, `${PUT}/${digest}`, `${PUT}/a`, `${PUT}/b`],
  })),
  {
    name: "sha512: in one request",
    ref: sha512,
    tags: ["a"],
    answers: [created("a")],
    lines: [`${PUT}/${sha512}?tag=a`],
  },
  {
    name: "sha512, 414: one by one, and still beside the digest",
    ref: sha512,
    tags: ["a", "b"],
    answers: [failure(414, "UNSUPPORTED"), created(), created("a"), created("b")],
    lines: [
      `${PUT}/${sha512}?tag=a&tag=b`,
      `${PUT}/${sha512}`,
      `${PUT}/${sha512}?tag=a`,
      `${PUT}/${sha512}?tag=b`,
    ],
  },
  {
    name: "sha512 on a registry that does not know it: by tag",
    ref: sha512,
    tags: ["a"],
    answers: [created(), created()],
    lines: [`${PUT}/${sha512}?tag=a`, `${PUT}/a`],
  },
  {
    name: "an answer that was lost: the tags are put, as none is known to be taken",
    tags: ["a"],
    answers: [reset(), manifestAnswer(IMAGE, {}, true), created()],
    lines: [`${PUT}/${digest}?tag=a`, `HEAD ${MANIFESTS}/${digest}`, `${PUT}/a`],
  },
];

for (const { name, ref = digest, tags, answers, lines } of CASES) {
  Deno.test(`end-7b PUT manifests with tags: ${name}`, async () => {
    const registry = fakeRegistry(steps(...answers));
    const given = Object.freeze([...tags]);
    const put = await putManifest(registry.channel, "app", ref, IMAGE.bytes, { tags: given });
    assertEquals(put.descriptor.digest, ref);
    assertEquals(registry.lines(), lines);
    // The fake reads no body of what it refuses.
    const taken = registry.seen.filter(({ method }, at) =>
      method === "PUT" && (answers[at] as Response).ok
    );
    for (const seen of taken) {
      assertEquals(seen.text, new TextDecoder().decode(IMAGE.bytes));
      assertEquals(seen.headers.get("content-type"), IMAGE.mediaType);
    }
    registry.assertClosed();
  });
}

Deno.test("end-7b PUT manifests with tags: its referrer is recorded once", async () => {
  const { bytes, digest } = await sampleOf(
    { ...IMAGE.json, subject: OTHER_IMAGE.descriptor },
    IMAGE.mediaType,
  );
  const headers = { "oci-subject": OTHER_IMAGE.digest };
  const registry = fakeRegistry(({ method, line }) =>
    method === "PUT"
      ? new Response(null, { status: 201, headers })
      : line.includes("/referrers/")
      ? json({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [] }, {
        "content-type": INDEX_TYPE,
      })
      : failure(404, "MANIFEST_UNKNOWN")
  );
  await putManifest(registry.channel, "app", digest, bytes, { tags: ["a", "b"] });
  const puts = registry.lines().filter((line) => line.startsWith("PUT "));
  assertEquals(puts, [`${PUT}/${digest}?tag=a&tag=b`, `${PUT}/a`, `${PUT}/b`]);
  assertEquals(registry.lines().filter((line) => line.includes("/referrers/")).length, 1);
});

const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

Deno.test("end-7b PUT manifests with tags: a tag as the reference, nothing sent", async () => {
  const registry = fakeRegistry(steps());
  await assertRejects(
    () => putManifest(registry.channel, "app", "v1", IMAGE.bytes, { tags: ["a"] }),
    InvalidOptionError,
    'needs a digest as the reference: current value is "v1"',
  );
  assertEquals(registry.lines(), []);
});

for (const bad of ["", "a b", "a&tag=b", "-a", "a".repeat(129)]) {
  Deno.test(`end-7b PUT manifests with tags: ${JSON.stringify(bad).slice(0, 20)}, nothing sent`, async () => {
    const registry = fakeRegistry(steps());
    await assertRejects(
      () => putManifest(registry.channel, "app", digest, IMAGE.bytes, { tags: ["a", bad] }),
      InvalidReferenceError,
    );
    assertEquals(registry.lines(), []);
  });
}

for (const status of [400, 413]) {
  Deno.test(`end-7b PUT manifests with tags: ${status} is an error`, async () => {
    const registry = fakeRegistry(steps(failure(status, "MANIFEST_INVALID")));
    await assertRejects(
      () => putManifest(registry.channel, "app", digest, IMAGE.bytes, { tags: ["a"] }),
      RegistryResponseError,
    );
    assertEquals(registry.seen.length, 1);
  });
}

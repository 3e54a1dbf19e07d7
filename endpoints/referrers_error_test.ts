/** A push that landed, and whose subject's list could not be written. */
import { assert, assertEquals } from "@std/assert";
import {
  ForbiddenError,
  LimitError,
  ManifestVerificationError,
  ReferrersListError,
  RegistryResponseError,
  TagImmutableError,
} from "../errors.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { FakeManifests } from "./fake_manifests_test.ts";
import { type ErrorClass, failure, fakeRegistry, type Seen } from "./fake_registry_test.ts";
import { SUBJECT, TAG } from "./fake_referrers_test.ts";
import { putManifest } from "./manifests.ts";
import { artifactOf, IMAGE, OTHER_IMAGE, sampleOf } from "./sample_manifests_test.ts";

const ONE = await artifactOf(IMAGE.descriptor, "one");

interface Failure {
  name: string;
  /** What is on the registry before. */
  before?: (server: FakeManifests) => void | Promise<void>;
  answer?: (seen: Seen) => Response | undefined;
  cause: ErrorClass;
  message: string;
  retryable?: boolean;
}

const isWrite = ({ method, url }: Seen) => method === "PUT" && url.pathname.endsWith(TAG);
const isTag = ({ url }: Seen) => url.pathname.endsWith(TAG);
const broken = await sampleOf(
  { schemaVersion: 2, manifests: [], layers: [] },
  MEDIA_TYPES.ociIndex,
);

const FAILURES: Failure[] = [
  {
    name: "the tag cannot be moved",
    before: (server) => server.putIndex(TAG, []),
    answer: (seen) => isWrite(seen) ? failure(400, "TAG_IMMUTABLE") : undefined,
    cause: TagImmutableError,
    message: "; let tags that begin with sha256- be moved, as the list is kept under one",
  },
  {
    name: "the tag may not be written",
    answer: (seen) => isWrite(seen) ? failure(403, "DENIED") : undefined,
    cause: ForbiddenError,
    message: `Cannot put the manifest registry.test/app:${TAG}: 403 DENIED`,
  },
  {
    name: "the tag may not be read",
    answer: (seen) => isTag(seen) ? failure(403, "DENIED") : undefined,
    cause: ForbiddenError,
    message: `Cannot get the manifest registry.test/app:${TAG}: 403 DENIED`,
  },
  {
    name: "the registry fails",
    answer: (seen) => isWrite(seen) ? new Response(null, { status: 503 }) : undefined,
    cause: RegistryResponseError,
    message: "503",
    retryable: true,
  },
  {
    name: "the list is too large for the registry",
    answer: (seen) => isWrite(seen) ? failure(413, "SIZE_INVALID") : undefined,
    cause: RegistryResponseError,
    message: "413 SIZE_INVALID",
  },
  {
    name: "the list is too large to read",
    before: async (server) => {
      const other = { ...ONE.descriptor, annotations: { text: "x".repeat(100_000) } };
      await server.putIndex(TAG, [other]);
    },
    cause: LimitError,
    message: "manifestBytes",
  },
  {
    name: "the tag names an image",
    before: (server) => {
      server.add(OTHER_IMAGE);
      server.tags.set(TAG, OTHER_IMAGE.digest);
    },
    cause: ManifestVerificationError,
    message: "not an OCI index",
  },
  {
    name: "the tag names a broken index",
    before: (server) => {
      server.add(broken);
      server.tags.set(TAG, broken.digest);
    },
    cause: ManifestVerificationError,
    message: "both manifests and layers",
  },
  {
    name: "other writers win each time",
    before: (server) => {
      server.afterPut = async (reference) => {
        if (reference === TAG) await server.putIndex(TAG, []);
      };
    },
    cause: ReferrersListError,
    message: "other writers won 10 times",
    retryable: true,
  },
];

for (const { name, before, answer, cause, message, retryable = false } of FAILURES) {
  Deno.test(`end-7 with a subject: pushed, and not listed, as ${name}`, async () => {
    const server = new FakeManifests();
    server.add(IMAGE);
    await before?.(server);
    const tag = server.tags.get(TAG);
    server.intercept = (seen) => answer?.(seen);
    const registry = fakeRegistry(server.handler, { limits: { manifestBytes: 50_000 } });
    const result = await putManifest(registry.channel, "app", ONE.digest, ONE.bytes);
    const { descriptor, referrersError: error } = result;
    assertEquals(descriptor, ONE.descriptor);
    assert(error instanceof ReferrersListError);
    assert(error.cause instanceof cause, String(error.cause));
    const begins =
      `Cannot list ${ONE.digest} among the referrers of ${SUBJECT} in registry.test/app: ` +
      "it is pushed, but its subject's list is not written: ";
    assert(error.message.startsWith(begins) && error.message.includes(message), error.message);
    const { code, digest, subject, pushed } = error;
    assertEquals(
      { code, digest, subject, pushed, retryable: error.retryable },
      {
        code: "REFERRERS_LIST_FAILED",
        digest: ONE.digest,
        subject: SUBJECT,
        pushed: true,
        retryable,
      },
    );
    // What was there before is as it was.
    assert(server.manifests.has(ONE.digest) && server.manifests.has(SUBJECT));
    if (cause !== ReferrersListError) assertEquals(server.tags.get(TAG), tag);
    registry.assertClosed();
  });
}

Deno.test("end-7 with a subject: pushed again, it is listed, and there is no error", async () => {
  const server = new FakeManifests();
  server.intercept = (seen) => isWrite(seen) ? failure(403, "DENIED") : undefined;
  const { channel } = fakeRegistry(server.handler);
  const push = () => putManifest(channel, "app", ONE.digest, ONE.bytes);
  assert((await push()).referrersError !== undefined);
  server.intercept = () => undefined;
  assertEquals("referrersError" in await push(), false);
  assertEquals(server.entries(TAG)!.length, 1);
});

const REFUSED: [name: string, answer: () => Response][] = [
  ["401", () => new Response(null, { status: 401 })],
  ["403", () => failure(403, "DENIED")],
  ["500", () => new Response(null, { status: 500 })],
];

for (const [name, answer] of REFUSED) {
  Deno.test(`end-7 with a subject: OCI-Subject, and an API that answers ${name}: the tag`, async () => {
    const server = new FakeManifests();
    server.ociSubject = true;
    server.intercept = ({ url }) => url.pathname.includes("/referrers/") ? answer() : undefined;
    const { channel } = fakeRegistry(server.handler);
    const result = await putManifest(channel, "app", ONE.digest, ONE.bytes);
    assertEquals([result.referrersError, server.entries(TAG)!.length], [undefined, 1]);
  });
}

Deno.test("end-7 with a subject: OCI-Subject, and an API that answered before is believed", async () => {
  const server = new FakeManifests();
  server.ociSubject = true;
  server.intercept = ({ url }) =>
    url.pathname.includes("/referrers/") ? failure(403, "DENIED") : undefined;
  const { channel } = fakeRegistry(server.handler);
  channel.capabilities.referrersApi = true;
  const result = await putManifest(channel, "app", ONE.digest, ONE.bytes);
  assertEquals([result.referrersError, server.tags.has(TAG)], [undefined, false]);
});

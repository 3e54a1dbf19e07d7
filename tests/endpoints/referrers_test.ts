import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  buildIndex,
  connect,
  type Descriptor,
  fallbackTag,
  MEDIA_TYPES,
  NotFoundError,
  type RegistryClientV2,
} from "../../mod.ts";
import { clientOptions, type OnRegistry, testRegistries } from "./on_registries.ts";
import { NOWHERE, pushArtifact } from "./samples.ts";

const SBOM = "application/vnd.example.sbom";
const SCAN = "application/vnd.example.scan";

async function digests(client: RegistryClientV2, digest: string, artifactType?: string) {
  const options = artifactType === undefined ? {} : { artifactType };
  const { manifests } = await client.listReferrers({ digest, ...options });
  return manifests.map((each) => each.digest).sort();
}

function sorted(descriptors: Descriptor[]): string[] {
  return descriptors.map(({ digest }) => digest).sort();
}

/** Fails when one of these is not among those. */
function assertSome(some: string[], all: string[]): void {
  assertEquals(some.filter((each) => !all.includes(each)), []);
}

async function gather(descriptors: AsyncIterable<Descriptor>): Promise<Descriptor[]> {
  const all: Descriptor[] = [];
  for await (const descriptor of descriptors) all.push(descriptor);
  return all;
}

/** Deletes a manifest as a client does that knows nothing of subjects. */
async function deleteOnly({ registry }: OnRegistry, { repo }: RegistryClientV2, digest: string) {
  const { origin } = registry;
  const channel = connect(origin, clientOptions(registry));
  const url = new URL(`/v2/${repo.remoteName}/manifests/${digest}`, origin);
  const { response } = await channel.send({
    method: "DELETE",
    url,
    headers: new Headers(),
    intent: { repository: repo.remoteName, actions: ["delete"] },
    purpose: "registry",
    what: "delete a manifest alone",
  });
  await response.body?.cancel();
  assertEquals(response.status, 202);
}

testRegistries("referrers", [
  ["end-12 GET referrers: three attached, each with its type and annotations", async (on) => {
    const client = on.client();
    const subject = await pushArtifact(client, { tag: "v1" });
    assertEquals(await digests(client, subject.digest), []);
    const attached = [];
    for (const [at, artifactType] of [SBOM, SCAN, SCAN].entries()) {
      const annotations = { "example.number": String(at) };
      attached.push(await pushArtifact(client, { artifactType, annotations, subject }));
    }
    const list = await client.listReferrers({ digest: subject.digest });
    assertEquals(list.fromTag, !on.can("referrers"));
    assertEquals(sorted(list.manifests), sorted(attached));
    for (const found of list.manifests) {
      const at = attached.findIndex(({ digest }) => digest === found.digest);
      const { mediaType, digest, size } = attached[at]!;
      assertEquals(found, {
        ...{ mediaType, digest, size },
        artifactType: at === 0 ? SBOM : SCAN,
        annotations: { "example.number": String(at) },
      });
    }
    assertEquals(await digests(client, subject.digest, SCAN), sorted(attached.slice(1)));
    const filtered = await client.listReferrers({ digest: subject.digest, artifactType: SBOM });
    assertEquals(filtered.filtersApplied, on.can("referrers") ? ["artifactType"] : []);
    assertEquals(sorted(filtered.manifests), sorted(attached.slice(0, 1)));
    assertEquals(await digests(client, subject.digest, "application/vnd.example.none"), []);
    const one = await gather(client.referrers(subject.digest, { artifactType: SBOM }));
    assertEquals(one.map(({ artifactType }) => artifactType), [SBOM]);
    assertEquals(sorted(await gather(client.referrers(subject.digest))), sorted(attached));
    // A referrer has none of its own.
    assertEquals(await digests(client, attached[0]!.digest), []);
  }],
  ["end-12: what one client attached, another one lists", async (on) => {
    const client = on.client();
    const subject = await pushArtifact(client, { tag: "v1" });
    const { digest } = await pushArtifact(client, { artifactType: SBOM, subject });
    const other = on.stranger({ repo: client.repo });
    assertEquals(await digests(other, subject.digest), [digest]);
    assertEquals(await digests(other, subject.digest, SCAN), []);
  }],
  ["end-9 DELETE of a referrer: it is listed no more", async (on) => {
    const client = on.client();
    const subject = await pushArtifact(client, { tag: "v1" });
    const first = await pushArtifact(client, { artifactType: SBOM, subject });
    const second = await pushArtifact(client, { artifactType: SCAN, subject });
    await client.deleteManifest({ ref: first.digest });
    await assertRejects(() => client.headManifest({ ref: first.digest }), NotFoundError);
    assertEquals(await digests(client, subject.digest), [second.digest]);
    // The last one: the fallback tag goes too, or is left with an empty index.
    await client.deleteManifest({ ref: second.digest });
    assertEquals(await digests(client, subject.digest), []);
    const ref = fallbackTag(subject.digest);
    if (!on.can("referrers") && !on.can("delete tags")) {
      const { manifest } = await client.getManifest({ ref });
      assertEquals(manifest, { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [] });
    } else {
      await assertRejects(() => client.headManifest({ ref }), NotFoundError);
    }
    const third = await pushArtifact(client, { artifactType: SBOM, subject });
    assertEquals(await digests(client, subject.digest), [third.digest]);
  }],
  ["end-9 DELETE of a referrer by a client that knows nothing of the registry", async (on) => {
    const client = on.client();
    const subject = await pushArtifact(client, { tag: "v1" });
    const first = await pushArtifact(client, { artifactType: SBOM, subject });
    const second = await pushArtifact(client, { artifactType: SBOM, subject });
    await on.stranger({ repo: client.repo }).deleteManifest({ ref: first.digest });
    assertEquals(await digests(client, subject.digest), [second.digest]);
  }],
  ["end-7 PUT with a subject: ten at once, and none is lost", async (on) => {
    const client = on.stranger(); // which has yet to learn whether there is an API
    const subject = await pushArtifact(client, { tag: "v1" });
    const attached = await Promise.all(
      Array.from({ length: 10 }, () => pushArtifact(client, { artifactType: SCAN, subject })),
    );
    for (const { digest } of attached) await client.headManifest({ ref: digest });
    const listed = await digests(client, subject.digest);
    if (on.can("changes at once")) assertEquals(listed, sorted(attached));
    else assertSome(listed, sorted(attached));
  }],
  ["end-7 PUT and end-9 DELETE with a subject: five and five at once", async (on) => {
    const client = on.client();
    const subject = await pushArtifact(client, { tag: "v1" });
    const gone: Descriptor[] = [];
    for (let count = 0; count < 5; count++) {
      gone.push(await pushArtifact(client, { artifactType: SCAN, subject }));
    }
    const added = await Promise.all(gone.map(async ({ digest }) => {
      await client.deleteManifest({ ref: digest });
      return await pushArtifact(client, { artifactType: SBOM, subject });
    }));
    for (const { digest } of gone) {
      await assertRejects(() => client.headManifest({ ref: digest }), NotFoundError);
    }
    for (const { digest } of added) await client.headManifest({ ref: digest });
    const listed = await digests(client, subject.digest);
    if (on.can("changes at once")) assertEquals(listed, sorted(added));
    else assertSome(listed, sorted([...gone, ...added]));
  }],
  [
    "a referrer that others deleted, and left in the fallback tag, is in nobody's way",
    async (on) => {
      const client = on.client();
      const subject = await pushArtifact(client, { tag: "v1" });
      const lost = await pushArtifact(client, { artifactType: SCAN, subject });
      const { digest: kept } = await pushArtifact(client, { artifactType: SBOM, subject });
      await deleteOnly(on, client, lost.digest);
      const { digest } = await pushArtifact(client, { artifactType: SCAN, subject });
      const listed = await digests(client, subject.digest);
      assertEquals(listed, [kept, digest].sort());
    },
  ],
  ["end-7 PUT with a subject: twice is once", async (on) => {
    const client = on.client();
    const subject = await pushArtifact(client, { tag: "v1" });
    const { digest } = await pushArtifact(client, { artifactType: SBOM, subject });
    const { bytes: manifestData } = await client.getManifest({ ref: digest });
    await client.putManifest({ manifestData, ref: digest });
    await client.putManifest({ manifestData, ref: "sbom" });
    assertEquals(await digests(client, subject.digest), [digest]);
  }],
  ["end-7 PUT with a subject that is not there: it is listed", async (on) => {
    const client = on.client();
    const subject = { mediaType: MEDIA_TYPES.ociManifest, digest: NOWHERE, size: 7 };
    const { digest } = await pushArtifact(client, { artifactType: SBOM, subject });
    assertEquals(await digests(client, NOWHERE), [digest]);
  }],
  ["end-7 PUT of an index with a subject: it is listed", async (on) => {
    const client = on.client();
    const subject = await pushArtifact(client, { tag: "v1" });
    const child = await pushArtifact(client);
    const { bytes, descriptor } = await buildIndex({
      artifactType: SBOM,
      manifests: [child],
      subject,
    });
    await client.putManifest({ manifestData: bytes, ref: descriptor.digest });
    const { manifests } = await client.listReferrers({ digest: subject.digest });
    assertEquals(
      manifests.map(({ mediaType, digest, artifactType }) => [mediaType, digest, artifactType]),
      [
        [MEDIA_TYPES.ociIndex, descriptor.digest, SBOM],
      ],
    );
  }],
  ["the referrers API is asked for once", async (on) => {
    const client = on.stranger();
    const subject = await pushArtifact(client, { tag: "v1" });
    for (let count = 0; count < 4; count++) await pushArtifact(client, { subject });
    await client.listReferrers({ digest: subject.digest });
    const asked = on.events.filter((event) =>
      event.type === "response" && event.status !== 401 &&
      event.url.includes(`/v2/${client.repo.remoteName}/referrers/`)
    );
    // To see whether an OCI-Subject answer is true, and to list; or that there is no such page.
    assertEquals(asked.length, on.can("referrers") ? 2 : 1);
  }],
  ["end-12 GET referrers: of an unknown repository", async (on) => {
    const client = on.client();
    // Without the API it is the fallback tag that is looked for.
    if (!on.can("referrers") && on.can("unknown repositories on pull")) {
      const error = await assertRejects(
        () => client.listReferrers({ digest: NOWHERE }),
        NotFoundError,
      );
      assertEquals(error.codes, ["NAME_UNKNOWN"]);
      return;
    }
    assertEquals(await digests(client, NOWHERE), []);
  }],
  ["the fallback tag is a tag: it is listed, where there is no API", async (on) => {
    const client = on.client();
    const subject = await pushArtifact(client, { tag: "v1" });
    await pushArtifact(client, { subject });
    const { tags } = await client.listTags();
    assert(tags.includes("v1"));
    assertEquals(tags.includes(fallbackTag(subject.digest)), !on.can("referrers"));
  }],
]);

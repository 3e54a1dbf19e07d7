/** What `task live` does with a real repository: verb by verb, each with a check of its own. */
import { assert, assertEquals } from "@std/assert";
import {
  type Bytes,
  type Descriptor,
  digestOf,
  MEDIA_TYPES,
  type RegistryClientV2,
} from "../../mod.ts";
import { randomBytes } from "../random_bytes.ts";

const MEBIBYTE = 1024 * 1024;

/** What was left on the repository, and has to go. */
export interface Scratch {
  client: RegistryClientV2;
  /** What every tag of this run begins with. */
  prefix: string;
  /** Digests of manifests, the newest last. */
  manifests: string[];
  tags: string[];
  /** Digests of blobs. */
  blobs: string[];
}

/** Pushes a blob and pulls it: it must be the same, and is to be deleted. */
async function pushPull(
  { client, blobs }: Scratch,
  bytes: Bytes,
  push: () => Promise<Descriptor>,
): Promise<void> {
  const { digest } = await push();
  blobs.push(digest);
  assertEquals(digest, await digestOf(bytes));
  assertEquals(await digestOf(await (await client.getBlob(digest)).bytes()), digest);
}

/** Pushes an image without layers that is equal to no other. */
async function pushImage(
  { client, prefix, manifests, tags, blobs }: Scratch,
  name: string,
  fields: Record<string, unknown> = {},
): Promise<Descriptor> {
  const config = await client.putBlob(
    new TextEncoder().encode(JSON.stringify({ created: prefix, name })),
    { mediaType: MEDIA_TYPES.ociConfig },
  );
  blobs.push(config.digest);
  const mediaType = MEDIA_TYPES.ociManifest;
  const manifestData = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [], ...fields }),
  );
  const digest = await digestOf(manifestData);
  const ref = "subject" in fields ? digest : `${prefix}-${name}`;
  await client.putManifest({ manifestData, ref });
  manifests.push(digest);
  if (ref !== digest) tags.push(ref);
  return { mediaType, digest, size: manifestData.byteLength };
}

export const VERBS: Readonly<Record<string, (scratch: Scratch) => Promise<void>>> = {
  "ping": async ({ client }) => void await client.ping(),
  "push 1 byte": (scratch) => {
    const bytes = randomBytes(1);
    return pushPull(scratch, bytes, () => scratch.client.putBlob(bytes));
  },
  "push 8 MiB": (scratch) => {
    const bytes = randomBytes(8 * MEBIBYTE);
    return pushPull(scratch, bytes, () => scratch.client.putBlob(bytes));
  },
  "push a stream of any length": (scratch) => {
    const bytes = randomBytes(5 * MEBIBYTE + 1);
    return pushPull(scratch, bytes, () => scratch.client.putBlob(new Blob([bytes]).stream()));
  },
  "push chunks of 5 MiB": (scratch) => {
    const bytes = randomBytes(11 * MEBIBYTE);
    const options = { chunkSize: 5 * MEBIBYTE };
    return pushPull(scratch, bytes, () => scratch.client.putBlob(bytes, options));
  },
  "pull a part": async ({ client, blobs }) => {
    const bytes = randomBytes(1024);
    const { digest } = await client.putBlob(bytes);
    blobs.push(digest);
    const part = await client.getBlob(digest, { range: { offset: 100, length: 24 } });
    assertEquals(await part.bytes(), bytes.slice(100, 124));
  },
  "push an image": async (scratch) => void await pushImage(scratch, "image"),
  "push the same tag again": async (scratch) => {
    const { client, prefix } = scratch;
    const { bytes } = await client.getManifest({ ref: `${prefix}-image` });
    await client.putManifest({ manifestData: bytes, ref: `${prefix}-image` });
  },
  "pull by tag and digest": async (scratch) => {
    const { client, prefix } = scratch;
    const pushed = await pushImage(scratch, "pulled");
    for (const ref of [`${prefix}-pulled`, pushed.digest]) {
      assertEquals((await client.headManifest({ ref })).digest, pushed.digest);
      assertEquals((await client.getManifest({ ref })).bytes.byteLength, pushed.size);
    }
  },
  "list tags": async (scratch) => {
    const { tags } = await scratch.client.listTags();
    assert(scratch.tags.every((tag) => tags.includes(tag)), "tags are missing in the list");
  },
  "attach and list referrers": async (scratch) => {
    const subject = await pushImage(scratch, "subject");
    scratch.tags.push(subject.digest.replace(":", "-")); // where there is no referrers API
    const referrer = await pushImage(scratch, "referrer", { subject });
    const { manifests } = await scratch.client.listReferrers({ digest: subject.digest });
    assertEquals(manifests.map(({ digest }) => digest), [referrer.digest]);
  },
};

/** Deletes whatever a run has left, the newest first; answers the code of each refusal, or "ok". */
export async function cleanUp(
  { client, manifests, tags, blobs }: Scratch,
  outcome: (run: () => Promise<unknown>) => Promise<string>,
): Promise<Record<string, string>> {
  const gone = (run: () => Promise<unknown>) =>
    outcome(async () => {
      try {
        await run();
      } catch (error) {
        if ((error as { code?: string }).code !== "NOT_FOUND") throw error;
      }
    });
  const all = async (refs: string[], run: (ref: string) => Promise<unknown>) => {
    const codes = new Set<string>();
    for (const ref of refs.toReversed()) codes.add(await gone(() => run(ref)));
    return [...codes].sort().join(", ") || "ok";
  };
  return {
    "delete manifests": await all(manifests, (ref) => client.deleteManifest({ ref })),
    "delete tags": await all(tags, (ref) => client.deleteManifest({ ref })),
    "delete blobs": await all(blobs, (digest) => client.deleteBlob({ digest })),
  };
}

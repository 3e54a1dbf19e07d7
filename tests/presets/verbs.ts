/** What a client does with a registry, each verb so that it fails when its result is wrong. */
import { assert, assertEquals } from "@std/assert";
import {
  type ApiError,
  buildIndex,
  type Bytes,
  type Descriptor,
  digestOf,
  MEDIA_TYPES,
  type RegistryClientV2,
  RegistryStore,
  type UploadJournal,
  type UploadRecord,
} from "../../mod.ts";
import { copy } from "../../copy/mod.ts";
import { MemoryStore } from "../../stores/mod.ts";
import { assertBytes, randomBytes, streamOf, text } from "../endpoints/samples.ts";
import type { Host } from "./hosts.ts";
import type { World } from "./world.ts";

const MEBIBYTE = 1024 * 1024;

/** More than the registry's limit on a chunk or a request; than any one's, where it is not known. */
function layerOf(host: Host | undefined): Bytes {
  const size = (host === undefined ? 24 : host.layer ?? 5) * MEBIBYTE;
  return LARGE.subarray(0, size) as Bytes;
}
const LARGE = randomBytes(24 * MEBIBYTE);

/** Three chunks of davit's. */
const STREAMED = randomBytes(9 * MEBIBYTE + 1);

async function pushPull(client: RegistryClientV2, body: Bytes, options = {}): Promise<Descriptor> {
  const pushed = await client.putBlob(body, options);
  assertEquals(pushed.digest, await digestOf(body));
  assertBytes(await (await client.getBlob(pushed.digest)).bytes(), body);
  return pushed;
}

/** An image without layers that is equal to no other; its configuration is there already. */
export async function image(
  client: RegistryClientV2,
  fields: Record<string, unknown> = {},
  configType: string = MEDIA_TYPES.ociConfig,
): Promise<{ bytes: Bytes; descriptor: Descriptor }> {
  const config = await client.putBlob(text(JSON.stringify({ id: crypto.randomUUID() })), {
    mediaType: configType,
  });
  const mediaType = MEDIA_TYPES.ociManifest;
  const json = { schemaVersion: 2, mediaType, config, layers: [], ...fields };
  const bytes = text(JSON.stringify(json));
  const size = bytes.byteLength;
  return { bytes, descriptor: { mediaType, digest: await digestOf(bytes), size } };
}

/** Pushes an image; under its digest where there is no tag. */
export async function pushImage(
  client: RegistryClientV2,
  tag?: string,
  fields: Record<string, unknown> = {},
  configType?: string,
): Promise<Descriptor> {
  const { bytes, descriptor } = await image(client, fields, configType);
  await client.putManifest({ manifestData: bytes, ref: tag ?? descriptor.digest });
  return descriptor;
}

/** The digests of a manifest's referrers, sorted. */
export async function referrersOf(
  client: RegistryClientV2,
  { digest }: Descriptor,
  artifactType?: string,
): Promise<string[]> {
  const filter = artifactType === undefined ? {} : { artifactType };
  const { manifests } = await client.listReferrers({ digest, ...filter });
  return manifests.map(({ digest }) => digest).sort();
}

async function attach(client: RegistryClientV2, fields: Record<string, unknown>): Promise<void> {
  const subject = await pushImage(client, `subject-${crypto.randomUUID()}`);
  assertEquals(await referrersOf(client, subject), []);
  const referrer = await pushImage(client, undefined, { subject, ...fields });
  assertEquals(await referrersOf(client, subject), [referrer.digest]);
}

/** Fails unless the call fails with this code. */
export async function code(run: () => Promise<unknown>, expected: string): Promise<void> {
  assertEquals(await outcome(run), expected);
}

/** "ok", or the code of davit's error. */
export async function outcome(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return "ok";
  } catch (error) {
    const known = (error as ApiError).code;
    if (known === undefined || known === "INTERNAL") throw error;
    return known;
  }
}

/** A journal that knows one upload. */
function memoryJournal(): UploadJournal & { find(): Promise<UploadRecord | undefined> } {
  let kept: UploadRecord | undefined;
  return {
    find: () => Promise.resolve(kept),
    keep: (record) => Promise.resolve(void (kept = record)),
    forget: () => Promise.resolve(kept = undefined),
  };
}

/** A file that ends in an error, as one on a disk that broke. */
function failingStream(bytes: Bytes): ReadableStream<Bytes> {
  const reader = streamOf(bytes).getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.error(new Error("the disk broke"));
      else controller.enqueue(value);
    },
  });
}

/** An image under the tag v1, with a referrer, and a signature as cosign names it. */
async function signedImage() {
  const source = new MemoryStore();
  const write = async (fields: Record<string, unknown>): Promise<Descriptor> => {
    const config = text(JSON.stringify({ id: crypto.randomUUID() }));
    const descriptor = {
      mediaType: MEDIA_TYPES.ociConfig,
      digest: await digestOf(config),
      size: config.byteLength,
    };
    await source.write(descriptor, config);
    const mediaType = MEDIA_TYPES.ociManifest;
    const json = { schemaVersion: 2, mediaType, config: descriptor, layers: [], ...fields };
    const bytes = text(JSON.stringify(json));
    const manifest = { mediaType, digest: await digestOf(bytes), size: bytes.byteLength };
    await source.write(manifest, bytes);
    return manifest;
  };
  const image = await write({});
  await source.tag(image, "v1");
  const referrer = await write({ subject: image });
  const tag = `${image.digest.replace(":", "-")}.sig`;
  await source.tag(await write({}), tag);
  return { source, image, referrer, tag };
}

/** A registry of which it may not be known what it limits. */
type Partly = Omit<World, "host"> & { host?: Host };

/** Every verb, in the table's order. A new one is a new line: nothing else names them all. */
export const VERBS = {
  "push 1 byte": ({ client }: World) => pushPull(client, text("x")),
  "push a layer": ({ client, host }: Partly) => pushPull(client, layerOf(host)),
  "push it again": async ({ client, host, requests }: Partly) => {
    await client.putBlob(layerOf(host)); // it is there, but where verbs take turns
    const before = requests.length;
    await client.putBlob(layerOf(host));
    // Two where blobs are elsewhere: the second follows the redirect.
    assertEquals(requests.slice(before).filter(({ method }) => method !== "HEAD"), []);
  },
  "push what reopens": async ({ client }: World) => {
    const bytes = randomBytes(5 * MEBIBYTE);
    const open = (offset = 0) => streamOf(bytes.slice(offset));
    const { digest } = await client.putBlob({ size: bytes.byteLength, open });
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
  },
  "push a stream": async ({ client }: World) => {
    const bytes = randomBytes(5 * MEBIBYTE);
    const { digest } = await client.putBlob(streamOf(bytes), { size: bytes.byteLength });
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
  },
  "push a stream of any length": async ({ client }: World) => {
    const { digest } = await client.putBlob(streamOf(STREAMED));
    assertBytes(await (await client.getBlob(digest)).bytes(), STREAMED);
  },
  "push chunks of 1 MiB": ({ client }: World) =>
    pushPull(client, randomBytes(3 * MEBIBYTE), { chunkSize: MEBIBYTE }),
  "push chunks of 5 MiB": ({ client }: World) =>
    pushPull(client, randomBytes(11 * MEBIBYTE), { chunkSize: 5 * MEBIBYTE }),
  "push that is cut": async ({ another }: World) => {
    const on = { endpoint: "upload", method: ["PUT", "PATCH"], nth: 1 } as const;
    const { client, events } = await another({
      faults: { cutRequestAfter: 5 * MEBIBYTE, on },
      onError: () => {},
    });
    const bytes = randomBytes(7 * MEBIBYTE);
    const open = (offset = 0) => streamOf(bytes.slice(offset));
    const { digest } = await client.putBlob({ size: bytes.byteLength, open });
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
    assertEquals(events.filter((event) => event.type === "resume").length, 1);
  },
  "push that another process goes on with": async ({ client, stranger }: World) => {
    const bytes = randomBytes(7 * MEBIBYTE);
    const [size, digest] = [bytes.byteLength, await digestOf(bytes)];
    const journal = memoryJournal();
    const open = (offset = 0) => streamOf(bytes.slice(offset));
    const failing = (offset = 0) => failingStream(bytes.slice(offset, 5 * MEBIBYTE));
    const chunkSize = 4 * MEBIBYTE;
    await code(
      () => client.putBlob({ size, open: failing }, { digest, journal, chunkSize }),
      "UPLOAD_FAILED",
    );
    await stranger().putBlob({ size, open }, { digest, journal });
    assertBytes(await (await client.getBlob(digest)).bytes(), bytes);
    assertEquals(await journal.find(), undefined);
  },
  "mount": async ({ client, repository, requests }: World) => {
    const other = client.withRepo(`${repository}/other`);
    const { digest } = await client.putBlob(text("to be mounted"));
    const before = requests.length;
    await other.putBlob(text("to be mounted"), { mountFrom: repository });
    assertEquals(await (await other.getBlob(digest)).text(), "to be mounted");
    assert(requests.slice(before).some(({ path }) => path.includes("mount=")));
  },
  "mount from anywhere": async ({ client, repository }: World) => {
    const third = client.withRepo(`${repository}/third`);
    const data = text("to be mounted");
    const { digest } = await client.putBlob(data);
    const result = await third.mountBlob({ digest });
    if (!result.mounted) {
      await third.completeBlobUpload({ session: result.session, digest, data });
    }
    assertEquals(await (await third.getBlob(digest)).text(), "to be mounted");
  },
  "push an image": async ({ client }: World) => {
    const { digest } = await pushImage(client, "v1");
    assertEquals((await client.headManifest({ ref: "v1" })).digest, digest);
  },
  "pull a tag": async ({ client }: World) => {
    const { digest } = await pushImage(client, "pulled");
    assertEquals((await client.getManifest({ ref: "pulled" })).digest, digest);
    await code(() => client.getManifest({ ref: "never-pushed" }), "NOT_FOUND");
  },
  "pull a digest": async ({ client }: World) => {
    const descriptor = await pushImage(client);
    const { digest: ref } = descriptor;
    assertEquals((await client.getManifest({ ref })).bytes.byteLength, descriptor.size);
    assertEquals(await client.headManifest({ ref }), descriptor);
  },
  "pull a platform": async ({ client }: World) => {
    const images = await Promise.all(["amd64", "arm64"].map(async (architecture) => ({
      ...await pushImage(client),
      platform: { os: "linux", architecture },
    })));
    const { bytes } = await buildIndex({ manifests: images });
    await client.putManifest({ manifestData: bytes, ref: "platforms" });
    const found = await client.getManifest({ ref: "platforms", platform: "linux/arm64" });
    assertEquals(found.digest, images[1]!.digest);
  },
  "pull a part": async ({ client }: World) => {
    const { digest } = await client.putBlob(text("hello"));
    const part = await client.getBlob(digest, { range: { offset: 1, length: 3 } });
    assertEquals(await part.text(), "ell");
  },
  "pull that is cut": async ({ another }: World) => {
    // Twice, as the first answer may be a redirect, which has no body to cut.
    const on = { endpoint: "blob", method: "GET", nth: { to: 2 } } as const;
    const { client, events } = await another({ faults: { cutAfter: MEBIBYTE, on } });
    await pushPull(client, randomBytes(4 * MEBIBYTE));
    assert(events.some((event) => event.type === "resume"));
  },
  "copy in": async ({ client }: World) => {
    const { source, image } = await signedImage();
    await copy(source, "v1", new RegistryStore(client), "copied-in", { attached: false });
    assertEquals(await client.headManifest({ ref: "copied-in" }), image);
  },
  "copy out": async ({ client }: World) => {
    const image = await pushImage(client, "copied-out");
    const target = new MemoryStore();
    await copy(new RegistryStore(client), "copied-out", target, "v1");
    assertEquals(await target.resolve("v1"), image);
  },
  "copy with what is attached": async ({ client }: World) => {
    const { source, image, referrer, tag } = await signedImage();
    const there = new RegistryStore(client);
    const { attached } = await copy(source, "v1", there, "signed");
    assertEquals(attached.length, 2);
    assertEquals(await referrersOf(client, image), [referrer.digest]);
    const back = new MemoryStore();
    assertEquals((await copy(there, "signed", back, "v1")).attached.length, 2);
    for (const name of ["v1", tag, referrer.digest]) {
      assertEquals(await back.resolve(name), await source.resolve(name));
    }
  },
  "list tags": async ({ client }: World) => {
    for (const tag of ["v1", "v2", "v3"]) await pushImage(client, tag);
    const all: string[] = [];
    for await (const tag of client.tags({ pageSize: 2 })) all.push(tag);
    assertEquals(all.filter((tag) => /^v\d$/.test(tag)), ["v1", "v2", "v3"]);
  },
  "list repositories": async ({ client, repository }: World) => {
    const all: string[] = [];
    for await (const name of client.repositories({ pageSize: 2 })) all.push(name);
    assert(all.includes(repository), all.join());
  },
  "attach an image": ({ client }: World) => attach(client, {}),
  "attach an artifact": ({ client }: World) =>
    attach(client, { artifactType: "application/vnd.example.note" }),
  "list referrers of a type": async ({ client }: World) => {
    const subject = await pushImage(client, "with-referrers");
    const { ociConfig, dockerConfig } = MEDIA_TYPES;
    const oci = await pushImage(client, undefined, { subject }, ociConfig);
    const docker = await pushImage(client, undefined, { subject }, dockerConfig);
    assertEquals(await referrersOf(client, subject), [oci.digest, docker.digest].sort());
    assertEquals(await referrersOf(client, subject, ociConfig), [oci.digest]);
    assertEquals(await referrersOf(client, subject, dockerConfig), [docker.digest]);
    assertEquals(await referrersOf(client, subject, "application/of.none"), []);
  },
  "delete a referrer": async ({ client }: World) => {
    const subject = await pushImage(client, "subject");
    const kept = await pushImage(client, undefined, { subject });
    const deleted = await pushImage(client, undefined, { subject });
    await client.deleteManifest({ ref: deleted.digest });
    assertEquals(await referrersOf(client, subject), [kept.digest]);
    await client.deleteManifest({ ref: kept.digest });
    assertEquals(await referrersOf(client, subject), []);
    // Nothing is left of a fallback tag but an empty index, where tags cannot be deleted.
    const tag = subject.digest.replace(":", "-");
    const index = await client.getManifest({ ref: tag }).catch(() => undefined);
    const { manifests = [] } = index?.manifest as { manifests?: Descriptor[] } ?? {};
    assertEquals(manifests, []);
  },
  "delete a tag": async ({ client }: World) => {
    const { digest } = await pushImage(client, "to-be-deleted");
    await client.deleteManifest({ ref: "to-be-deleted" });
    await code(() => client.headManifest({ ref: "to-be-deleted" }), "NOT_FOUND");
    assertEquals((await client.headManifest({ ref: digest })).digest, digest);
  },
  "delete a manifest": async ({ client }: World) => {
    const { digest } = await pushImage(client);
    await client.deleteManifest({ ref: digest });
    await code(() => client.headManifest({ ref: digest }), "NOT_FOUND");
  },
  "delete a blob": async ({ client }: World) => {
    const { digest } = await client.putBlob(text("to be deleted"));
    await client.deleteBlob({ digest });
    await code(() => client.getBlob(digest), "NOT_FOUND");
  },
  "push an immutable tag again": async ({ another, host: { immutableTags = "harbor" } }: World) => {
    const { client, requests } = await another({ quirks: { immutableTags } });
    const { bytes } = await image(client);
    await client.putManifest({ manifestData: bytes, ref: "v1" });
    requests.length = 0;
    await client.putManifest({ manifestData: bytes, ref: "v1" });
    const own = requests.filter(({ path }) => path.includes("/manifests/"));
    assertEquals(own.map(({ method }) => method), ["PUT", "HEAD"]);
    const other = await image(client);
    await code(
      () => client.putManifest({ manifestData: other.bytes, ref: "v1" }),
      "TAG_IMMUTABLE",
    );
  },
};

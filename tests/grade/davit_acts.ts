/**
 * What the grading asks of a client, done with the library as its documentation shows it: for its
 * test in memory, and for `bench/grade.ts` over sockets.
 */
import {
  buildManifest,
  type Descriptor,
  EMPTY_CONFIG_BYTES,
  isIndex,
  RegistryClientV2,
  RegistryStore,
} from "@davit/registry-client";
import { LayoutStore, type LayoutStore as Layout } from "@davit/registry-client/stores";
import { LAYOUT_TAG } from "../peers/clients.ts";

/** Where and as whom davit works. */
interface DavitTarget {
  /** The repository: `127.0.0.1:40123/app`. */
  name: string;
  /** Who to log in as. */
  credentials?: { username: string; password: string };
  /** Carries the requests, where they go over no socket. */
  fetch?: typeof globalThis.fetch;
}

/** A client of a target; its scopes are those of its work. */
function clientFor(
  { name, credentials, fetch }: DavitTarget,
  ...scopes: string[]
): RegistryClientV2 {
  return new RegistryClientV2({
    name: `http://${name}`,
    scopes,
    ...(credentials && { credentials }),
    ...(fetch && { fetch }),
  });
}

async function using(
  target: DavitTarget,
  scopes: string[],
  work: (client: RegistryClientV2) => Promise<unknown>,
): Promise<void> {
  const client = clientFor(target, ...scopes);
  try {
    await work(client);
  } finally {
    client.close();
  }
}

/** Pulls an image, all platforms, every blob read to its end. */
export async function pull(target: DavitTarget, ref: string): Promise<void> {
  await using(target, ["pull"], async (client) => {
    const { manifest } = await client.getManifest({ ref });
    await pullChildren(client, manifest);
  });
}

async function pullChildren(
  client: RegistryClientV2,
  manifest: Awaited<ReturnType<RegistryClientV2["getManifest"]>>["manifest"],
): Promise<void> {
  if (isIndex(manifest)) {
    for (const { digest } of manifest.manifests) {
      await pullChildren(client, (await client.getManifest({ ref: digest })).manifest);
    }
  } else if ("config" in manifest) {
    for (const { digest } of [manifest.config, ...manifest.layers]) {
      await (await client.getBlob(digest)).bytes();
    }
  }
}

/** Lists all tags. */
export async function tags(target: DavitTarget): Promise<void> {
  await using(target, ["pull"], (client) => client.listTags());
}

/** Pushes an image of a layout folder; in chunks where a size is given, in bytes. */
export async function push(
  target: DavitTarget,
  folder: string,
  tag: string,
  chunkSize?: number,
): Promise<void> {
  await using(target, ["pull", "push"], async (client) => {
    const layout = new LayoutStore(folder);
    await walk(layout, await layout.resolve(tag), async (descriptor, isManifest) => {
      const { digest, size } = descriptor;
      const open = (offset = 0) => layout.open(descriptor, { offset });
      if (isManifest) {
        await client.putManifest({ manifestData: await bytesOf(open()), ref: digest });
        return;
      }
      const body = size < IN_MEMORY_BYTES ? await bytesOf(open()) : { size, open };
      await client.putBlob(body, { digest, ...(chunkSize && { chunkSize }) });
    });
    await new RegistryStore(client).tag(await layout.resolve(tag), tag);
  });
}

/** Pushes the blobs of a layout folder as its files are, which may be shorter than they should. */
async function pushFiles(target: DavitTarget, folder: string, tag: string): Promise<void> {
  await using(target, ["pull", "push"], async (client) => {
    const layout = new LayoutStore(folder);
    await walk(layout, await layout.resolve(tag), async ({ digest, size }, isManifest) => {
      if (isManifest) return;
      const path = `${folder}/blobs/${digest.replace(":", "/")}`;
      const open = async () => (await Deno.open(path)).readable;
      await client.putBlob({ size, open }, { digest });
    });
  });
}

/** What is smaller is pushed as bytes: from memory, as most programs have it. */
const IN_MEMORY_BYTES = 4 * 1024;

async function bytesOf(stream: Promise<ReadableStream>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(await stream).arrayBuffer());
}

/** Copies an image to another repository of the same registry; blobs are mounted. */
export async function copy(
  target: DavitTarget,
  ref: string,
  to: DavitTarget,
): Promise<void> {
  await using(target, ["pull"], async (client) => {
    const from = new RegistryStore(client);
    const mountFrom = client.repo.remoteName;
    await using(to, ["pull", "push"], async (there) => {
      await walk(from, await from.resolve(ref), async (descriptor, isManifest) => {
        const { digest, size } = descriptor;
        const open = (offset = 0) => from.open(descriptor, { offset });
        if (!isManifest) await there.putBlob({ size, open }, { digest, mountFrom });
        else await new RegistryStore(there).write(descriptor, { size, open });
      });
      await new RegistryStore(there).tag(await from.resolve(ref), ref);
    });
  });
}

/** Visits what a manifest names before the manifest itself. */
async function walk(
  store: Pick<Layout, "open">,
  descriptor: Descriptor,
  visit: (descriptor: Descriptor, isManifest: boolean) => Promise<void>,
): Promise<void> {
  if (/\.(index|manifest)\.v1\+json$/.test(descriptor.mediaType)) {
    const manifest = await new Response(await store.open(descriptor)).json();
    for (const child of manifest.manifests ?? [manifest.config, ...manifest.layers]) {
      await walk(store, child, visit);
    }
    await visit(descriptor, true);
  } else {
    await visit(descriptor, false);
  }
}

/** Attaches a note to an image; answers its digest. */
export async function attach(target: DavitTarget, ref: string, text: string): Promise<string> {
  let attached = "";
  await using(target, ["pull", "push"], async (client) => {
    const subject = await client.headManifest({ ref });
    const note = await client.putBlob(new TextEncoder().encode(text), {
      mediaType: "text/plain",
    });
    const { bytes, descriptor } = await buildManifest({
      artifactType: "application/x-note",
      layers: [note],
      subject,
      annotations: { "org.example.by": "davit" },
    });
    await client.putBlob(EMPTY_CONFIG_BYTES);
    await client.putManifest({ manifestData: bytes, ref: descriptor.digest });
    attached = descriptor.digest;
  });
  return attached;
}

/** Lists what is attached to an image. */
export async function referrers(target: DavitTarget, ref: string): Promise<void> {
  await using(target, ["pull"], async (client) => {
    const { digest } = await client.headManifest({ ref });
    await client.listReferrers({ digest });
  });
}

/** Deletes a manifest. */
async function remove(target: DavitTarget, digest: string): Promise<void> {
  await using(
    target,
    ["pull", "push", "delete"],
    (client) => client.deleteManifest({ ref: digest }),
  );
}

/** Pushes a manifest again, under several tags at once. */
async function retag(target: DavitTarget, ref: string, tags: string[]): Promise<void> {
  await using(target, ["pull", "push"], async (client) => {
    const { bytes, digest } = await client.getManifest({ ref });
    await client.putManifest({ manifestData: bytes, ref: digest, tags });
  });
}

/** What a run in a scenario works with. */
export interface DavitSetting {
  /** The registry's host with its port. */
  host: string;
  /** Who to log in as, where the registry asks. */
  credentials?: { username: string; password: string };
  /** Carries the requests, where they go over no socket. */
  fetch?: typeof globalThis.fetch;
  /** The image that is at the registry, on disk. */
  seeded: string;
  /** Another image on disk, which is at no registry. */
  layout: string;
  /** One more, of which a layer's file is shorter than its descriptor says. */
  broken: string;
  /** A folder for whatever is written. */
  folder: string;
  /** The digest of something attached to the image at the registry. */
  attachment: string;
}

/** In bytes: layers are larger, and the registry's least chunk is smaller. */
export const CHUNK_BYTES = 16 * 1024;

function at(name: string, { host, credentials, fetch }: Omit<DavitSetting, "attachment">) {
  return {
    name: `${host}/${name}`,
    ...(credentials && { credentials }),
    ...(fetch && { fetch }),
  };
}

/** Puts an image with two attachments into a registry, and some tags; answers one attachment. */
export async function seed(setting: Omit<DavitSetting, "attachment">): Promise<string> {
  const app = at("app", setting);
  await push(app, setting.seeded, LAYOUT_TAG);
  for (const tag of ["a", "b", "c"]) await retag(app, LAYOUT_TAG, [tag]);
  await attach(app, LAYOUT_TAG, "there first");
  return await attach(app, LAYOUT_TAG, "there second");
}

/** What davit does, by the scenarios' tasks. */
export const DAVIT_ACTS: Record<string, (setting: DavitSetting) => Promise<unknown>> = {
  "pull an image": (setting) => pull(at("app", setting), LAYOUT_TAG),
  "list all tags": (setting) => tags(at("app", setting)),
  "push an image": (setting) => push(at("new", setting), setting.layout, LAYOUT_TAG),
  "push an image whose layer ends early": (setting) =>
    pushFiles(at("new", setting), setting.broken, LAYOUT_TAG),
  "push a blob in chunks": (setting) =>
    push(at("new", setting), setting.layout, LAYOUT_TAG, CHUNK_BYTES),
  "copy an image to another repository": (setting) =>
    copy(at("app", setting), LAYOUT_TAG, at("copy", setting)),
  "push a manifest under several tags at once": (setting) =>
    retag(at("app", setting), LAYOUT_TAG, ["one", "two"]),
  "attach something to an image": (setting) => attach(at("app", setting), LAYOUT_TAG, "a note"),
  "list what is attached to an image": (setting) => referrers(at("app", setting), LAYOUT_TAG),
  "attach to an image that has attachments, list, delete one": async (setting) => {
    await attach(at("app", setting), LAYOUT_TAG, "a note");
    await referrers(at("app", setting), LAYOUT_TAG);
    await remove(at("app", setting), setting.attachment);
  },
};

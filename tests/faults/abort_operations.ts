/** What the abort tests share: the operations that are aborted, and a registry for each. */
import {
  buildManifest,
  type Bytes,
  type DavitEvent,
  RegistryClientV2,
  RegistryStore,
} from "@davit/registry-client";
import { createRegistry, type Registry } from "@davit/registry-client/server";
import { SECRETS, USERNAME } from "./secrets.ts";
import { sha256, UNKNOWN, utf8 } from "./world.ts";

/** What is pushed and pulled: several pieces, several chunks. */
export const CONTENT: Bytes = new Uint8Array(200_000);
crypto.getRandomValues(CONTENT.subarray(0, 50_000));
/** Its digest. */
export const DIGEST = await sha256(CONTENT);
const SMALL = utf8("small");
const SMALL_DIGEST = await sha256(SMALL);
const INDEX = utf8(
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
);

/** How long a call may go on after the abort, in milliseconds; a slow machine is not a hang. */
export const SOON_MS = 5_000;

/** A call that is aborted. */
export interface Operation {
  name: string;
  call: (client: RegistryClientV2, signal: AbortSignal) => Promise<unknown>;
  /** What the repository must not have when the call was aborted. */
  writes?: string;
  /** What must be there before. */
  needs?: (client: RegistryClientV2) => Promise<unknown>;
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _item of items);
}

async function subject(client: RegistryClientV2): Promise<void> {
  await client.putManifest({ manifestData: INDEX, ref: "latest" });
  for (const ref of ["a", "b", "c", "d"]) await client.putManifest({ manifestData: INDEX, ref });
}

/** The calls that are aborted: pulls, pushes, lists and the rest. */
export const operations: Operation[] = [
  {
    name: "pull a blob",
    needs: (client) => client.putBlob(CONTENT),
    call: async (client, signal) => await (await client.getBlob(DIGEST, { signal })).bytes(),
  },
  {
    name: "pull a manifest",
    needs: subject,
    call: (client, signal) => client.getManifest({ ref: "latest", signal }),
  },
  {
    name: "push a small blob",
    call: (client, signal) => client.putBlob(SMALL, { signal }),
    writes: SMALL_DIGEST,
  },
  {
    name: "push a blob in one request",
    call: (client, signal) => client.putBlob(CONTENT, { signal }),
    writes: DIGEST,
  },
  {
    name: "push a stream",
    call: (client, signal) =>
      client.putBlob(new Blob([CONTENT]).stream(), { size: CONTENT.byteLength, signal }),
    writes: DIGEST,
  },
  {
    name: "push a blob in chunks",
    call: (client, signal) => client.putBlob(CONTENT, { chunkSize: 60_000, signal }),
    writes: DIGEST,
  },
  {
    name: "push a manifest",
    call: (client, signal) => client.putManifest({ manifestData: INDEX, ref: "new", signal }),
  },
  {
    name: "push a manifest with a subject",
    needs: subject,
    call: async (client, signal) => {
      const { descriptor, bytes } = await buildManifest({
        artifactType: "text/x-note",
        layers: [],
        subject: {
          mediaType: "application/vnd.oci.image.index.v1+json",
          digest: await sha256(INDEX),
          size: INDEX.byteLength,
        },
      });
      await client.putBlob(utf8("{}"), { signal });
      return await client.putManifest({ manifestData: bytes, ref: descriptor.digest, signal });
    },
  },
  {
    name: "mount a blob",
    call: (client, signal) => client.mountBlob({ digest: UNKNOWN, from: "other", signal }),
  },
  {
    name: "list tags",
    needs: subject,
    call: (client, signal) => client.listTags({ pageSize: 2, signal }),
  },
  {
    name: "list tags one by one",
    needs: subject,
    call: (client, signal) => drain(client.tags({ pageSize: 2, signal })),
  },
  {
    name: "list repositories",
    needs: subject,
    call: (client, signal) => client.listRepositories({ signal }),
  },
  {
    name: "list referrers",
    needs: subject,
    call: async (client, signal) => client.listReferrers({ digest: await sha256(INDEX), signal }),
  },
  {
    name: "delete a manifest",
    needs: subject,
    call: async (client, signal) =>
      await client.deleteManifest({ ref: await sha256(INDEX), signal }),
  },
  { name: "log in", call: (client, signal) => client.login({ signal }) },
];

/** One registry, a client whose events are counted, and one that prepares and looks. */
export interface Scene {
  registry: Registry;
  origin: string;
  fetch?: typeof fetch;
}

/** A client of a scene, with credentials. */
export function clientOf(
  { origin, fetch }: Scene,
  onEvent: (event: DavitEvent) => void = () => {},
): RegistryClientV2 {
  return new RegistryClientV2({
    name: `${origin}/app`,
    username: USERNAME,
    password: SECRETS.password,
    ...(fetch && { fetch }),
    onEvent,
  });
}

/** A registry that wants tokens, and keeps referrers under the fallback tag. */
export function newRegistry(): Registry {
  const users = { [USERNAME]: SECRETS.password };
  return createRegistry({ auth: { bearer: { users } }, referrersApi: false });
}

/** Whether the repository has a blob. */
export async function has(scene: Scene, digest: string): Promise<boolean> {
  const store = new RegistryStore(clientOf(scene));
  return await store.exists({ mediaType: "application/octet-stream", digest, size: 0 });
}

/**
 * Every endpoint of the table in the documentation of lesomnus' OCI client, by its ID: a program that
 * asks Docker Hub, and prints each ID with the status.
 */
import { Chunk, ClientV2, Digest, ext, type Hasher } from "@davit/registry-client/oci-client";
import { oci } from "@davit/registry-client/oci-client/media-types";

/** Who may push: `LOGIN` of docker_hub.ts, which is not for browsers. */
const username = "docker";
const password = "hub-5ecret-0c5d2f6a";

const client = new (ClientV2.with(ext.Catalog()))("index.docker.io", { username, password });
const name = `library/${crypto.randomUUID()}`;
const repo = client.repo(name);
const bytes = (text: string) => new TextEncoder().encode(text);

async function sha256(data: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(data));
  const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0"));
  return `sha256:${hex.join("")}`;
}

function say(id: string, { raw }: { raw: Response }, ...more: unknown[]): void {
  console.log([id, raw.status, ...more].join(" "));
}

const hello = bytes("hello");
const digest = await sha256(hello);
const manifest = bytes(JSON.stringify({
  schemaVersion: 2,
  mediaType: oci.image.manifestV1,
  artifactType: "application/vnd.example",
  config: oci.empty,
  layers: [{ mediaType: "text/plain", digest, size: 5 }],
}));
const subject = await sha256(manifest);
const attached = JSON.stringify({
  ...JSON.parse(new TextDecoder().decode(manifest)),
  subject: { mediaType: oci.image.manifestV1, digest: subject, size: manifest.byteLength },
});

say("end-1", await client.ping());

const started = await repo.blobs.initUpload();
say("end-4a", started);
const sent = await repo.blobs.uploadChunk(
  (await started.unwrap()).location,
  new Chunk(hello.subarray(0, 2)),
);
say("end-5", sent);
const status = await repo.blobs.getUploadStatus((await sent.unwrap()).location);
const { location, range } = await status.unwrap();
say("end-13", status, range);
say("end-6", await repo.blobs.closeUpload(location, digest, new Chunk(hello.subarray(2), 2)));

say("end-4b", await repo.blobs.upload(oci.empty.digest, bytes("{}")));
say("end-2 HEAD", await repo.blobs.exists(digest));
const pulled = await repo.blobs.get(Digest.parse(digest));
say("end-2 GET", pulled, await pulled.raw.text());
say("end-11", await client.repo(`${name}/other`).blobs.mount(digest, name));

const written = bytes("written piece by piece");
const hasher: Hasher = { name: "sha256", update() {}, digest: () => whole };
const whole = (await sha256(written)).slice("sha256:".length);
const upload = repo.blobs.startUpload(hasher);
for (const at of [0, 10]) await upload.write(written.subarray(at, at + 10));
await upload.write(new Blob([written.subarray(20)]).stream());
await upload.close();
say("end-4a, 5, 6", await repo.blobs.exists(`sha256:${whole}`));

say("end-7", await repo.manifests.put("v1", oci.image.manifestV1, manifest));
await repo.manifests.put("v2", oci.image.manifestV1, attached).unwrap();
say("end-3 HEAD", await repo.manifests.exists("v1"));
const got = await repo.manifests.get("v1");
say("end-3 GET", got, (await got.unwrap()).as(oci.image.manifestV1)?.layers[0]?.size);
const tags = await repo.tags.list();
say("end-8a", tags, (await tags.unwrap()).tags);
const page = await repo.tags.list({ n: 1, last: "v1" });
say("end-8b", page, (await page.unwrap()).tags);
const referrers = await repo.referrers.get(subject);
say("end-12a", referrers, (await referrers.unwrap()).manifests.length);
const others = await repo.referrers.get(subject, { artifactType: "application/vnd.other" });
say("end-12b", others, (await others.unwrap()).manifests.length);
const catalog = await client.catalog();
say("catalog", catalog, (await catalog.unwrap()).repositories.includes(name));

say("end-9", await repo.manifests.delete(subject));
say("end-10", await repo.blobs.delete(digest));
say(
  "404",
  await repo.blobs.get(digest),
  await repo.blobs.get(digest).unwrapOr((_, [error]) => error?.code),
);

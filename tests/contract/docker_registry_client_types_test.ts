/**
 * The contract of docker_registry_client: what the compiler knows. Each function below is checked by
 * it and run with a client that answers an image; `@ts-expect-error` fails the check where the error
 * is not there.
 */
import { assertEquals } from "@std/assert";
import {
  type Bytes,
  type Manifest,
  type ManifestOCI,
  type ManifestOCIDescriptor,
  type ManifestOCIIndex,
  type ManifestV2,
  type ManifestV2Descriptor,
  type ManifestV2List,
  type Platform,
  RegistryClientV2,
} from "@davit/registry-client";
import type { DockerResponse } from "@davit/registry-client/docker-json-client";
import type {
  AuthInfo,
  ByteArray,
  RegistryClientOpts,
  RegistryError,
  RegistryImage,
  RegistryIndex,
  RegistryRepo,
  TagList,
} from "@davit/registry-client/types";
import { pair, pushImage } from "./sample.ts";

/** Compiles only when the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

function typed<T extends true>(): T | void {}

const { client } = pair();
await pushImage(client, "latest");
const ref = "latest";

Deno.test("getManifest({ref}): an image or an index, so layers need a look first", async () => {
  const { manifest } = await client.getManifest({ ref });
  typed<Same<typeof manifest, Manifest>>();
  // @ts-expect-error an index has no layers
  assertEquals(manifest.layers.length, 1);
  if ("layers" in manifest) assertEquals(manifest.layers[0]?.size, 7);
  else assertEquals(manifest.manifests, []);
});

Deno.test("getManifest({ref, platform}): one image", async () => {
  const platform: string | Platform = "linux/amd64";
  const { manifest } = await client.getManifest({ ref, platform });
  typed<Same<typeof manifest, ManifestV2 | ManifestOCI>>();
  assertEquals(manifest.layers.length, 1);
  const other = await client.getManifest({ ref, platform: { os: "linux", architecture: "amd64" } });
  assertEquals(other.manifest.config.size > 0, true);
});

Deno.test("getManifest({ref, acceptManifestLists: false}): one image", async () => {
  const { manifest } = await client.getManifest({ ref, acceptManifestLists: false });
  typed<Same<typeof manifest, ManifestV2 | ManifestOCI>>();
  assertEquals(manifest.layers.length, 1);
  // @ts-expect-error an image has no manifests
  assertEquals(manifest.manifests, undefined);
});

Deno.test("getManifest({ref, acceptOCIManifests: false}): Docker's", () => {
  const call = (client: RegistryClientV2) => client.getManifest({ ref, acceptOCIManifests: false });
  typed<
    Same<Awaited<ReturnType<typeof call>>["manifest"], ManifestV2 | ManifestV2List>
  >();
});

Deno.test("getManifest with both refused, or Docker's for a platform: Docker's image", () => {
  const both = (client: RegistryClientV2) =>
    client.getManifest({ ref, acceptOCIManifests: false, acceptManifestLists: false });
  typed<Same<Awaited<ReturnType<typeof both>>["manifest"], ManifestV2>>();
  const platform = (client: RegistryClientV2) =>
    client.getManifest({ ref, acceptOCIManifests: false, platform: "linux/amd64" });
  typed<Same<Awaited<ReturnType<typeof platform>>["manifest"], ManifestV2>>();
});

Deno.test("getManifest: an option known only when it runs narrows nothing", async () => {
  const acceptManifestLists = Math.random() >= 0;
  const { manifest } = await client.getManifest({ ref, acceptManifestLists });
  typed<Same<typeof manifest, Manifest>>();
});

Deno.test("getManifest: the other fields", async () => {
  const { resp, bytes, mediaType, digest } = await client.getManifest({ ref });
  typed<Same<typeof resp, DockerResponse>>();
  typed<Same<typeof bytes, Bytes>>();
  typed<Same<[typeof mediaType, typeof digest], [string, string]>>();
  const response: Response = resp;
  assertEquals(response.status, 200);
});

Deno.test("Manifest: the four kinds are told apart by mediaType and by their members", () => {
  typed<Same<Manifest, ManifestV2 | ManifestV2List | ManifestOCI | ManifestOCIIndex>>();
  function layersOf(manifest: Manifest): number {
    switch (manifest.mediaType) {
      case "application/vnd.docker.distribution.manifest.v2+json":
        typed<Same<typeof manifest, ManifestV2>>();
        return manifest.layers.length;
      case "application/vnd.oci.image.manifest.v1+json":
        return manifest.layers.length;
      case "application/vnd.docker.distribution.manifest.list.v2+json":
        return manifest.manifests[0]!.platform.os.length;
      default:
        return "manifests" in manifest ? manifest.manifests.length : manifest.layers.length;
    }
  }
  assertEquals(layersOf({ schemaVersion: 2, manifests: [] }), 0);
});

Deno.test("every method's parameters and answers, as users of the original wrote them", () => {
  const calls = async (client: RegistryClientV2, manifestData: Uint8Array<ArrayBuffer>) => {
    const version: 2 = client.version;
    const repo: RegistryRepo = client.repo;
    const index: RegistryIndex = repo.index;
    const flags: boolean[] = [
      client.insecure,
      client.acceptOCIManifests,
      client.acceptManifestLists,
    ];
    const who: (string | undefined)[] = [client.username, client.password];
    const scopes: string[] = client.scopes;
    const pingRes: DockerResponse = await client.ping({
      headers: new Headers({ "x-a": "b" }),
      expectStatus: [200, 401, 404],
    });
    const info: AuthInfo = await client.performLogin({ scope: "repository:a:pull", pingRes });
    if (info.type === "Basic") who.push(info.username, info.password);
    else if (info.type === "Bearer") who.push(info.token);
    else typed<Same<typeof info, { type: "None" }>>();
    typed<Same<void, Awaited<ReturnType<RegistryClientV2["login"]>>>>();
    await client.login({ scope: "repository:a:pull", pingRes });
    flags.push(await client.supportsV2());
    const list: TagList = await client.listTags();
    const ress: DockerResponse[] = await client.headBlob({ digest: "sha256:" });
    const blob = await client.createBlobReadStream({ digest: "sha256:" });
    ress.push(...blob.ress);
    typed<Same<typeof blob.stream, ReadableStream<Bytes>>>();
    const put = await client.putManifest({
      manifestData,
      ref,
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
    });
    typed<Same<typeof put.digest, string>>();
    await client.deleteManifest({ ref });
    await client.blobUpload({
      digest: "sha256:",
      stream: new Blob().stream(),
      contentLength: 0,
      contentType: "application/octet-stream",
    });
    return [version, index, flags, who, scopes, list, ress, put.location];
  };
  assertEquals(calls.length, 2);
});

Deno.test("DockerResponse's methods", () => {
  const read = async (resp: DockerResponse) => {
    const body: Uint8Array = await resp.dockerBody();
    const json = await resp.dockerJson();
    typed<Same<typeof json, Record<string, unknown>>>();
    const tags = await resp.dockerJson<TagList>();
    typed<Same<typeof tags, TagList>>();
    const decoded: ByteArray | undefined = resp.decodedBody;
    const stream: ReadableStream<Uint8Array> = resp.dockerStream();
    const errors: RegistryError[] = await resp.dockerErrors();
    const code: string | undefined = errors[0]?.code;
    const message: string = errors[0]!.message;
    const detail: string | undefined = errors[0]!.detail;
    const error = await resp.dockerThrowable("Cannot do it");
    const again: DockerResponse = error.resp;
    return [body, json, tags, decoded, stream, code, message, detail, again, error.errors];
  };
  assertEquals(read.length, 1);
});

Deno.test("what the original's types allow, these allow", () => {
  const repo: RegistryRepo = {
    index: { name: "quay.io", official: false, scheme: "https" },
    official: false,
    remoteName: "a/b",
    localName: "quay.io/a/b",
    canonicalName: "quay.io/a/b",
  };
  const image: RegistryImage = { ...repo, tag: "1", digest: null, canonicalRef: "quay.io/a/b:1" };
  const options: RegistryClientOpts = {
    name: "busybox",
    username: "me",
    password: "a password",
    insecure: false,
    scheme: "https",
    acceptOCIManifests: true,
    acceptManifestLists: true,
    userAgent: "me/1",
    scopes: ["pull"],
    client: { close() {} },
  };
  const descriptor: ManifestV2Descriptor = {
    mediaType: "a/b",
    size: 1,
    digest: "sha256:",
    urls: ["https://example.com"],
  };
  const ociDescriptor: ManifestOCIDescriptor = { ...descriptor, annotations: { a: "b" } };
  const list: ManifestV2List = {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifests: [{
      ...descriptor,
      platform: {
        architecture: "amd64",
        os: "windows",
        "os.version": "10",
        "os.features": ["win32k"],
        variant: "v1",
        features: ["sse4"],
      },
    }],
  };
  const index: ManifestOCIIndex = {
    schemaVersion: 2,
    manifests: [ociDescriptor],
    annotations: { a: "b" },
  };
  assertEquals(new RegistryClientV2(options).repo.localName, "busybox");
  assertEquals(new RegistryClientV2({ repo: image }).repo.remoteName, "a/b");
  assertEquals([list.manifests.length, index.manifests.length], [1, 1]);
});

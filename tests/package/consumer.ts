/**
 * What a TypeScript program that uses the package looks like. package_test.ts compiles it in a
 * project of its own, as an ES module and as CommonJS; here it is checked with everything else.
 */
import {
  type Body,
  type Bytes,
  connect,
  type Descriptor,
  HttpError,
  NotFoundError,
  RegistryClientV2,
  RegistryStore,
} from "@davit/registry-client";
import {
  attached,
  describe,
  pack,
  type PackOptions,
  unpackFiles,
} from "@davit/registry-client/artifact";
import { type CredentialSource, publicHostsOnly } from "@davit/registry-client/auth";
import { parseRepoAndRef } from "@davit/registry-client/common";
import { DockerResponse } from "@davit/registry-client/docker-json-client";
import { HttpError as OldHttpError } from "@davit/registry-client/errors";
import { getBlob, listTags } from "@davit/registry-client/endpoints";
import { Chunk, type ClientV2, type Req } from "@davit/registry-client/oci-client";
import { oci } from "@davit/registry-client/oci-client/media-types";
import { createOciFetch } from "@davit/registry-client/oci-fetch";
import { RegistryClientV2 as SameClient } from "@davit/registry-client/registry-client-v2";
import { createRegistry } from "@davit/registry-client/server";
import {
  attachArtifactToImage,
  type Descriptor as Attached,
  getRegistryCredentials,
  OCIError,
} from "@davit/registry-client/sigstore-oci";
import { MemoryStore } from "@davit/registry-client/stores";
import { createTestRegistry, type TestRegistryOptions } from "@davit/registry-client/testing";
import type { ManifestOCI, RegistryClientOpts } from "@davit/registry-client/types";

const credentials: CredentialSource = ({ host }) =>
  host === "ghcr.io" ? { username: "you", password: "secret" } : undefined;

const options: RegistryClientOpts = {
  name: "ghcr.io/you/app",
  scopes: ["pull", "push"],
  credentials,
  allowHost: publicHostsOnly(),
  fetch: createRegistry().fetch,
  onEvent: (event) => void event.type,
};

const failing: TestRegistryOptions = { preset: "ghcr", faults: { status: 503, on: { nth: 2 } } };

/** The same client against a registry that fails. */
export const unlucky: RegistryClientOpts = {
  ...options,
  fetch: createTestRegistry(failing).fetch,
};

/** The face of lesomnus' OCI client. */
export async function firstSystem(client: ClientV2): Promise<string | undefined> {
  const { blobs, manifests, tags } = client.repo("library/node");
  const list: Req<{ name: string; tags: string[] }> = tags.list();
  (await list.unwrap()).raw.status.toFixed();
  await blobs.upload("sha256:…", new Chunk(new Blob(["hello"]).stream(), 5));
  const opaque = await manifests.get("latest").unwrap((_, errors) => errors[0]?.code.trim());
  return opaque.as(oci.image.indexV1)?.manifests[0]?.platform.os;
}

/** For what takes a `fetch`. */
export const ociFetch: typeof fetch = createOciFetch({ platform: "linux/arm64", credentials });

/** Every kind of body, and what comes back. */
export async function everyday(client: RegistryClientV2): Promise<Descriptor[]> {
  const bytes: Bytes = new TextEncoder().encode("hello");
  const bodies: Body[] = [
    bytes,
    new Blob(["hello"]),
    new Blob(["hello"]).stream(),
    { size: 5, open: (offset = 0) => new Blob(["hello"]).slice(offset).stream() },
  ];
  const descriptors: Descriptor[] = [];
  for (const body of bodies) descriptors.push(await client.putBlob(body));
  const blob = await client.getBlob(descriptors[0]!.digest);
  const stream: ReadableStream<Bytes> = blob.stream;
  await stream.cancel();
  for await (const tag of client.tags()) tag.toUpperCase();
  const { manifest } = await client.getManifest({ ref: "latest", platform: "linux/arm64" });
  const layers: number = manifest.layers.length;
  return layers > 0 ? descriptors : [];
}

/** An artifact's kind narrows its description. */
export async function artifacts(store: MemoryStore): Promise<string | undefined> {
  const options: PackOptions = {
    artifactType: "application/vnd.example",
    files: ["folder", { title: "a.txt", body: "hello", mediaType: "text/plain" }],
    layers: [{ body: new TextEncoder().encode("hello") }],
    created: new Date(0),
  };
  const subject: Descriptor = await pack(store, options);
  for await (const { manifest, bytes } of attached(store, subject, { depth: Infinity })) {
    const content: Bytes = await bytes();
    const description = describe(manifest);
    if (description.kind === "sigstore-bundle") return description.predicateType;
    if (description.kind === "helm-chart" && content.length > 0) return description.chart?.digest;
  }
  const [file] = await unpackFiles(store, subject, "target");
  return file?.title;
}

/** Errors narrow by their class and by their code. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof NotFoundError) {
    const code: "NOT_FOUND" = error.code;
    return code.length;
  }
  if (error instanceof OldHttpError && error.errors.length === 0) return error.resp.status;
  return error instanceof HttpError ? error.statusCode : undefined;
}

/** The face of @sigstore/oci. */
export async function attest(imageName: string, imageDigest: string): Promise<Attached> {
  try {
    return await attachArtifactToImage({
      artifact: new TextEncoder().encode("{}"),
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      imageName,
      imageDigest,
      credentials: getRegistryCredentials(imageName),
      fetchOpts: { retry: { retries: 2, factor: 3 }, timeout: 30_000, noProxy: ["ghcr.io"] },
    });
  } catch (error) {
    if (error instanceof OCIError) throw error.cause;
    throw error;
  }
}

/** A class is one type, whichever entry point it comes from. */
export async function everyEntryPoint(): Promise<ManifestOCI | undefined> {
  const client: RegistryClientV2 = new SameClient(options);
  const response: DockerResponse = await client.ping();
  const channel = connect("https://ghcr.io", { fetch });
  await listTags(channel, parseRepoAndRef("ghcr.io/you/app").remoteName);
  const store = new RegistryStore(client);
  const descriptor = await store.resolve("latest");
  await new MemoryStore().write(descriptor, await store.open(descriptor));
  const { stream } = await getBlob(channel, "you/app", descriptor.digest);
  await stream.cancel();
  return response instanceof DockerResponse
    ? await response.dockerJson() as ManifestOCI
    : undefined;
}

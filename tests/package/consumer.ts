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
import { type CredentialSource, publicHostsOnly } from "@davit/registry-client/auth";
import { parseRepoAndRef } from "@davit/registry-client/common";
import { DockerResponse } from "@davit/registry-client/docker-json-client";
import { HttpError as OldHttpError } from "@davit/registry-client/errors";
import { getBlob, listTags } from "@davit/registry-client/endpoints";
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

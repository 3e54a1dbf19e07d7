/** What the tests of this face talk to, and push. */
import { createHash } from "node:crypto";
import { digestOf } from "../../content/digest_of.ts";
import { encodeText } from "../../content/bytes.ts";
import { createRegistry, type RegistryOptions } from "../../server/mod.ts";
import { type ClientInit, ClientV2, type Hasher } from "./mod.ts";
import { oci } from "./media_types/mod.ts";

/** Some bytes. */
export const HELLO = encodeText("hello");

/** Their digest. */
export const HELLO_DIGEST = await digestOf(HELLO);

/** A digest of nothing that is there. */
export const MISSING = `sha256:${"0".repeat(64)}`;

/** A registry, and a client of it. */
export function world(options: RegistryOptions = {}, init: ClientInit = {}) {
  const registry = createRegistry(options);
  const client = new ClientV2("registry.test", { transport: registry, ...init });
  return { registry, client, repo: client.repo("test/app") };
}

/** An artifact's manifest; its config is pushed already. */
export function manifestOf(more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: oci.image.manifestV1,
    artifactType: "application/vnd.example",
    config: oci.empty,
    layers: [],
    ...more,
  });
}

/** A repository with a manifest under a tag. */
export async function pushed(options: RegistryOptions = {}, init: ClientInit = {}) {
  const made = world(options, init);
  await made.repo.blobs.upload(oci.empty.digest, encodeText("{}")).unwrap();
  await made.repo.manifests.put("v1", oci.image.manifestV1, manifestOf()).unwrap();
  return { ...made, digest: await digestOf(encodeText(manifestOf())) };
}

/** SHA-256 as a `Hasher` answers it. */
export function sha256(): Hasher {
  const hash = createHash("sha256");
  return {
    name: "sha256",
    update: (data) => void hash.update(data),
    digest: () => hash.digest("hex"),
  };
}

import { checkArgument } from "../../content/check_argument.ts";
import { toBytes } from "../../content/bytes.ts";
import { type Digest, hashAlgorithm, parseDigest } from "../../content/digest.ts";
import { MEDIA_TYPES } from "../../content/media_types.ts";
import { putManifestBytes } from "../../endpoints/manifest_requests.ts";
import { headManifest } from "../../endpoints/manifests.ts";
import { putBlob } from "../../endpoints/put_blob.ts";
import { putReferrer } from "../../endpoints/put_referrer.ts";
import type { EndpointOptions } from "../../endpoints/request.ts";
import { buildManifest, EMPTY_CONFIG, EMPTY_CONFIG_BYTES } from "../../manifest/build.ts";
import { referrerDescriptor } from "../../manifest/referrers_index.ts";
import type { ImageIndex } from "../../manifest/types.ts";
import { orOCIError } from "./failure.ts";
import { ACCEPT, connectImage, type ImageConnection } from "./image_connection.ts";
import type {
  ArtifactOptions,
  AttachArtifactOptions,
  AttachArtifactsOptions,
  AttachOutcome,
  Descriptor,
} from "./options.ts";
import { OCIError } from "./oci_error.ts";

/** What the original says of every failure. */
const FAILURE = "Error uploading artifact to container registry";

const SCOPES = ["pull", "push"];

const CREATED = "org.opencontainers.image.created";

/** A new index under the fallback tag, its keys in the original's order. */
const NEW_INDEX: ImageIndex = {
  mediaType: MEDIA_TYPES.ociIndex,
  schemaVersion: 2,
  manifests: [],
};

/**
 * Uploads an artifact and attaches it to an image, which must be there.
 *
 * @throws {OCIError} `Error uploading artifact to container registry: …`. Its `cause` is the reason:
 * an `Error` with `Invalid image name: …`, `InvalidDigestError` for `imageDigest`, or the registry's
 * own error with its codes. Nothing is sent when a name or digest cannot be used.
 * @throws The reason of a signal that aborts, as it is.
 *
 * @example
 * ```ts
 * import { attachArtifactToImage } from "@davit/registry-client/sigstore-oci";
 * import { buildManifest, RegistryClientV2 } from "@davit/registry-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the call speaks to the real registry
 * const client = new RegistryClientV2({ name: "localhost:5000/app", fetch });
 * const image = await buildManifest({ artifactType: "text/plain", layers: [] });
 * await client.putBlob(new TextEncoder().encode("{}"));
 * await client.putManifest({ manifestData: image.bytes, ref: "v1" });
 *
 * const { digest } = await attachArtifactToImage({
 *   artifact: new TextEncoder().encode('{"mediaType": "…"}'),
 *   mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
 *   imageName: "localhost:5000/app",
 *   imageDigest: image.descriptor.digest,
 *   credentials: { username: "you", password: "an access token" },
 *   fetch,
 * });
 * const { manifests } = await client.listReferrers({ digest: image.descriptor.digest });
 * assertEquals(manifests.map((each) => each.digest), [digest]);
 * ```
 */
export async function attachArtifactToImage(options: AttachArtifactOptions): Promise<Descriptor> {
  checkArgument("options", options, "options");
  const { artifact: _artifact, mediaType: _type, annotations: _annotations, ...image } = options;
  return await orOCIError(FAILURE, options.signal, async () => {
    const connection = connectImage(image, SCOPES);
    try {
      const digest = parseDigest(options.imageDigest);
      hashAlgorithm(digest);
      return await attach(connection, options, digest);
    } finally {
      connection.close();
    }
  });
}

/**
 * Attaches the same artifact to several images, in several registries. The blob goes once to each
 * repository. One image's failure does not stop the others: the outcomes come in the order of
 * `images`.
 *
 * @throws The reason of a signal that aborts, as it is.
 *
 * @example
 * ```ts
 * import { attachArtifactToImages } from "@davit/registry-client/sigstore-oci";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const imageDigest = `sha256:${"0".repeat(64)}`;
 * const outcomes = await attachArtifactToImages({
 *   artifact: new TextEncoder().encode("{}"),
 *   mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
 *   images: [
 *     { imageName: "ghcr.io/you/app", imageDigest },
 *     { imageName: "quay.io/you/app", imageDigest },
 *   ],
 *   fetch: createRegistry().fetch,
 * });
 * assertEquals(outcomes.map(({ error }) => error?.code), ["OCI_ERROR", "OCI_ERROR"]);
 * ```
 */
export async function attachArtifactToImages(
  options: AttachArtifactsOptions,
): Promise<AttachOutcome[]> {
  checkArgument("options", options, "options");
  const { images, ...common } = options;
  checkArgument("images", images, "list");
  const repositories = new Map<string, number[]>();
  for (const [at, { imageName }] of images.entries()) {
    const key = String(imageName).toLowerCase();
    repositories.set(key, [...repositories.get(key) ?? [], at]);
  }
  const outcomes: AttachOutcome[] = [];
  await Promise.all([...repositories.values()].map(async (indexes) => {
    // One after another, so that each finds the blob of the one before.
    for (const at of indexes) outcomes[at] = await outcomeOf({ ...common, ...images[at]! });
  }));
  return outcomes;
}

async function outcomeOf(options: AttachArtifactOptions): Promise<AttachOutcome> {
  const { imageName, imageDigest } = options;
  try {
    return { imageName, imageDigest, descriptor: await attachArtifactToImage(options) };
  } catch (error) {
    if (error instanceof OCIError) return { imageName, imageDigest, error };
    throw error;
  }
}

async function attach(
  { channel, repository }: ImageConnection,
  { artifact, mediaType, annotations, signal }: ArtifactOptions & EndpointOptions,
  subjectDigest: Digest,
): Promise<Descriptor> {
  const options: EndpointOptions = signal === undefined ? {} : { signal };
  const subject = await headManifest(channel, repository, subjectDigest, {
    ...options,
    accept: ACCEPT,
  });
  const layer = await putBlob(channel, repository, toBytes(artifact), { ...options, mediaType });
  await putBlob(channel, repository, EMPTY_CONFIG_BYTES, options);
  const { bytes, descriptor: { digest }, manifest } = await buildManifest({
    artifactType: mediaType,
    config: EMPTY_CONFIG,
    layers: [layer],
    subject,
    annotations: { [CREATED]: new Date().toISOString(), ...annotations },
  });
  const type = MEDIA_TYPES.ociManifest;
  const descriptor = { mediaType: type, digest, size: bytes.byteLength };
  const { headers, error } = await putReferrer(
    channel,
    repository,
    subjectDigest,
    () => putManifestBytes(channel, repository, digest, bytes, type, options),
    () => referrerDescriptor(manifest, descriptor),
    { ...options, newIndex: NEW_INDEX },
  );
  if (error !== undefined) throw error;

  const ociSubject = headers?.get("oci-subject");
  return { ...descriptor, ...(ociSubject && { subjectDigest: ociSubject }) };
}

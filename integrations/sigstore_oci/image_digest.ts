import { checkArgument } from "../../content/check_argument.ts";
import { answeredDigest } from "../../endpoints/answered_digest.ts";
import { fetchManifest, headManifestRequest } from "../../endpoints/manifest_requests.ts";
import { orOCIError } from "./failure.ts";
import { ACCEPT, connectImage } from "./image_connection.ts";
import type { GetImageDigestOptions } from "./options.ts";

/**
 * The digest that a tag names, by HEAD, else by GET where HEAD tells none.
 *
 * @throws {OCIError} `Error retrieving image digest from container registry: …`, with its `cause`.
 * @throws The reason of a signal that aborts, as it is.
 *
 * @example
 * ```ts
 * import { getImageDigest, OCIError } from "@davit/registry-client/sigstore-oci";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(
 *   () =>
 *     getImageDigest({
 *       imageName: "ghcr.io/you/app",
 *       imageTag: "latest",
 *       credentials: { username: "you", password: "an access token" },
 *       fetch: createRegistry().fetch,
 *     }),
 *   OCIError,
 *   "expected 200, received 404",
 * );
 * ```
 */
export async function getImageDigest(options: GetImageDigestOptions): Promise<string> {
  checkArgument("options", options, "options");
  const { imageTag, ...connecting } = options;
  const message = "Error retrieving image digest from container registry";
  return await orOCIError(message, options.signal, async () => {
    const { channel, repository, close } = connectImage(connecting, ["pull"]);
    const asking = { accept: ACCEPT, ...(options.signal && { signal: options.signal }) };
    try {
      const { response } = await headManifestRequest(channel, repository, imageTag, asking);
      return answeredDigest(response.headers) ??
        (await fetchManifest(channel, repository, imageTag, asking)).digest;
    } finally {
      close();
    }
  });
}

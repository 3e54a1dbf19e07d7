import { isDigest } from "../content/digest.ts";
import { isRepositoryName, type RepositoryName } from "../reference/repository_name.ts";
import { createdBlob } from "./blobs.ts";
import type { Exchange } from "./exchange.ts";

/**
 * end-11 POST uploads with `mount`: gives the repository a blob that another one has. Without
 * `from`, that of any repository which the client may read.
 *
 * @returns The response, or `undefined` where an upload session must do instead: what names nothing
 * is not there, and nothing tells a client whether a repository it may not read has a blob.
 */
export async function mountBlob(
  { access, backend }: Exchange,
  repository: RepositoryName,
  digestText: string,
  from: string | null,
): Promise<Response | undefined> {
  const digest = digestText;
  if (!isDigest(digest)) return undefined;
  const sources = from === null ? await backend.blobRepositories(digest) : [from];
  for (const source of sources) {
    if (!isRepositoryName(source) || !access.may(source, "pull")) continue;
    if (await backend.linkBlob(repository, digest, source)) {
      return createdBlob(repository, digest);
    }
  }
  return undefined;
}

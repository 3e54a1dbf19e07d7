import { checkRepositoryName, type RepositoryName } from "../reference/repository_name.ts";
import { createdBlob } from "./blobs.ts";
import { digestFrom, type Exchange } from "./exchange.ts";
import { Refusal } from "./refusal.ts";

/**
 * end-11 POST uploads with `mount`: gives the repository a blob that another one has. Without
 * `from`, that of any repository which the client may read.
 *
 * @returns The response, or `undefined` where an upload session must do instead: nothing tells a
 * client whether a repository it may not read has a blob.
 *
 * @throws {Refusal} 400 when the digest or the name is malformed.
 */
export async function mountBlob(
  { access, backend }: Exchange,
  repository: RepositoryName,
  digestText: string,
  from: string | null,
): Promise<Response | undefined> {
  const digest = digestFrom(digestText);
  const sources = from === null ? await backend.blobRepositories(digest) : [sourceName(from)];
  for (const source of sources) {
    if (!access.may(source, "pull")) continue;
    if (await backend.linkBlob(repository, digest, source)) {
      return createdBlob(repository, digest);
    }
  }
  return undefined;
}

function sourceName(from: string): RepositoryName {
  try {
    return checkRepositoryName(from);
  } catch (cause) {
    throw new Refusal(400, "NAME_INVALID", (cause as Error).message, { cause });
  }
}

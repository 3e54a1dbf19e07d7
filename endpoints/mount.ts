import { AuthenticationError, HttpError, UnsupportedError } from "../errors.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import { parseDigest } from "../content/digest.ts";
import type { Channel } from "../transport/channel.ts";
import { isRepositoryName } from "../reference/repository_name.ts";
import { sendExpecting } from "../transport/expect.ts";
import { checkAnsweredDigest } from "./answered_digest.ts";
import { checkChannel, ENDPOINT_OPTIONS, type EndpointOptions } from "./request.ts";
import { sessionOf, startBlobUpload, uploadRequest, type UploadSession } from "./uploads.ts";

/** What a mount comes to. */
export type MountResult = {
  /** The blob is in the repository now. */
  mounted: true;
} | {
  /** The registry did not mount it, and waits for its bytes. */
  mounted: false;
  /** The upload that it started instead. */
  session: UploadSession;
};

/** Options of {@linkcode mountBlob}. */
export interface MountOptions extends EndpointOptions {
  /** The repository that has the blob. Without one the registry looks by itself, if it does. */
  from?: string;
}

const MOUNT_OPTIONS: OptionNames<MountOptions> = names("from", ENDPOINT_OPTIONS);

/** Whether a status refuses a mount and says nothing about a plain upload; overload is no refusal. */
function refusesMount(status: number): boolean {
  return status >= 400 && status <= 501 && status !== 408 && status !== 429;
}

/**
 * Whether the registry mounts nothing in this way, rather than not this blob. Quay refuses a mount
 * without `from` with 400; with one, 400 may be about the repository it names.
 */
function neverMounts(error: unknown, from: string | undefined): boolean {
  if (error instanceof UnsupportedError) return true;
  if (!(error instanceof HttpError)) return false;
  return error.statusCode === 501 || (from === undefined && error.statusCode === 400);
}

/**
 * Takes a blob from another repository of the same registry, without moving it (end-11). Where the
 * registry does not, for whatever reason, or `from` is no repository's name, an upload is started
 * instead.
 *
 * @throws {HttpError} When neither can be done.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#mounting-a-blob-from-another-repository
 */
export async function mountBlob(
  channel: Channel,
  repository: string,
  digest: string,
  options: MountOptions = {},
): Promise<MountResult> {
  checkChannel(channel);
  checkOptions(options, MOUNT_OPTIONS);
  const { from, signal } = options;
  const asked = parseDigest(digest);
  const way = from === undefined ? "mountFromAny" : "mount";

  async function startInstead(): Promise<MountResult> {
    const session = await startBlobUpload(channel, repository, {
      ...(signal && { signal }),
      ...(asked.startsWith("sha512:") && { digestAlgorithm: "sha512" }),
    });
    return { mounted: false, session };
  }

  const unusable = from !== undefined && !isRepositoryName(from);
  if (unusable || channel.capabilities[way] === false) return await startInstead();
  const request = uploadRequest(channel, repository, { mount: asked, from }, options);
  try {
    const answer = await sendExpecting(channel, request, [201, 202]);
    if (answer.response.status === 202) {
      return { mounted: false, session: await sessionOf(channel, request, answer) };
    }
    await answer.response.body?.cancel();
    checkAnsweredDigest(request.what, asked, answer.response.headers);
  } catch (error) {
    // A token service may refuse the whole token for the other repository's sake.
    const refused = error instanceof AuthenticationError ||
      error instanceof HttpError && refusesMount(error.statusCode);
    if (!refused) throw error;
    const started = await startInstead();
    // Not before a plain upload is taken: else the refusal was about more than the mount.
    if (neverMounts(error, from)) channel.capabilities[way] = false;
    return started;
  }
  channel.emit({ type: "mount", digest: asked, repository, ...(from !== undefined && { from }) });
  return { mounted: true };
}

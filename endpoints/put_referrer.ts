import { ApiError, NotFoundError, ReferrersListError } from "../errors.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { type Digest, parseDigest } from "../content/digest.ts";
import { Turns } from "../content/turns.ts";
import { addReferrer, removeReferrer } from "../manifest/referrers_index.ts";
import type { ImageIndex } from "../manifest/types.ts";
import type { Channel } from "../transport/channel.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import { changeFallback } from "./change_fallback.ts";
import type { PutAnswer } from "./manifest_requests.ts";
import { listedByApi, mayLackApi, supportsReferrers } from "./referrers.ts";
import { type EndpointOptions, fullName } from "./request.ts";

/** Repositories whose OCI-Subject is trusted: one that is forgotten costs one request more. */
const TRUSTED_KEPT = 1_000;

/** How often a manifest is pushed that others, pushed at the same time, take off the list. */
const PUSHES = 5;

/** Manifests of one subject that are pushed at the same time. */
interface Together {
  /** Those under way; each resolves when it has landed, or failed. */
  readonly running: Set<Promise<void>>;
  /** How many have begun. */
  begun: number;
  /** What the registry lists since the last one ended, by whom it was asked. */
  readonly looks: Map<AbortSignal | Channel, Promise<ReadonlySet<unknown>>>;
}

/** Those under way, whoever's client it is. */
const TOGETHER = new Map<string, Together>();

/** Those of registries that forget some. */
const ONE_BY_ONE = new Turns();

/** What {@linkcode putReferrer} answers. */
export interface PutReferrerAnswer extends PutAnswer {
  /** Why the manifest, which has landed, is not on its subject's list. */
  error?: ApiError;
}

/**
 * Pushes a manifest with a subject, by `put`, and makes it findable from there: done already where the
 * registry answers `OCI-Subject` and has the API, else written to the fallback tag.
 *
 * Of several that come at the same time olareg 0.2.2 lists only some. So each waits for those that are
 * under way when it has landed, which may have read the list before; not for such as begin later. Then
 * the list is looked at once for all, those that it lacks are pushed again, and from then on one by one.
 *
 * @param entry What the list says of the manifest that has this digest.
 * @param options `newIndex` is what the first referrer is put into, where the tag is missing.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests-with-subject
 */
export async function putReferrer(
  channel: Channel,
  repository: string,
  subject: string,
  put: () => Promise<PutAnswer>,
  entry: (digest: Digest) => Descriptor,
  options: EndpointOptions & { newIndex?: ImageIndex } = {},
): Promise<PutReferrerAnswer> {
  const { signal } = options;
  const of = parseDigest(subject);
  const key = `${channel.origin} ${repository} ${of}`;
  let answer: PutAnswer | undefined;

  /** Answers whether the list has it. */
  async function push(): Promise<boolean> {
    const group = TOGETHER.get(key) ?? { running: new Set(), begun: 0, looks: new Map() };
    TOGETHER.set(key, group);
    const others = group.running.size;
    const own = ++group.begun;
    let end!: () => void;
    const ended = new Promise<void>((resolve) => end = resolve);
    group.running.add(ended);
    let listedByItself: boolean;
    try {
      answer = await put();
      listedByItself = await listsReferrers(channel, repository, of, answer, options);
    } finally {
      group.running.delete(ended);
      group.looks.clear();
      if (group.running.size === 0) TOGETHER.delete(key);
      end();
    }
    const referrer = entry(answer.digest);
    if (!listedByItself) {
      const change = (index = options.newIndex) => addReferrer(index, referrer);
      await changeFallback(channel, repository, of, referrer.digest, options, change);
      return true;
    }
    if (others === 0 && group.begun === own) return true;
    await untilAborted(Promise.all(group.running), signal);
    const asker = signal ?? channel;
    let look = group.looks.get(asker);
    if (look === undefined) {
      look = listedByApi(channel, repository, of, signal ? { signal } : {});
      group.looks.set(asker, look);
    }
    return (await look).has(referrer.digest);
  }

  try {
    const { capabilities } = channel;
    for (let pushes = 0; pushes < PUSHES; pushes++) {
      const listed = capabilities.forgetsReferrers
        ? await untilAborted(ONE_BY_ONE.take(push, key), signal)
        : await push();
      if (listed) return answer!;
      capabilities.forgetsReferrers = true;
    }
    throw neverListed(fullName(channel, repository), of, answer!.digest);
  } catch (error) {
    signal?.throwIfAborted();
    if (answer === undefined || !(error instanceof ApiError)) throw error;
    return { ...answer, error };
  }
}

function neverListed(name: string, subject: Digest, digest: Digest): ReferrersListError {
  return new ReferrersListError(
    `Cannot find it on the list of ${name}@${subject}, although it was put ${PUSHES} times`,
    { digest, subject, pushed: true, retryable: true },
  );
}

/** Whether the registry has put a manifest that was pushed on its subject's list itself. */
async function listsReferrers(
  channel: Channel,
  repository: string,
  subject: Digest,
  { headers }: PutAnswer,
  options: EndpointOptions,
): Promise<boolean> {
  // Where the answer was lost, it is not known what it said.
  if (headers !== undefined && !headers.has("oci-subject")) return false;
  // The header has lied: some registries sent it and had no API. Asked once for a repository.
  const trustedSubject = channel.capabilities.trustedSubject ??= new Set();
  if (trustedSubject.has(repository)) return true;
  if (!await keepsLists(channel, repository, subject, options)) return false;
  if (trustedSubject.size >= TRUSTED_KEPT) trustedSubject.clear();
  trustedSubject.add(repository);
  return true;
}

/** Whether the registry keeps the lists itself; one that only may have an API does not. */
async function keepsLists(
  channel: Channel,
  repository: string,
  digest: Digest,
  { signal }: EndpointOptions,
): Promise<boolean> {
  try {
    return await supportsReferrers(channel, repository, digest, signal && { signal });
  } catch (error) {
    if (mayLackApi(channel, error)) return false;
    throw error;
  }
}

/** Takes a deleted manifest out of its subject's fallback tag, where the registry has no API. */
export async function forgetReferrer(
  channel: Channel,
  repository: string,
  subject: string,
  referrer: string,
  options: EndpointOptions = {},
): Promise<void> {
  const digest = parseDigest(subject);
  if (await keepsLists(channel, repository, digest, options)) return;
  try {
    await changeFallback(
      channel,
      repository,
      digest,
      referrer,
      options,
      (index) => index && removeReferrer(index, referrer),
    );
  } catch (error) {
    // With its last manifest the repository may be gone, and its fallback tags with it.
    if (!(error instanceof NotFoundError)) throw error;
  }
}

import { HttpError, NotFoundError, ReferrersListError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import type { Digest } from "../content/digest.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { fallbackTag } from "../manifest/referrers_index.ts";
import type { ImageIndex } from "../manifest/types.ts";
import type { Channel } from "../transport/channel.ts";
import { Retries } from "../transport/retry.ts";
import type { RetryPolicy } from "../transport/retry_policy.ts";
import { untilAborted } from "../transport/until_aborted.ts";
import { readFallback } from "./fallback_tag.ts";
import {
  deleteManifestRequest,
  headManifestRequest,
  namesManifest,
  putManifestBytes,
} from "./manifest_requests.ts";
import { type EndpointOptions, fullName } from "./request.ts";

/** Changes to one fallback tag that one write will make. */
interface Write {
  readonly channel: Channel;
  readonly signal: AbortSignal | undefined;
  readonly changes: IndexChange[];
  /** Whether it takes more changes: it waits for its turn. */
  open: boolean;
  /** How often other writers won, where it was given up. */
  readonly done: Promise<number | undefined>;
}

/** The last write to each fallback tag, whoever's client it is, so that the next one waits for it. */
const FALLBACK_WRITES = new Map<string, Write>();

/** A change to a fallback index; the same index, or none, when nothing is to be done. */
type IndexChange = (index: ImageIndex | undefined) => ImageIndex | undefined;

/**
 * One write at a time to a fallback tag; looked at again afterwards in case another writer won. What
 * waits for a write is changed by the next one together; where that fails, each by its own.
 *
 * @throws {ReferrersListError} When other writers won each time.
 */
export async function changeFallback(
  channel: Channel,
  repository: string,
  subject: Digest,
  referrer: string,
  options: EndpointOptions,
  change: IndexChange,
): Promise<void> {
  const { signal } = options;
  const key = `${channel.origin} ${repository} ${subject}`;

  /**
   * The write that makes the change: one that still waits, or a new one. That begins when the last one
   * has ended, with the changes that it has by then.
   */
  function queue(shared: boolean): Write {
    const last = FALLBACK_WRITES.get(key);
    if (shared && last?.open && last.channel === channel && last.signal === signal) return last;
    const changes: IndexChange[] = [];
    const all: IndexChange = (index) => changes.reduce((now, each) => each(now), index);
    const done = Promise.resolve(last?.done).catch(() => {}).then(() => {
      write.open = false;
      return writeFallback(channel, repository, subject, signal ? { signal } : {}, all);
    });
    const write: Write = { channel, signal, changes, open: shared && last !== undefined, done };
    FALLBACK_WRITES.set(key, write);
    void write.done.catch(() => {}).then(() => {
      if (FALLBACK_WRITES.get(key) === write) FALLBACK_WRITES.delete(key);
    });
    return write;
  }

  async function written(shared: boolean): Promise<number | undefined> {
    const write = queue(shared);
    write.changes.push(change);
    try {
      return await untilAborted(write.done, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (write.changes.length === 1) throw error;
      return await written(false);
    }
  }

  const lost = await written(true);
  if (lost === undefined) return;
  const tag = `${fullName(channel, repository)}:${fallbackTag(subject)}`;
  throw new ReferrersListError(
    `Cannot write the fallback tag ${tag}: other writers won ${lost} times`,
    { digest: referrer, subject, pushed: false, retryable: true },
  );
}

/**
 * Tries to win the fallback tag against other writers. The waits are as long as a read and a write
 * take, at random and then longer, so that two writers do not meet again.
 */
function fallbackPolicy(took: number): RetryPolicy {
  return { maxAttempts: 10, minDelay: 2 * took, maxDelay: 10 * took };
}

/**
 * Reads, changes and writes the tag, until it names what was written. It is written on the condition
 * that it is what was read, which no registry is known to look at: another client that read the same
 * index before this write may still overwrite it. Its read and write take about as long as these, so
 * the tag is looked at after that time again. Answers how often others won, where it is given up.
 */
async function writeFallback(
  channel: Channel,
  repository: string,
  subject: Digest,
  options: EndpointOptions,
  change: IndexChange,
): Promise<number | undefined> {
  const { clock } = channel;
  const tag = fallbackTag(subject);
  let retries: Retries | undefined;
  for (;;) {
    const started = clock.now();
    const { index, digest, etag } = await readFallback(channel, repository, subject, options);
    const changed = change(index);
    if (changed === undefined || changed === index) return undefined;
    if (changed.manifests.length === 0 && digest !== undefined) {
      if (await deleteTag(channel, repository, tag, options)) return undefined;
    }
    const putting = { ...options, ...(etag !== undefined && { ifMatch: etag }) };
    const written = await putIndex(channel, repository, tag, changed, putting);
    const took = clock.now() - started;
    await clock.sleep(took, options.signal);
    if (written && await namesManifest(channel, repository, tag, written, options)) {
      return undefined;
    }
    retries ??= new Retries({ ...channel, retry: fallbackPolicy(took) });
    const delay = retries.failed();
    if (delay === undefined) return retries.failures;
    await clock.sleep(delay, options.signal);
  }
}

/**
 * PUT an index. Whoever deleted an entry may have left the index as it was: registries
 * that look for the entries take the index without it alone. Answers the digest of what was put;
 * `undefined` where the tag has moved since it was read.
 */
async function putIndex(
  channel: Channel,
  repository: string,
  tag: string,
  index: ImageIndex,
  options: EndpointOptions & { ifMatch?: string },
): Promise<Digest | undefined> {
  const bytes = encodeText(JSON.stringify(index));
  const { ociIndex } = MEDIA_TYPES;
  try {
    return (await putManifestBytes(channel, repository, tag, bytes, ociIndex, options)).digest;
  } catch (error) {
    if (error instanceof HttpError && error.statusCode === 412) return undefined;
    if (!lacksEntry(error)) throw error;
    const kept = await existing(channel, repository, index, options);
    if (kept.manifests.length === index.manifests.length) throw error;
    return await putIndex(channel, repository, tag, kept, options);
  }
}

/** Whether a push was refused for want of something in it: 400 by the specification, crane 404. */
function lacksEntry(error: unknown): boolean {
  return error instanceof HttpError &&
    error.codes.some((code) => code === "MANIFEST_BLOB_UNKNOWN" || code === "MANIFEST_UNKNOWN");
}

/** The index without the entries that the repository does not have. */
async function existing(
  channel: Channel,
  repository: string,
  index: ImageIndex,
  options: EndpointOptions,
): Promise<ImageIndex> {
  const there = await Promise.all(index.manifests.map(async ({ digest }) => {
    try {
      await headManifestRequest(channel, repository, digest, options);
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }));
  return { ...index, manifests: index.manifests.filter((_, at) => there[at]) };
}

async function deleteTag(
  channel: Channel,
  repository: string,
  tag: string,
  options: EndpointOptions,
): Promise<boolean> {
  try {
    await deleteManifestRequest(channel, repository, tag, options);
    return true;
  } catch (error) {
    if (error instanceof NotFoundError) return true;
    // A registry that keeps tags, in whatever words, gets an empty index: it says the same.
    if (error instanceof HttpError) return false;
    throw error;
  }
}

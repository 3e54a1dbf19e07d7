import type { UploadJournal, UploadKey } from "../content/upload_journal.ts";
import { BadDigestError, HttpError, SizeMismatchError } from "../errors.ts";
import type { Channel } from "../transport/channel.ts";
import { RETRYABLE_STATUSES } from "../transport/retry.ts";
import type { EndpointOptions } from "./request.ts";
import { uploadProgress, type UploadSession } from "./uploads.ts";

/** The uploads of this process, by journal: two of the same content must not share a session. */
const UNDER_WAY = new WeakMap<UploadJournal, Set<string>>();

/** The record of one upload, for as long as this process works on it. */
export interface JournaledUpload {
  /** The session of a push that ended early, where the registry has it still. */
  resume(channel: Channel, options: EndpointOptions): Promise<UploadSession | undefined>;
  /** Writes down how far the upload is. */
  keep(session: UploadSession): Promise<void>;
  /** The session is closed, or of no use. */
  forget(): Promise<void>;
  /** This process does no more with it. */
  leave(): void;
}

/** An upload's record in a journal; `undefined` while another upload here has it. */
export function journaledUpload(
  journal: UploadJournal,
  key: UploadKey,
): JournaledUpload | undefined {
  const name = `${key.registry} ${key.repository} ${key.digest}`;
  const busy = UNDER_WAY.get(journal) ?? new Set();
  if (busy.has(name)) return undefined;
  UNDER_WAY.set(journal, busy.add(name));

  return {
    async resume(channel, options) {
      const record = await journal.find(key);
      if (record === undefined) return undefined;
      const { location, bytes: offset } = record;
      try {
        const recorded = { location, offset };
        const { session, taken } = await uploadProgress(
          channel,
          key.repository,
          recorded,
          options,
        );
        if (taken !== undefined) return session;
      } catch {
        options.signal?.throwIfAborted(); // otherwise the upload is gone, or cannot be asked about
      }
      await journal.forget(key);
      return undefined;
    },
    keep: ({ location, offset }) =>
      journal.keep({ ...key, location, bytes: offset, time: Date.now() }),
    forget: () => journal.forget(key),
    leave: () => void busy.delete(name),
  };
}

/** Whether an upload that failed can be gone on with later: not where its bytes or rights are wrong. */
export function mayGoOn(error: unknown): boolean {
  if (error instanceof HttpError) return RETRYABLE_STATUSES.includes(error.statusCode);
  return !(error instanceof BadDigestError || error instanceof SizeMismatchError);
}

/** What an upload is for: a registry's session is of no use for anything else. */
export interface UploadKey {
  /** The registry's origin, such as `https://registry.example:5000`. */
  readonly registry: string;
  /** The repository's name. */
  readonly repository: string;
  /** The digest of the content that is sent. */
  readonly digest: string;
}

/** An upload that was begun, and how far it came. */
export interface UploadRecord extends UploadKey {
  /** The session's URL: its `Location` as an absolute URL. Its query may hold secrets. */
  readonly location: string;
  /** How many bytes the registry has said that it took. */
  readonly bytes: number;
  /** When this was written down, in milliseconds since 1970. */
  readonly time: number;
}

/**
 * Remembers upload sessions, so that another process goes on where this one ended. What it cannot
 * read or keep costs a new session and nothing else: none of its methods fails for want of a disk.
 */
export interface UploadJournal {
  /** The session for some content, where one is known. */
  find(key: UploadKey): Promise<UploadRecord | undefined>;
  /** Writes down a session, in place of the one for the same content. */
  keep(record: UploadRecord): Promise<void>;
  /** Forgets the session for some content: it was closed, or the registry does not know it. */
  forget(key: UploadKey): Promise<void>;
}

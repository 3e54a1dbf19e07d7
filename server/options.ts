import { names, type OptionNames } from "../content/check_options.ts";
import { InvalidOptionError } from "../errors.ts";
import type { RegistryAuth } from "./access/options.ts";
import type { RegistryBackend } from "./backends/backend.ts";
import { laterOnThisMachine } from "./listen/deadlines.ts";
import type { Middleware } from "./middleware.ts";
import type { Upstream } from "./pull_through/upstream.ts";

/** What a registry does, and how much it takes. */
export interface RegistryOptions {
  /** Who may do what. Without it every client may do everything. */
  auth?: RegistryAuth;
  /** Where everything is kept. @default {in memory} */
  backend?: RegistryBackend;
  /**
   * Where clients reach the registry, where that is not the address it is asked at: behind a proxy
   * that ends TLS, `https://registry.example`, with a path where the proxy has one in front of
   * `/v2/`. The realm of the token service and every `Location` start with it. What a client says of
   * that, as in `X-Forwarded-Proto`, does not count: it could lead others' passwords elsewhere.
   * @default {what the request says}
   */
  externalUrl?: string;
  /**
   * What stands between the registry and its clients, the outermost first. `requests` notes what
   * clients asked, and what they were answered in the end.
   * @default {[]}
   */
  middleware?: readonly Middleware[];
  /**
   * Where what is missing here comes from: a store behind every repository, or a function that
   * gives each repository its own, and may look at the registry that a client names (`ns`). Repositories for which it gives none are this registry's own.
   *
   * Content is verified on its way, and then kept: a digest is fetched once, however many ask for
   * it. While the upstream fails, tags and lists are answered as they were, with a `Warning`.
   */
  upstream?: Upstream;
  /**
   * Whether repositories with an upstream are pushed to and deleted from, too; otherwise the answer
   * is 405. A tag that was pushed here hides the upstream's until it is deleted, or the registry
   * starts anew; what was deleted here and is still at the upstream comes back when it is pulled.
   * @default {false}
   */
  upstreamPushes?: boolean;
  /**
   * How long what an upstream says of a tag, or lists, is good for, in milliseconds; 0 asks each
   * time. Content that a digest names never changes, and is not asked for again.
   * @default {60000}
   */
  revalidateAfter?: number;
  /**
   * Whether manifests, tags and blobs can be deleted (end-9, end-10); otherwise the answer is 405.
   * @default {true}
   */
  deletes?: boolean;
  /**
   * Whether the referrers API (end-12) and its headers are there; without it clients keep the list
   * under a fallback tag.
   * @default {true}
   */
  referrersApi?: boolean;
  /**
   * The largest manifest that is taken, in bytes; a larger one is answered with 413.
   * @default {4259840}
   */
  manifestLimit?: number;
  /**
   * Whether manifests are taken whose blobs, and indexes whose manifests, are not all here: a copy
   * of some platforms of an image then keeps its index, with its digest and signatures.
   * @default {false}
   */
  sparse?: boolean;
  /**
   * The largest blob that is taken, in bytes; a larger one is answered with 413.
   * @default {214748364800}
   */
  blobLimit?: number;
  /**
   * The most uploads that may be open at once, of all clients of this process; one more is answered
   * with 429. One that is not gone on with ends after `uploadExpiry`.
   * @default {10000}
   */
  openUploadLimit?: number;
  /**
   * The most uploads that one user may have open at once; those who do not log in are one user.
   * Without users there is no such limit.
   * @default {1000}
   */
  userUploadLimit?: number;
  /**
   * The most tags, or repositories of the catalog, on one page.
   * @default {1000}
   */
  tagPageSize?: number;
  /**
   * The most referrers on one page.
   * @default {1000}
   */
  referrersPageSize?: number;
  /**
   * The least size of a chunk that is not an upload's last, in bytes: announced
   * as `OCI-Chunk-Min-Length`, and enforced. Without it any size will do.
   */
  chunkMinLength?: number;
  /**
   * After how long without a request an upload is forgotten, in milliseconds: its bytes are removed
   * then, without waiting for another request. A backend that several processes share, such as
   * `objectBackend`, has an `uploadExpiry` of its own, which counts in place of this one.
   * @default {3600000}
   */
  uploadExpiry?: number;
  /**
   * How long the body of a request may bring nothing, in milliseconds: then the answer is 408. What
   * came of an upload stays, and the upload can be gone on with until it expires. A body that brings
   * something now and then may take as long as it likes, as with nginx: a slow line is no attack, and
   * how many connections one client may have is for what stands in front of a public registry.
   * @default {60000}
   */
  stallTimeout?: number;
  /**
   * How many of the newest requests `requests` keeps.
   * @default {1000}
   */
  requestsKept?: number;
  /**
   * Called with a failure of the registry itself, or of its upstream: the client gets a 500 or 502
   * without its reason.
   * @default {() => {}}
   */
  onError?: (error: unknown) => void;
  /**
   * Tells the time, in milliseconds since 1970: for tests of what expires.
   * @default {Date.now}
   */
  now?: () => number;
  /**
   * Runs something once after a time in milliseconds: for tests of what expires, beside `now`.
   * @default {the machine's own timers; they keep no process alive}
   */
  later?: (run: () => void, milliseconds: number) => void;
}

/** Their names. */
export const REGISTRY_OPTIONS: OptionNames<RegistryOptions> = names(
  `auth externalUrl upstream upstreamPushes revalidateAfter deletes
  referrersApi manifestLimit sparse blobLimit openUploadLimit userUploadLimit tagPageSize
  referrersPageSize chunkMinLength uploadExpiry stallTimeout requestsKept onError now later`,
  { backend: "an object", middleware: "a list" },
);

/** What listens must not break what it listens to: thrown in the background, it would end the process. */
export function harmless(onError?: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      onError?.(error);
    } catch { /* as above */ }
  };
}

/** Every option that has a default, with its value. */
export interface RegistrySettings extends
  Required<
    Omit<
      RegistryOptions,
      "auth" | "backend" | "chunkMinLength" | "externalUrl" | "middleware" | "upstream"
    >
  > {
  /** Where clients reach the registry, without a slash at its end. */
  externalUrl?: string;
  /** The least size of a chunk, in bytes; 0 where any will do. */
  chunkMinLength: number;
}

/**
 * The specification asks for 4 MiB at least. The margin lets a test of exactly 4 MiB of content
 * pass with the manifest's own fields beside it.
 */
const MANIFEST_LIMIT_BYTES = (4 * 1024 + 64) * 1024;

/** What the largest registries take: Azure's layers have up to 200 GiB. */
const BLOB_LIMIT_BYTES = 200 * 1024 ** 3;

/** An open upload is a file and some hundred bytes of memory. */
const OPEN_UPLOADS = 10_000;

/** A client has at most some ten open at once. */
const USER_UPLOADS = 1_000;

/** A page that every client reads at once: 1,000 tags of 128 characters are 130 KB. */
const PAGE_SIZE = 1_000;

/** Longer than any client waits before it resumes, and short enough that nothing piles up. */
const UPLOAD_EXPIRY_MS = 60 * 60 * 1_000;

/** What nginx and most proxies wait for the next bytes of a body. */
export const STALL_TIMEOUT_MS = 60_000;

/**
 * A tag that moved is seen within a minute, and a thousand pulls in that minute cost one HEAD:
 * Docker Hub does not even count it.
 */
const REVALIDATE_AFTER_MS = 60_000;

/** Enough for a test to look at what a client did, and no leak in a server that runs for weeks. */
const REQUESTS_KEPT = 1_000;

const ABOVE_ZERO = [
  "manifestLimit",
  "blobLimit",
  "openUploadLimit",
  "userUploadLimit",
  "tagPageSize",
  "referrersPageSize",
  "uploadExpiry",
  "stallTimeout",
] as const;
const NOT_BELOW_ZERO = ["chunkMinLength", "revalidateAfter", "requestsKept"] as const;

/**
 * The options with their defaults.
 *
 * @throws {InvalidOptionError} When one is not what it must be.
 */
export function registrySettings(options: RegistryOptions): RegistrySettings {
  const settings: RegistrySettings = {
    deletes: options.deletes ?? true,
    referrersApi: options.referrersApi ?? true,
    ...(options.externalUrl !== undefined && { externalUrl: checkUrl(options.externalUrl) }),
    sparse: options.sparse ?? false,
    blobLimit: options.blobLimit ?? BLOB_LIMIT_BYTES,
    openUploadLimit: options.openUploadLimit ?? OPEN_UPLOADS,
    userUploadLimit: options.userUploadLimit ?? USER_UPLOADS,
    manifestLimit: options.manifestLimit ?? MANIFEST_LIMIT_BYTES,
    tagPageSize: options.tagPageSize ?? PAGE_SIZE,
    referrersPageSize: options.referrersPageSize ?? PAGE_SIZE,
    chunkMinLength: options.chunkMinLength ?? 0,
    uploadExpiry: options.uploadExpiry ?? UPLOAD_EXPIRY_MS,
    stallTimeout: options.stallTimeout ?? STALL_TIMEOUT_MS,
    upstreamPushes: options.upstreamPushes ?? false,
    revalidateAfter: options.revalidateAfter ?? REVALIDATE_AFTER_MS,
    requestsKept: options.requestsKept ?? REQUESTS_KEPT,
    onError: harmless(options.onError),
    now: options.now ?? Date.now,
    later: options.later ?? laterOnThisMachine,
  };
  for (const name of ABOVE_ZERO) checkInteger(name, settings[name], 1);
  for (const name of NOT_BELOW_ZERO) checkInteger(name, settings[name], 0);
  return settings;
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.href === bare(url);
  if (plain) return url.href.replace(/\/+$/, "");
  throw new InvalidOptionError(
    "Cannot create a registry as 'externalUrl' must be a URL of http or https without a user, a " +
      `query and a fragment: current value is ${text}`,
  );
}

function bare({ origin, pathname }: URL): string {
  return origin + pathname;
}

/**
 * Checks an option that counts something.
 *
 * @throws {InvalidOptionError} When it is not an integer, or less than it may be.
 */
export function checkInteger(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new InvalidOptionError(
    `Cannot create a registry as '${name}' must be an integer of at least ${least}: ` +
      `current value is ${value}`,
  );
}

import { names, type OptionNames } from "../../content/check_options.ts";
import type { RequestMatch } from "./match.ts";

/**
 * What a registry does otherwise than the specification says, or than most do: all of it seen or
 * reported of real ones. Everything is off unless given, and combines freely.
 *
 * @example A registry without referrers and deletes, whose blobs are on another origin
 * ```ts
 * import { createTestRegistry } from "@davit/registry-client/testing";
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch, requests } = createTestRegistry({
 *   quirks: { noReferrers: "text", deletes: 405, blobRedirects: true },
 * });
 * const client = new RegistryClientV2({ name: "registry.test/app", fetch });
 * const { digest } = await client.putBlob(new TextEncoder().encode("hello"));
 * assertEquals(await (await client.getBlob(digest)).text(), "hello");
 * assertEquals(requests.at(-1)?.origin, "https://elsewhere.registry.test");
 * ```
 */
export interface QuirkOptions {
  // Referrers

  /**
   * No referrers API (end-12), and no `OCI-Subject`: the answer is 404 as plain text, 404 with the
   * code `NAME_UNKNOWN`, or 200 with a page of HTML.
   */
  noReferrers?: "text" | "name-unknown" | "html";
  /** `OCI-Subject` is answered although there is no referrers API. */
  lyingSubject?: boolean;
  /** The fallback tag of a digest that is there names that digest's manifest itself. */
  fallbackTagIsSubject?: boolean;

  // Uploads

  /**
   * What a POST with the whole blob (end-4b) is answered with: 202 makes an upload of it and throws
   * the bytes away; another status refuses it.
   */
  singlePost?: number;
  /** What a mount (end-11) is answered with: 202 starts an upload; another status refuses it. */
  mount?: number;
  /** The same for a mount that names no `from`. */
  mountWithoutFrom?: number;
  /**
   * The least size of a chunk that is not the last, in bytes: announced as `OCI-Chunk-Min-Length`.
   * What follows a smaller one is answered with 416.
   */
  minChunk?: number;
  /** The largest PATCH. */
  maxChunk?: {
    /** How many bytes it may have. */
    bytes: number;
    /** What a larger one is answered with. @default {413} */
    status?: number;
    /** Whether only those with a `Content-Range` are looked at. @default {false} */
    ranged?: boolean;
  };
  /** The largest PUT to an upload, in bytes: more is answered with 413. */
  maxPut?: number;
  /** The status of a PATCH that was taken. */
  patchStatus?: number;
  /** `Range` stays at the end of the first chunk, however many follow. */
  stuckRange?: boolean;
  /** Errors of uploads come without `Location` and `Range`. */
  bareUploadErrors?: boolean;
  /** The state of an upload (end-13) is 404. */
  noUploadStatus?: boolean;
  /** A second PATCH of one upload is answered with 404, and the upload has ended. */
  oneChunk?: boolean;
  /** A PUT that closes an upload of several chunks must bring the last of them, or is a 400. */
  noEmptyClose?: boolean;
  /**
   * `Content-Range` is not looked at: a chunk from anywhere is taken as the next one, and what should
   * have come before it is missing from the blob.
   */
  noContentRange?: boolean;
  /** A PATCH without `Content-Length` is answered with 411. */
  patchNeedsLength?: boolean;
  /** What `Location` says of an upload. */
  locations?: LocationQuirks;

  // Blobs

  /** `Range` is not looked at: the answer is the whole blob. */
  noRanges?: boolean;
  /**
   * Blobs are redirected to a storage on another origin, which answers 400 to a request with
   * `Authorization`.
   */
  blobRedirects?: boolean | {
    /** The origin. @default {see `LocationQuirks.otherOrigin`} */
    origin?: string;
    /** The redirect's status. @default {307} */
    status?: number;
  };
  /**
   * `Docker-Content-Digest`: left out, of other bytes, or always by sha256.
   */
  digestHeader?: "none" | "wrong" | "sha256";

  // Manifests

  /** A tag that is there cannot be pushed again: in the words of this registry. */
  immutableTags?: "ecr" | "harbor" | "dockerHub";
  /** What manifests are answered with whose configuration or artifact type is not an image's. */
  unknownTypes?: number;
  /** What every DELETE of a manifest or blob is answered with. */
  deletes?: number;
  /** What a DELETE of a tag is answered with; 400 misses a digest in its place. */
  tagDeletes?: number;
  /**
   * The repositories that can be pushed to: names, or `project/*`. Another one is answered with 404
   * NAME_UNKNOWN.
   */
  repositories?: readonly string[];

  // Lists

  /** Pages of tags and of the catalog. */
  pages?: PageQuirks;

  // Every answer

  /** The bodies of errors: plain text, none, or 10 MB of text. */
  errorBodies?: "text" | "empty" | "huge";
  /** Texts of `Warning` headers, on every answer. */
  warnings?: readonly string[];
  /** A header of so many bytes on every answer. */
  padding?: number;
  /** Cookies are set, and who sends one back is answered with 403. */
  cookies?: boolean;
  /** Docker Hub's quota: GET of a manifest counts, HEAD does not. */
  rateLimit?: RateLimitQuirk;

  // Authentication

  /** What is answered where the credentials are good, and not for this; the challenge is left out. */
  deniedStatus?: number;
  /** Challenges come with end-1, `GET /v2/`, alone: other requests get 401 without one. */
  challengeOnPing?: boolean;
  /** The scope that the challenge of end-1 names, whatever was asked. */
  pingScope?: string;
  /**
   * Where the token service seems to be to those who ask the registry under its public name: the
   * registry answers at every origin. Under any other name it is where it always is, so that no client
   * on a socket is sent to a stranger's service.
   */
  realmOrigin?: {
    /** The registry's public name. */
    host: string;
    /** The token service's origin. */
    origin: string;
  };
  /** What a token that has ended is answered with. */
  endedTokenStatus?: number;
  /** What the token service answers. */
  tokens?: TokenQuirks;
}

const QUIRK_OPTIONS: OptionNames<QuirkOptions> = names(`
  noReferrers lyingSubject fallbackTagIsSubject singlePost mount mountWithoutFrom minChunk
  maxChunk maxPut patchStatus stuckRange bareUploadErrors noUploadStatus oneChunk noEmptyClose
  noContentRange patchNeedsLength locations noRanges blobRedirects digestHeader immutableTags
  unknownTypes deletes tagDeletes repositories pages errorBodies warnings padding cookies
  rateLimit deniedStatus challengeOnPing pingScope realmOrigin endedTokenStatus tokens
`);

/** What is special about the locations of uploads. */
export interface LocationQuirks {
  /**
   * A whole URL, an absolute path, or a path from the request's own.
   * @default {"path"}
   */
  form?: "absolute" | "path" | "relative";
  /**
   * A query, `_state=…`, that must come back, or the answer is 400: byte for byte, or `"decoded"`:
   * then a client may escape it in another way, and put it behind parameters of its own.
   * @default {false}
   */
  query?: boolean | "decoded";
  /**
   * Each location is good for one request, or for one that writes; then it is a 404.
   * @default {false}
   */
  once?: boolean | "writes";
  /**
   * Uploads go to another origin, which answers 400 to a request with `Authorization`. A `fetch`
   * of the registry's answers there; over sockets the origin must lead to the same registry, at a
   * second port for instance. `true` is `https://elsewhere.` and the registry's host, and on
   * loopback the same port under the other name: `localhost` for `127.0.0.1`, and the reverse.
   * @default {false}
   */
  otherOrigin?: boolean | string;
}

/** What is special about pages. */
export interface PageQuirks {
  /** Each page's names are in reverse order. */
  unsorted?: boolean;
  /** No page has more than so many names, whatever was asked for. */
  size?: number;
  /** `null` stands between the names, and instead of a list without any. */
  nulls?: boolean;
  /** `Link` says `rel=next`, without quotes. */
  unquotedRel?: boolean;
  /** An `n` above this is answered with 400. */
  most?: number;
}

/** A quota of manifests. */
export interface RateLimitQuirk {
  /** How many: then 429. */
  limit: number;
  /** In how much time, in seconds. @default {21600} */
  window?: number;
}

/** What is special about the answers of a token service. */
export interface TokenQuirks {
  /** `expires_in` is left out. @default {false} */
  noExpiry?: boolean;
  /** The token has this name alone. */
  only?: "token" | "access_token";
  /** What a POST (OAuth2) is answered with. */
  postStatus?: number;
  /** Actions that make a token request a 400. */
  refusedActions?: readonly string[];
  /**
   * Azure's way: beside the token service, `POST exchange` (`grant_type=access_token`) gives a refresh
   * token for a token of Microsoft Entra. Here that one is the password of this user; and a
   * login as this user with a refresh token for a password is taken as well.
   */
  exchangeFor?: string;
}

/**
 * Quirks, and the requests that they are for.
 *
 * @example The second chunk is answered as ECR does
 * ```ts
 * import { createTestRegistry, type QuirkRule } from "@davit/registry-client/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const quirks: QuirkRule = { patchStatus: 201, on: { method: "PATCH", nth: 2 } };
 * const { fetch } = createTestRegistry({ quirks });
 * const url = "http://registry.test/v2/app/blobs/uploads/";
 * const session = new URL((await fetch(url, { method: "POST" })).headers.get("location")!, url);
 * const first = await fetch(session, { method: "PATCH", body: "hel" });
 * const second = await fetch(session, { method: "PATCH", body: "lo" });
 * assertEquals([first.status, second.status], [202, 201]);
 * ```
 */
export interface QuirkRule extends QuirkOptions {
  /** The requests. @default {all} */
  on?: RequestMatch;
}

export const QUIRK_RULE: OptionNames<QuirkRule> = names("on", QUIRK_OPTIONS);

import { checkArgument } from "../../content/check_argument.ts";
import { checkCall } from "../../content/check_call.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import { pieceReader, readAll } from "../../content/piece_reader.ts";
import type { Bytes } from "../../content/bytes.ts";
import { isDigest } from "../../content/digest.ts";
import { DEFAULT_LIMITS } from "../../content/limits.ts";
import { STORE_OPTIONS, type StoreOptions } from "../../content/store.ts";
import type { Deleter, Inventory, InventoryEntry } from "../../copy/prune_options.ts";
import {
  HostRefusedError,
  InvalidContentError,
  InvalidOptionError,
  LimitError,
  NetworkError,
} from "../../errors.ts";
import { dockerResponse } from "../../transport/docker_response.ts";
import { nextLink } from "../../transport/link.ts";

/** Options of {@linkcode githubPackages}. */
export interface GithubPackagesOptions {
  /** Who the package belongs to: an organization or a user. */
  owner: string;
  /** Which of the two it is. @default {"org"} */
  ownerType?: "org" | "user";
  /** The container package: what stands in `ghcr.io/owner/…`. */
  name: string;
  /** A token that may read packages, and delete them: `GITHUB_TOKEN` in an action. */
  token: string;
  /** GitHub's API. @default {"https://api.github.com"} */
  api?: string;
  /** Carries the requests. @default {globalThis.fetch} */
  fetch?: typeof globalThis.fetch;
}

const GITHUB_PACKAGES_OPTIONS: OptionNames<GithubPackagesOptions> = names(
  "owner ownerType name token api fetch",
);

/** GitHub gives at most so many versions at once. */
const PAGE_SIZE = 100;

const API_VERSION = "2022-11-28";

/** Above any real package: 100,000 versions. An endless list ends here. */
const MAX_PAGES = 1_000;

/**
 * The versions of a package in GitHub's container registry, tagged or not, as an inventory and a
 * deleter for `planPrune` and `prune`.
 *
 * @example What could go from `ghcr.io/octo/app`
 * ```ts
 * import { githubPackages } from "@davit/registry-client/github-packages";
 * import { planPrune } from "@davit/registry-client/copy";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const packages = githubPackages({
 *   owner: "octo",
 *   name: "app",
 *   token: "secret",
 *   // In place of GitHub, for this example:
 *   fetch: () => Promise.resolve(Response.json([])),
 * });
 * // In place of the repository: new RegistryStore(new RegistryClientV2({ name: "ghcr.io/octo/app" }))
 * const store = new MemoryStore();
 * const plan = await planPrune(store, { inventory: packages, keepLast: 10 });
 * assertEquals(plan.remove, []);
 * ```
 *
 * @throws {InvalidOptionError} When the owner, the name or the token is empty.
 *
 * @see https://docs.github.com/en/rest/packages/packages
 */
export function githubPackages(options: GithubPackagesOptions): Inventory & Deleter {
  checkArgument("options", options, "options");
  checkOptions(options, GITHUB_PACKAGES_OPTIONS);
  const { owner, ownerType = "org", name, token, api = "https://api.github.com" } = options;
  for (const [field, value] of Object.entries({ owner, name, token })) {
    if (typeof value === "string" && value !== "") continue;
    throw new InvalidOptionError(`Cannot reach GitHub's packages: '${field}' is empty`);
  }
  const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const place = `${ownerType === "org" ? "orgs" : "users"}/${encodeURIComponent(owner)}`;
  const versions = new URL(
    `${api.replace(/\/$/, "")}/${place}/packages/container/${encodeURIComponent(name)}/versions`,
  );
  const what = `the versions of ${owner}/${name} on GitHub`;
  /** The versions' numbers by their digests, as they were listed last. */
  const ids = new Map<string, number>();

  async function ask(
    method: "GET" | "DELETE",
    url: URL,
    doing: string,
    { signal }: StoreOptions,
  ): Promise<{ status: number; headers: Headers; bytes: Bytes }> {
    const headers = {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${token}`,
      "x-github-api-version": API_VERSION,
    };
    signal?.throwIfAborted();
    let response: Response;
    let bytes: Bytes = new Uint8Array(0);
    try {
      response = await fetch(url, {
        method,
        headers,
        redirect: "manual",
        ...(signal && { signal }),
      });
      const body = response.body as ReadableStream<Bytes> | null;
      const limit = { name: "pageBytes", bytes: DEFAULT_LIMITS.pageBytes, what: "the answer" };
      if (body !== null) bytes = await readAll(pieceReader(body), limit);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof LimitError) throw cause;
      throw new NetworkError(`Cannot ${doing}: GitHub cannot be reached`, { cause });
    }
    const { status } = response;
    if (status >= 200 && status < 300 || method === "DELETE" && status === 404) {
      return { status, headers: response.headers, bytes };
    }
    const asked = { method, url: url.href };
    throw await dockerResponse(response, asked, bytes).dockerThrowable(`Cannot ${doing}`);
  }

  return {
    async *list(options: StoreOptions = {}): AsyncGenerator<InventoryEntry> {
      checkCall(options, STORE_OPTIONS);
      ids.clear();
      let url: URL | undefined = new URL(versions);
      url.searchParams.set("per_page", String(PAGE_SIZE));
      for (let page = 1; url !== undefined; page++) {
        if (page > MAX_PAGES) {
          throw new LimitError(`Cannot list ${what}: there are more than ${MAX_PAGES} pages`, {
            limit: "maxPages",
            maximum: MAX_PAGES,
          });
        }
        const answer = await ask("GET", url, `list ${what}`, options);
        for (const version of readPage(answer.bytes, what)) {
          ids.set(version.digest, version.id);
          const { digest, tags, created } = version;
          yield { digest, tags, ...(created && { created }) };
        }
        const next = nextLink(answer.headers.get("link"));
        if (next === false) {
          throw new InvalidContentError(
            `Cannot list ${what}: the link to the next page is unreadable`,
          );
        }
        url = next === undefined ? undefined : new URL(next, url);
        if (url !== undefined && url.origin !== versions.origin) {
          // The token would go along.
          throw new HostRefusedError(`Cannot list ${what}: the list goes on at ${url.origin}`, {
            host: url.host,
          });
        }
      }
    },
    async delete(entry: InventoryEntry, options: StoreOptions = {}): Promise<void> {
      checkCall(options, STORE_OPTIONS);
      const digest = entry?.digest;
      const id = ids.get(digest);
      if (id === undefined) {
        throw new InvalidOptionError(
          `Cannot delete ${digest}: it is not among ${what}, as they were listed`,
        );
      }
      const url = new URL(versions);
      url.pathname += `/${id}`;
      await ask("DELETE", url, `delete ${digest} of ${owner}/${name} on GitHub`, options);
    },
  };
}

interface Version {
  id: number;
  digest: string;
  tags: string[];
  created: Date | undefined;
}

function readPage(bytes: Bytes, what: string): Version[] {
  const bad = (why: string, cause?: unknown) =>
    new InvalidContentError(`Cannot list ${what}: ${why}`, { cause });
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw bad("the answer is not JSON", cause);
  }
  if (!Array.isArray(json)) throw bad("the answer is not a list");
  return json.map((each) => {
    const { id, name, created_at, metadata } = (each ?? {}) as Record<string, unknown>;
    if (typeof id !== "number" || !isDigest(name)) throw bad("a version has no id or digest");
    const tags = (metadata as { container?: { tags?: unknown } } | undefined)?.container?.tags;
    if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== "string")) {
      throw bad("a version has no list of tags"); // not to be taken for one without tags
    }
    const time = typeof created_at === "string" ? Date.parse(created_at) : NaN;
    return { id, digest: name, tags, created: Number.isNaN(time) ? undefined : new Date(time) };
  });
}

/**
 * A `fetch` for what artifacts hold: `oci://host/repository:tag#title`.
 *
 * @example Compile a WebAssembly module out of an artifact
 * ```ts
 * import { createOciFetch } from "@davit/registry-client/oci-fetch";
 * import { buildManifest, EMPTY_CONFIG_BYTES, RegistryClientV2 } from "@davit/registry-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assert } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the real registry is asked
 * const app = new RegistryClientV2({ name: "ghcr.io/you/app", scopes: ["pull", "push"], fetch });
 * const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]); // the smallest module
 * const layer = await app.putBlob(empty, { mediaType: "application/wasm" });
 * await app.putBlob(EMPTY_CONFIG_BYTES);
 * const { bytes } = await buildManifest({ artifactType: "application/wasm", layers: [layer] });
 * await app.putManifest({ ref: "v1", manifestData: bytes });
 *
 * const ociFetch = createOciFetch({ fetch });
 * const module = await WebAssembly.compileStreaming(ociFetch("oci://ghcr.io/you/app:v1"));
 * assert(module instanceof WebAssembly.Module);
 * ```
 *
 * @module
 */
import { checkOptions, names, type OptionNames } from "./content/check_options.ts";
import { byteRange } from "./content/byte_range.ts";
import type { Bytes } from "./content/bytes.ts";
import { contentTypeOf } from "./content/content_type.ts";
import type { Descriptor, Platform } from "./content/descriptor.ts";
import { isManifestMediaType } from "./content/media_types.ts";
import { ownPlatforms } from "./content/own_platforms.ts";
import { RecentMap } from "./content/recent.ts";
import {
  ContentNotFoundError,
  InvalidOptionError,
  InvalidReferenceError,
  NotFoundError,
} from "./errors.ts";
import { findLayer } from "./manifest/find_layer.ts";
import { choosePlatform } from "./manifest/platform.ts";
import {
  type DockerManifestList,
  type ImageIndex,
  isIndex,
  type Manifest,
} from "./manifest/types.ts";
import { quoteInput } from "./reference/quote_input.ts";
import { parseReference, type Reference } from "./reference/reference.ts";
import { CONNECTION_OPTIONS, type ConnectionOptions } from "./registry_client_options.ts";
import { RegistryClientV2 } from "./registry_client_v2.ts";
import { RegistryStore } from "./registry_store.ts";

/** Options of {@linkcode createOciFetch}. */
export interface OciFetchOptions extends ConnectionOptions {
  /**
   * Which image of an index is meant: `"linux/arm64"`.
   * @default {this machine's, or else Linux on its processor; of a single entry, that one}
   */
  platform?: string | Platform;
}

const OCI_FETCH_OPTIONS: OptionNames<OciFetchOptions> = names("platform", CONNECTION_OPTIONS);

/** A `fetch` of `oci:` URLs: what {@linkcode createOciFetch} makes. */
export type OciFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** As many registries, repositories of one, and manifests are remembered, the newest ones. */
const KEPT = 100;

/**
 * Makes a `fetch` that answers `oci://host/repository:tag#layer` with a `Response`: for
 * `WebAssembly.compileStreaming`, readers of models, loaders of assets, and whatever else takes a
 * `fetch`. A tag is looked at anew each time (by HEAD), what a digest names is remembered.
 *
 * | URL | what is answered |
 * | --- | --- |
 * | `oci://ghcr.io/you/app:v1#model.gguf` | the file of this title |
 * | `oci://ghcr.io/you/app:v1#sha256:…`, `…#0` | the layer of this digest, or at this place |
 * | `oci://ghcr.io/you/app:v1` | the only layer; the tag is `latest` where there is none |
 * | `oci://ghcr.io/you/app@sha256:…` | the same of a manifest, or a blob itself |
 *
 * - `GET` streams, and takes a `Range`: 206 with `Content-Range`, or 416. `HEAD` has no body.
 * - `Content-Type` is the layer's own media type, `application/wasm` for modules; of a file that has a
 *   type which says nothing, what its title's ending says. `ETag` is the digest, and `If-Range` takes
 *   it.
 * - The header `davit-verified` is `true` where the body is checked against its digest as it streams,
 *   and ends in an error when it is another; `false` for a part, which cannot be checked.
 * - What is not there is a 404, its body says what is. Anything else that goes wrong rejects with
 *   davit's errors: `UnauthorizedError`, `NetworkError`, and `InvalidReferenceError` for a URL that is
 *   not one of these.
 *
 * @throws {InvalidOptionError} When an option cannot be used, at the first call.
 *
 * @example Read the start of a file
 * ```ts
 * import { createOciFetch } from "@davit/registry-client/oci-fetch";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const ociFetch = createOciFetch({ fetch: createRegistry().fetch });
 * const response = await ociFetch("oci://ghcr.io/you/model:v1#model.gguf", {
 *   headers: { range: "bytes=0-1023" },
 * });
 * assertEquals(response.status, 404); // this registry is empty
 * ```
 */
export function createOciFetch(options: OciFetchOptions = {}): OciFetch {
  checkOptions(options, OCI_FETCH_OPTIONS);
  const artifacts = new Artifacts(options);

  return async (input, init = {}) => {
    const { url, method, headers, signal } = asked(input, init);
    if (method !== "GET" && method !== "HEAD") {
      throw new InvalidOptionError(
        `Cannot ${method} ${quoteInput(url)}: only GET and HEAD are for oci:`,
      );
    }
    const { reference, layer } = parseUrl(url);
    const ending = signal ? { signal } : {};
    signal?.throwIfAborted();
    try {
      const { store, descriptor } = await artifacts.find(reference, layer, ending);
      // HTTP has ranges of a GET alone.
      const { head, part } = answerTo(descriptor, method === "GET" ? headers : new Headers());
      let body: ReadableStream<Bytes> | null = null;
      if (head.status === 416) return respond(url, null, head);
      if (method === "GET") body = await store.open(descriptor, { ...part, ...ending });
      else if (!await store.exists(descriptor, ending)) {
        throw new ContentNotFoundError(
          `Cannot find ${descriptor.digest} in ${reference.repository}`,
        );
      }
      return respond(url, body, head);
    } catch (error) {
      if (!(error instanceof NotFoundError || error instanceof ContentNotFoundError)) throw error;
      const body = method === "HEAD" ? null : error.message;
      const head = { "content-type": "text/plain; charset=utf-8" };
      return respond(url, body, { status: 404, statusText: "Not Found", headers: head });
    }
  };
}

/** What is asked for: `init` stands before the request, as with `fetch`. */
function asked(input: string | URL | Request, init: RequestInit) {
  const request = typeof input === "object" && "headers" in input ? input : undefined;
  return {
    url: request?.url ?? String(input),
    method: (init.method ?? request?.method ?? "GET").toUpperCase(),
    headers: new Headers(init.headers ?? request?.headers),
    signal: init.signal ?? request?.signal,
  };
}

/** `oci://host/repository[:tag][@digest][#layer]`: the host is never left out. */
function parseUrl(url: string): { reference: Reference; layer: string | undefined } {
  const [, rest, fragment] = /^oci:\/\/([^#]*)(?:#(.*))?$/is.exec(url) ?? [];
  if (rest === undefined) {
    throw new InvalidReferenceError(
      `Cannot fetch ${quoteInput(url)}: it must be oci://host/repository[:tag][@digest][#layer]`,
    );
  }
  // With a scheme the first component is a host, whatever it looks like.
  const reference = parseReference(`https://${rest}`, { defaultTag: "latest" });
  return { reference, layer: fragment ? decoded(fragment) : undefined };
}

/** A fragment as it was before a URL's escapes; as it stands where they are none. */
function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

/** The head of the answer, and the part of the content that it is about. */
function answerTo(
  descriptor: Descriptor,
  asked: Headers,
): { head: ResponseInit & { status: number }; part: { offset?: number; length?: number } } {
  const { digest, size } = descriptor;
  const etag = `"${digest}"`;
  const headers: Record<string, string> = {
    "accept-ranges": "bytes",
    "content-type": contentTypeOf(descriptor),
    "docker-content-digest": digest,
    etag,
  };
  const condition = asked.get("if-range");
  const range = condition === null || condition === etag
    ? byteRange(asked.get("range"), size)
    : undefined;
  if (range === "unsatisfiable") {
    headers["content-range"] = `bytes */${size}`;
    return { head: { status: 416, statusText: "Range Not Satisfiable", headers }, part: {} };
  }
  const { offset, length } = range ?? { offset: 0, length: size };
  headers["content-length"] = String(length);
  headers["davit-verified"] = String(length === size);
  if (range === undefined) return { head: { status: 200, statusText: "OK", headers }, part: {} };
  headers["content-range"] = `bytes ${offset}-${offset + length - 1}/${size}`;
  return { head: { status: 206, statusText: "Partial Content", headers }, part: range };
}

function respond(url: string, body: BodyInit | null, head: ResponseInit): Response {
  const response = new Response(body, head);
  // A response that was made has no URL of its own.
  Object.defineProperty(response, "url", { value: url.replace(/#.*$/s, "") });
  return response;
}

/** What registries hold, as it is found by references. */
class Artifacts {
  readonly #options: OciFetchOptions;
  readonly #clients = new RecentMap<string, RegistryClientV2>(KEPT);
  readonly #stores = new RecentMap<string, RegistryStore>(KEPT);
  readonly #manifests = new RecentMap<string, Manifest>(KEPT);

  constructor(options: OciFetchOptions) {
    this.#options = { ...options };
  }

  /**
   * The layer that a reference means.
   *
   * @throws {NotFoundError} When there is no such manifest.
   * @throws {ContentNotFoundError} When there is no such tag, layer, blob or platform.
   */
  async find(
    reference: Reference,
    layer: string | undefined,
    ending: { signal?: AbortSignal },
  ): Promise<{ store: RegistryStore; descriptor: Descriptor }> {
    const store = this.#store(reference);
    const descriptor = await store.resolve(reference.digest ?? reference.tag!, ending);
    // What a tag names is a manifest, whatever type a HEAD says.
    if (reference.digest !== undefined && !isManifestMediaType(descriptor.mediaType)) {
      if (layer === undefined) return { store, descriptor };
      throw new InvalidReferenceError(
        `Cannot find the layer ${quoteInput(layer)}: ${descriptor.digest} is a blob`,
      );
    }
    let manifest = await this.#manifest(store, descriptor.digest, ending);
    if (isIndex(manifest)) {
      const { digest } = chosen(manifest, this.#options.platform);
      manifest = await this.#manifest(store, digest, ending);
      if (isIndex(manifest)) {
        throw new ContentNotFoundError(
          `Cannot find a layer in ${digest}: it is an index in an index`,
        );
      }
    }
    return { store, descriptor: findLayer(manifest, layer) };
  }

  #store({ registry, repository }: Reference): RegistryStore {
    const name = `${registry}/${repository}`;
    return this.#stores.getOr(name, () => {
      const { platform: _platform, ...options } = this.#options;
      const client = this.#clients.getOr(
        registry,
        () => new RegistryClientV2({ ...options, name }),
      );
      return new RegistryStore(client.withRepo(name));
    });
  }

  async #manifest(
    store: RegistryStore,
    digest: string,
    ending: { signal?: AbortSignal },
  ): Promise<Manifest> {
    const key = `${store.client.repo.canonicalName}@${digest}`;
    const known = this.#manifests.get(key);
    if (known !== undefined) return known;
    const { manifest } = await store.client.getManifest({ ref: digest, ...ending });
    this.#manifests.set(key, manifest);
    return manifest;
  }
}

/** The entry of an index for the platform asked for, or for this machine. */
function chosen(
  index: ImageIndex | DockerManifestList,
  platform: string | Platform | undefined,
): Descriptor {
  const [only, ...others] = index.manifests;
  if (platform === undefined && only !== undefined && others.length === 0) return only;
  const [own, ...next] = platform === undefined ? ownPlatforms() : [platform];
  try {
    return choosePlatform(index, own!);
  } catch (error) {
    if (!(error instanceof ContentNotFoundError) || next[0] === undefined) throw error;
    return choosePlatform(index, next[0]);
  }
}

/**
 * The entry point `docker-json-client` of `docker_registry_client`: its responses, and the client of
 * one server that answers them.
 *
 * @example
 * ```ts
 * import { DockerJsonClient } from "@davit/registry-client/docker-json-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the client speaks to the real server
 * const client = new DockerJsonClient({ url: "http://localhost:5000", userAgent: "me/1", fetch });
 * const response = await client.request({ method: "GET", path: "/v2/" });
 * assertEquals(await response.dockerJson(), {});
 * ```
 *
 * @module
 */
import { checkArgument } from "../../content/check_argument.ts";
import type { DockerResponse } from "../../docker_response.ts";
import { dockerResponse } from "../../transport/docker_response.ts";
import { redactUrl } from "../../transport/redact.ts";

export { DockerResponse, type DockerResponseConstructor } from "../../transport/docker_response.ts";

/** Options of {@linkcode DockerJsonClient}. */
export interface DockerJsonClientOptions {
  /** The server: paths are resolved against it. */
  url: string;
  /** The `User-Agent` header. */
  userAgent: string;
  /** What the client calls itself. @default {"DockerJsonClient"} */
  name?: string;
  /** The `Accept` header, where a request has none. @default {"application/json"} */
  accept?: string;
  /** The media type that it speaks; it is not sent. @default {"application/json"} */
  contentType?: string;
  /** A `Deno.HttpClient`; on Deno. */
  client?: { close(): void };
  /** Carries every request. @default {the runtime's} */
  fetch?: typeof globalThis.fetch;
}

/** A request of {@linkcode DockerJsonClient}. */
export interface DockerJsonRequest {
  /** The method. */
  method: string;
  /** The path, or a whole URL. */
  path: string;
  /** What stands after the path. */
  searchParams?: URLSearchParams;
  /** The headers. */
  headers?: RequestInit["headers"];
  /** The body. */
  body?: RequestInit["body"];
  /** The statuses that are an answer. @default {[200]} */
  expectStatus?: number[];
  /** What happens to redirects. @default {"manual"} */
  redirect?: RequestInit["redirect"];
}

/** One request at a time to one server: no authentication, no retry. `RegistryClientV2` has both. */
export class DockerJsonClient {
  /** The `Accept` header, where a request has none. */
  accept: string;
  /** What the client calls itself. */
  name: string;
  /** The media type that it speaks. */
  contentType: string;
  /** The server. */
  url: string;
  /** The `User-Agent` header. */
  userAgent: string;
  readonly #send: { client?: { close(): void }; fetch?: typeof globalThis.fetch };

  /** A client; nothing is sent yet. */
  constructor(options: DockerJsonClientOptions) {
    checkArgument("options", options, "options");
    const { url, userAgent, name, accept, contentType, ...send } = options;
    this.url = url;
    this.userAgent = userAgent;
    this.name = name ?? "DockerJsonClient";
    this.accept = accept ?? "application/json";
    this.contentType = contentType ?? "application/json";
    this.#send = send;
  }

  /**
   * Sends a request and answers the response, its body unread.
   *
   * @throws {HttpError} When the status is not one of `expectStatus`.
   */
  async request(request: DockerJsonRequest): Promise<DockerResponse> {
    const { method, path, searchParams, body, expectStatus = [200], redirect = "manual" } = request;
    const url = new URL(path, this.url);
    for (const [name, value] of searchParams ?? []) url.searchParams.append(name, value);
    const headers = new Headers(request.headers);
    if (!headers.has("accept") && this.accept) headers.set("accept", this.accept);
    headers.set("user-agent", this.userAgent);

    const { fetch = globalThis.fetch, client } = this.#send;
    const init = { method, headers, redirect, ...(body && { body }), ...(client && { client }) };
    const asked = { method, url: redactUrl(url) };
    const response = dockerResponse(await fetch(url.href, init), asked);
    if (expectStatus.includes(response.status)) return response;
    throw await response.dockerThrowable(`Cannot ${method} ${asked.url}`);
  }
}

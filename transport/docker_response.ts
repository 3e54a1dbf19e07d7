import { InvalidContentError, type RegistryError } from "../errors.ts";
import { bareMediaType } from "../content/media_types.ts";
import type { Bytes } from "../content/bytes.ts";
import { systemClock } from "./clock.ts";
import { httpError } from "./http_error.ts";
import { parseRateLimit } from "./rate_limit.ts";
import { registryErrors } from "./registry_errors.ts";
import { parseRetryAfter } from "./retry_after.ts";

/** A registry's response, with the reading methods that `docker_registry_client` has. */
export class DockerResponse extends Response {
  #bytes: Promise<Bytes> | undefined;
  #request: { method: string; url: string };

  /** A response like another one, whose body this one takes over. */
  constructor(response: Response, request: { method: string; url: string }) {
    super(response.body, response);
    this.#request = request;
    // A response that was made has no URL of its own.
    Object.defineProperty(this, "url", { value: request.url });
  }

  /**
   * The whole body. It is read once and kept.
   *
   * @throws {TypeError} When `dockerStream` or another reader took the body before.
   */
  async dockerBody(): Promise<Bytes> {
    this.#bytes ??= this.arrayBuffer().then((buffer) => new Uint8Array(buffer));
    return await this.#bytes;
  }

  /**
   * The body as JSON.
   *
   * @throws {InvalidContentError} When it is not JSON.
   */
  async dockerJson(): Promise<unknown> {
    const bytes = await this.dockerBody();
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (cause) {
      const type = bareMediaType(this.headers.get("content-type")) || "no content type";
      throw new InvalidContentError(
        `Cannot read the answer as JSON: ${bytes.byteLength} bytes of ${type}`,
        { cause },
      );
    }
  }

  /** The body as a stream; afterwards it cannot be read in another way. */
  dockerStream(): ReadableStream<Bytes> {
    return (this.body ?? new Response("").body) as ReadableStream<Bytes>;
  }

  /** The registry's own errors; empty where the body holds none. */
  async dockerErrors(): Promise<RegistryError[]> {
    return registryErrors(await this.dockerBody());
  }

  /** An error to throw, made of this response and the registry's own words. */
  async dockerThrowable(message: string): Promise<Error> {
    const retryAfter = parseRetryAfter(this.headers.get("retry-after"), systemClock.now());
    const rateLimit = parseRateLimit(this.headers);
    return httpError(message, {
      resp: this,
      errors: await this.dockerErrors(),
      method: this.#request.method,
      url: this.#request.url,
      ...(retryAfter !== undefined && { retryAfter }),
      ...(rateLimit !== undefined && { rateLimit }),
    });
  }
}

/** One entry of a registry's error body: `{"errors": [{code, message?, detail?}]}`. */
export interface RegistryError {
  /** The registry's code, such as `MANIFEST_UNKNOWN`; the spec's list is open. */
  code?: string;
  /** The registry's own words. */
  message: string;
  /** Whatever the registry added: the old package calls it a string, which it often is not. */
  // deno-lint-ignore no-explicit-any
  detail?: any;
}

/** Bytes that no other thread shares: what `Bytes` is called in `docker_registry_client`. */
export type ByteArray = ReturnType<Uint8Array["slice"]>;

/** A registry's response, with the reading methods that `docker_registry_client` has. */
export interface DockerResponse extends Response {
  /** The whole body, once `dockerBody` or `dockerJson` has read it. */
  decodedBody?: ByteArray;
  /**
   * The whole body. It is read once and kept.
   *
   * @throws {TypeError} When `dockerStream` or another reader took the body before.
   */
  dockerBody(): Promise<ByteArray>;
  /**
   * The body as JSON.
   *
   * @throws {InvalidContentError} When it is not JSON.
   */
  dockerJson<T = Record<string, unknown>>(): Promise<T>;
  /**
   * The body as a stream; afterwards it cannot be read in another way.
   *
   * @throws {InvalidContentError} When there is no body.
   */
  dockerStream(): ReadableStream<ByteArray>;
  /** The registry's own errors; empty where the body holds none. */
  dockerErrors(): Promise<RegistryError[]>;
  /** An `HttpError` to throw, made of this response and the registry's own words. */
  dockerThrowable(
    message: string,
  ): Promise<Error & { readonly resp: DockerResponse; readonly errors: RegistryError[] }>;
}

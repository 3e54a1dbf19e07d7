let keeps: boolean | undefined;

/**
 * A stream of known size as a body that Deno's `fetch` sends with a Content-Length: it drops that of
 * a bare stream, and takes a Blob's from its `size`. Where this `fetch` does not look at a Blob that
 * way, the stream itself.
 */
export function sizedBody(stream: ReadableStream, size: number): ReadableStream | Blob {
  keeps ??= keepsStream();
  return keeps ? new StreamBlob(stream, size) : stream;
}

class StreamBlob extends Blob {
  readonly #stream: ReadableStream;
  readonly #size: number;

  constructor(stream: ReadableStream, size: number) {
    super();
    this.#stream = stream;
    this.#size = size;
  }

  override get size(): number {
    return this.#size;
  }

  override stream(): ReturnType<Blob["stream"]> {
    return this.#stream;
  }
}

/** Whether a request's body is the stream that a Blob gives, not bytes which it holds. */
function keepsStream(): boolean {
  const stream = new ReadableStream();
  const body = new StreamBlob(stream, 1);
  return new Request("http://localhost/", { method: "POST", body }).body === stream;
}

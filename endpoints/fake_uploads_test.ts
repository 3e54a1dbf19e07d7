/** A registry of blobs for the tests of uploads: it counts bytes, and can fail anywhere. */
import { assert } from "@std/assert";
import { type Body, bytesStream } from "../content/body.ts";
import { type Bytes, concatBytes, EMPTY } from "../content/bytes.ts";
import { hashAlgorithm, isDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { failure, type FakeOptions, fakeRegistry, reset, type Seen } from "./fake_registry_test.ts";

/** Serves a request as a registry does. */
type Serve = () => Promise<Response>;

/** A fault: answers instead of the registry, or lets it answer first. */
export type Fault = (seen: Seen, serve: Serve) => Response | Promise<Response>;

/** Blobs and uploads of any repository. */
export class FakeUploads {
  readonly blobs = new Map<string, Bytes>();
  readonly sessions = new Map<string, Bytes>();
  /** What single POSTs come to: taken, or an upload. */
  singlePost: "taken" | "upload" = "taken";
  /** Headers of every 202 that opens or continues an upload. */
  headers: Record<string, string> = {};
  /** The Range of an upload that has so many bytes; null sends none. */
  range: (size: number) => string | null = (size) => `0-${Math.max(0, size - 1)}`;
  /** The Location of an upload. */
  location: (id: string, size: number) => string = (id, size) =>
    `/v2/app/blobs/uploads/${id}?_state=${size}`;
  /** Whether a chunk at the wrong place is refused. */
  strict = true;
  /** Faults, in order: each is used for the first request whose method it names, and then gone. */
  readonly faults: [method: string, fault: Fault][] = [];

  #count = 0;

  readonly handler = async (seen: Seen): Promise<Response> => {
    const at = this.faults.findIndex(([method]) => method === seen.method);
    const serve = () => this.#serve(seen);
    if (at < 0) return await serve();
    const [[, fault]] = this.faults.splice(at, 1) as [[string, Fault]];
    return await fault(seen, serve);
  };

  /** Appends what a request has brought so far, without an answer: the connection breaks then. */
  keep(seen: Seen): void {
    const id = sessionOf(seen);
    this.sessions.set(id, concatBytes([this.sessions.get(id) ?? EMPTY, seen.body]));
  }

  async #serve(seen: Seen): Promise<Response> {
    await seen.read();
    const { pathname, searchParams } = seen.url;
    if (!pathname.includes("/uploads/")) {
      const blob = this.blobs.get(pathname.split("/").at(-1)!);
      if (blob === undefined) return new Response(null, { status: 404 });
      return new Response(null, { headers: { "content-length": String(blob.byteLength) } });
    }
    if (seen.method === "POST") return await this.#start(seen, searchParams);
    const id = sessionOf(seen);
    const bytes = this.sessions.get(id);
    if (bytes === undefined) return failure(404, "BLOB_UPLOAD_UNKNOWN");
    if (seen.method === "GET") return this.#status(id, 204);
    if (seen.method === "DELETE") {
      this.sessions.delete(id);
      return new Response(null, { status: 204 });
    }
    const range = seen.headers.get("content-range");
    if (this.strict && range !== null) {
      const [first, last] = range.split("-").map(Number);
      assert(last! - first! + 1 === seen.body.byteLength, `${range} of ${seen.body.byteLength}`);
      if (first !== bytes.byteLength) return failure(416, "BLOB_UPLOAD_INVALID");
    }
    const whole = concatBytes([bytes, seen.body]);
    if (seen.method === "PUT") return await this.#close(id, whole, searchParams.get("digest")!);
    this.sessions.set(id, whole);
    return this.#status(id, 202);
  }

  async #start(seen: Seen, query: URLSearchParams): Promise<Response> {
    const digest = query.get("digest");
    if (digest !== null && this.singlePost === "taken") {
      return await this.#close("", seen.body, digest);
    }
    const id = `u${++this.#count}`;
    this.sessions.set(id, EMPTY);
    return this.#status(id, 202);
  }

  async #close(id: string, bytes: Bytes, digest: string): Promise<Response> {
    if (!isDigest(digest) || await digestOf(bytes, hashAlgorithm(digest)) !== digest) {
      return failure(400, "DIGEST_INVALID");
    }
    this.sessions.delete(id);
    this.blobs.set(digest, bytes);
    return new Response(null, {
      status: 201,
      headers: { location: `/v2/app/blobs/${digest}`, "docker-content-digest": digest },
    });
  }

  #status(id: string, status: number): Response {
    const size = this.sessions.get(id)!.byteLength;
    const range = this.range(size);
    return new Response(null, {
      status,
      headers: {
        location: this.location(id, size),
        ...(range !== null && { range }),
        ...this.headers,
      },
    });
  }
}

function sessionOf({ url }: Seen): string {
  return url.pathname.split("/").at(-1)!;
}

/** A channel to {@linkcode FakeUploads}. */
export function fakeUploads(
  change: (server: FakeUploads) => void = () => {},
  options: FakeOptions = {},
) {
  const server = new FakeUploads();
  change(server);
  const registry = fakeRegistry(server.handler, options);
  return {
    server,
    ...registry,
    /** The requests so far as their methods, the bytes of their bodies where they have some. */
    methods: () =>
      registry.seen.map(({ method, body }) =>
        body.byteLength === 0 ? method : `${method} ${body.byteLength}`
      ),
  };
}

/** The connection breaks before anything is read. */
export function before(): Fault {
  return () => {
    throw reset();
  };
}

/** The registry keeps so many bytes of the body, and then the connection breaks. */
export function midway(server: FakeUploads, bytes: number): Fault {
  return async (seen) => {
    await seen.read(bytes);
    server.keep(seen);
    throw reset();
  };
}

/** The registry does its work, and then the connection breaks. */
export function after(): Fault {
  return async (_, serve) => {
    await serve();
    throw reset();
  };
}

/** The registry answers something else, without reading the body. */
export function answer(make: () => Response): Fault {
  return () => make();
}

/** A body that opens, and counts how often. */
export function reopenable(bytes: Bytes, size: number | undefined = bytes.byteLength) {
  const opened: number[] = [];
  const body: Body = {
    ...(size !== undefined && { size }),
    open(offset = 0) {
      opened.push(offset);
      return bytesStream(bytes.subarray(offset));
    },
  };
  return { body, opened };
}

/** A stream of pieces, as Node makes them. */
export function pieces(bytes: Bytes, piece = 30_000): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
    },
  }, { highWaterMark: 0 });
}

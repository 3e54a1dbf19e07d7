/** What the tests of this room share: a registry in memory, and the same one behind a socket. */
import { assertEquals } from "@std/assert";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { digestOf } from "../content/digest_of.ts";
import type { HashAlgorithm } from "../content/hasher.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { type DiskBackend, diskBackend } from "./backends/disk_backend.ts";
import { serve } from "./listen/serve.ts";
import type { RegistryOptions } from "./options.ts";
import { createRegistry, type Registry } from "./registry.ts";

/** A response that has been read. */
export interface Answer {
  status: number;
  headers: Headers;
  bytes: Bytes;
  text: string;
  // deno-lint-ignore no-explicit-any
  json: any;
  /** The code of the first error. */
  code: string | undefined;
}

interface SendInit {
  body?: BodyInit;
  headers?: HeadersInit;
}

/** A way to a registry. */
export class Wire {
  constructor(
    readonly registry: Registry,
    readonly origin: string,
    readonly fetch: (url: string, init: RequestInit) => Promise<Response>,
  ) {}

  /** Sends a request; a location of another response is a path too. */
  async send(method: string, path: string, init: SendInit = {}): Promise<Answer> {
    const url = path.startsWith("http") ? path : this.origin + path;
    const response = await this.fetch(url, {
      method,
      ...init,
      ...(init.body instanceof ReadableStream && { duplex: "half" }),
    } as RequestInit);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { status, headers } = response;
    const isJson = headers.get("content-type")?.includes("json") && bytes.byteLength > 0;
    const json = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : undefined;
    return {
      ...{ status, headers, bytes, json, code: json?.errors?.[0]?.code },
      get text() {
        return new TextDecoder().decode(bytes);
      },
    };
  }

  /** Pushes a blob in one request; answers its digest. */
  async pushBlob(repository: string, content: string | Bytes): Promise<string> {
    const bytes = typeof content === "string" ? encodeText(content) : content;
    const digest = await digestOf(bytes);
    const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
    assertEquals((await this.send("POST", path, { body: bytes })).status, 201);
    return digest;
  }

  /** Starts an upload; answers its location. */
  async startUpload(repository: string, query = ""): Promise<string> {
    const { status, headers } = await this.send("POST", `/v2/${repository}/blobs/uploads/${query}`);
    assertEquals(status, 202);
    return headers.get("location")!;
  }

  /** Pushes a manifest with its configuration; answers its digest. */
  async pushManifest(
    repository: string,
    reference?: string,
    fields: Record<string, unknown> = {},
  ): Promise<string> {
    const manifest = await this.manifest(repository, fields);
    const answer = await this.putManifest(repository, reference ?? manifest.digest, manifest.text);
    assertEquals(answer.status, 201, answer.text);
    return manifest.digest;
  }

  /** A manifest whose configuration has been pushed. */
  async manifest(
    repository: string,
    fields: Record<string, unknown> = {},
  ): Promise<{ text: string; digest: string; size: number }> {
    const config = await this.pushBlob(repository, "{}");
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociEmpty, digest: config, size: 2 },
      layers: [],
      ...fields,
    });
    return { text, digest: await digestOf(encodeText(text)), size: text.length };
  }

  putManifest(
    repository: string,
    reference: string,
    body: BodyInit,
    contentType: string = MEDIA_TYPES.ociManifest,
  ): Promise<Answer> {
    return this.send("PUT", `/v2/${repository}/manifests/${reference}`, {
      body,
      headers: { "content-type": contentType },
    });
  }
}

/** A registry's options, and what makes it of them. */
interface MadeOptions extends RegistryOptions {
  /** Makes the registry. @default {createRegistry} */
  create?: (options: RegistryOptions) => Registry;
}

interface CaseOptions extends MadeOptions {
  /** Cases whose requests no HTTP client sends, or that look at what `fetch` gives. */
  memoryOnly?: boolean;
}

/** Registers a case four times: in memory and on the disk, each by `fetch` and over a socket. */
export function specTest(
  title: string,
  run: (wire: Wire) => Promise<void>,
  { memoryOnly = false, ...options }: CaseOptions = {},
): void {
  Deno.test(title, () => run(memoryWire(options)));
  if (memoryOnly) return;
  Deno.test(`${title} (socket)`, () => overSocket(options, run));
  if (options.backend !== undefined) return;
  Deno.test(`${title} (disk)`, () => onDisk((backend) => run(memoryWire({ ...options, backend }))));
  Deno.test(`${title} (disk, socket)`, () =>
    onDisk((backend) => overSocket({ ...options, backend }, run)));
}

async function overSocket(
  options: MadeOptions,
  run: (wire: Wire) => Promise<void>,
): Promise<void> {
  const registry = testRegistry(options);
  const server = await serve(registry);
  const client = Deno.createHttpClient({});
  try {
    await run(
      new Wire(
        registry,
        server.url,
        (url, init) => fetch(url, { ...init, client } as RequestInit),
      ),
    );
  } finally {
    client.close();
    await server.close();
  }
}

/** Runs with a backend in a folder that is gone afterwards. */
export async function onDisk(run: (backend: DiskBackend) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "davit_disk_" });
  const backend = diskBackend(folder, { durable: false }); // no power cut here
  try {
    await run(backend);
  } finally {
    await backend.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** A registry without a socket. */
export function memoryWire(options: MadeOptions = {}): Wire {
  const registry = testRegistry(options);
  return new Wire(
    registry,
    "http://registry.test",
    (url, init) => registry.fetch(new Request(url, init)),
  );
}

/** A registry whose own failures fail the test. */
function testRegistry({ create = createRegistry, ...options }: MadeOptions): Registry {
  return create({
    onError: (error) => {
      throw error;
    },
    ...options,
  });
}

export const EMPTY_DIGEST =
  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
export const UNKNOWN_DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

export function digest(text: string, algorithm?: HashAlgorithm): Promise<string> {
  return digestOf(encodeText(text), algorithm);
}

/** The target of a `Link` header to the next page. */
export function nextPage(headers: Headers): string | undefined {
  return /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
}

/** A stream of the pieces given, which fails in the end where there is an error. */
export function streamOf(pieces: readonly string[], error?: Error): ReadableStream<Bytes> {
  let index = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = pieces[index++];
      if (piece !== undefined) controller.enqueue(encodeText(piece));
      else if (error !== undefined) controller.error(error);
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

/** A clock that stands still until a test lets time pass: a registry's `now` and `later`. */
export class TestClock {
  #time: number;
  readonly #timers: { at: number; run: () => void }[] = [];

  constructor(time = 1_000_000) {
    this.#time = time;
  }

  readonly now = (): number => this.#time;

  readonly later = (run: () => void, milliseconds: number): void => {
    this.#timers.push({ at: this.#time + milliseconds, run });
  };

  /** How many timers have not rung. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Lets time pass; every timer rings at its own time. */
  readonly pass = async (milliseconds: number): Promise<void> => {
    const end = this.#time + milliseconds;
    for (;;) {
      this.#timers.sort((one, other) => one.at - other.at);
      if (this.#timers.length === 0 || this.#timers[0]!.at > end) break;
      const { at, run } = this.#timers.shift()!;
      this.#time = Math.max(this.#time, at);
      run();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    this.#time = end;
  };
}

/** Longer than anything here takes on the slowest machine. */
const UNTIL_LIMIT_MS = 30_000;

/** Waits until something has happened. */
export async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  const started = Date.now();
  while (!await happened()) {
    if (Date.now() - started > UNTIL_LIMIT_MS) throw new Error(`it did not happen: ${happened}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

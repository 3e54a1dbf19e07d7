/**
 * A client made by hand, request by request: good enough to keep a duty, or to break it on purpose.
 */
import type { Registry } from "@davit/registry-client/server";
import { sha256 as digestOf } from "../bytes.ts";

export { digestOf };

/** What a request may have. */
interface SendInit {
  /** The body. */
  body?: string | Uint8Array<ArrayBuffer>;
  /** The headers. */
  headers?: Record<string, string>;
}

/** A response that has been read. */
interface Said {
  /** The status. */
  status: number;
  /** The headers. */
  headers: Headers;
  /** The body, as far as it came. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The Location as a URL. */
  location: URL;
}

/** The origin of the registry in tests. */
const ORIGIN = "http://registry.test";

/** The media type of an image's manifest. */
export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const EMPTY = "application/vnd.oci.empty.v1+json";

/** The fallback tag of a digest. */
export function fallbackOf(digest: string): string {
  return digest.replace(":", "-");
}

/** A text long enough to be cut and corrupted. */
export const LAYER = "0123456789abcdef".repeat(640);

/** Talks to a registry. */
export class Hand {
  /** Sent with every request, where there is one. */
  authorization: string | undefined;

  /** A hand on a registry. */
  constructor(readonly registry: Pick<Registry, "fetch">) {}

  /** Sends a request to a path or a URL, and reads the response as far as it comes. */
  async send(method: string, target: string | URL, init: SendInit = {}): Promise<Said> {
    const headers = new Headers(init.headers);
    if (this.authorization !== undefined && !headers.has("authorization")) {
      headers.set("authorization", this.authorization);
    }
    const url = new URL(target, ORIGIN);
    const response = await this.registry.fetch(url, {
      method,
      headers,
      ...(init.body !== undefined && { body: init.body }),
      redirect: "manual",
    });
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of response.body ?? []) pieces.push(piece);
    } catch {
      // What came is what there is.
    }
    const bytes = new Uint8Array(pieces.flatMap((piece) => [...piece]));
    const { status } = response;
    const location = new URL(response.headers.get("location") ?? "/", url);
    return { status, headers: response.headers, bytes, location };
  }

  /** Begins an upload. */
  begin(repository = "app"): Promise<Said> {
    return this.send("POST", `/v2/${repository}/blobs/uploads/`, {
      headers: { "content-length": "0" },
    });
  }

  /** Sends a chunk. */
  chunk(location: URL, text: string, first: number): Promise<Said> {
    return this.send("PATCH", location, {
      body: text,
      headers: {
        "content-length": String(text.length),
        "content-range": `${first}-${first + text.length - 1}`,
      },
    });
  }

  /** Closes an upload, with the last bytes where there are some. */
  close(location: URL, digest: string, body?: string): Promise<Said> {
    const search = `${location.search === "" ? "?" : `${location.search}&`}digest=${digest}`;
    const url = `${location.origin}${location.pathname}${search}`;
    return this.send("PUT", url, body === undefined ? {} : { body });
  }

  /** Pushes a blob as it should be; answers its digest. */
  async blob(content: string, repository = "app"): Promise<string> {
    const digest = digestOf(content);
    await this.send("HEAD", `/v2/${repository}/blobs/${digest}`);
    await this.close((await this.begin(repository)).location, digest, content);
    return digest;
  }

  /** Pushes a manifest's text. */
  manifest(reference: string, text: string, type: string = MANIFEST): Promise<Said> {
    return this.send("PUT", `/v2/app/manifests/${reference}`, {
      body: text,
      headers: { "content-type": type },
    });
  }

  /** Reads a manifest. */
  read(reference: string): Promise<Said> {
    return this.send("GET", `/v2/app/manifests/${reference}`, {
      headers: { accept: `${MANIFEST}, ${INDEX}` },
    });
  }

  /** Pushes an image of one layer; answers its digest and its layer's. */
  async image(tag: string): Promise<{ digest: string; layer: string; size: number }> {
    const layer = await this.blob(LAYER);
    const config = await this.blob("{}");
    const text = imageText(config, [{
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest: layer,
      size: LAYER.length,
    }]);
    await this.manifest(tag, text);
    return { digest: digestOf(text), layer, size: text.length };
  }

  /** Pushes something attached to a manifest; answers its text. */
  async attach(subject: { digest: string; size: number }, note: string): Promise<string> {
    const text = await this.attachment(subject, note);
    await this.manifest(digestOf(text), text);
    return text;
  }

  /** Makes something to attach, and pushes what it names. */
  async attachment(subject: { digest: string; size: number }, note: string): Promise<string> {
    const config = await this.blob("{}");
    return imageText(config, [], {
      artifactType: "application/x-note",
      subject: { mediaType: MANIFEST, digest: subject.digest, size: subject.size },
      annotations: { note },
    });
  }

  /** Writes a list under a fallback tag. */
  list(subject: string, texts: readonly string[], change: object = {}): Promise<Said> {
    const manifests = texts.map((text) => ({
      mediaType: MANIFEST,
      digest: digestOf(text),
      size: text.length,
      artifactType: "application/x-note",
      annotations: JSON.parse(text).annotations,
      ...change,
    }));
    const index = { schemaVersion: 2, mediaType: INDEX, manifests };
    return this.manifest(fallbackOf(subject), JSON.stringify(index), INDEX);
  }

  /** Gets a token, and uses it from now on. */
  async login(
    scope = "repository:app:pull,push",
    realm: string | URL = "/token",
    secret: Record<string, string> = { authorization: `Basic ${btoa("me:a password")}` },
  ): Promise<void> {
    const url = new URL(realm, ORIGIN);
    url.searchParams.set("service", "davit");
    url.searchParams.append("scope", scope);
    const { bytes } = await new Hand(this.registry).send("GET", url, { headers: secret });
    this.authorization = `Bearer ${JSON.parse(new TextDecoder().decode(bytes)).token}`;
  }
}

/** The text of a manifest. */
export function imageText(config: string, layers: object[], more: object = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: EMPTY, digest: config, size: 2 },
    layers,
    ...more,
  });
}

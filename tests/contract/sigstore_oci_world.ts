/** What the tests of @sigstore/oci's contract share: a registry as those of its own tests are. */
import {
  type AttachArtifactOptions,
  attachArtifactToImage,
  type Credentials,
  type Descriptor,
  OCIError,
} from "@davit/registry-client/sigstore-oci";
import { assertRejects } from "@std/assert";
import { sha256 as digestOf } from "../bytes.ts";

export { digestOf };

/** The registry. */
const HOST = "registry.test";
export const ORIGIN = `https://${HOST}`;
/** The image. */
export const NAME = `${HOST}/you/app`;
const PATH = "/v2/you/app";

export const INDEX = "application/vnd.oci.image.index.v1+json";
export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** The image's digest, and the tag under which its referrers are kept. */
export const SUBJECT = `sha256:${"1234567890abcdef".repeat(4)}`;
export const TAG = SUBJECT.replace(":", "-");
export const EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

export const ARTIFACT = new TextEncoder().encode("artifact");

/** A password with a colon, and a header; the header's value is the marker to look for. */
export const CREDENTIALS: Credentials = {
  username: "you",
  password: "pass:word",
  headers: { "X-Meta-Team": "build" },
};
export const BASIC = `Basic ${btoa("you:pass:word")}`;

/** A request as the registry saw it. */
export interface Seen {
  method: string;
  url: URL;
  headers: Headers;
  body: string;
  /** `METHOD /path`; with the origin where it is another than the registry's. */
  line: string;
}

export const BLOB = await digestOf(ARTIFACT);

/** Requests of each kind, as {@linkcode Seen.line} has them. */
export const LINES = {
  subject: `HEAD ${PATH}/manifests/${SUBJECT}`,
  blob: `HEAD ${PATH}/blobs/${BLOB}`,
  empty: `HEAD ${PATH}/blobs/${EMPTY}`,
  upload: `POST ${PATH}/blobs/uploads/`,
  readTag: `GET ${PATH}/manifests/${TAG}`,
  writeTag: `PUT ${PATH}/manifests/${TAG}`,
  referrers: `GET ${PATH}/referrers/${SUBJECT}`,
};

/** Answers a request in place of the registry. */
export type Answer = (seen: Seen) => Response | undefined | Promise<Response | undefined>;

/** An answer with a Location. */
export function moved(location: string, status = 307): Response {
  return new Response("", { status, headers: { location } });
}

/** A registry that wants to know who asks: with the challenge until the header is there. */
export function challenged(challenge: string, authorization: string): Answer {
  return ({ url, headers }) =>
    url.origin !== ORIGIN || url.pathname.startsWith("/token") ||
      headers.get("authorization") === authorization
      ? undefined
      : new Response("", { status: 401, headers: { "www-authenticate": challenge } });
}

/**
 * A registry that has the subject and the empty blob, lacks the artifact, and has the referrers API;
 * but for what an answer says.
 */
export class World {
  readonly seen: Seen[] = [];
  /** What was put under the fallback tag. */
  index: string | undefined;

  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }
  readonly #answers: Answer[];

  readonly fetch = async (input: Request | URL | string, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const here = url.origin === ORIGIN ? url.pathname : url.origin + url.pathname;
    const seen: Seen = {
      method: request.method,
      url,
      headers: request.headers,
      body: await request.text(),
      line: `${request.method} ${here}`,
    };
    this.seen.push(seen);
    for (const answer of this.#answers) {
      const response = await answer(seen);
      if (response !== undefined) return response;
    }
    return await this.#registry(seen);
  };

  /** The lines of all requests. */
  get lines(): string[] {
    return this.seen.map(({ line }) => line);
  }

  /** The requests to a host. */
  to(host: string): Seen[] {
    return this.seen.filter(({ url }) => url.host === host);
  }

  /** The manifest that was pushed last. */
  get manifest(): Seen {
    return this.seen.findLast(({ method, url }) =>
      method === "PUT" && url.pathname.includes("/manifests/sha256:")
    )!;
  }

  async attach(options: Partial<AttachArtifactOptions> = {}): Promise<Descriptor> {
    return await attachArtifactToImage({
      artifact: ARTIFACT,
      mediaType: BUNDLE,
      imageName: NAME,
      imageDigest: SUBJECT,
      credentials: CREDENTIALS,
      fetch: this.fetch as typeof globalThis.fetch,
      ...options,
    });
  }

  /** The error of an attach that fails; its cause's message is searched for the words. */
  async refused(words: RegExp, options: Partial<AttachArtifactOptions> = {}): Promise<OCIError> {
    const error = await assertRejects(() => this.attach(options), OCIError);
    const { message } = error.cause as Error;
    if (!words.test(message)) throw new Error(`${words} is not in ${message}`);
    return error;
  }

  async #registry({ method, url, body, line }: Seen): Promise<Response> {
    const path = url.pathname;
    if (line === LINES.subject) {
      const headers = { "content-type": MANIFEST, "content-length": "401" };
      return new Response(null, { headers });
    }
    if (line === LINES.empty) return new Response(null);
    if (method === "POST") return moved("/upload/1", 202);
    if (line === LINES.referrers) {
      return new Response(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }), {
        headers: { "content-type": INDEX },
      });
    }
    if (path.endsWith(TAG)) return this.#tag(method, body);
    if (method !== "PUT") return new Response("", { status: 404 });
    const headers: HeadersInit = path.includes("/manifests/") ? { "oci-subject": SUBJECT } : {};
    return await Promise.resolve(new Response("", { status: 201, headers }));
  }

  async #tag(method: string, body: string): Promise<Response> {
    if (method === "PUT") {
      this.index = body;
      return new Response("", { status: 201 });
    }
    if (this.index === undefined) return new Response("", { status: 404 });
    return new Response(method === "HEAD" ? null : this.index, {
      headers: {
        "content-type": INDEX,
        "docker-content-digest": await digestOf(this.index),
        etag: '"index-1"',
      },
    });
  }
}

/** A registry without the referrers API, which does not answer OCI-Subject. */
export const noReferrers: Answer = ({ method, url, line }) => {
  if (line === LINES.referrers) return new Response("404 page not found", { status: 404 });
  const pushes = method === "PUT" && url.pathname.includes("/manifests/sha256:");
  return pushes ? new Response("", { status: 201 }) : undefined;
};

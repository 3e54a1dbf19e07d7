/** A registry of manifests and tags for the tests of referrers, with the quirks of real ones. */
import type { Bytes } from "../content/bytes.ts";
import type { Descriptor } from "../content/descriptor.ts";
import { isDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import { MEDIA_TYPES } from "../content/media_types.ts";
import { failure, type Handler, json, type Seen } from "./fake_registry_test.ts";
import type { Sample } from "./sample_manifests_test.ts";

interface Stored {
  bytes: Bytes;
  mediaType: string;
}

/** A repository's manifests. Without the referrers API, unless set otherwise. */
export class FakeManifests {
  readonly manifests = new Map<string, Stored>();
  readonly tags = new Map<string, string>();
  /** Whether end-12 is there. */
  api = false;
  /** Whether a push with a subject is answered with OCI-Subject. */
  ociSubject = false;
  /** Whether a manifest is answered with its digest. */
  digestHeader = true;
  /** What a request is answered with instead, if anything. */
  intercept: (seen: Seen) => Response | Promise<Response | undefined> | undefined = () => undefined;
  /** Done after each PUT, before it is answered: another writer. */
  afterPut: (reference: string) => void | Promise<void> = () => {};

  readonly handler: Handler = async (seen) => {
    await seen.read();
    return await this.intercept(seen) ?? await this.#route(seen);
  };

  /** Puts manifests there without a request. */
  add(...samples: Sample[]): void {
    for (const { digest, bytes, mediaType } of samples) {
      this.manifests.set(digest, { bytes, mediaType });
    }
  }

  /** The entries of the index under a tag. */
  entries(tag: string): Descriptor[] | undefined {
    const stored = this.manifests.get(this.tags.get(tag) ?? "");
    return stored && JSON.parse(new TextDecoder().decode(stored.bytes)).manifests;
  }

  /** Writes an index under a tag without a request. */
  async putIndex(tag: string, manifests: Descriptor[]): Promise<void> {
    const json = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
    const bytes = new TextEncoder().encode(JSON.stringify(json)) as Bytes;
    const digest = await digestOf(bytes);
    this.manifests.set(digest, { bytes, mediaType: MEDIA_TYPES.ociIndex });
    this.tags.set(tag, digest);
  }

  async #route(seen: Seen): Promise<Response> {
    const [, kind, reference] = /^\/v2\/app\/(manifests|referrers)\/(.+)$/.exec(seen.url.pathname)!;
    if (kind === "referrers") return this.#referrers(reference!);
    if (seen.method === "PUT") return await this.#put(seen, reference!);
    const digest = isDigest(reference) ? reference : this.tags.get(reference!);
    const stored = this.manifests.get(digest ?? "");
    if (digest === undefined || stored === undefined) return failure(404, "MANIFEST_UNKNOWN");
    if (seen.method === "DELETE") {
      if (digest === reference) this.manifests.delete(digest);
      else this.tags.delete(reference!);
      return new Response(null, { status: 202 });
    }
    return new Response(seen.method === "HEAD" ? null : stored.bytes.slice(), {
      headers: {
        "content-type": stored.mediaType,
        ...(this.digestHeader && { "docker-content-digest": digest }),
      },
    });
  }

  async #put(seen: Seen, reference: string): Promise<Response> {
    const digest = await digestOf(seen.body);
    this.manifests.set(digest, {
      bytes: seen.body,
      mediaType: seen.headers.get("content-type")!,
    });
    if (!isDigest(reference)) this.tags.set(reference, digest);
    await this.afterPut(reference);
    const { subject } = JSON.parse(seen.text);
    return new Response(null, {
      status: 201,
      headers: this.ociSubject && subject ? { "oci-subject": subject.digest } : {},
    });
  }

  #referrers(subject: string): Response {
    if (!this.api) return new Response("404 page not found\n", { status: 404 });
    const manifests = [...this.manifests].flatMap(([digest, { bytes, mediaType }]) => {
      const manifest = JSON.parse(new TextDecoder().decode(bytes));
      if (manifest.subject?.digest !== subject) return [];
      const { artifactType, annotations } = manifest;
      return [{ mediaType, digest, size: bytes.byteLength, artifactType, annotations }];
    });
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
    return json(index, { "content-type": MEDIA_TYPES.ociIndex });
  }
}

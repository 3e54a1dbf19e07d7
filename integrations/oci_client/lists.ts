import { MEDIA_TYPES } from "../../content/media_types.ts";
import { type Page, pages } from "../../endpoints/pages.ts";
import { listReferrers } from "../../endpoints/referrers.ts";
import { fullName, repositoryRequest } from "../../endpoints/request.ts";
import { tagsOf } from "../../endpoints/tags.ts";
import type { Channel, ChannelRequest } from "../../transport/channel.ts";
import { sendExpecting } from "../../transport/expect.ts";
import type { CallOptions } from "./answers.ts";
import type { Digest } from "./digest.ts";
import type { IndexV1 } from "./media_types/oci_image.ts";
import type { Ref } from "./ref.ts";
import { type Req, request } from "./result.ts";

/** What is attached to the manifests of a repository. */
export class ReferrersApiV2 {
  readonly #channel: Channel;
  readonly #name: string;

  /** What is attached to the manifests of a repository. */
  constructor(channel: Channel, { name }: Ref) {
    this.#channel = channel;
    this.#name = name;
  }

  /**
   * The manifests whose subject this is, of this type (end-12a, 12b): from the fallback tag where the
   * registry has no API. All pages: the response holds what was gathered from all of them.
   */
  get(
    digest: string | Digest,
    options: CallOptions & { artifactType?: string } = {},
  ): Req<IndexV1> {
    return request(async () => {
      const { manifests } = await listReferrers(this.#channel, this.#name, String(digest), options);
      const index = {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociIndex,
        manifests,
      } as IndexV1;
      const headers = { "content-type": MEDIA_TYPES.ociIndex };
      return { raw: new Response(JSON.stringify(index), { headers }), read: () => index };
    });
  }
}

/** The tags of a repository. */
export class TagsApiV2 {
  readonly #channel: Channel;
  readonly #name: string;

  /** The tags of a repository. */
  constructor(channel: Channel, { name }: Ref) {
    this.#channel = channel;
    this.#name = name;
  }

  /**
   * All tags, of every page (end-8a). With `n`, one page of as many after `last` (end-8b). The response
   * is the first page's.
   *
   * @throws {RangeError} When `n` is below 0, or no whole number.
   */
  list(
    options: CallOptions & { n?: number; last?: string } = {},
  ): Req<{ name: string; tags: string[] }> {
    const { n, last, signal } = options;
    if (n !== undefined && (!Number.isSafeInteger(n) || n < 0)) {
      throw new RangeError(`Cannot list tags as 'n' must be 0 or more: current value is ${n}`);
    }
    const asked = repositoryRequest(this.#channel, {
      method: "GET",
      repository: this.#name,
      path: "tags/list",
      query: { n, last },
      actions: ["pull"],
      what: `list the tags of ${fullName(this.#channel, this.#name)}`,
      ...(signal && { signal }),
    });
    return list(this.#channel, asked, async (pages) => {
      const found = { name: this.#name, tags: [] as string[] };
      for await (const { json } of pages) {
        if (typeof json.name === "string") found.name = json.name;
        for (const tag of tagsOf(json, asked.what)) found.tags.push(tag);
        if (n !== undefined) break;
      }
      return found;
    });
  }
}

/** A list: its first page's response, and what is gathered from all pages when it is read. */
export function list<T extends object>(
  channel: Channel,
  asked: ChannelRequest,
  gather: (pages: AsyncIterable<Page>) => Promise<T>,
): Req<T> {
  return request(async () => {
    const first = await sendExpecting(channel, asked, [200]);
    const read = () => gather(pages(channel, asked, {}, first));
    return { raw: first.response, read };
  });
}

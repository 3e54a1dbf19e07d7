import { encodeText } from "../../content/bytes.ts";
import { bareMediaType } from "../../content/media_types.ts";
import { openBody } from "../../content/body.ts";
import { readAll } from "../../content/piece_reader.ts";
import { fetchManifest, headManifestRequest } from "../../endpoints/manifest_requests.ts";
import { deleteManifest, putManifest } from "../../endpoints/manifests.ts";
import type { Channel } from "../../transport/channel.ts";
import { answered, type CallOptions } from "./answers.ts";
import { type Existence, existence } from "./blobs.ts";
import { bodyOf, type Data } from "./chunk.ts";
import type { MediaType } from "./media_types/media_type.ts";
import type { Ref, Reference } from "./ref.ts";
import { type Req, request } from "./result.ts";

/** A manifest of a type not known beforehand: the JSON's own members, and this. */
export interface OpaqueManifest {
  /** The JSON as that type, where `Content-Type` or its own `mediaType` says so. */
  as<T>(mediaType: MediaType<T>): T | undefined;
  /** The JSON's own members. */
  readonly [member: string]: unknown;
}

/** The manifests of a repository. Without a reference, the `Ref`'s own is meant, else `latest`. */
export class ManifestsApiV2 {
  readonly #channel: Channel;
  readonly #ref: Ref;

  /** The manifests of a repository. */
  constructor(channel: Channel, ref: Ref) {
    this.#channel = channel;
    this.#ref = ref;
  }

  /**
   * Asks whether a manifest is there (end-3).
   *
   * @throws {ResError} For any other status than 200 and 404.
   */
  async exists(reference?: Reference, options: CallOptions = {}): Promise<Existence> {
    const { name } = this.#ref;
    return await existence(() =>
      headManifestRequest(this.#channel, name, this.#reference(reference), options)
    );
  }

  /** Pulls a manifest (end-3), verified; OCI's and Docker's are accepted. */
  get(reference?: Reference, options: CallOptions = {}): Req<OpaqueManifest> {
    return request(async () => {
      const { answer, bytes } = await fetchManifest(
        this.#channel,
        this.#ref.name,
        this.#reference(reference),
        options,
      );
      const raw = new Response(bytes, answer.response);
      return { raw, read: () => opaque(new TextDecoder().decode(bytes), raw.headers) };
    });
  }

  /**
   * Pushes a manifest (end-7), to the byte. One with a subject is made findable from it.
   *
   * The request rejects with `InvalidManifestError` when it is no manifest, and with
   * `ManifestVerificationError` when it says of itself that it is of another type.
   */
  put(
    reference: Reference,
    contentType: string,
    body: string | Data,
    options: CallOptions = {},
  ): Req<{ location: string | null }> {
    return request(async () => {
      const data = await bytesOf(body);
      const { raw } = await answered(
        "PUT",
        options,
        (ending) =>
          putManifest(this.#channel, this.#ref.name, String(reference), data, {
            ...ending,
            mediaType: contentType,
          }),
      );
      return { raw, read: () => ({ location: raw.headers.get("location") }) };
    });
  }

  /** Deletes a manifest, or a tag (end-9). */
  delete(reference: Reference, options: CallOptions = {}): Req<object> {
    return request(async () => {
      const { raw } = await answered(
        "DELETE",
        options,
        (ending) => deleteManifest(this.#channel, this.#ref.name, String(reference), ending),
      );
      return { raw, read: () => ({}) };
    });
  }

  #reference(given: Reference | undefined): string {
    return String(given ?? this.#ref.reference ?? "latest");
  }
}

function opaque(text: string, headers: Headers): OpaqueManifest {
  const json = JSON.parse(text);
  const types = [bareMediaType(headers.get("content-type")), json.mediaType];
  const as = <T>(mediaType: MediaType<T>): T | undefined =>
    types.includes(mediaType) ? JSON.parse(text) : undefined;
  return Object.defineProperty(json, "as", { value: as, enumerable: false });
}

async function bytesOf(body: string | Data): Promise<Uint8Array> {
  if (typeof body === "string") return encodeText(body);
  const opened = openBody(bodyOf(body));
  if (opened.bytes !== undefined) return opened.bytes;
  const limit = { name: "bytes", bytes: Infinity, what: "the manifest" };
  return await readAll(await opened.open(), limit);
}

import { ContentNotFoundError, NotFoundError, SizeMismatchError } from "../../errors.ts";
import { type Body, bytesStream, openBody } from "../../content/body.ts";
import type { Bytes } from "../../content/bytes.ts";
import { checkOptions, names, type OptionNames } from "../../content/check_options.ts";
import type { Descriptor } from "../../content/descriptor.ts";
import { parseDigest } from "../../content/digest.ts";
import { isManifestMediaType } from "../../content/media_types.ts";
import { pieceReader, readAll } from "../../content/piece_reader.ts";
import { verifyingStream } from "../../content/verifying_stream.ts";
import { findBlob, getBlob } from "../../endpoints/blobs.ts";
import { getManifest, headManifest, putManifest } from "../../endpoints/manifests.ts";
import { putBlob } from "../../endpoints/put_blob.ts";
import { referrers, supportsReferrers } from "../../endpoints/referrers.ts";
import { tags } from "../../endpoints/tags.ts";
import { EMPTY_CONFIG_BYTES } from "../../manifest/build.ts";
import { openConnection } from "../../registry_channel.ts";
import {
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  credentialsOf,
} from "../../registry_client_options.ts";
import type { Channel } from "../../transport/channel.ts";
import { type CallOptions, endedBy } from "../call_options.ts";
import { EmptyConfigDescriptor } from "./constants.ts";
import { parseRepository } from "./repository.ts";

/** Options of {@linkcode Client}. Its `signal` ends every call. */
export interface ClientOptions extends ConnectionOptions, CallOptions {
  /** A user name; with `password` it is short for `credentials`. */
  username?: string;
  /** The password or access token. */
  password?: string;
  /**
   * Whether the registry is spoken to without TLS.
   * @default {true for localhost, loopback and hosts without a dot, whatever their port}
   */
  plainHttp?: boolean;
}

const CLIENT_OPTIONS: OptionNames<ClientOptions> = names(
  "username password signal",
  { plainHttp: "a boolean" },
  CONNECTION_OPTIONS,
);

/**
 * A client of one repository: {@linkcode Client}'s constructor as a function.
 *
 * @throws {InvalidReferenceError} When the reference is not `registry/repo`.
 * @throws {InvalidOptionError} When an option cannot be used.
 *
 * @example
 * ```ts
 * import { newClient } from "@davit/registry-client/dockercomms";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(newClient("ghcr.io/you/inbox").reference, "ghcr.io/you/inbox");
 * ```
 */
export function newClient(reference: string, options: ClientOptions = {}): Client {
  return new Client(reference, options);
}

/**
 * A client of one repository, with the methods of DockerComms' package `oci`. Two differ on purpose:
 * `pushBlob` does not send what is there, and `referrersSupported` does not count the fallback tag.
 *
 * @example
 * ```ts
 * import { Client, newMessageManifest } from "@davit/registry-client/dockercomms";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the real registry is asked
 * const client = new Client("ghcr.io/you/inbox", { fetch });
 * const { bytes, descriptor } = await newMessageManifest({ from: "you" }, []).build();
 * await client.ensureEmptyConfig();
 * await client.pushManifest(descriptor, bytes, "msg-1");
 * assertEquals(await client.resolve("msg-1"), descriptor);
 * ```
 */
export class Client {
  /** `registry/repo`, as it was given. */
  readonly reference: string;
  readonly #channel: Channel;
  readonly #repository: string;
  readonly #signal: AbortSignal | undefined;

  /**
   * A client of `registry/repo`. The first part is always the registry: `registry/foo` is on the host
   * `registry`, `docker.io` is Docker Hub, and no `library/` is added. Nothing is sent yet.
   *
   * @throws {InvalidReferenceError} For `nohost`, `://invalid`, a tag or a digest.
   * @throws {InvalidOptionError} When an option cannot be used.
   */
  constructor(reference: string, options: ClientOptions = {}) {
    checkOptions(options, CLIENT_OPTIONS);
    const { signal, username, password, plainHttp: _plainHttp, ...connection } = options;
    const { origin, repository } = parseRepository(reference, options);
    const credentials = credentialsOf({ ...connection, username, password });
    this.reference = reference;
    this.#repository = repository;
    this.#signal = signal;
    this.#channel = openConnection(origin, {
      ...connection,
      ...(credentials !== undefined && { credentials }),
    }).channel;
  }

  /** Pushes the config `{}` unless it is there. */
  async ensureEmptyConfig(options: CallOptions = {}): Promise<void> {
    await this.pushBlob(EmptyConfigDescriptor, EMPTY_CONFIG_BYTES, options);
  }

  /** Whether the content is there: 404 is false, any other failure throws. */
  async exists(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    const { mediaType, digest } = descriptor;
    const ending = this.#with(options);
    if (!isManifestMediaType(mediaType)) {
      return await findBlob(this.#channel, this.#repository, digest, ending) !== undefined;
    }
    try {
      await headManifest(this.#channel, this.#repository, digest, ending);
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  /**
   * A blob's bytes, verified: the stream of a wrong blob ends in an error. Cancel it to close it.
   *
   * @throws {ContentNotFoundError} When it is not there.
   */
  async fetchBlob(
    descriptor: Descriptor,
    options: CallOptions = {},
  ): Promise<ReadableStream<Bytes>> {
    const { mediaType, digest, size } = descriptor;
    if (isManifestMediaType(mediaType)) {
      const { bytes } = await this.#getManifest(digest, options);
      return bytesStream(bytes);
    }
    const { stream } = await getBlob(this.#channel, this.#repository, digest, {
      ...this.#with(options),
      size,
    }).catch(this.#missing(digest));
    return stream;
  }

  /**
   * A manifest by tag or digest: all its bytes, verified, and their descriptor.
   *
   * @throws {ContentNotFoundError} When there is none.
   */
  async fetchManifest(
    reference: string,
    options: CallOptions = {},
  ): Promise<{ descriptor: Descriptor; bytes: Bytes }> {
    const { mediaType, digest, bytes } = await this.#getManifest(reference, options);
    return { descriptor: { mediaType, digest, size: bytes.byteLength }, bytes };
  }

  /**
   * Pushes a blob, or a manifest without a tag. What is there is not sent, and a stream is let go of.
   *
   * @throws {BadDigestError | SizeMismatchError} When the content is not the descriptor's.
   */
  async pushBlob(
    descriptor: Descriptor,
    content: Uint8Array | Body,
    options: CallOptions = {},
  ): Promise<void> {
    const { mediaType, digest, size } = descriptor;
    if (isManifestMediaType(mediaType)) {
      const ending = this.#with(options);
      if (await this.exists(descriptor, options)) {
        if (content instanceof ReadableStream) await content.cancel();
        return;
      }
      const bytes = await this.#verified(descriptor, content, ending);
      await putManifest(this.#channel, this.#repository, digest, bytes, { ...ending, mediaType });
      return;
    }
    checkSize(descriptor, content);
    await putBlob(this.#channel, this.#repository, content, {
      ...this.#with(options),
      digest,
      size,
    });
  }

  /**
   * Pushes a manifest and tags it.
   *
   * @throws {BadDigestError | SizeMismatchError} When the content is not the descriptor's; nothing is
   * sent then.
   */
  async pushManifest(
    descriptor: Descriptor,
    content: Uint8Array | Body,
    tag: string,
    options: CallOptions = {},
  ): Promise<void> {
    const bytes = await this.#verified(descriptor, content, this.#with(options));
    await this.#putTagged(descriptor, bytes, tag, options);
  }

  /**
   * The manifests whose subject is this one, a page at a time. `each` is awaited, and what it throws
   * ends the list. An empty `artifactType` is all.
   */
  referrers(
    subject: Descriptor,
    artifactType: string,
    each: (page: Descriptor[]) => void | Promise<void>,
    options?: CallOptions,
  ): Promise<void>;
  /** The manifests whose subject is this one, one by one. */
  referrers(
    subject: Descriptor,
    options?: CallOptions & { artifactType?: string },
  ): AsyncIterable<Descriptor>;
  referrers(
    subject: Descriptor,
    filter: string | (CallOptions & { artifactType?: string }) = {},
    each?: (page: Descriptor[]) => void | Promise<void>,
    options: CallOptions = {},
  ): Promise<void> | AsyncIterable<Descriptor> {
    const list = (channel: Channel, artifactType: string | undefined, ending: CallOptions) =>
      referrers(channel, this.#repository, subject.digest, {
        ...this.#with(ending),
        ...(artifactType && { artifactType }),
      });
    if (typeof filter !== "string") return list(this.#channel, filter.artifactType, filter);
    return eachPage(this.#channel, (channel) => list(channel, filter, options), each!);
  }

  /**
   * Whether the registry has the referrers API itself. It is false for a 404, for "unsupported", and
   * where nothing can be reached: only the signal's reason is thrown.
   */
  async referrersSupported(subject: Descriptor, options: CallOptions = {}): Promise<boolean> {
    const ending = this.#with(options);
    try {
      return await supportsReferrers(this.#channel, this.#repository, subject.digest, ending);
    } catch {
      ending.signal?.throwIfAborted();
      return false;
    }
  }

  /**
   * The descriptor of a tag or digest.
   *
   * @throws {ContentNotFoundError} When there is none.
   */
  async resolve(reference: string, options: CallOptions = {}): Promise<Descriptor> {
    return await headManifest(this.#channel, this.#repository, reference, this.#with(options))
      .catch(this.#missing(reference));
  }

  /**
   * Tags a manifest that is there.
   *
   * @throws {ContentNotFoundError} When it is not.
   */
  async tag(descriptor: Descriptor, tag: string, options: CallOptions = {}): Promise<void> {
    const { bytes, mediaType } = await this.#getManifest(descriptor.digest, options);
    await this.#putTagged({ ...descriptor, mediaType }, bytes, tag, options);
  }

  /** The tags after `last`, all where it is `""`, a page at a time; `each` as in `referrers`. */
  tags(
    last: string,
    each: (page: string[]) => void | Promise<void>,
    options?: CallOptions,
  ): Promise<void>;
  /** The tags, one by one. */
  tags(options?: CallOptions & { last?: string }): AsyncIterable<string>;
  tags(
    from: string | (CallOptions & { last?: string }) = {},
    each?: (page: string[]) => void | Promise<void>,
    options: CallOptions = {},
  ): Promise<void> | AsyncIterable<string> {
    const list = (channel: Channel, last: string | undefined, ending: CallOptions) =>
      tags(channel, this.#repository, { ...this.#with(ending), ...(last && { last }) });
    if (typeof from !== "string") return list(this.#channel, from.last, from);
    return eachPage(this.#channel, (channel) => list(channel, from, options), each!);
  }

  async #getManifest(reference: string, options: CallOptions) {
    return await getManifest(this.#channel, this.#repository, reference, this.#with(options))
      .catch(this.#missing(reference));
  }

  /** A manifest's bytes, once they are known to be the descriptor's. */
  async #verified(descriptor: Descriptor, content: Body, ending: CallOptions): Promise<Bytes> {
    checkSize(descriptor, content);
    const { digest, size } = descriptor;
    const expected = { digest: parseDigest(digest), size };
    const source = await openBody(content, size).open();
    return await readAll(pieceReader(await verifyingStream(source, expected, ending)), {
      name: "manifestBytes",
      bytes: this.#channel.limits.manifestBytes,
      what: "the manifest",
    });
  }

  async #putTagged(
    { digest, mediaType }: Descriptor,
    bytes: Bytes,
    tag: string,
    options: CallOptions,
  ): Promise<void> {
    // A push by tag alone makes the tag name the sha256 digest.
    const sha256 = digest.startsWith("sha256:");
    await putManifest(this.#channel, this.#repository, sha256 ? tag : digest, bytes, {
      ...this.#with(options),
      mediaType,
      ...(!sha256 && { tags: [tag] }),
    });
  }

  #missing(what: string): (error: unknown) => never {
    return (cause) => {
      if (!(cause instanceof NotFoundError)) throw cause;
      const message = `Cannot find ${what} in ${this.reference}: ${cause.message}`;
      throw new ContentNotFoundError(message, { cause });
    };
  }

  /** A call's options, ended by the client's signal too. */
  #with(options: CallOptions): CallOptions {
    return endedBy(this.#signal, options);
  }
}

/** @throws {SizeMismatchError} When a body that knows its size has another one. */
function checkSize({ digest, size: expected }: Descriptor, content: Body): void {
  const { size: actual = expected } = openBody(content, expected);
  if (actual === expected) return;
  throw new SizeMismatchError(
    `Cannot push ${digest}: the content has ${actual} bytes instead of ${expected}`,
    { expected, actual },
  );
}

/** Calls back with what a list has answered before its next page is asked for, and at its end. */
async function eachPage<T>(
  channel: Channel,
  list: (channel: Channel) => AsyncIterable<T>,
  each: (page: T[]) => void | Promise<void>,
): Promise<void> {
  const page: T[] = [];
  const handOver = async () => {
    if (page.length > 0) await each(page.splice(0));
  };
  const send: Channel["send"] = async (request) => {
    if (request.purpose === "link") await handOver();
    return await channel.send(request);
  };
  for await (const item of list({ ...channel, send })) page.push(item);
  await handOver();
}

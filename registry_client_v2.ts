/**
 * The client of one repository, with a method for each endpoint of the distribution specification:
 * the entry point `registry-client-v2` of `docker_registry_client`.
 *
 * @example
 * ```ts
 * import { RegistryClientV2 } from "@davit/registry-client/registry-client-v2";
 * import { assertEquals } from "@std/assert";
 *
 * const client = new RegistryClientV2({ name: "ghcr.io/you/app" });
 * assertEquals(client.repo.remoteName, "you/app");
 * ```
 *
 * @module
 */
import type { DockerResponse } from "./docker_response.ts";
import {
  HttpError,
  InvalidContentError,
  InvalidManifestError,
  InvalidOptionError,
  type ReferrersListError,
} from "./errors.ts";
import type { AuthInfo } from "./auth/auth_info.ts";
import type { Body } from "./content/body.ts";
import type { Bytes } from "./content/bytes.ts";
import { checkOptions, kindOf, moreOptions } from "./content/check_options.ts";
import type { Descriptor } from "./content/descriptor.ts";
import { bareMediaType, MEDIA_TYPES } from "./content/media_types.ts";
import * as blobs from "./endpoints/blobs.ts";
import type * as catalog from "./endpoints/catalog.ts";
import * as manifests from "./endpoints/manifests.ts";
import { fetchManifestBytes } from "./endpoints/manifest_requests.ts";
import type * as mount from "./endpoints/mount.ts";
import { ping, type PingOptions } from "./endpoints/ping.ts";
import type { PutBlobOptions } from "./endpoints/put_blob.ts";
import type * as referrers from "./endpoints/referrers.ts";
import { ENDPOINT_OPTIONS, type EndpointOptions } from "./endpoints/request.ts";
import * as tags from "./endpoints/tags.ts";
import type * as uploads from "./endpoints/uploads.ts";
import {
  type DockerManifest,
  type DockerManifestList,
  type ImageManifest,
  isIndex,
  type TagList,
} from "./manifest/types.ts";
import {
  givenRepo,
  indexOrigin,
  type RegistryRepo,
  registryRepo,
} from "./reference/registry_repo.ts";
import { type Connection, openConnection } from "./registry_channel.ts";
import type * as calls from "./registry_client_calls.ts";
import * as names from "./registry_client_names.ts";
import {
  CLIENT_OPTIONS,
  credentialsOf,
  IGNORED_OPTIONS,
  type RegistryClientOpts,
} from "./registry_client_options.ts";
import { bodyOf, type StreamBody } from "./content/stream_body.ts";
import type { UploadJournal } from "./content/upload_journal.ts";
import type { Channel, ChannelResponse } from "./transport/channel.ts";
import { dockerResponse } from "./transport/docker_response.ts";
import { once } from "./transport/loaded.ts";
import { redactUrl } from "./transport/redact.ts";

// The entry point `registry-client-v2` of docker_registry_client has this beside the client.
export { digestFromManifestStr } from "./manifest/digest_from_manifest.ts";
export type * from "./registry_client_calls.ts";

/**
 * A client of one repository: every endpoint of the distribution specification, a method each.
 *
 * What may pass is tried again, and a `Retry-After` is waited for; the events `retry` and `wait` tell.
 * Pulls ask the mirrors in `hosts` first; pushes make a repository that is missing by
 * `onMissingRepository`. Beside the errors that a method names, each may throw `UnauthorizedError`,
 * `ForbiddenError` and other `HttpError`s of the registry, `RateLimitedError` where waiting did not
 * help or would take longer than `limits.retryAfter`, `AuthenticationError` for its token service,
 * `NetworkError`, `TimeoutError`, and the reason of a signal that aborts.
 *
 * @example
 * ```ts
 * import { RegistryClientV2 } from "@davit/registry-client";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the client speaks to the real registry
 * const client = new RegistryClientV2({ name: "localhost:5000/app", fetch });
 * const { digest } = await client.putBlob(new TextEncoder().encode("hello"));
 * const blob = await client.getBlob(digest);
 * assertEquals(await blob.text(), "hello");
 * ```
 */
export class RegistryClientV2 {
  /** The version of the registry API. */
  readonly version = 2;
  /** Whether TLS certificates go unchecked. */
  readonly insecure: boolean;
  /** The repository. */
  readonly repo: RegistryRepo;
  /** The registry's origin: `"https://registry-1.docker.io"`. */
  readonly origin: string;
  /** Whether `getManifest` accepts OCI manifests; for the next call on. */
  acceptOCIManifests: boolean;
  /** Whether `getManifest` accepts an index, OCI's or Docker's; for the next call on. */
  acceptManifestLists: boolean;
  /** The user name that was given. */
  readonly username: string | undefined;
  /** What remembers uploads, where the options have it. */
  readonly journal: UploadJournal | undefined;
  /** What tokens are asked for beforehand. */
  readonly scopes: string[];
  readonly #options: RegistryClientOpts;
  #connection: Connection;

  /**
   * A client; nothing is sent before the first call.
   *
   * @throws {InvalidOptionError} When `name` and `repo` are both missing or both there, or an
   * option cannot be used.
   * @throws {InvalidReferenceError} When the repository's name breaks the grammar.
   */
  constructor(options: RegistryClientOpts = {}) {
    checkOptions(options, { ...CLIENT_OPTIONS, ...IGNORED_OPTIONS });
    const { scheme, insecure = false, scopes = ["pull"] } = options;
    this.repo = givenRepo(options);
    this.origin = indexOrigin(this.repo.index, scheme ?? plainScheme(this.repo, options));
    this.insecure = insecure;
    this.acceptOCIManifests = options.acceptOCIManifests ?? true;
    this.acceptManifestLists = options.acceptManifestLists ?? true;
    this.username = options.username;
    this.journal = options.journal;
    this.scopes = [...scopes];
    this.#options = moreOptions(options, {});
    const credentials = credentialsOf(options);
    this.#connection = openConnection(this.origin, {
      ...options,
      scopes,
      ...(credentials !== undefined && { credentials }),
    });
    for (const option of Object.keys(IGNORED_OPTIONS)) {
      if (!(option in options)) continue;
      this.#connection.channel.emit({ type: "option-ignored", option });
    }
  }

  /** The password that was given; it does not show when the client is printed. */
  get password(): string | undefined {
    return this.#options.password;
  }

  /**
   * A client of another repository of the same registry. The two share connections, tokens and what
   * was learned about the registry.
   *
   * @throws {InvalidOptionError} When the name is one of another registry, or has another scheme.
   */
  withRepo(name: string): RegistryClientV2 {
    const scheme = this.origin.startsWith("http:") ? "http" : "https";
    const [, named = scheme] = /^(https?):\/\//i.exec(name) ?? [];
    const repo = registryRepo(name, this.repo.index);
    if (named.toLowerCase() !== scheme) {
      throw new InvalidOptionError(
        `Cannot use ${repo.canonicalName} by ${named}: this client speaks to its registry by ${scheme}`,
      );
    }
    if (repo.index.name !== this.repo.index.name) {
      throw new InvalidOptionError(
        `Cannot use ${repo.canonicalName} as a repository of ${this.repo.index.name}: it is of ` +
          `another registry`,
      );
    }
    const options = moreOptions<RegistryClientOpts>(this.#options, {
      name: undefined,
      repo,
      scheme,
    });
    const client = new RegistryClientV2(options);
    client.#connection = this.#connection;
    return client;
  }

  /**
   * Closes the `Deno.HttpClient` that was given, and on Deno the connections to hosts with a `ca` or
   * `cert` of their own; others end by themselves. The next call opens what it needs again.
   */
  close(): void {
    this.#options.client?.close();
    this.#connection.close();
  }

  /**
   * Asks whether the registry is there (end-1), without credentials. The answer's body has been
   * read: `dockerJson()` and `dockerErrors()` answer it.
   *
   * @throws {HttpError} For any status but those expected.
   */
  async ping(
    options: PingOptions = {},
  ): Promise<DockerResponse> {
    const answer = await ping(this.#connection.channel, this.#with(options));
    const resp = dockerResponse(answer.response, asked("GET", answer));
    await resp.dockerBody();
    return resp;
  }

  /** Whether this is a version 2 registry: by status 200 or 401, and no web page. */
  async supportsV2(options: EndpointOptions = {}): Promise<boolean> {
    checkOptions(options, ENDPOINT_OPTIONS);
    try {
      await this.ping({ ...options, expectStatus: [200, 401] });
      return true;
    } catch (error) {
      if (error instanceof HttpError || error instanceof InvalidContentError) return false;
      throw error;
    }
  }

  /**
   * Authenticates for a scope and answers how: the other methods do so by themselves. A user name and
   * password are tried: by the token service, or where there is none by the registry itself.
   *
   * @throws {UnauthorizedError} When the registry refuses the password: code `"UNAUTHORIZED"`.
   * @throws {AuthenticationError} When the token service refuses it, with the same code.
   */
  async performLogin(options: calls.LoginOpts = {}): Promise<AuthInfo> {
    checkOptions(options, names.LOGIN_OPTS);
    const { remoteName } = this.repo;
    const { scope = remoteName && `repository:${remoteName}:${this.scopes.join(",")}` } = options;
    const { auth } = this.#connection;
    const ending = this.#ending(options);
    const { pingRes = await this.ping(ending) } = options;
    const info = await auth.info({
      ping: pingRes,
      scope,
      ...(remoteName && { repository: remoteName }),
      ...ending,
    });
    if (info.type === "Basic" && info.username !== "") {
      await auth.prove(info.username, info.password, ending.signal);
    }
    return info;
  }

  /**
   * Authenticates now rather than at the first call, so that a wrong password shows.
   *
   * @throws {UnauthorizedError} When the registry refuses the password: code `"UNAUTHORIZED"`.
   * @throws {AuthenticationError} When the token service refuses it, with the same code.
   */
  async login(options: calls.LoginOpts = {}): Promise<void> {
    await this.performLogin(options);
  }

  /**
   * All tags, gathered from every page (end-8). `startingAfter` is the older name of `last`.
   *
   * @throws {NotFoundError} When there is no such repository.
   */
  async listTags(
    options: calls.ListTagsOpts = {},
  ): Promise<TagList> {
    checkOptions(options, names.LIST_TAGS_OPTS);
    const last = options.last ?? options.startingAfter;
    const listed = moreOptions(options, { ...(last !== undefined && { last }) });
    delete listed.startingAfter;
    return await tags.listTags(...this.#here, this.#with(listed));
  }

  /** The same as `listTags`, which reads every page too. */
  async listAllTags(options: tags.ListTagsOptions = {}): Promise<TagList> {
    return await this.listTags(options);
  }

  /** The tags as the registry's pages, each as it comes (end-8). */
  listTagsPaginated(options: tags.ListTagsOptions = {}): AsyncGenerator<TagList> {
    return tags.tagPages(...this.#here, this.#with(options));
  }

  /** The tags, one by one, a page at a time (end-8). */
  tags(options: tags.ListTagsOptions = {}): AsyncGenerator<string> {
    return tags.tags(...this.#here, this.#with(options));
  }

  /** Docker's manifest of one image. */
  getManifest(
    options: calls.GetManifestOpts & { acceptOCIManifests: false } & calls.OneImageOpts,
  ): Promise<calls.ManifestResult<DockerManifest>>;
  /** The manifest of one image. */
  getManifest(
    options: calls.GetManifestOpts & calls.OneImageOpts,
  ): Promise<calls.ManifestResult<DockerManifest | ImageManifest>>;
  /** Docker's manifests only. */
  getManifest(
    options: calls.GetManifestOpts & { acceptOCIManifests: false },
  ): Promise<calls.ManifestResult<DockerManifest | DockerManifestList>>;
  /** Docker's manifest of one image, by its tag or digest. */
  getManifest(
    ref: string,
    options:
      & Omit<calls.GetManifestOpts, "ref">
      & { acceptOCIManifests: false }
      & calls.OneImageOpts,
  ): Promise<calls.ManifestResult<DockerManifest>>;
  /** The manifest of one image, by its tag or digest. */
  getManifest(
    ref: string,
    options: Omit<calls.GetManifestOpts, "ref"> & calls.OneImageOpts,
  ): Promise<calls.ManifestResult<DockerManifest | ImageManifest>>;
  /** Docker's manifests only, by tag or digest. */
  getManifest(
    ref: string,
    options: Omit<calls.GetManifestOpts, "ref"> & { acceptOCIManifests: false },
  ): Promise<calls.ManifestResult<DockerManifest | DockerManifestList>>;
  /** A manifest or an index. */
  getManifest(
    ref: string | calls.GetManifestOpts,
    options?: Omit<calls.GetManifestOpts, "ref">,
  ): Promise<calls.ManifestResult>;
  /**
   * A manifest by tag or digest (end-3), with its bytes, verified. `platform` follows an index to
   * one image.
   *
   * @throws {NotFoundError} When there is none.
   * @throws {BadDigestError} When the bytes have another digest than the one asked for or answered.
   * @throws {InvalidManifestError} When it is not a manifest, or of a kind that is not accepted.
   * @throws {ManifestVerificationError} When header, body and descriptor disagree.
   * @throws {ContentNotFoundError} When an index has no image for the platform.
   */
  async getManifest(
    reference: string | calls.GetManifestOpts,
    options: Omit<calls.GetManifestOpts, "ref"> = {},
  ): Promise<calls.ManifestResult> {
    const [channel, name, ref, given] = this.#about("ref", reference, options);
    checkOptions(given, names.GET_MANIFEST_OPTS);
    const { acceptManifestLists, acceptOCIManifests, followRedirects, platform, signal } = given;
    const accept = acceptedTypes(
      acceptManifestLists ?? (this.acceptManifestLists || platform !== undefined),
      acceptOCIManifests ?? this.acceptOCIManifests,
    );
    const got = await manifests.getManifest(channel, name, ref, {
      accept,
      ...(platform !== undefined && { platform }),
      ...(followRedirects !== undefined && { followRedirects }),
      ...(signal && { signal }),
    });
    const { answer, manifest, bytes, mediaType, digest } = got;
    if (!accept.includes(mediaType) || (platform !== undefined && isIndex(manifest))) {
      throw new InvalidManifestError(
        `Cannot get the manifest ${this.repo.canonicalName} ${ref}: the registry answered ` +
          `${mediaType}, which is not accepted here. 'platform' chooses one image of an index`,
      );
    }
    const resp = dockerResponse(answer.response, asked("GET", answer), bytes);
    return { resp, manifest, bytes, mediaType, digest };
  }

  /**
   * A manifest's bytes by tag or digest (end-3), verified and whatever they say: for types that are
   * not known here. The media type is the registry's word.
   *
   * @throws {NotFoundError} When there is none.
   * @throws {BadDigestError} When the bytes have another digest than the one asked for or answered.
   */
  async getManifestBytes(
    reference: string | calls.ManifestRef,
    options: EndpointOptions = {},
  ): Promise<{ bytes: Bytes; digest: string; mediaType: string }> {
    const asked = this.#about("ref", reference, options);
    checkOptions(asked[3], ENDPOINT_OPTIONS);
    const { answer, bytes, digest } = await fetchManifestBytes(...asked);
    return { bytes, digest, mediaType: bareMediaType(answer.response.headers.get("content-type")) };
  }

  /**
   * A manifest's descriptor by tag or digest (end-3), by HEAD: Docker Hub counts no pull for it.
   *
   * @throws {NotFoundError} When there is none.
   */
  async headManifest(
    reference: string | calls.ManifestRef,
    options: EndpointOptions = {},
  ): Promise<Descriptor> {
    return await manifests.headManifest(...this.#about("ref", reference, options));
  }

  /**
   * Pushes a manifest under a tag or its own digest (end-7), to the byte. One with a subject is
   * listed among the subject's referrers afterwards, on every registry; where that fails although the
   * manifest was pushed, `referrersError` says why. With `tags` one put under
   * its digest is tagged too (end-7b): at once where the registry does that, else one by one. A tag
   * that cannot be moved and names these very bytes is no failure.
   *
   * @throws {BadDigestError} When `ref` is a digest, and not that of the bytes.
   * @throws {InvalidOptionError} When there are `tags`, and `ref` is no digest.
   * @throws {ManifestVerificationError} When `mediaType` is not the one in the manifest.
   * @throws {TagImmutableError} When the tag names another manifest and cannot be moved.
   */
  async putManifest(
    options: calls.PutManifestOpts,
  ): Promise<
    { digest: string; location: string | null; referrersError?: ReferrersListError }
  > {
    checkOptions(options, names.PUT_MANIFEST_OPTS);
    const { manifestData, ref, schemaVersion, mediaType, tags } = options ?? {};
    if (schemaVersion !== undefined && schemaVersion !== 2) {
      throw new InvalidOptionError(
        `Cannot put the manifest as 'schemaVersion' must be 2: current value is ${schemaVersion}`,
      );
    }
    const { descriptor, location, referrersError } = await (await writing()).putManifest(
      ...this.#here,
      ref,
      manifestData,
      {
        ...this.#ending(options),
        ...(mediaType !== undefined && { mediaType }),
        ...(tags !== undefined && { tags }),
      },
    );
    return {
      digest: descriptor.digest,
      location: location ?? null,
      ...(referrersError !== undefined && { referrersError }),
    };
  }

  /**
   * Deletes a manifest by digest, or a tag (end-9).
   *
   * @throws {UnsupportedError} When the registry does not delete.
   * @throws {NotFoundError} When there is none.
   */
  async deleteManifest(
    reference: string | calls.ManifestRef,
    options: EndpointOptions = {},
  ): Promise<void> {
    const asked = this.#about("ref", reference, options);
    await (await writing()).deleteManifest(...asked);
  }

  /**
   * Pulls a blob (end-2). It is verified while it streams; a download that breaks goes on.
   *
   * @throws {NotFoundError} When there is no such blob.
   */
  async getBlob(
    blob: string | (calls.BlobRef & blobs.GetBlobOptions),
    options: blobs.GetBlobOptions = {},
  ): Promise<blobs.BlobContent> {
    return await blobs.getBlob(...this.#about("digest", blob, options));
  }

  /**
   * Pushes a blob, unless it is there already, or can be mounted from the repository `mountFrom`. The
   * digest is computed while sending when it is not given.
   *
   * @throws {BadDigestError} When the bytes have another digest than the one given.
   * @throws {SizeMismatchError} When there are more or fewer bytes than the `size` given.
   * @throws {UploadError} When the upload failed after bytes were sent.
   */
  async putBlob(body: Body | StreamBody, options: PutBlobOptions = {}): Promise<Descriptor> {
    const { journal } = this;
    const all = journal && options && options.journal === undefined
      ? moreOptions(options, { journal })
      : options;
    return await (await writing()).putBlob(...this.#here, bodyOf(body), this.#with(all));
  }

  /**
   * Asks for a blob by HEAD (end-2): the responses, one a redirect hop. The first is the registry's,
   * the last the storage's.
   *
   * @throws {NotFoundError} When there is no such blob.
   */
  async headBlob(
    blob: string | calls.BlobRef,
    options: EndpointOptions = {},
  ): Promise<DockerResponse[]> {
    const answer = await blobs.headBlob(...this.#about("digest", blob, options));
    return dockerResponses("HEAD", answer);
  }

  /** Whether the repository has a blob, by HEAD (end-2). */
  async hasBlob(
    blob: string | (calls.BlobRef & blobs.HasBlobOptions),
    options: blobs.HasBlobOptions = {},
  ): Promise<boolean> {
    return await blobs.hasBlob(...this.#about("digest", blob, options));
  }

  /**
   * A blob's descriptor, by HEAD; where that is refused or does not say the size, by what GET says.
   *
   * @throws {NotFoundError} When there is no such blob.
   * @throws {InvalidContentError} When the registry does not say the size.
   */
  async statBlob(blob: string | calls.BlobRef, options: EndpointOptions = {}): Promise<Descriptor> {
    return await blobs.describeBlob(...this.#about("digest", blob, options));
  }

  /**
   * A blob's bytes as a stream, verified, and the responses that it came by, one a redirect hop.
   *
   * @throws {NotFoundError} When there is no such blob.
   */
  async createBlobReadStream(
    blob: string | calls.BlobRef,
    options: EndpointOptions = {},
  ): Promise<{ ress: DockerResponse[]; stream: ReadableStream<Bytes> }> {
    const { stream, answer } = await blobs.getBlob(...this.#about("digest", blob, options));
    return { ress: dockerResponses("GET", answer), stream };
  }

  /**
   * Deletes a blob (end-10). Images that share it break.
   *
   * @throws {UnsupportedError} When the registry does not delete.
   */
  async deleteBlob(blob: string | calls.BlobRef, options: EndpointOptions = {}): Promise<void> {
    const asked = this.#about("digest", blob, options);
    await (await writing()).deleteBlob(...asked);
  }

  /**
   * Pushes a blob whose digest and size are known; `putBlob` needs neither.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes.
   */
  async blobUpload(options: calls.BlobUploadOpts): Promise<void> {
    checkOptions(options, names.BLOB_UPLOAD_OPTS);
    const { digest, stream, contentLength, signal } = options ?? {};
    if (digest === undefined || contentLength === undefined) {
      throw new InvalidOptionError(
        `Cannot push the blob as '${digest === undefined ? "digest" : "contentLength"}' is missing`,
      );
    }
    await this.putBlob(stream, { digest, size: contentLength, ...(signal && { signal }) });
  }

  /**
   * Starts an upload (end-4a). With `mount` it may turn out to be needless (end-11): then `mounted` is
   * true, and nothing is to be sent. With `digest` and `data` it is one request (end-4b): then
   * `completed` is true, unless the registry wants an upload all the same.
   *
   * @throws {BadDigestError} When `data` has another digest than `digest`.
   * @throws {InvalidOptionError} When `digest` or `data` stands alone, or beside `mount`.
   */
  async startBlobUpload(
    options: calls.StartBlobUploadOpts = {},
  ): Promise<uploads.UploadSession> {
    checkOptions(options, names.START_BLOB_UPLOAD_OPTS);
    const { mount, digest, data, digestAlgorithm, signal } = options;
    const { remoteName } = this.repo;
    const ending = this.#ending(options);
    const whole = digest !== undefined && data !== undefined;
    if (whole && mount === undefined) {
      return await (await writing()).postBlob(...this.#here, digest, data, ending);
    }
    if (digest !== undefined || data !== undefined) {
      throw new InvalidOptionError(
        "Cannot start the upload: 'digest' and 'data' stand for a whole blob, without 'mount'",
      );
    }
    if (mount === undefined) {
      const upload = { ...ending, ...(digestAlgorithm && { digestAlgorithm }) };
      return await (await writing()).startBlobUpload(...this.#here, upload);
    }
    const result = await this.mountBlob({ ...mount, ...(signal && { signal }) });
    if (!result.mounted) return result.session;
    const location = new URL(`/v2/${remoteName}/blobs/${mount.digest}`, this.origin).href;
    return { location, offset: 0, mounted: true };
  }

  /**
   * Sends a chunk (end-5); the next call takes the session that this one answers.
   *
   * @throws {RegistryResponseError} With status 416 when the registry has other bytes than those.
   */
  async uploadBlobChunk(
    options: calls.UploadChunkOpts,
  ): Promise<uploads.UploadSession> {
    checkOptions(options, names.UPLOAD_CHUNK_OPTS);
    const { session, data } = options ?? {};
    const ending = this.#ending(options);
    return await (await writing()).uploadBlobChunk(...this.#here, session, data, ending);
  }

  /**
   * Asks how many bytes of an upload the registry has (end-13).
   *
   * @throws {NotFoundError} When the upload is gone, or the registry does not tell.
   */
  async getBlobUploadStatus(
    options: calls.UploadRef,
  ): Promise<uploads.UploadSession> {
    checkOptions(options, names.UPLOAD_REF);
    const ending = this.#ending(options);
    return await (await writing()).getBlobUploadStatus(...this.#here, options?.session, ending);
  }

  /**
   * Closes an upload with its digest, and with the last bytes where there are some (end-6).
   *
   * @throws {RegistryResponseError} When the registry finds another digest.
   */
  async completeBlobUpload(
    options: calls.CompleteUploadOpts,
  ): Promise<uploads.CompleteUploadResult> {
    checkOptions(options, names.COMPLETE_UPLOAD_OPTS);
    const { session, digest, data } = options ?? {};
    const ending = this.#ending(options);
    return await (await writing()).completeBlobUpload(
      ...this.#here,
      session,
      digest,
      data,
      ending,
    );
  }

  /**
   * Gives up an upload (end-14).
   *
   * @throws {HttpError} When the registry does not do that; nothing is lost then.
   */
  async cancelBlobUpload(options: calls.UploadRef): Promise<void> {
    checkOptions(options, names.UPLOAD_REF);
    const ending = this.#ending(options);
    await (await writing()).cancelBlobUpload(...this.#here, options?.session, ending);
  }

  /**
   * Takes a blob from another repository of the registry, without moving it (end-11). Where the
   * registry does not, or the other repository may not be read, an upload is started instead.
   */
  async mountBlob(
    blob: string | (calls.BlobRef & mount.MountOptions),
    options: mount.MountOptions = {},
  ): Promise<mount.MountResult> {
    const asked = this.#about("digest", blob, options);
    return await (await writing()).mountBlob(...asked);
  }

  /**
   * The manifests whose subject is this digest (end-12), from the referrers API and from the fallback
   * tag: one request each, and one for each entry whose type says nothing or that only the tag names.
   *
   * @throws {NotFoundError} When there is no such repository.
   * @throws {ManifestVerificationError} When there is no API, and the tag names something else.
   */
  async listReferrers(
    subject: string | (calls.BlobRef & referrers.ListReferrersOptions),
    options: referrers.ListReferrersOptions = {},
  ): Promise<referrers.ReferrersList> {
    const asked = this.#about("digest", subject, options);
    return await (await listing()).listReferrers(...asked);
  }

  /**
   * The manifests whose subject is this digest, one by one, a page at a time (end-12), as
   * {@linkcode RegistryClientV2.listReferrers} finds them.
   */
  async *referrers(
    subject: string | (calls.BlobRef & referrers.ListReferrersOptions),
    options: referrers.ListReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    const asked = this.#about("digest", subject, options);
    yield* (await listing()).referrers(...asked);
  }

  /** All repositories of the registry, where it tells them. */
  async listRepositories(
    options: catalog.ListRepositoriesOptions = {},
  ): Promise<{ repositories: string[] }> {
    return await (await listing()).listRepositories(this.#connection.channel, this.#with(options));
  }

  /** The repositories of the registry, one by one, a page at a time. */
  async *repositories(options: catalog.ListRepositoriesOptions = {}): AsyncGenerator<string> {
    yield* (await listing()).repositories(this.#connection.channel, this.#with(options));
  }

  /** What every endpoint of the repository begins with. */
  get #here(): [Channel, string] {
    return [this.#connection.channel, this.repo.remoteName];
  }

  /**
   * What an endpoint about one manifest or blob is called with, out of what a method is given:
   * `("v1", {signal})`, `({ref: "v1", signal})`, a descriptor.
   */
  #about<K extends string, T extends EndpointOptions>(
    name: K,
    given: string | (T & Record<K, string>),
    options: T,
  ): [Channel, string, string, T] {
    // What is no string and no object is for the check of a digest or reference to refuse.
    if (typeof given !== "object" || given === null) {
      return [...this.#here, given, this.#with(options)];
    }
    if ("mediaType" in given && "digest" in given) {
      return [...this.#here, given.digest as string, this.#with(options)];
    }
    if (!(name in given)) checkOptions(given, { [name]: 1 });
    const rest = moreOptions<Record<string, unknown>>(given, options as Record<string, unknown>);
    delete rest[name];
    return [...this.#here, given[name], this.#with(rest as T)];
  }

  /** What ends a call: its own signal, and the client's. */
  #ending(options: EndpointOptions | undefined): EndpointOptions {
    const signal = options?.signal;
    return this.#with(signal && { signal });
  }

  /** A call's options, ended by the client's signal too. */
  #with<T extends EndpointOptions>(options: T = {} as T): T {
    const own = this.#options.signal;
    if (own === undefined || typeof options !== "object" || options === null) return options;
    const given = options.signal;
    if (given !== undefined && kindOf(given) !== "an AbortSignal") return options; // what reads them refuses it
    const signal = given === undefined ? own : AbortSignal.any([own, given]);
    return moreOptions<EndpointOptions>(options, { signal }) as T;
  }
}

// What few programs need of a client is loaded with the first call that does.
const writing = once(() => import("./endpoints/writing.ts"));
const listing = once(() => import("./endpoints/listing.ts"));

/** The scheme by `hosts`, for a name that gives none. */
function plainScheme(
  { index }: RegistryRepo,
  { name, repo, hosts }: RegistryClientOpts,
): "http" | undefined {
  const given = name ?? repo;
  const plain = typeof given === "string" && !/^https?:\/\//i.test(given);
  return plain && hosts?.[index.name]?.plainHttp ? "http" : undefined;
}

function acceptedTypes(lists: boolean, oci: boolean): string[] {
  return [
    ...(oci ? [MEDIA_TYPES.ociManifest] : []),
    ...(oci && lists ? [MEDIA_TYPES.ociIndex] : []),
    MEDIA_TYPES.dockerManifest,
    ...(lists ? [MEDIA_TYPES.dockerManifestList] : []),
  ];
}

/** What a response answers, for its error. */
function asked(method: string, { url }: ChannelResponse): { method: string; url: string } {
  return { method, url: redactUrl(url) };
}

/** Each hop's response, without the last one's body, which the caller reads. */
function dockerResponses(method: string, answer: ChannelResponse): DockerResponse[] {
  return [...answer.hops, answer.response].map((hop) =>
    dockerResponse(hop, asked(method, answer), null)
  );
}

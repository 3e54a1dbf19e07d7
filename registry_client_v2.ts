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
  InvalidManifestError,
  InvalidOptionError,
  type ReferrersListError,
} from "./errors.ts";
import { type AuthInfo, authInfo } from "./auth/auth_info.ts";
import type { Body } from "./content/body.ts";
import type { Bytes } from "./content/bytes.ts";
import type { Descriptor, Platform } from "./content/descriptor.ts";
import { bareMediaType, MEDIA_TYPES } from "./content/media_types.ts";
import * as blobs from "./endpoints/blobs.ts";
import * as catalog from "./endpoints/catalog.ts";
import * as manifests from "./endpoints/manifests.ts";
import { fetchManifestBytes } from "./endpoints/manifest_requests.ts";
import * as mount from "./endpoints/mount.ts";
import { ping } from "./endpoints/ping.ts";
import { putBlob, type PutBlobOptions } from "./endpoints/put_blob.ts";
import * as referrers from "./endpoints/referrers.ts";
import type { EndpointOptions } from "./endpoints/request.ts";
import * as tags from "./endpoints/tags.ts";
import * as uploads from "./endpoints/uploads.ts";
import {
  type DockerManifest,
  type DockerManifestList,
  type ImageManifest,
  isIndex,
  type Manifest,
  type TagList,
} from "./manifest/types.ts";
import {
  indexOrigin,
  type RegistryRepo,
  registryRepo,
  repoOrRegistry,
} from "./reference/registry_repo.ts";
import { type Connection, credentialsOf, openConnection } from "./registry_channel.ts";
import type { RegistryClientOpts } from "./registry_client_options.ts";
import { bodyOf, type StreamBody } from "./content/stream_body.ts";
import type { Channel, ChannelResponse } from "./transport/channel.ts";
import { dockerResponse } from "./transport/docker_response.ts";
import { redactUrl } from "./transport/redact.ts";

// The entry point `registry-client-v2` of docker_registry_client has this beside the client.
export { digestFromManifestStr } from "./manifest/digest_from_manifest.ts";

/** A manifest as `getManifest` answers it. */
export interface ManifestResult<M extends Manifest = Manifest> {
  /** The response; its body is the manifest's bytes. */
  resp: DockerResponse;
  /** The manifest. */
  manifest: M;
  /** The manifest to the byte: what its digest is made of. */
  bytes: Bytes;
  /** Its media type. */
  mediaType: string;
  /** Its digest. */
  digest: string;
}

/** Options of `getManifest`. */
export interface GetManifestOpts extends EndpointOptions {
  /** A tag or a digest. */
  ref: string;
  /** Follow an index to the one image for this platform: `"linux/arm64"`. */
  platform?: string | Platform;
  /** Whether an index is accepted. @default {the client's `acceptManifestLists`, true} */
  acceptManifestLists?: boolean;
  /** Whether OCI manifests are accepted. @default {the client's `acceptOCIManifests`, true} */
  acceptOCIManifests?: boolean;
  /** Whether redirects are followed. @default {true} */
  followRedirects?: boolean;
}

/** Options of `getManifest` that rule an index out. */
export type OneImageOpts = { platform: string | Platform } | { acceptManifestLists: false };

/** Options of the methods about one manifest. */
export interface ManifestRef extends EndpointOptions {
  /** A tag or a digest. */
  ref: string;
}

/** Options of the methods about one blob. */
export interface BlobRef extends EndpointOptions {
  /** The blob's digest. */
  digest: string;
}

/** Options of the methods about one upload. */
export interface UploadRef extends EndpointOptions {
  /** The upload, as the last method about it answered it. */
  session: uploads.UploadSession;
}

/** Options of `ping` and the methods of its kind. */
export interface LoginOpts extends EndpointOptions {
  /** The scope to ask a token for. @default {the repository's, with the client's `scopes`} */
  scope?: string;
  /** A response of `ping`, when there is one already. */
  pingRes?: Response;
}

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
  constructor(options: RegistryClientOpts) {
    const { name, repo, scheme, insecure = false, scopes = ["pull"] } = options;
    const given = name === undefined ? repo : repoOrRegistry(name);
    if (given === undefined || (name !== undefined && repo !== undefined)) {
      throw new InvalidOptionError(
        "Cannot make a RegistryClientV2 as exactly one of 'name' and 'repo' is needed",
      );
    }
    this.repo = typeof given === "string" ? registryRepo(given) : given;
    this.origin = indexOrigin(this.repo.index, scheme ?? plainScheme(this.repo, options));
    this.insecure = insecure;
    this.acceptOCIManifests = options.acceptOCIManifests ?? true;
    this.acceptManifestLists = options.acceptManifestLists ?? true;
    this.username = options.username;
    this.scopes = [...scopes];
    this.#options = { ...options };
    const credentials = credentialsOf(options);
    this.#connection = openConnection(this.origin, {
      ...options,
      scopes,
      ...(credentials !== undefined && { credentials }),
    });
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
    const { name: _name, ...options } = this.#options;
    const client = new RegistryClientV2({ ...options, repo, scheme });
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
    options: EndpointOptions & { headers?: RequestInit["headers"]; expectStatus?: number[] } = {},
  ): Promise<DockerResponse> {
    const answer = await ping(this.#channel, this.#with(options));
    const resp = dockerResponse(answer.response, asked("GET", answer));
    await resp.dockerBody();
    return resp;
  }

  /** Whether this is a version 2 registry: by the header it sends, or by status 200 or 401. */
  async supportsV2(options: EndpointOptions = {}): Promise<boolean> {
    try {
      const { status, headers } = await this.ping({ ...options, expectStatus: [200, 401] });
      const versions = headers.get("docker-distribution-api-version") ?? "";
      return versions.includes("registry/2.0") || status === 200 || status === 401;
    } catch (error) {
      if (error instanceof HttpError) return false;
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
  async performLogin(options: LoginOpts = {}): Promise<AuthInfo> {
    const { remoteName } = this.repo;
    const {
      scope = remoteName && `repository:${remoteName}:${this.scopes.join(",")}`,
      pingRes = await this.ping(options),
      signal,
    } = options;
    const { auth } = this.#connection;
    const ending = this.#with({ ...(signal && { signal }) });
    const info = await authInfo(auth, {
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
  async login(options: LoginOpts = {}): Promise<void> {
    await this.performLogin(options);
  }

  /**
   * All tags, gathered from every page (end-8). `startingAfter` is the older name of `last`.
   *
   * @throws {NotFoundError} When there is no such repository.
   */
  async listTags(
    { startingAfter, ...options }: tags.ListTagsOptions & { startingAfter?: string } = {},
  ): Promise<TagList> {
    const listed = this.#with({
      ...(startingAfter !== undefined && { last: startingAfter }),
      ...options,
    });
    return await tags.listTags(this.#channel, this.repo.remoteName, listed);
  }

  /** The same as `listTags`, which reads every page too. */
  async listAllTags(options: tags.ListTagsOptions = {}): Promise<TagList> {
    return await this.listTags(options);
  }

  /** The tags as the registry's pages, each as it comes (end-8). */
  listTagsPaginated(options: tags.ListTagsOptions = {}): AsyncGenerator<TagList> {
    return tags.tagPages(this.#channel, this.repo.remoteName, this.#with(options));
  }

  /** The tags, one by one, a page at a time (end-8). */
  tags(options: tags.ListTagsOptions = {}): AsyncGenerator<string> {
    return tags.tags(this.#channel, this.repo.remoteName, this.#with(options));
  }

  /** Docker's manifest of one image. */
  getManifest(
    options: GetManifestOpts & { acceptOCIManifests: false } & OneImageOpts,
  ): Promise<ManifestResult<DockerManifest>>;
  /** The manifest of one image. */
  getManifest(
    options: GetManifestOpts & OneImageOpts,
  ): Promise<ManifestResult<DockerManifest | ImageManifest>>;
  /** Docker's manifests only. */
  getManifest(
    options: GetManifestOpts & { acceptOCIManifests: false },
  ): Promise<ManifestResult<DockerManifest | DockerManifestList>>;
  /** A manifest or an index. */
  getManifest(options: GetManifestOpts): Promise<ManifestResult>;
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
  async getManifest(options: GetManifestOpts): Promise<ManifestResult> {
    const { ref, acceptManifestLists, acceptOCIManifests, ...rest } = options;
    const accept = acceptedTypes(
      acceptManifestLists ?? (this.acceptManifestLists || options.platform !== undefined),
      acceptOCIManifests ?? this.acceptOCIManifests,
    );
    const { answer, manifest, bytes, mediaType, digest } = await manifests.getManifest(
      this.#channel,
      this.repo.remoteName,
      ref,
      { ...this.#with(rest), accept },
    );
    if (!accept.includes(mediaType) || (options.platform !== undefined && isIndex(manifest))) {
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
    { ref, ...options }: ManifestRef,
  ): Promise<{ bytes: Bytes; digest: string; mediaType: string }> {
    const { answer, bytes, digest } = await fetchManifestBytes(
      this.#channel,
      this.repo.remoteName,
      ref,
      this.#with(options),
    );
    return { bytes, digest, mediaType: bareMediaType(answer.response.headers.get("content-type")) };
  }

  /**
   * A manifest's descriptor by tag or digest (end-3), by HEAD: Docker Hub counts no pull for it.
   *
   * @throws {NotFoundError} When there is none.
   */
  async headManifest({ ref, ...options }: ManifestRef): Promise<Descriptor> {
    return await manifests.headManifest(
      this.#channel,
      this.repo.remoteName,
      ref,
      this.#with(options),
    );
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
    { manifestData, ref, schemaVersion, mediaType, tags, ...options }: EndpointOptions & {
      manifestData: Uint8Array;
      ref: string;
      schemaVersion?: number;
      mediaType?: string;
      tags?: readonly string[];
    },
  ): Promise<
    { digest: string; location: string | null; referrersError?: ReferrersListError }
  > {
    if (schemaVersion !== undefined && schemaVersion !== 2) {
      throw new InvalidOptionError(
        `Cannot put the manifest as 'schemaVersion' must be 2: current value is ${schemaVersion}`,
      );
    }
    const { descriptor, location, referrersError } = await manifests.putManifest(
      this.#channel,
      this.repo.remoteName,
      ref,
      manifestData,
      {
        ...this.#with(options),
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
  async deleteManifest({ ref, ...options }: ManifestRef): Promise<void> {
    await manifests.deleteManifest(this.#channel, this.repo.remoteName, ref, this.#with(options));
  }

  /**
   * Pulls a blob (end-2). It is verified while it streams; a download that breaks goes on.
   *
   * @throws {NotFoundError} When there is no such blob.
   */
  async getBlob(digest: string, options: blobs.GetBlobOptions = {}): Promise<blobs.BlobContent> {
    return await blobs.getBlob(this.#channel, this.repo.remoteName, digest, this.#with(options));
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
    const { journal } = this.#options;
    const all = { ...(journal && { journal }), ...options };
    return await putBlob(this.#channel, this.repo.remoteName, bodyOf(body), this.#with(all));
  }

  /**
   * Asks for a blob by HEAD (end-2): the responses, one a redirect hop. The first is the registry's,
   * the last the storage's.
   *
   * @throws {NotFoundError} When there is no such blob.
   */
  async headBlob({ digest, ...options }: BlobRef): Promise<DockerResponse[]> {
    const answer = await blobs.headBlob(
      this.#channel,
      this.repo.remoteName,
      digest,
      this.#with(options),
    );
    return dockerResponses("HEAD", answer);
  }

  /**
   * A blob's descriptor, by HEAD; where that is refused or does not say the size, by what GET says.
   *
   * @throws {NotFoundError} When there is no such blob.
   * @throws {InvalidContentError} When the registry does not say the size.
   */
  async statBlob({ digest, ...options }: BlobRef): Promise<Descriptor> {
    return await blobs.describeBlob(
      this.#channel,
      this.repo.remoteName,
      digest,
      this.#with(options),
    );
  }

  /**
   * A blob's bytes as a stream, verified, and the responses that it came by, one a redirect hop.
   *
   * @throws {NotFoundError} When there is no such blob.
   */
  async createBlobReadStream(
    { digest, ...options }: BlobRef,
  ): Promise<{ ress: DockerResponse[]; stream: ReadableStream<Bytes> }> {
    const { stream, answer } = await blobs.getBlob(
      this.#channel,
      this.repo.remoteName,
      digest,
      this.#with(options),
    );
    return { ress: dockerResponses("GET", answer), stream };
  }

  /**
   * Deletes a blob (end-10). Images that share it break.
   *
   * @throws {UnsupportedError} When the registry does not delete.
   */
  async deleteBlob({ digest, ...options }: BlobRef): Promise<void> {
    await blobs.deleteBlob(this.#channel, this.repo.remoteName, digest, this.#with(options));
  }

  /**
   * Pushes a blob whose digest and size are known; `putBlob` needs neither.
   *
   * @throws {BadDigestError} When the bytes have another digest.
   * @throws {SizeMismatchError} When there are more or fewer bytes.
   */
  async blobUpload(
    { digest, stream, contentLength, contentType: _contentType, ...options }: EndpointOptions & {
      digest: string;
      stream: Body | StreamBody;
      contentLength: number;
      contentType?: string;
    },
  ): Promise<void> {
    await this.putBlob(stream, { ...options, digest, size: contentLength });
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
    { mount, digest, data, ...options }: uploads.StartUploadOptions & {
      mount?: { digest: string; from?: string };
      digest?: string;
      data?: Uint8Array;
    } = {},
  ): Promise<uploads.UploadSession> {
    const { remoteName } = this.repo;
    const whole = digest !== undefined && data !== undefined;
    if (whole && mount === undefined) {
      return await uploads.postBlob(this.#channel, remoteName, digest, data, this.#with(options));
    }
    if (digest !== undefined || data !== undefined) {
      throw new InvalidOptionError(
        "Cannot start the upload: 'digest' and 'data' stand for a whole blob, without 'mount'",
      );
    }
    if (mount === undefined) {
      return await uploads.startBlobUpload(this.#channel, remoteName, this.#with(options));
    }
    const result = await this.mountBlob({ ...options, ...mount });
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
    { session, data, ...options }: UploadRef & { data: Uint8Array },
  ): Promise<uploads.UploadSession> {
    return await uploads.uploadBlobChunk(
      this.#channel,
      this.repo.remoteName,
      session,
      data,
      this.#with(options),
    );
  }

  /**
   * Asks how many bytes of an upload the registry has (end-13).
   *
   * @throws {NotFoundError} When the upload is gone, or the registry does not tell.
   */
  async getBlobUploadStatus(
    { session, ...options }: UploadRef,
  ): Promise<uploads.UploadSession> {
    return await uploads.getBlobUploadStatus(
      this.#channel,
      this.repo.remoteName,
      session,
      this.#with(options),
    );
  }

  /**
   * Closes an upload with its digest, and with the last bytes where there are some (end-6).
   *
   * @throws {RegistryResponseError} When the registry finds another digest.
   */
  async completeBlobUpload(
    { session, digest, data, ...options }: UploadRef & { digest: string; data?: Uint8Array },
  ): Promise<uploads.CompleteUploadResult> {
    return await uploads.completeBlobUpload(
      this.#channel,
      this.repo.remoteName,
      session,
      digest,
      data,
      this.#with(options),
    );
  }

  /**
   * Gives up an upload (end-14).
   *
   * @throws {HttpError} When the registry does not do that; nothing is lost then.
   */
  async cancelBlobUpload({ session, ...options }: UploadRef): Promise<void> {
    await uploads.cancelBlobUpload(
      this.#channel,
      this.repo.remoteName,
      session,
      this.#with(options),
    );
  }

  /**
   * Takes a blob from another repository of the registry, without moving it (end-11). Where the
   * registry does not, or the other repository may not be read, an upload is started instead.
   */
  async mountBlob(
    { digest, ...options }: BlobRef & { from?: string },
  ): Promise<mount.MountResult> {
    return await mount.mountBlob(
      this.#channel,
      this.repo.remoteName,
      digest,
      this.#with(options),
    );
  }

  /**
   * The manifests whose subject is this digest (end-12), from the referrers API and from the fallback
   * tag: one request each, and one for each entry whose type says nothing or that only the tag names.
   *
   * @throws {NotFoundError} When there is no such repository.
   * @throws {ManifestVerificationError} When there is no API, and the tag names something else.
   */
  async listReferrers(
    { digest, ...options }: referrers.ListReferrersOptions & { digest: string },
  ): Promise<referrers.ReferrersList> {
    return await referrers.listReferrers(
      this.#channel,
      this.repo.remoteName,
      digest,
      this.#with(options),
    );
  }

  /**
   * The manifests whose subject is this digest, one by one, a page at a time (end-12), as
   * {@linkcode RegistryClientV2.listReferrers} finds them.
   */
  referrers(
    digest: string,
    options: referrers.ListReferrersOptions = {},
  ): AsyncGenerator<Descriptor> {
    return referrers.referrers(
      this.#channel,
      this.repo.remoteName,
      digest,
      this.#with(options),
    );
  }

  /** All repositories of the registry, where it tells them. */
  async listRepositories(
    options: catalog.ListRepositoriesOptions = {},
  ): Promise<{ repositories: string[] }> {
    return await catalog.listRepositories(this.#channel, this.#with(options));
  }

  /** The repositories of the registry, one by one, a page at a time. */
  repositories(options: catalog.ListRepositoriesOptions = {}): AsyncGenerator<string> {
    return catalog.repositories(this.#channel, this.#with(options));
  }

  get #channel(): Channel {
    return this.#connection.channel;
  }

  /** A call's options, ended by the client's signal too. */
  #with<T extends EndpointOptions>(options: T): T {
    const own = this.#options.signal;
    if (own === undefined) return options;
    const signal = options.signal === undefined ? own : AbortSignal.any([own, options.signal]);
    return { ...options, signal };
  }
}

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

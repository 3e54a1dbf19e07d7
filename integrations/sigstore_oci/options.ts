import type { Descriptor as OciDescriptor } from "../../content/descriptor.ts";
import type { ConnectionOptions } from "../../registry_client_options.ts";
import type { OCIError } from "./oci_error.ts";

/** A descriptor; the one that attaching answers may name its subject's digest. */
export interface Descriptor extends OciDescriptor {
  /** What the registry said in `OCI-Subject`, where it did. */
  subjectDigest?: string;
}

/** A user name and password, and headers for the registry. */
export interface Credentials {
  /** The user name; `<token>` means that `password` is an identity token: OAuth2 first. */
  readonly username: string;
  /** The password or token; it may hold `:`. */
  readonly password: string;
  /** Sent with every request to the registry's own origin, and nowhere else. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** How requests are sent, in make-fetch-happen's terms. Without it nothing is tried again. */
export interface FetchOptions {
  /** A proxy's URL. @default {the environment's} */
  readonly proxy?: string;
  /** Hosts reached without it. Where the environment names the proxy, the registry's alone counts. */
  readonly noProxy?: string | readonly string[];
  /** Tries after the first one; `false` is 0, `true` is 1. @default {false} */
  readonly retry?: boolean | number | RetryOptions;
  /** How long one request may take, in milliseconds; 0 is without end. @default {0} */
  readonly timeout?: number;
}

/** How often a request is tried again, and after which waits. */
export interface RetryOptions {
  /** Tries after the first one. @default {0} */
  readonly retries?: number;
  /** The wait before the first of them, in milliseconds. @default {1000} */
  readonly minTimeout?: number;
  /** The longest wait, in milliseconds. @default {Infinity} */
  readonly maxTimeout?: number;
  /** How much longer each wait is than the one before. @default {2} */
  readonly factor?: number;
}

/** davit's own options, beside the original's: `fetch`, `hosts`, `allowHost`, `limits`, `onEvent` … */
export interface DavitOptions
  extends Omit<ConnectionOptions, "credentials" | "proxy" | "retry" | "scopes"> {
  /** Ends the call with its reason. */
  readonly signal?: AbortSignal;
}

/** What is attached. */
export interface ArtifactOptions {
  /** The bytes. A `Buffer` is one, whatever memory is under it. */
  readonly artifact: Uint8Array;
  /** The media type of the layer, and the manifest's `artifactType`. */
  readonly mediaType: string;
  /** Names and values; they win over `org.opencontainers.image.created`, which is put first. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** How requests are sent. */
  readonly fetchOpts?: FetchOptions;
}

/** Which image. */
export interface ImageOptions {
  /** Registry and path, the path in lower case; no tag, no digest: `ghcr.io/you/app`. */
  readonly imageName: string;
  /** The image's digest, `<alg>:<digest>`: sha256 or sha512, in full. */
  readonly imageDigest: string;
  /** Without them the registry is asked anonymously. The original wants them. */
  readonly credentials?: Credentials;
}

/** Options of `attachArtifactToImage`. */
export interface AttachArtifactOptions extends ArtifactOptions, ImageOptions, DavitOptions {}

/** Options of `attachArtifactToImages`. */
export interface AttachArtifactsOptions extends ArtifactOptions, DavitOptions {
  /** The images, in any registries. */
  readonly images: readonly ImageOptions[];
}

/** Options of `getImageDigest`. */
export interface GetImageDigestOptions extends DavitOptions {
  /** Registry and path, as in {@linkcode ImageOptions}. */
  readonly imageName: string;
  /** The tag. */
  readonly imageTag: string;
  /** Without them the registry is asked anonymously. */
  readonly credentials?: Credentials;
  /** How requests are sent. */
  readonly fetchOpts?: FetchOptions;
}

/** One image of `attachArtifactToImages`, and what came of it. */
export type AttachOutcome =
  & Pick<ImageOptions, "imageName" | "imageDigest">
  & (
    | { readonly descriptor: Descriptor; readonly error?: undefined }
    | { readonly descriptor?: undefined; readonly error: OCIError }
  );

import type { QuirkOptions } from "./options.ts";
import type { Preset, PresetName } from "./preset.ts";

const MEBIBYTE = 1024 * 1024;

/** What both versions of distribution do, as seen of 2.8.2 and 3.1.2. */
const DISTRIBUTION: QuirkOptions = {
  // Whole URLs with `?_state=…`, which is decoded before it is compared: seen.
  locations: { form: "absolute", query: "decoded" },
  // No POST with the whole blob: 202, and the client goes on with PUT.
  singlePost: 202,
  // 416 says neither where to go on nor how far the upload is.
  bareUploadErrors: true,
  // A sha512 blob is taken, and the answer names its sha256.
  digestHeader: "sha256",
  // No referrers API: the path is none of its routes.
  noReferrers: "text",
};

/**
 * Uploads to both of Amazon's registries, all reported of the private one.
 *
 * @see https://github.com/aws/containers-roadmap/issues/2831
 * @see https://github.com/openai/tart/pull/159
 */
const ECR_UPLOADS: QuirkOptions = {
  // PATCH answers 201, and its Range stays at the first chunk.
  patchStatus: 201,
  stuckRange: true,
  // The state of an upload is a 404.
  noUploadStatus: true,
  // An empty PUT does not close what came in chunks: the last one must be in it.
  noEmptyClose: true,
};

/** Above about 20 MB: https://github.com/goharbor/harbor/issues/23015 */
const ACR_PUT_BYTES = 20 * MEBIBYTE;

/** Who logs in with a token instead of a password: Microsoft's documentation. */
const ACR_TOKEN_USER = "00000000-0000-0000-0000-000000000000";

/** Every preset, from what was seen or reported of the registry. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  // Public registries: Docker Hub, GitHub's, Quay and GitLab's.
  dockerHub: {
    // Realm auth.docker.io and service registry.docker.io: Docker's documentation.
    auth: { bearer: { realm: "/token", service: "registry.docker.io" } },
    quirks: {
      realmOrigin: { host: "registry-1.docker.io", origin: "https://auth.docker.io" },
      // `ratelimit-limit: 100;w=21600`; GET of a manifest counts, HEAD does not: documented.
      rateLimit: { limit: 100, window: 21_600 },
      // DELETE answers 405: reported.
      deletes: 405,
      // OCI-Subject without an API behind it: reported in 2024. Clients must probe.
      noReferrers: "text",
      lyingSubject: true,
      // No POST with the whole blob: 202, and the client goes on with PUT, as distribution does.
      singlePost: 202,
    },
  },
  ghcr: {
    // Anonymous requests need a token too; realm and service stand in many clients:
    // https://github.com/jdx/mise/pull/9273
    auth: { bearer: { realm: "/token", service: "ghcr.io" } },
    quirks: {
      // `GET /v2/` names a scope that is only a placeholder: reported.
      pingScope: "repository:user/image:pull",
      // Its tokens say nothing of when they end: reported.
      tokens: { noExpiry: true },
      // Referrers answer 404, DELETE 405: reported.
      noReferrers: "text",
      deletes: 405,
      // A PATCH over 4 MiB is answered 416, and offsets have nothing to do with it: reported of those
      // with a Content-Range (https://github.com/wasmCloud/wash-archive/issues/268,
      // https://github.com/ocx-sh/ocx/pull/237). Docker sends whole layers in a PATCH without one.
      maxChunk: { bytes: 4 * MEBIBYTE, status: 416, ranged: true },
    },
  },
  gitlab: {
    // Realm /jwt/auth on gitlab.com, service container_registry: documented. Names stand under a
    // project's path: the option `repositories` says which projects there are.
    auth: { bearer: { realm: "/jwt/auth", service: "container_registry" } },
    quirks: {
      realmOrigin: { host: "registry.gitlab.com", origin: "https://gitlab.com" },
      // The fallback tag of a digest resolves to the digest itself, and there is no referrers API:
      // https://github.com/oras-project/oras-go/issues/1396
      noReferrers: "text",
      fallbackTagIsSubject: true,
    },
  },
  quay: {
    // https://github.com/quay/claircore/pull/879
    auth: { bearer: { realm: "/v2/auth", service: "quay.io" } },
    quirks: {
      // A token request that names `delete` is refused; `*` is taken: reported.
      tokens: { refusedActions: ["delete"] },
      // A mount without `from` fails: reported.
      mountWithoutFrom: 400,
      // Old versions refuse types that they do not know with 415 or 400: reported.
      unknownTypes: 415,
    },
  },
  // Registries that people run themselves.
  dockerRegistry2: {
    quirks: {
      ...DISTRIBUTION,
      // A chunk out of order is taken, and the blob has a hole: seen.
      noContentRange: true,
      // The old location dies with a PATCH: seen.
      locations: { ...DISTRIBUTION.locations, once: "writes" },
      // A tag cannot be deleted: it misses a digest in its place. Seen.
      tagDeletes: 400,
    },
  },
  distribution3: { quirks: DISTRIBUTION },
  harbor: {
    // Realm /service/token, service harbor-registry: documented. The project must exist: the option
    // `repositories` says which ones do.
    auth: { bearer: { realm: "/service/token", service: "harbor-registry" } },
    quirks: {
      // It sets cookies, and a client that sends one back needs a token against forgery:
      // https://github.com/dotnet/sdk/pull/37221
      cookies: true,
    },
  },
  // Registries of the large clouds.
  ecr: {
    // Basic, with every request: user AWS, and a password for twelve hours. Documented; the realm is
    // the account's own host: https://wom.icu/today-i-learned/2023-09-11
    auth: { basic: { realm: "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/" } },
    quirks: {
      ...ECR_UPLOADS,
      // `n` is at most 1000: documented. go-containerregistry keeps to it.
      pages: { most: 1_000 },
      // Repositories must exist, or 404 NAME_UNKNOWN: the option `repositories` says which ones do.
      // OCI-Subject without an API behind it: reported in 2024.
      noReferrers: "text",
      lyingSubject: true,
    },
  },
  ecrPublic: {
    // With the slash: every client of the service that gets its tokens by hand has it.
    auth: { bearer: { realm: "/token/", service: "public.ecr.aws" } },
    quirks: {
      ...ECR_UPLOADS,
      // 400, not 401, for a token that has ended: https://github.com/dependabot/dependabot-core/issues/4212
      endedTokenStatus: 400,
    },
  },
  gar: {
    // Realm /v2/token, and the host as service: https://github.com/oras-project/oras/issues/157
    auth: { bearer: { realm: "/v2/token", service: "us-docker.pkg.dev" } },
    quirks: {
      // No uploads in chunks: https://cloud.google.com/artifact-registry/docs/reference/docker-api
      // A location that was used is gone, so a second PATCH finds nothing.
      oneChunk: true,
      // Locations are good once: reported.
      locations: { form: "absolute", query: "decoded", once: true },
      // Up to 21 KB of headers in one response: reported.
      padding: 20 * 1024,
      // 403 where others say 401: reported. Challenges come with every 401: oras looks nowhere else.
      deniedStatus: 403,
    },
  },
  acr: {
    // Realm /oauth2/token, and the registry's host as service:
    // https://learn.microsoft.com/en-us/rest/api/containerregistry/access-tokens/get-from-login
    auth: { bearer: { realm: "/oauth2/token", service: "azurecr.io" } },
    quirks: {
      // The answer names the token `access_token` alone, and /oauth2/exchange gives a refresh token
      // for one of Microsoft Entra: documented beside it.
      tokens: { only: "access_token", exchangeFor: ACR_TOKEN_USER },
      // Blobs are redirected to a storage that refuses Authorization: reported.
      blobRedirects: true,
      // PATCH needs a Content-Length, a large PUT is a 413: reported.
      patchNeedsLength: true,
      maxPut: ACR_PUT_BYTES,
    },
  },
};

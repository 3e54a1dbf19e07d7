import type { QuirkOptions } from "./options.ts";
import type { Preset } from "./preset.ts";

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
const ACR_PUT_BYTES = 20 * 1024 * 1024;

/** Who logs in with a token instead of a password: Microsoft's documentation. */
const ACR_TOKEN_USER = "00000000-0000-0000-0000-000000000000";

/** Registries of the large clouds. */
export const CLOUD_PRESETS: Readonly<Record<"acr" | "ecr" | "ecrPublic" | "gar", Preset>> = {
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

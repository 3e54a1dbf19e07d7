import type { Preset } from "./preset.ts";
import type { QuirkOptions } from "./quirk_options.ts";

/** Uploads to both of Amazon's registries, all reported of the private one. */
const ECR_UPLOADS: QuirkOptions = {
  // PATCH answers 201, and its Range stays at the first chunk.
  patchStatus: 201,
  stuckRange: true,
  // The state of an upload is a 404.
  noUploadStatus: true,
  // An empty PUT does not close what came in chunks: the last one must be in it.
  noEmptyClose: true,
};

/** No size was reported for the 413 of a large PUT: this one is small enough for a test. */
const ACR_PUT_BYTES = 8 * 1024 * 1024;

/** Registries of the large clouds. */
export const CLOUD_PRESETS: Readonly<Record<"acr" | "ecr" | "ecrPublic" | "gar", Preset>> = {
  ecr: {
    // Basic, with every request: user AWS, and a password for twelve hours. Documented.
    auth: { basic: { realm: "https://ecr.amazonaws.com/" } },
    quirks: {
      ...ECR_UPLOADS,
      // `n` is at most 1000: documented. go-containerregistry keeps to it.
      pages: { most: 1_000 },
      // OCI-Subject without an API behind it: reported in 2024.
      noReferrers: "text",
      lyingSubject: true,
    },
  },
  ecrPublic: {
    auth: { bearer: { realm: "/token/", service: "public.ecr.aws" } },
    quirks: {
      ...ECR_UPLOADS,
      // 400, not 401, for a token that has ended: reported.
      endedTokenStatus: 400,
    },
  },
  gar: {
    auth: { bearer: { realm: "/v2/token", service: "docker.pkg.dev" } },
    quirks: {
      // No uploads in chunks: documented. What a second PATCH is told is not; here it is a 404.
      oneChunk: true,
      // Locations are good once: reported.
      locations: { form: "absolute", query: true, once: true },
      // Up to 21 KB of headers in one response: reported.
      padding: 20 * 1024,
      // 403 where others say 401; and gcr.io says 401 without a challenge but at `/v2/`: reported.
      deniedStatus: 403,
      challengeOnPing: true,
    },
  },
  acr: {
    // Realm /oauth2/token: documented.
    auth: { bearer: { realm: "/oauth2/token", service: "azurecr.io" } },
    quirks: {
      // The answer names the token `access_token` alone: documented.
      tokens: { only: "access_token" },
      // Blobs are redirected to a storage that refuses Authorization: reported.
      blobRedirects: true,
      // PATCH needs a Content-Length, a large PUT is a 413: reported.
      patchNeedsLength: true,
      maxPut: ACR_PUT_BYTES,
    },
  },
};

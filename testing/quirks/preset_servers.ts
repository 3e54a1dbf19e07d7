import type { QuirkOptions } from "./options.ts";
import type { Preset } from "./preset.ts";

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

/** Registries that people run themselves. */
export const SERVER_PRESETS: Readonly<
  Record<"distribution3" | "dockerRegistry2" | "harbor", Preset>
> = {
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
};

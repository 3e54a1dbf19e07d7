import type { Preset } from "./preset.ts";

const MEBIBYTE = 1024 * 1024;

/** Public registries: Docker Hub, GitHub's, Quay and GitLab's. */
export const PUBLIC_PRESETS: Readonly<
  Record<"dockerHub" | "ghcr" | "gitlab" | "quay", Preset>
> = {
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
};

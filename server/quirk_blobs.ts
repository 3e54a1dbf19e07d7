import type { Bytes } from "../content/bytes.ts";
import { type Digest, isDigest, toDigest } from "../content/digest.ts";
import { createHasher } from "../content/hasher.ts";
import { pieceReader } from "../content/piece_reader.ts";
import type { Places } from "./quirk_places.ts";
import type { QuirkOptions } from "./quirk_options.ts";
import { answered, changed, type Quirk, type Visit, type Visited } from "./quirk_visit.ts";

/** The digest of no bytes: of whatever else somebody asked for, it is wrong. */
const WRONG_DIGEST = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** `Docker-Content-Digest` as some registries send it. */
export function digestQuirk(how: NonNullable<QuirkOptions["digestHeader"]>): Quirk {
  return (next) => async (visit) => {
    const response = await next(visit);
    const digest = response.headers.get("docker-content-digest");
    if (digest === null) return response;
    const other = how === "none"
      ? undefined
      : how === "wrong"
      ? WRONG_DIGEST
      : await bySha256(next, visit, digest);
    return answered(response, { headers: { "docker-content-digest": other } });
  };
}

async function bySha256(next: Visited, visit: Visit, digest: string): Promise<string> {
  const { route, url } = visit;
  if (!isDigest(digest) || digest.startsWith("sha256:")) return digest;
  if (route === undefined || !("repository" in route)) return digest;
  const kind = route.kind === "manifest" ? "manifests" : "blobs";
  const { body, ok } = await next(
    changed(visit, {
      method: "GET",
      url: new URL(`/v2/${route.repository}/${kind}/${digest}`, url),
      body: null,
      headers: { range: undefined },
      unseen: true,
    }),
  );
  if (!ok || body === null) return digest;
  return await hashed(body as ReadableStream<Bytes>);
}

async function hashed(body: ReadableStream<Bytes>): Promise<Digest> {
  const hasher = await createHasher("sha256");
  const reader = pieceReader(body);
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) return toDigest("sha256", hasher.digest());
    hasher.update(value);
  }
}

/** end-2 without `Range`: always the whole blob. */
export function noRangesQuirk(): Quirk {
  return (next) => async (visit) => {
    if (visit.route?.kind !== "blob") return await next(visit);
    const response = await next(changed(visit, { headers: { range: undefined } }));
    return answered(response, { headers: { "accept-ranges": undefined } });
  };
}

/** end-2 by way of a storage on another origin. */
export function redirectQuirk(
  redirects: Exclude<QuirkOptions["blobRedirects"], undefined>,
  places: Places,
): Quirk | undefined {
  if (redirects === false) return undefined;
  const { origin = undefined, status = 307 } = redirects === true ? {} : redirects;
  return (next) => async (visit) => {
    const { request: { method }, route, elsewhere } = visit;
    const reads = method === "GET" || method === "HEAD";
    if (route?.kind !== "blob" || !reads || elsewhere) return await next(visit);
    const response = await next(visit);
    if (!response.ok) return response;
    await response.body?.cancel();
    return places.redirect(visit, status, origin);
  };
}

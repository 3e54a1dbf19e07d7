import type { Bytes } from "../../content/bytes.ts";
import { isDigest } from "../../content/digest.ts";
import { hashPieces } from "../../content/hash_pieces.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import type { Handler, Middleware, RequestContext } from "../../server/middleware.ts";
import { answered, changed, changedOwn } from "../changed.ts";
import type { QuirkOptions } from "./options.ts";
import { isOtherOrigin } from "./other_origin.ts";
import type { Places } from "./places.ts";

/** The digest of no bytes: it is wrong for any other content. */
const WRONG_DIGEST = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** `Docker-Content-Digest` as some registries send it. */
export function digestQuirk(how: NonNullable<QuirkOptions["digestHeader"]>): Middleware {
  return (next) => async (context) => {
    const response = await next(context);
    const digest = response.headers.get("docker-content-digest");
    if (digest === null) return response;
    const other = how === "none"
      ? undefined
      : how === "wrong"
      ? WRONG_DIGEST
      : await bySha256(next, context, digest);
    return answered(response, { headers: { "docker-content-digest": other } });
  };
}

async function bySha256(next: Handler, context: RequestContext, digest: string): Promise<string> {
  const { route, url } = context;
  if (!isDigest(digest) || digest.startsWith("sha256:")) return digest;
  if (route === undefined || !("repository" in route)) return digest;
  const kind = route.kind === "manifest" ? "manifests" : "blobs";
  const { body, ok } = await next(
    changedOwn(context, {
      method: "GET",
      url: new URL(`/v2/${route.repository}/${kind}/${digest}`, url),
      body: null,
      headers: { range: undefined },
    }),
  );
  if (!ok || body === null) return digest;
  return (await hashPieces(pieceReader(body as ReadableStream<Bytes>))).digest;
}

/** end-2 without `Range`: always the whole blob. */
export function noRangesQuirk(): Middleware {
  return (next) => async (context) => {
    if (context.route?.kind !== "blob") return await next(context);
    const response = await next(changed(context, { headers: { range: undefined } }));
    return answered(response, { headers: { "accept-ranges": undefined } });
  };
}

/** end-2 by way of a storage on another origin. */
export function redirectQuirk(
  redirects: Exclude<QuirkOptions["blobRedirects"], undefined>,
  places: Places,
): Middleware | undefined {
  if (redirects === false) return undefined;
  const { origin = undefined, status = 307 } = redirects === true ? {} : redirects;
  return (next) => async (context) => {
    const { request: { method }, route } = context;
    const reads = method === "GET" || method === "HEAD";
    if (route?.kind !== "blob" || !reads || isOtherOrigin(context)) {
      return await next(context);
    }
    const response = await next(context);
    if (!response.ok) return response;
    await response.body?.cancel();
    return places.redirect(context, status, origin);
  };
}

import { byteRange } from "../../content/byte_range.ts";
import { emptyResponse } from "../../server/refusal.ts";
import { changedRequest } from "../changed.ts";
import { nextLinkOf } from "./journal.ts";
import type { Provoke } from "./provocation.ts";

/** Redirects every download of a blob to the other origin, as registries do that keep them there. */
export const redirectBlobs: Provoke = (next, { otherOrigin }) => {
  const kept = new Map<string, Uint8Array<ArrayBuffer>>();
  let count = 0;
  return async (request, entry) => {
    if (entry.byOtherOrigin && entry.url.pathname.startsWith("/storage/")) {
      entry.provoked.add("redirect-blobs");
      return stored(request, kept.get(entry.url.pathname));
    }
    if (request.method !== "GET" || entry.route?.kind !== "blob") return await next(request, entry);
    const whole = changedRequest(request, { headers: { range: undefined } });
    const response = await next(whole, entry);
    if (response.status !== 200) return response;
    // Counted before anything is awaited: clients download several at once.
    const path = `/storage/${++count}`;
    kept.set(path, new Uint8Array(await response.arrayBuffer()));
    entry.provoked.add("redirect-blobs");
    return emptyResponse(307, { location: `${otherOrigin}${path}?X-Signature=4f0b%2F3d%3D` });
  };
};

function stored(request: Request, bytes: Uint8Array<ArrayBuffer> | undefined): Response {
  if (bytes === undefined) return emptyResponse(404);
  const range = byteRange(request.headers.get("range"), bytes.byteLength);
  if (range === "unsatisfiable") return emptyResponse(416);
  const { offset, length } = range ?? { offset: 0, length: bytes.byteLength };
  const headers = new Headers({ "accept-ranges": "bytes", "content-length": String(length) });
  if (range !== undefined) {
    const last = offset + length - 1;
    headers.set("content-range", `bytes ${offset}-${last}/${bytes.byteLength}`);
  }
  const status = range === undefined ? 200 : 206;
  const body = request.method === "HEAD" ? null : bytes.slice(offset, offset + length);
  return new Response(body, { status, headers });
}

/** Gives Locations of uploads on the other origin. */
export const foreignLocations: Provoke =
  (next, { otherOrigin, given }) => async (request, entry) => {
    const authorization = request.headers.get("authorization");
    const response = await next(request, entry);
    if (entry.byOtherOrigin && entry.route?.kind === "upload") {
      entry.provoked.add("foreign-locations");
    }
    const location = response.headers.get("location");
    if (location === null || !URL.canParse(location, request.url)) return response;
    const { pathname, search } = new URL(location, request.url);
    if (!pathname.includes("/blobs/uploads/") || response.status >= 300) return response;
    if (!entry.byOtherOrigin) {
      entry.provoked.add("foreign-locations");
      given.set(pathname, authorization);
    }
    response.headers.set("location", otherOrigin + pathname + search);
    return response;
  };

/** Gives Links to next pages on the other origin. */
export const foreignLinks: Provoke = (next, { otherOrigin, given }) => async (request, entry) => {
  const authorization = request.headers.get("authorization");
  const response = await next(request, entry);
  if (entry.byOtherOrigin) {
    if (entry.route?.kind === "tags") entry.provoked.add("foreign-links");
    return response;
  }
  const link = nextLinkOf({ ...entry, answer: response.headers });
  if (link === undefined) return response;
  entry.provoked.add("foreign-links");
  given.set(link.url.pathname, authorization);
  response.headers.set(
    "link",
    `<${otherOrigin}${link.url.pathname}${link.url.search}>; rel="next"`,
  );
  return response;
};

/** Names a token service on the other origin in every challenge. */
export const foreignRealm: Provoke = (next, { otherOrigin }) => async (request, entry) => {
  const response = await next(request, entry);
  const challenge = response.headers.get("www-authenticate");
  if (challenge === null || !/^bearer/i.test(challenge)) return response;
  entry.provoked.add("foreign-realm");
  const renamed = challenge.replace(/realm="[^"]*"/, `realm="${otherOrigin}/token"`);
  response.headers.set("www-authenticate", renamed);
  return response;
};

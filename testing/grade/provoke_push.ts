import { emptyResponse, Refusal } from "../../server/refusal.ts";
import { changedRequest } from "../changed.ts";
import { nextLinkOf } from "./journal.ts";
import type { Graded, Provoke } from "./provocation.ts";

/** What is hard to write anew as it was: escapes, an empty value, names out of order, one twice. */
const AWKWARD = "%2Fx%2By%3D%3D&z=2&a=&a=1";

/** Gives every Location of an upload a query of its own; none of them ends. */
export const freshLocations: Provoke = (next) => {
  let count = 0;
  return async (request, entry) => {
    const response = await next(request, entry);
    const location = response.headers.get("location");
    if (response.status < 300 && location?.includes("/blobs/uploads/")) {
      const bare = location.split("?")[0];
      response.headers.set("location", `${bare}?_state=${++count}${AWKWARD}`);
      entry.provoked.add("fresh-locations");
    }
    return response;
  };
};

/** Gives Links whose query is the registry's own, and, for tags, without a path. */
export const opaqueLinks: Provoke = (next) => {
  const queries: string[] = [];
  return async (request, entry) => {
    const cursor = /^([0-9]+)\//.exec(entry.url.searchParams.get("cursor") ?? "");
    const query = cursor === null ? undefined : queries[Number(cursor[1])];
    const asked = query === undefined
      ? request
      : new Request(new URL(query, request.url), { headers: request.headers });
    const response = await next(asked, entry);
    const link = nextLinkOf({ ...entry, answer: response.headers });
    if (link === undefined || request.method !== "GET") return response;
    entry.provoked.add("opaque-links");
    queries.push(link.url.search);
    const path = entry.route?.kind === "tags" ? "list" : entry.url.pathname;
    response.headers.set("link", `<${path}?cursor=${queries.length - 1}${AWKWARD}>; rel="next"`);
    return response;
  };
};

/**
 * Takes the first half of the first chunk of every upload, and answers 416 without saying how far it
 * is: what registries do when a connection broke and the client sends the chunk again.
 */
export const refuseChunks: Provoke = (next) => {
  const refused = new Set<string>();
  return async (request, entry) => {
    const { pathname } = entry.url;
    // Without a range there is nothing that a registry could find to be out of place.
    const isFirst = request.method === "PATCH" && request.headers.has("content-range") &&
      entry.route?.kind === "upload" && !refused.has(pathname);
    if (!isFirst) return await next(request, entry);
    refused.add(pathname);
    const bytes = new Uint8Array(await request.arrayBuffer());
    const half = bytes.slice(0, bytes.byteLength >> 1);
    const headers = { "content-range": undefined, "content-length": String(half.byteLength) };
    const response = await next(changedRequest(request, { headers, body: half }), entry);
    if (response.status >= 300) return response;
    entry.provoked.add("refuse-chunks");
    entry.taken = half.byteLength;
    return new Refusal(
      416,
      "BLOB_UPLOAD_INVALID",
      "Cannot take the chunk: it is refused on purpose",
    )
      .response();
  };
};

/** Answers every mount with an upload. */
export const mount202: Provoke = (next) => async (request, entry) => {
  if (!isMount(request, entry)) return await next(request, entry);
  entry.provoked.add("mount-202");
  return await plainPost(next, request, entry);
};

/** Answers every mount with 405. */
export const mount405: Provoke = (next) => async (request, entry) => {
  if (!isMount(request, entry)) return await next(request, entry);
  entry.provoked.add("mount-405");
  return new Refusal(405, "UNSUPPORTED", "Cannot mount: this is refused on purpose").response();
};

/** Answers every POST of a whole blob with an upload. */
export const post202: Provoke = (next) => async (request, entry) => {
  const isWhole = request.method === "POST" && entry.route?.kind === "uploads" &&
    entry.url.searchParams.has("digest") && !entry.url.searchParams.has("mount");
  if (!isWhole) return await next(request, entry);
  for await (const _ of request.body ?? []);
  entry.provoked.add("post-202");
  return await plainPost(next, request, entry);
};

/** Takes manifests without the tags of the query, and says so. */
export const ignoreTags: Provoke = (next) => async (request, entry) => {
  const { url } = entry;
  const isTagged = request.method === "PUT" && entry.route?.kind === "manifest" &&
    url.searchParams.has("tag");
  if (!isTagged) return await next(request, entry);
  entry.provoked.add("ignore-tags");
  const bare = changedRequest(request, { url: url.origin + url.pathname, body: entry.body });
  return await next(bare, entry);
};

type Entry = Parameters<Graded>[1];

function isMount(request: Request, { route, url }: Entry): boolean {
  return request.method === "POST" && route?.kind === "uploads" && url.searchParams.has("mount");
}

async function plainPost(next: Graded, request: Request, entry: Entry): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.set("content-length", "0");
  const bare = new Request(entry.url.origin + entry.url.pathname, { method: "POST", headers });
  const response = await next(bare, entry);
  return response.status === 201 ? emptyResponse(202, response.headers) : response;
}

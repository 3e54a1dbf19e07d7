import type { Bytes } from "../../content/bytes.ts";
import { pieceReader } from "../../content/piece_reader.ts";
import { RecentMap } from "../../content/recent.ts";
import { type StallLimit, watchedBody } from "../../server/listen/watched_body.ts";
import type { Handler, Middleware, RequestContext } from "../../server/middleware.ts";
import { answered, changed, withQuery } from "../changed.ts";
import { limitedBody, peekedBody } from "../faults/body.ts";
import { errorAnswer, refusePush } from "./answer.ts";
import type { QuirkOptions } from "./options.ts";
import { MAX_REMEMBERED } from "./places.ts";

/** What was seen of an upload. */
interface Upload {
  patches: number;
  /** The `Range` after the first chunk. */
  first?: string;
  /** Whether the last chunk was smaller than it may be. */
  short: boolean;
}

const NO_UPLOAD = [404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown"] as const;
const NO_MOUNT = ["UNSUPPORTED", "cannot mount this blob"] as const;
const NO_SINGLE_POST = [
  "UNSUPPORTED",
  "cannot take a blob with the request that starts its upload",
] as const;
const NO_LENGTH = [411, "SIZE_INVALID", "a PATCH needs a Content-Length"] as const;
const TOO_SHORT = [416, "SIZE_INVALID", "the chunk before was below the least size"] as const;
const NO_LAST_BYTES = [
  400,
  "BLOB_UPLOAD_INVALID",
  "the upload must be closed with its last bytes",
] as const;

/** How uploads go: end-4, end-5, end-6, end-11, end-13. `on` says which requests. */
export function uploadQuirk(
  options: QuirkOptions,
  on: (context: RequestContext) => boolean,
  limit: StallLimit,
): Middleware {
  const upload = requestQuirk(options, on, limit);
  if (!options.bareUploadErrors) return upload;
  return (next) => {
    const answer = upload(next);
    return async (context) => {
      const response = await answer(context);
      const bare = context.route?.kind === "upload" && response.status >= 400 && on(context);
      if (!bare) return response;
      return answered(response, { headers: { location: undefined, range: undefined } });
    };
  };
}

function requestQuirk(
  options: QuirkOptions,
  on: (context: RequestContext) => boolean,
  limit: StallLimit,
): Middleware {
  const uploads = new RecentMap<string, Upload>(MAX_REMEMBERED);

  return (next) => async (context) => {
    const { request: { method }, route, url } = context;
    if (route?.kind === "uploads" && method === "POST") {
      return on(context) ? await post(next, context, options) : await next(context);
    }
    if (route?.kind !== "upload") return await next(context);
    const state = uploads.get(url.pathname) ?? { patches: 0, short: false };
    uploads.set(url.pathname, state);
    const active = on(context);
    if (active && options.noContentRange) {
      context = changed(context, { headers: { "content-range": undefined } });
    }
    switch (method) {
      case "PATCH": {
        const refused = active && await refusedPatch(next, context, options, state);
        if (refused) return refused;
        const before = context.observed.bytesIn;
        const response = await send(next, context, active ? options.maxChunk : undefined);
        if (!response.ok) return response;
        const bytes = context.observed.bytesIn - before;
        state.patches++;
        state.first ??= response.headers.get("range") ?? undefined;
        state.short = bytes < (options.minChunk ?? 0);
        return active ? taken(response, options, state) : response;
      }
      case "PUT": {
        if (!active) return await next(context);
        const put = await withoutEmptyBody(context, limit);
        const refused = await refusedPut(next, put, options, state);
        if (refused) return refused;
        const { maxPut } = options;
        const most = maxPut === undefined ? undefined : { bytes: maxPut };
        const response = await send(next, put, most);
        if (response.ok) uploads.delete(url.pathname);
        return response;
      }
      case "GET":
        if (!active || !options.noUploadStatus) return await next(context);
        return await refusePush(next, context, ...NO_UPLOAD);
    }
    return await next(context);
  };
}

async function post(
  next: Handler,
  context: RequestContext,
  options: QuirkOptions,
): Promise<Response> {
  const { url } = context;
  const { searchParams: query } = url;
  if (query.has("mount")) {
    const without = query.has("from") ? undefined : options.mountWithoutFrom;
    const status = without ?? options.mount;
    if (status === 202) {
      const plain = withQuery(url, (edited) => {
        edited.delete("mount");
        edited.delete("from");
      });
      return started(await next(changed(context, { url: plain })), options);
    }
    if (status !== undefined) {
      return await refusePush(next, context, status, ...NO_MOUNT);
    }
  } else if (query.has("digest") && options.singlePost !== undefined) {
    if (options.singlePost !== 202) {
      return await refusePush(next, context, options.singlePost, ...NO_SINGLE_POST);
    }
    const plain = withQuery(url, (edited) => edited.delete("digest"));
    return started(await next(changed(context, { url: plain, body: null })), options);
  }
  return started(await next(context), options);
}

function started(response: Response, { minChunk }: QuirkOptions): Response {
  if (response.status !== 202 || minChunk === undefined) return response;
  return answered(response, { headers: { "oci-chunk-min-length": String(minChunk) } });
}

async function refusedPatch(
  next: Handler,
  context: RequestContext,
  { oneChunk, patchNeedsLength }: QuirkOptions,
  { patches, short }: Upload,
): Promise<Response | undefined> {
  const { request } = context;
  if (patchNeedsLength && !request.headers.has("content-length")) {
    return await refusePush(next, context, ...NO_LENGTH);
  }
  if (short) return await refusePush(next, context, ...TOO_SHORT);
  if (!oneChunk || patches === 0) return undefined;
  await (await next(changed(context, { method: "DELETE", body: null }))).body?.cancel();
  return await refusePush(next, context, ...NO_UPLOAD);
}

/** The same request without a body, where its body has no bytes. */
async function withoutEmptyBody(
  context: RequestContext,
  limit: StallLimit,
): Promise<RequestContext> {
  const { body, headers } = context.request;
  if (body === null || Number(headers.get("content-length")) > 0) return context;
  const reader = watchedBody(pieceReader(body as ReadableStream<Bytes>), limit);
  const { empty, stream } = await peekedBody(reader);
  return changed(context, { body: empty ? null : stream });
}

async function refusedPut(
  next: Handler,
  context: RequestContext,
  { noEmptyClose }: QuirkOptions,
  { patches, short }: Upload,
): Promise<Response | undefined> {
  const empty = context.request.body === null;
  if (!empty && short) return await refusePush(next, context, ...TOO_SHORT);
  if (!empty || !noEmptyClose || patches < 2) return undefined;
  return await refusePush(next, context, ...NO_LAST_BYTES);
}

/** Passes a body on that may not be larger than a limit. */
async function send(
  next: Handler,
  context: RequestContext,
  limit: QuirkOptions["maxChunk"],
): Promise<Response> {
  const { request } = context;
  const ranged = request.headers.has("content-range");
  if (limit === undefined || (limit.ranged && !ranged) || request.body === null) {
    return await next(context);
  }
  const { bytes, status = 413 } = limit;
  const message = "the request body is too large and exceeds the maximum permissible limit of " +
    `${bytes} bytes`;
  // GitHub's code: https://github.com/wasmCloud/wash-archive/issues/268
  const code = status === 416 ? "REQUESTED_RANGE_NOT_SATISFIABLE" : "SIZE_INVALID";
  if (Number(request.headers.get("content-length")) > bytes) {
    return await refusePush(next, context, status, code, message);
  }
  const body = limitedBody(request.body, bytes);
  const response = await next(changed(context, { body: body.stream }));
  if (!body.broken()) return response;
  await response.body?.cancel();
  return errorAnswer(status, code, message);
}

function taken(response: Response, options: QuirkOptions, { first }: Upload): Response {
  const { patchStatus, stuckRange } = options;
  if (patchStatus === undefined && !stuckRange) return response;
  return answered(response, {
    ...(patchStatus !== undefined && { status: patchStatus }),
    ...(stuckRange && { headers: { range: first } }),
  });
}

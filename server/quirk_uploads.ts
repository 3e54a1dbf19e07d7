import { type Bytes, EMPTY } from "../content/bytes.ts";
import { type PieceReader, pieceReader } from "../content/piece_reader.ts";
import { errorAnswer, refusePush } from "./quirk_answer.ts";
import type { QuirkOptions } from "./quirk_options.ts";
import {
  answered,
  changed,
  type Quirk,
  type Visit,
  type Visited,
  withQuery,
} from "./quirk_visit.ts";
import { limitedBody } from "./fault_body.ts";
import { type StallLimit, watchedBody } from "./watched_body.ts";

/** What was seen of an upload. */
interface Upload {
  patches: number;
  /** The `Range` after the first chunk. */
  first?: string;
  /** Whether the last chunk was smaller than it may be. */
  short: boolean;
}

/** More than that are clients that never come back: the oldest are forgotten. */
const MAX_UPLOADS = 10_000;

/** How uploads go: end-4, end-5, end-6, end-11, end-13. `on` says which requests. */
export function uploadQuirk(
  options: QuirkOptions,
  on: (visit: Visit) => boolean,
  limit: StallLimit,
): Quirk {
  const upload = requestQuirk(options, on, limit);
  if (!options.bareUploadErrors) return upload;
  return (next) => {
    const answer = upload(next);
    return async (visit) => {
      const response = await answer(visit);
      const bare = visit.route?.kind === "upload" && response.status >= 400 && on(visit);
      if (!bare) return response;
      return answered(response, { headers: { location: undefined, range: undefined } });
    };
  };
}

function requestQuirk(
  options: QuirkOptions,
  on: (visit: Visit) => boolean,
  limit: StallLimit,
): Quirk {
  const uploads = new Map<string, Upload>();

  function upload(path: string): Upload {
    let known = uploads.get(path);
    if (known === undefined) {
      known = { patches: 0, short: false };
      uploads.set(path, known);
      const [oldest] = uploads.keys();
      if (uploads.size > MAX_UPLOADS) uploads.delete(oldest!);
    }
    return known;
  }

  return (next) => async (visit) => {
    const { request: { method }, route, url } = visit;
    if (route?.kind === "uploads" && method === "POST") {
      return on(visit) ? await post(next, visit, options) : await next(visit);
    }
    if (route?.kind !== "upload") return await next(visit);
    const state = upload(url.pathname);
    const active = on(visit);
    if (active && options.noContentRange) {
      visit = changed(visit, { headers: { "content-range": undefined } });
    }
    switch (method) {
      case "PATCH": {
        const refused = active && await refusedPatch(next, visit, options, state);
        if (refused) return refused;
        const before = visit.observation.seen.bytesIn;
        const response = await send(next, visit, active ? options.maxChunk : undefined);
        if (!response.ok) return response;
        const bytes = visit.observation.seen.bytesIn - before;
        state.patches++;
        state.first ??= response.headers.get("range") ?? undefined;
        state.short = bytes < (options.minChunk ?? 0);
        return active ? taken(response, options, state) : response;
      }
      case "PUT": {
        if (!active) return await next(visit);
        const put = await withoutEmptyBody(visit, limit);
        const refused = await refusedPut(next, put, options, state);
        if (refused) return refused;
        const { maxPut } = options;
        const most = maxPut === undefined ? undefined : { bytes: maxPut };
        const response = await send(next, put, most);
        if (response.ok) uploads.delete(url.pathname);
        return response;
      }
      case "GET":
        if (!active || !options.noUploadStatus) return await next(visit);
        return await refusePush(next, visit, 404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown");
    }
    return await next(visit);
  };
}

async function post(next: Visited, visit: Visit, options: QuirkOptions): Promise<Response> {
  const { url } = visit;
  const { searchParams: query } = url;
  if (query.has("mount")) {
    const without = query.has("from") ? undefined : options.mountWithoutFrom;
    const status = without ?? options.mount;
    if (status === 202) {
      const plain = withQuery(url, (edited) => {
        edited.delete("mount");
        edited.delete("from");
      });
      return started(await next(changed(visit, { url: plain })), options);
    }
    if (status !== undefined) {
      return await refusePush(next, visit, status, "UNSUPPORTED", "cannot mount this blob");
    }
  } else if (query.has("digest") && options.singlePost !== undefined) {
    if (options.singlePost !== 202) {
      return await refusePush(
        next,
        visit,
        options.singlePost,
        "UNSUPPORTED",
        "cannot take a blob with the request that starts its upload",
      );
    }
    const plain = withQuery(url, (edited) => edited.delete("digest"));
    return started(await next(changed(visit, { url: plain, body: null })), options);
  }
  return started(await next(visit), options);
}

function started(response: Response, { minChunk }: QuirkOptions): Response {
  if (response.status !== 202 || minChunk === undefined) return response;
  return answered(response, { headers: { "oci-chunk-min-length": String(minChunk) } });
}

async function refusedPatch(
  next: Visited,
  visit: Visit,
  { oneChunk, patchNeedsLength }: QuirkOptions,
  { patches, short }: Upload,
): Promise<Response | undefined> {
  const { request } = visit;
  if (patchNeedsLength && !request.headers.has("content-length")) {
    return await refusePush(next, visit, 411, "SIZE_INVALID", "a PATCH needs a Content-Length");
  }
  if (short) return await tooShort(next, visit);
  if (!oneChunk || patches === 0) return undefined;
  await (await next(changed(visit, { method: "DELETE", body: null }))).body?.cancel();
  return await refusePush(next, visit, 404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown");
}

/** The same request without a body, where its body has no bytes. */
async function withoutEmptyBody(visit: Visit, limit: StallLimit): Promise<Visit> {
  const { body, headers } = visit.request;
  if (body === null || Number(headers.get("content-length")) > 0) return visit;
  const reader = watchedBody(pieceReader(body as ReadableStream<Bytes>), limit);
  // What breaks is told again to the registry, which knows what to answer.
  let first: ReturnType<PieceReader["read"]> | undefined = reader.read();
  const { done, value } = await first.catch(() => ({ done: false, value: EMPTY }));
  if (done || value === undefined) return changed(visit, { body: null });
  return changed(visit, {
    body: new ReadableStream<Bytes>({
      async pull(controller) {
        const piece = await (first ?? reader.read());
        first = undefined;
        if (piece.done || piece.value === undefined) return controller.close();
        controller.enqueue(piece.value);
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 }),
  });
}

async function refusedPut(
  next: Visited,
  visit: Visit,
  { noEmptyClose }: QuirkOptions,
  { patches, short }: Upload,
): Promise<Response | undefined> {
  const empty = visit.request.body === null;
  if (!empty && short) return await tooShort(next, visit);
  if (!empty || !noEmptyClose || patches < 2) return undefined;
  return await refusePush(
    next,
    visit,
    400,
    "BLOB_UPLOAD_INVALID",
    "the upload must be closed with its last bytes",
  );
}

function tooShort(next: Visited, visit: Visit): Promise<Response> {
  return refusePush(next, visit, 416, "SIZE_INVALID", "the chunk before was below the least size");
}

/** Passes a body on that may not be larger than a limit. */
async function send(
  next: Visited,
  visit: Visit,
  limit: QuirkOptions["maxChunk"],
): Promise<Response> {
  const { request } = visit;
  const ranged = request.headers.has("content-range");
  if (limit === undefined || (limit.ranged && !ranged) || request.body === null) {
    return await next(visit);
  }
  const { bytes, status = 413 } = limit;
  const message = "the request body is too large and exceeds the maximum permissible limit of " +
    `${bytes} bytes`;
  // GitHub's code: https://github.com/wasmCloud/wash-archive/issues/268
  const code = status === 416 ? "REQUESTED_RANGE_NOT_SATISFIABLE" : "SIZE_INVALID";
  if (Number(request.headers.get("content-length")) > bytes) {
    return await refusePush(next, visit, status, code, message);
  }
  const body = limitedBody(request.body, bytes);
  const response = await next(changed(visit, { body: body.stream }));
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

import type { Bytes } from "../../content/bytes.ts";
import { answered } from "../changed.ts";
import { CANARY } from "./journal.ts";
import type { Provoke } from "./provocation.ts";

/**
 * Smaller blobs are configurations: a wrong byte there breaks JSON, and a client that fails at that
 * has not looked at the digest.
 */
const LEAST_BYTES = 4 * 1024;

/** Turns one bit in the middle of every blob. */
export const corruptBlobs: Provoke = (next) => async (request, entry) => {
  const response = await next(request, entry);
  const size = Number(response.headers.get("content-length"));
  if (!isBlob(request, response, entry.route?.kind) || size < LEAST_BYTES) return response;
  const bytes = new Uint8Array(await response.arrayBuffer());
  bytes[bytes.byteLength >> 1]! ^= 1;
  entry.provoked.add("corrupt-blobs");
  return answered(response, { body: bytes });
};

/** Puts a digest that nothing has in place of the first one in every manifest asked for by digest. */
export const corruptManifests: Provoke = corrupting(
  "corrupt-manifests",
  (reference) => reference.includes(":"),
);

/** The same, where it is asked for by tag. */
export const corruptTags: Provoke = corrupting(
  "corrupt-tags",
  (reference) => !reference.includes(":"),
);

function corrupting(
  name: "corrupt-manifests" | "corrupt-tags",
  isMine: (reference: string) => boolean,
): Provoke {
  return (next) => async (request, entry) => {
    const response = await next(request, entry);
    const { route } = entry;
    const isRead = request.method === "GET" && response.status === 200;
    if (!isRead || route?.kind !== "manifest" || !isMine(route.reference)) return response;
    const text = await response.text();
    const corrupted = text.replace(/sha256:[0-9a-f]{64}/, CANARY);
    if (corrupted !== text) entry.provoked.add(name);
    return answered(response, { body: new TextEncoder().encode(corrupted) as Bytes });
  };
}

/** Breaks the first download of every blob in its middle. */
export const cutBlobs: Provoke = (next) => {
  const cut = new Set<string>();
  return async (request, entry) => {
    const response = await next(request, entry);
    const size = Number(response.headers.get("content-length"));
    const isWhole = isBlob(request, response, entry.route?.kind) && size >= LEAST_BYTES;
    if (!isWhole || cut.has(entry.url.pathname)) return response;
    cut.add(entry.url.pathname);
    const bytes = new Uint8Array(await response.arrayBuffer()).slice(0, size >> 1);
    entry.provoked.add("cut-blobs");
    entry.sent = bytes.byteLength;
    let given = false;
    const broken = new ReadableStream<Bytes>({
      async pull(controller) {
        if (given) {
          // A server that fails at once may drop what it has not sent yet.
          await new Promise((resolve) => setTimeout(resolve, CUT_AFTER_MS));
          controller.error(new TypeError("Cannot send the rest: it is cut on purpose"));
          return;
        }
        given = true;
        controller.enqueue(bytes);
      },
    }, { highWaterMark: 0 });
    return answered(response, { body: broken });
  };
};

/** Long enough for what was sent to arrive on one machine. */
const CUT_AFTER_MS = 50;

function isBlob(request: Request, response: Response, kind: string | undefined): boolean {
  return request.method === "GET" && kind === "blob" && response.status === 200;
}

import { bareMediaType, MEDIA_TYPES } from "./media_types.ts";
import type { Descriptor } from "./descriptor.ts";

/** The annotation that makes a layer a file, with the file's name. */
export const TITLE = "org.opencontainers.image.title";

/**
 * Types that say nothing of a file. The image layer's is what oras gives to every file that it is told
 * no type of.
 */
const GENERIC_TYPES: readonly string[] = [
  "",
  MEDIA_TYPES.octetStream,
  MEDIA_TYPES.ociLayer,
  MEDIA_TYPES.ociEmpty,
];

/** What browsers and runtimes want to be told, by a file's ending. */
const BY_ENDING: Readonly<Record<string, string>> = {
  css: "text/css",
  html: "text/html",
  js: "text/javascript",
  json: "application/json",
  mjs: "text/javascript",
  svg: "image/svg+xml",
  txt: "text/plain",
  wasm: "application/wasm",
};

/** What `WebAssembly.compileStreaming` takes, and none of the types that artifacts had before it. */
const WASM = "application/wasm";

/**
 * The `Content-Type` of a layer: its own media type, but WebAssembly's for a module, and what its
 * title's ending says where its type says nothing.
 */
export function contentTypeOf({ mediaType, annotations }: Descriptor): string {
  // What a header cannot hold is no type.
  const own = /^[\x20-\x7e]*$/.test(mediaType) ? bareMediaType(mediaType) : "";
  if (own.endsWith("+wasm")) return WASM;
  if (!GENERIC_TYPES.includes(own)) return mediaType;
  const ending = /\.([a-z]+)$/i.exec(annotations?.[TITLE] ?? "")?.[1]?.toLowerCase() ?? "";
  const known = Object.hasOwn(BY_ENDING, ending) ? BY_ENDING[ending] : undefined;
  return known ?? (own === "" ? MEDIA_TYPES.octetStream : mediaType);
}

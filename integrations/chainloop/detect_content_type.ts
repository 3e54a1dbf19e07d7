export const SNIFFED_BYTES = 512;

/** What stands at the start of a page; a space or `>` follows, and letters may be of either case. */
const HTML = [
  ..."!DOCTYPE HTML,HTML,HEAD,SCRIPT,IFRAME,H1,DIV,FONT,TABLE,A,STYLE,TITLE,B,BODY,BR,P".split(","),
  "!--",
];

/** Media types by their first bytes, one character a byte; `?` is any byte. The first one counts. */
const SIGNATURES: readonly (readonly [signature: string, mediaType: string])[] = [
  ["%PDF-", "application/pdf"],
  ["%!PS-Adobe-", "application/postscript"],
  ["\xfe\xff??", "text/plain"],
  ["\xff\xfe??", "text/plain"],
  ["\xef\xbb\xbf?", "text/plain"],
  ["\x00\x00\x01\x00", "image/x-icon"],
  ["\x00\x00\x02\x00", "image/x-icon"],
  ["BM", "image/bmp"],
  ["GIF87a", "image/gif"],
  ["GIF89a", "image/gif"],
  ["RIFF????WEBPVP", "image/webp"],
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["\xff\xd8\xff", "image/jpeg"],
  ["FORM????AIFF", "audio/aiff"],
  ["ID3", "audio/mpeg"],
  ["OggS\x00", "application/ogg"],
  ["MThd\x00\x00\x00\x06", "audio/midi"],
  ["RIFF????AVI ", "video/avi"],
  ["RIFF????WAVE", "audio/wave"],
];

/** Those that come after MP4, which is more than a signature. */
const LATER_SIGNATURES: typeof SIGNATURES = [
  ["\x1a\x45\xdf\xa3", "video/webm"],
  [`${"?".repeat(34)}LP`, "application/vnd.ms-fontobject"],
  ["\x00\x01\x00\x00", "font/ttf"],
  ["OTTO", "font/otf"],
  ["ttcf", "font/collection"],
  ["wOFF", "font/woff"],
  ["wOF2", "font/woff2"],
  ["\x1f\x8b\x08", "application/x-gzip"],
  ["PK\x03\x04", "application/zip"],
  ["Rar!\x1a\x07\x00", "application/x-rar-compressed"],
  ["Rar!\x1a\x07\x01\x00", "application/x-rar-compressed"],
  ["\x00asm", "application/wasm"],
];

/**
 * The media type of content by its first bytes, as Go's `http.DetectContentType` has it, without
 * parameters: JSON is `text/plain`.
 *
 * @see https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
 */
export function detectContentType(content: Uint8Array): string {
  const start = String.fromCharCode(...content.subarray(0, SNIFFED_BYTES));
  const text = start.replace(/^[\t\n\f\r ]+/, "");
  if (HTML.some((tag) => startsWithTag(text, tag))) return "text/html";
  if (text.startsWith("<?xml")) return "text/xml";
  return bySignature(start, SIGNATURES) ?? (isMp4(start) ? "video/mp4" : undefined) ??
    bySignature(start, LATER_SIGNATURES) ??
    // deno-lint-ignore no-control-regex
    (/[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(text) ? "application/octet-stream" : "text/plain");
}

function startsWithTag(text: string, tag: string): boolean {
  const end = tag.length + 1;
  return text.slice(0, end).toUpperCase() === `<${tag}` &&
    /^[ >]/.test(text.slice(end));
}

function bySignature(start: string, signatures: typeof SIGNATURES): string | undefined {
  return signatures.find(([signature]) =>
    start.length >= signature.length &&
    [...signature].every((char, at) => char === "?" || char === start[at])
  )?.[1];
}

/** An `ftyp` box, one of whose brands begins with `mp4`; the second word is a version. */
function isMp4(start: string): boolean {
  if (start.length < 12 || start.slice(4, 8) !== "ftyp") return false;
  const size = [0, 1, 2, 3].reduce((sum, at) => sum * 256 + start.charCodeAt(at), 0);
  if (start.length < size || size % 4 !== 0) return false;
  for (let at = 8; at < size; at += 4) {
    if (at !== 12 && start.startsWith("mp4", at)) return true;
  }
  return false;
}

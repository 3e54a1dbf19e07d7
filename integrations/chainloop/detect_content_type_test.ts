import { assertEquals } from "@std/assert";
import { detectContentType } from "./detect_content_type.ts";

// What Go 1.26's http.DetectContentType said of each, without parameters.
const cases: [content: string, mediaType: string][] = [
  ["", "text/plain"],
  ['{"payloadType":"x"}', "text/plain"],
  ["text\x1b[0m", "text/plain"],
  ["text\x00", "application/octet-stream"],
  [`${"x".repeat(512)}\x00`, "text/plain"],
  ["<!DOCTYPE HTML>", "text/html"],
  ["\t\n\f\r <HtMl ", "text/html"],
  ["\v<html>", "application/octet-stream"],
  ["<html", "text/plain"],
  ["<h1>", "text/html"],
  ["<h2>", "text/plain"],
  ["<!-- a comment", "text/html"],
  ["  <?xml version", "text/xml"],
  ["<?XML", "text/plain"],
  ["%PDF-1.7", "application/pdf"],
  [" %PDF-1.7", "text/plain"],
  ["%!PS-Adobe-3", "application/postscript"],
  ["\xfe\xff\x00a", "text/plain"],
  ["\xff\xfea\x00", "text/plain"],
  ["\xef\xbb\xbf\x00", "text/plain"],
  ["\x00\x00\x01\x00", "image/x-icon"],
  ["BM", "image/bmp"],
  ["GIF89a", "image/gif"],
  ["RIFF\x00\x00\x00\x00WEBPVP8", "image/webp"],
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["\xff\xd8\xff", "image/jpeg"],
  ["FORM\x00\x00\x00\x00AIFF", "audio/aiff"],
  ["ID3\x03", "audio/mpeg"],
  ["OggS\x00", "application/ogg"],
  ["MThd\x00\x00\x00\x06", "audio/midi"],
  ["RIFF\x00\x00\x00\x00AVI ", "video/avi"],
  ["RIFF\x00\x00\x00\x00WAVE", "audio/wave"],
  ["\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "video/mp4"],
  ["\x00\x00\x00\x14ftypisom\x00\x00\x02\x00mp41", "video/mp4"],
  ["\x00\x00\x00\x10ftypisommp41", "application/octet-stream"],
  ["\x00\x00\x00\x13ftypmp42\x00\x00\x00\x00mp4", "application/octet-stream"],
  ["\x1a\x45\xdf\xa3", "video/webm"],
  [`${"\x00".repeat(34)}LP`, "application/vnd.ms-fontobject"],
  ["\x00\x01\x00\x00", "font/ttf"],
  ["OTTO", "font/otf"],
  ["ttcf", "font/collection"],
  ["wOFF", "font/woff"],
  ["wOF2", "font/woff2"],
  ["\x1f\x8b\x08", "application/x-gzip"],
  ["PK\x03\x04", "application/zip"],
  ["Rar!\x1a\x07\x00", "application/x-rar-compressed"],
  ["Rar!\x1a\x07\x01\x00", "application/x-rar-compressed"],
  ["\x00asm\x01", "application/wasm"],
  ["\x28\xb5\x2f\xfd", "text/plain"],
];

for (const [content, mediaType] of cases) {
  const shown = JSON.stringify(content).slice(0, 40);
  Deno.test(`detectContentType: ${shown} is ${mediaType}`, () => {
    const bytes = Uint8Array.from(content, (char) => char.charCodeAt(0));
    assertEquals(detectContentType(bytes), mediaType);
  });
}

import { assertEquals, assertThrows } from "@std/assert";
import type { ApiError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { manifestMediaType } from "./media_type_of.ts";

const TYPES = [
  {
    name: "its own",
    json: '{"mediaType":"application/vnd.example+json"}',
    expected: "example+json",
  },
  {
    name: "its own, as it is written",
    json: '{"schemaVersion":2,"mediaType":"Application/X","manifests":[]}',
    expected: "Application/X",
  },
  { name: "layers", json: '{"schemaVersion":2,"layers":null}', expected: "image.manifest.v1+json" },
  { name: "config alone", json: '{"config":{}}', expected: "image.manifest.v1+json" },
  { name: "manifests", json: '{"manifests":[]}', expected: "image.index.v1+json" },
  {
    name: "an empty mediaType",
    json: '{"mediaType":"","manifests":[]}',
    expected: "application/vnd.oci.image.index.v1+json",
  },
];

for (const { name, json, expected } of TYPES) {
  Deno.test(`end-7 PUT manifests: the media type of ${name}`, () => {
    const mediaType = manifestMediaType(encodeText(json));
    assertEquals(mediaType.slice(-expected.length), expected);
  });
}

const REFUSED = [
  { name: "text", json: "hello", code: "INVALID_MANIFEST" },
  { name: "a list", json: "[]", code: "INVALID_MANIFEST" },
  { name: "nothing to tell by", json: '{"schemaVersion":2}', code: "INVALID_MANIFEST" },
  { name: "schema 1", json: '{"schemaVersion":1,"fsLayers":[]}', code: "INVALID_MANIFEST" },
  {
    name: "the abandoned artifact manifest",
    json: '{"mediaType":"application/vnd.oci.artifact.manifest.v1+json"}',
    code: "INVALID_MANIFEST",
  },
  {
    name: "schema 1 in capitals",
    json: '{"mediaType":"Application/vnd.docker.distribution.manifest.V1+json"}',
    code: "INVALID_MANIFEST",
  },
  {
    name: "two kinds at once",
    json: '{"schemaVersion":2,"layers":[],"manifests":[]}',
    code: "MANIFEST_VERIFICATION",
  },
  {
    name: "mediaType twice",
    json: '{"mediaType":"a/b","mediaType":"c/d"}',
    code: "MANIFEST_VERIFICATION",
  },
];

for (const { name, json, code } of REFUSED) {
  Deno.test(`end-7 PUT manifests: no media type for ${name}`, () => {
    const error = assertThrows(() => manifestMediaType(encodeText(json)), Error) as ApiError;
    assertEquals(error.code, code);
  });
}

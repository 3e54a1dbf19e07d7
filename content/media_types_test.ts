import { assertEquals } from "@std/assert";
import {
  bareMediaType,
  isIndexMediaType,
  isManifestMediaType,
  MEDIA_TYPES,
} from "./media_types.ts";

const BARE: [name: string, header: string | null | undefined, expected: string][] = [
  ["null", null, ""],
  ["undefined", undefined, ""],
  ["plain", "application/json", "application/json"],
  ["with parameters", "application/json; charset=utf-8", "application/json"],
  ["with spaces and upper case", " Application/JSON ;q=1", "application/json"],
  ["parameters alone", ";charset=utf-8", ""],
];

for (const [name, header, expected] of BARE) {
  Deno.test(`bareMediaType: ${name}`, () => assertEquals(bareMediaType(header), expected));
}

const INDEXES: string[] = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList];
const IMAGES: string[] = [MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest];

for (const [name, mediaType] of Object.entries(MEDIA_TYPES)) {
  Deno.test(`isManifestMediaType, isIndexMediaType: ${name}`, () => {
    assertEquals(isIndexMediaType(mediaType), INDEXES.includes(mediaType));
    assertEquals(isManifestMediaType(mediaType), [...INDEXES, ...IMAGES].includes(mediaType));
  });
}

Deno.test("MEDIA_TYPES: as the specifications write them", () => {
  assertEquals<unknown>(MEDIA_TYPES, {
    ociManifest: "application/vnd.oci.image.manifest.v1+json",
    ociIndex: "application/vnd.oci.image.index.v1+json",
    ociConfig: "application/vnd.oci.image.config.v1+json",
    ociLayer: "application/vnd.oci.image.layer.v1.tar",
    ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
    ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
    ociEmpty: "application/vnd.oci.empty.v1+json",
    dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
    dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
    dockerConfig: "application/vnd.docker.container.image.v1+json",
    dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    octetStream: "application/octet-stream",
  });
});

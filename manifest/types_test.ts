import { assert, assertEquals } from "@std/assert";
import { MEDIA_TYPES } from "../content/media_types.ts";
import {
  type DockerManifestList,
  type ImageManifest,
  isImage,
  isIndex,
  type Manifest,
  type TagList,
} from "./types.ts";

const HELLO = {
  mediaType: "text/plain",
  digest: "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
  size: 11,
};
const IMAGE: ImageManifest = { schemaVersion: 2, config: HELLO, layers: [] };
const LIST: DockerManifestList = {
  schemaVersion: 2,
  mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifests: [{ ...HELLO, platform: { architecture: "amd64", os: "linux", features: ["sse4"] } }],
};

const KINDS: { name: string; manifest: Manifest; index: boolean }[] = [
  { name: "an OCI manifest", manifest: IMAGE, index: false },
  {
    name: "a Docker manifest",
    manifest: { ...IMAGE, mediaType: MEDIA_TYPES.dockerManifest },
    index: false,
  },
  { name: "an OCI index", manifest: { schemaVersion: 2, manifests: [] }, index: true },
  { name: "a Docker list", manifest: LIST, index: true },
];

for (const { name, manifest, index } of KINDS) {
  Deno.test(`isIndex and isImage: ${name}`, () => {
    assertEquals(isIndex(manifest), index);
    assertEquals(isImage(manifest), !index);
  });
}

Deno.test("a manifest's type narrows by its media type, and by the guards", () => {
  const manifest = LIST as Manifest;
  assert(manifest.mediaType === MEDIA_TYPES.dockerManifestList);
  assertEquals(manifest.manifests[0]!.platform.architecture, "amd64");
  const other = IMAGE as Manifest;
  assert(isImage(other));
  assertEquals(other.layers.length, 0);
});

Deno.test("docker_registry_client: TagList takes what Google's registries add", () => {
  const list: TagList = {
    name: "distroless/base",
    tags: ["latest"],
    child: ["debug"],
    manifest: {
      [HELLO.digest]: {
        imageSizeBytes: "20",
        mediaType: MEDIA_TYPES.ociManifest,
        tag: ["latest"],
        timeCreatedMs: "0",
        timeUploadedMs: "1700000000000",
      },
    },
  };
  assertEquals(list.manifest?.[HELLO.digest]?.tag, ["latest"]);
});

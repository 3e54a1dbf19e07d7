import { assertEquals } from "@std/assert";
import {
  MEDIATYPE_MANIFEST_LIST_V2,
  MEDIATYPE_MANIFEST_V2,
  MEDIATYPE_OCI_MANIFEST_INDEX_V1,
  MEDIATYPE_OCI_MANIFEST_V1,
} from "./manifests.ts";

Deno.test("the media type constants", () => {
  assertEquals(
    [
      MEDIATYPE_MANIFEST_V2,
      MEDIATYPE_MANIFEST_LIST_V2,
      MEDIATYPE_OCI_MANIFEST_V1,
      MEDIATYPE_OCI_MANIFEST_INDEX_V1,
    ] as string[],
    [
      "application/vnd.docker.distribution.manifest.v2+json",
      "application/vnd.docker.distribution.manifest.list.v2+json",
      "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.oci.image.index.v1+json",
    ],
  );
});

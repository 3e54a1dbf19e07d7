import { assertEquals } from "@std/assert";
import type { InspectedManifest } from "./inspect.ts";
import { inspectTree } from "./inspect_tree.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

const TREE: InspectedManifest = {
  ...{ kind: "index", mediaType: "application/vnd.oci.image.index.v1+json" },
  ...{ digest: digest("a"), size: 700 },
  manifests: [
    {
      ...{ kind: "image", mediaType: "application/vnd.oci.image.manifest.v1+json" },
      ...{ digest: digest("b"), size: 400, platform: "linux/amd64", missing: true },
    },
    {
      ...{ kind: "buildkit-attestation", mediaType: "application/vnd.oci.image.manifest.v1+json" },
      ...{ digest: digest("c"), size: 500, describes: digest("b"), layers: [] },
    },
  ],
};

Deno.test("inspectTree: what an attestation is of stands in the notes, which are cut", () => {
  assertEquals(inspectTree(TREE, 80), [
    "index                     sha256:aaaaaaaaaaaa      700 B  application/vnd.oci.im",
    "├── linux/amd64           sha256:bbbbbbbbbbbb      400 B  not here",
    "└── buildkit-attestation  sha256:cccccccccccc      500 B  of sha256:bbbbbbbbbbbb",
  ]);
});

Deno.test("inspectTree: digests and sizes are whole on the narrowest terminal", () => {
  assertEquals(inspectTree(TREE, 20), [
    "index                     sha256:aaaaaaaaaaaa      700 B",
    "├── linux/amd64           sha256:bbbbbbbbbbbb      400 B",
    "└── buildkit-attestation  sha256:cccccccccccc      500 B",
  ]);
});

Deno.test("inspectTree: everything where nothing is cut", () => {
  assertEquals(
    inspectTree(TREE, Infinity)[2],
    `└── buildkit-attestation  ${digest("c")}      500 B  of sha256:bbbbbbbbbbbb  ` +
      "application/vnd.oci.image.manifest.v1+json",
  );
});

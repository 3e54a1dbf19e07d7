import { assert, assertEquals } from "@std/assert";
import { describe } from "./describe.ts";

/** A manifest that a tool wrote, or one written by hand to be awkward, and what it is. */
interface Sample {
  name: string;
  kind: string;
  evidence: [field: string, value: string | number];
  subject?: string;
  manifest: Record<string, unknown>;
}

const samples: Sample[] =
  (await Deno.readTextFile(new URL("./testdata/manifests.jsonl", import.meta.url)))
    .trim().split("\n").map((line) => JSON.parse(line));

function sample(name: string): Record<string, unknown> {
  const found = samples.find((each) => each.name === name);
  assert(found !== undefined, `there is no sample ${name}`);
  return found.manifest;
}

for (const { name, kind, evidence: [field, value], subject, manifest } of samples) {
  Deno.test(`describe: ${name} is ${kind}`, () => {
    const before = structuredClone(manifest);
    const description = describe(manifest);
    assertEquals(
      [description.kind, description.evidence, description.subject],
      [kind, { field, value }, subject],
    );
    assertEquals(manifest, before);
  });
}

Deno.test("describe: every kind has a sample", () => {
  const kinds = new Set(samples.map(({ kind }) => kind));
  assertEquals(kinds.size, 18);
});

const PREDICATE = "https://slsa.dev/provenance/v1";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const details: [name: string, expected: Record<string, unknown>][] = [
  [
    "sigstore-oci-attach-api",
    { version: "0.3", content: "dsse-envelope", predicateType: PREDICATE, artifactType: BUNDLE },
  ],
  ["counter-bundle-v02", { version: "0.2" }],
  ["cosign-new-1-api", { version: "0.3", signature: true }],
  ["cosign-old-att-api", { predicateTypes: [PREDICATE] }],
  ["notation-sign-1-api", { envelope: "cose" }],
  ["shape-oci-artifact-manifest", { envelope: "jws" }],
  ["cosign-old-sbom-noapi", { format: "json" }],
  ["oras-attach-spdx-api", { format: "json", files: true }],
  [
    "oras-attach-intoto-dsse-api",
    { envelope: "dsse", predicateTypes: [PREDICATE], files: true },
  ],
  ["oras-attach-intoto-statement-api", { envelope: "statement" }],
  [
    "shape-buildkit-attestation-docker",
    { predicateTypes: ["https://spdx.dev/Document", PREDICATE] },
  ],
  ["regctl-index-artifacttype", { artifactType: "application/vnd.example.set.v1" }],
  ["oras-push-file", { artifactType: undefined, configType: undefined, files: true }],
  [
    "crane-append-oci",
    { runnable: true, configType: "application/vnd.oci.image.config.v1+json", files: undefined },
  ],
];

for (const [name, expected] of details) {
  Deno.test(`describe: what ${name} tells beside its kind`, () => {
    const description = describe(sample(name)) as unknown as Record<string, unknown>;
    for (const [member, value] of Object.entries(expected)) {
      assertEquals(description[member], value, member);
    }
  });
}

Deno.test("describe: helm's chart and provenance are found by type, not by place", () => {
  const both = describe(sample("helm-push-prov-api"));
  assert(both.kind === "helm-chart");
  assertEquals(both.chart?.mediaType, "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
  assertEquals(both.provenance?.mediaType, "application/vnd.cncf.helm.chart.provenance.v1.prov");
  const alone = describe(sample("counter-helm-prov-only"));
  assert(alone.kind === "helm-chart" && alone.provenance !== undefined);
  assertEquals("chart" in alone, false);
});

Deno.test("describe: an index names its attestations, and the image that each is for", () => {
  const description = describe(sample("shape-buildkit-index"));
  assert(description.kind === "index");
  assertEquals(
    description.attestations.map(({ descriptor, image }) => [descriptor.digest, image]),
    [[
      "sha256:db61fc8a7eeb1b63052a42656a878757a0baaa16c2c258659a07eb1d726cbd2b",
      "sha256:750f98109796de452f8637f8c1f0248e8f6afe24f2d7fa1d86a2732d23ac9a92",
    ]],
  );
});

Deno.test("describe: as many cosign signatures as layers have one", () => {
  const description = describe(sample("cosign-old-sig-two"));
  assert(description.kind === "cosign-signature");
  assertEquals(description.signatures.length, 2);
});

const IMAGE_CONFIG = { mediaType: "application/vnd.oci.image.config.v1+json" };
const VND = "application/vnd";
const image = (layers: unknown, more = {}) => ({
  schemaVersion: 2,
  config: IMAGE_CONFIG,
  layers,
  ...more,
});

const imageOf = (mediaType: string, annotations?: Record<string, string>) =>
  image([{ mediaType, ...(annotations && { annotations }) }]);
const artifactOf = (mediaType: string, annotations?: Record<string, string>) => ({
  config: { mediaType: `${VND}.oci.empty.v1+json` },
  layers: [{ mediaType, ...(annotations && { annotations }) }],
});

const UNKNOWN = { artifactType: `${VND}.unknown.artifact.v1` };
const UNTITLED = { "org.opencontainers.image.title": "" };
const COSIGN = { "dev.sigstore.cosign/bundle": "{}" };
const COSIGN_SBOM = `${VND}.dev.cosign.artifact.sbom.v1+json`;
const SYFT = `${VND}.syft+json`;
const MODEL_2 = { config: { mediaType: `${VND}.docker.ai.model.config.v2+json` } };
const NEXT_BUNDLE = { artifactType: `${VND}.dev.sigstore.bundle.v1.12+json` };
const FOREIGN = `${VND}.docker.image.rootfs.foreign.diff.tar.gzip`;

const rules: [title: string, manifest: unknown, kind: string, value?: string | number][] = [
  ["null", null, "invalid"],
  ["a text", "{}", "invalid"],
  ["a list", [], "invalid"],
  ["nothing at all", {}, "artifact", 0],
  ["lists that are none", { layers: "x" }, "invalid"],
  ["manifests that are no list", { manifests: {} }, "invalid"],
  ["Go's empty list of manifests", { manifests: null }, "index", 0],
  ["Go's empty list of manifests in an image", image([], { manifests: null }), "image"],
  ["entries that are no objects", image([null, 1, "x"]), "artifact", 3],
  ["fields that are no texts", { artifactType: 1, config: { mediaType: {} } }, "artifact", 0],
  ["annotations that are no object", image([{ mediaType: "a/b", annotations: 3 }]), "artifact"],
  ["schema 2 with schema 1's layers", { schemaVersion: 2, fsLayers: [] }, "docker-schema1"],
  ["a type with blanks and parameters", { artifactType: " Text/SPDX ; a=b" }, "spdx"],
  ["a bundle of a version to come", NEXT_BUNDLE, "sigstore-bundle"],
  ["a model of a version to come", MODEL_2, "docker-model"],
  ...["+gzip", ".gzip", "+zstd", "+encrypted", "+gzip+encrypted", ""].map((
    end,
  ): [string, unknown, string] => [
    `an image's layer with ${end || "no suffix"}`,
    imageOf(`${VND}.oci.image.layer.nondistributable.v1.tar${end}`),
    "image",
  ]),
  ["Docker's foreign layer", imageOf(FOREIGN), "image"],
  [
    "an image's layer of a version to come",
    imageOf(`${VND}.oci.image.layer.v2.tar`),
    "artifact",
  ],
  ["no layers and an artifact type that says nothing", image([], UNKNOWN), "image"],
  ["no layers and an artifact type", image([], { artifactType: "a/b" }), "artifact", "a/b"],
  [
    "a layer with an empty title",
    imageOf(`${VND}.oci.image.layer.v1.tar`, UNTITLED),
    "image",
  ],
  [
    "cosign's SBOM type over nothing",
    { config: { mediaType: COSIGN_SBOM }, layers: [] },
    "sbom",
  ],
  [
    "cosign's SBOM type over syft's",
    { artifactType: COSIGN_SBOM, layers: [{ mediaType: SYFT }] },
    "sbom",
    SYFT,
  ],
  [
    "a DSSE envelope without signs of cosign",
    artifactOf(`${VND}.dsse.envelope.v1+json`),
    "in-toto",
  ],
  [
    "a DSSE envelope with an annotation of cosign's",
    artifactOf(`${VND}.dsse.envelope.v1+json`, COSIGN),
    "cosign-attestation",
  ],
  [
    "an in-toto statement without an image's config",
    artifactOf(`${VND}.in-toto+json`),
    "in-toto",
  ],
  ["CycloneDX in XML", artifactOf(`${VND}.cyclonedx+xml`), "cyclonedx"],
  ["names that every object has", { artifactType: "constructor" }, "artifact", "constructor"],
];

for (const [title, manifest, kind, value] of rules) {
  Deno.test(`describe: ${title}: ${kind}`, () => {
    const description = describe(manifest);
    assertEquals(description.kind, kind);
    if (value !== undefined) assertEquals(description.evidence.value, value);
  });
}

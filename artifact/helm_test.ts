import { assert, assertEquals, assertRejects } from "@std/assert";
import { decodeBase64 } from "@std/encoding/base64";
import { type Bytes, encodeText } from "../content/bytes.ts";
import { type Part, tarOf } from "../content/tar_sample_test.ts";
import { InvalidArchiveError, InvalidContentError, InvalidReferenceError } from "../errors.ts";
import { MemoryStore } from "../stores/memory_store.ts";
import { describe } from "./describe.ts";
import { bytesOf, manifestOf, textOf, withFolder } from "./fixture_test.ts";
import { helm } from "./helm.ts";
import { pack } from "./pack.ts";
import { gzipped } from "./unpack_fixture_test.ts";

/** A chart with a Chart.yaml, after the same of a dependency, as `helm package` makes it. */
async function chartOf(yaml: string, ...more: Part[]): Promise<Bytes> {
  return await gzipped(tarOf(
    { name: "app/charts/redis/Chart.yaml", content: "name: redis\nversion: 9.9.9\n" },
    ...more,
    { name: "app/Chart.yaml", content: yaml },
  ));
}

/** What `helm push` 3.22.0 sent, and the config and manifest that it made of it. */
const TINY =
  "H4sIFAAAAAAA/ykAK2FIUjBjSE02THk5NWIzVjBkUzVpWlM5Nk9WVjZNV2xqYW5keVRRbz1IZWxtAOyVTWrDMBCF" +
  "vdYpRA7gvLFiG7zNutvuh1ptRW1FWIohlN691PSHahNocUrofJuxhUAa0PcmOX/a7h95SuWJx6FYAwBodrulAsgr" +
  "iExBtYGhFhWhAFVk2kJjldtkHGPiqcCvz8qbuxI4uFs7RXfwnZ4rxSF8/m5oo3ob7yYX0rLw9laU59G+f84fO1FS" +
  "CfXXrQg/YPF/5uFo42oBcM5/oM79N20t/l8C7jSJuf+Xxf9kxzBwsnHLa4TAWf+bJvPfmMqI/5fg2/wn9eR83+n9" +
  "wd+7hxsOarSJe07c6eevwf8igSEIgnD1vAYAAP//PznHfgAQAAA=";
const TINY_CONFIG =
  '{"name":"tiny","version":"0.1.0","description":"tiny","apiVersion":"v2","appVersion":"1"}';

const TINY_ANNOTATIONS = {
  "org.opencontainers.image.description": "tiny",
  "org.opencontainers.image.title": "tiny",
  "org.opencontainers.image.version": "0.1.0",
};

Deno.test("helm: config, layer and annotations are what helm push makes", async () => {
  const chart = decodeBase64(TINY) as Bytes;
  const store = new MemoryStore();
  const created = "2026-11-30T03:33:40Z";
  const descriptor = await pack(store, { ...await helm({ chart }), created });
  const { config, layers, annotations, artifactType } = await manifestOf(store, descriptor);
  assertEquals(artifactType, undefined);
  assertEquals(config.mediaType, "application/vnd.cncf.helm.config.v1+json");
  assertEquals(await textOf(store, config), TINY_CONFIG);
  assertEquals(layers.length, 1);
  assertEquals(layers[0]!.mediaType, "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
  assertEquals(await bytesOf(store, layers[0]!), chart);
  assertEquals(annotations, {
    "org.opencontainers.image.created": created,
    ...TINY_ANNOTATIONS,
  });
});

Deno.test("helm: all that a Chart.yaml may say, and the provenance", async () => {
  const chart = await chartOf(`
type: application
apiVersion: v2
name: app
version: 1.2.3+build.4
kubeVersion: ">=1.20.0"
description: An "app" <b>
home: https://example.com
sources: [https://example.com/source, https://example.com/other]
keywords: [one, two]
maintainers:
  - name: Jane
    email: j@example.com
    phone: not one of helm's fields
  - name: Joe
icon: https://example.com/icon.png
appVersion: 1.10
deprecated: true
unknown: field
annotations:
  org.example.note: kept
  org.opencontainers.image.title: not over the name
  org.opencontainers.image.url: over the home
dependencies:
  - name: redis
    version: 9.x
    repository: https://example.com/charts
    enabled: true
    import-values: [data]
`);
  const store = new MemoryStore();
  const provenance = encodeText("-----BEGIN PGP SIGNED MESSAGE-----\n");
  const descriptor = await pack(store, await helm({ chart, provenance }));
  assertEquals((await store.resolve("1.2.3_build.4")).digest, descriptor.digest);
  const manifest = await manifestOf(store, descriptor);
  const config = await textOf(store, manifest.config);
  assert(config.includes('"An \\"app\\" \\u003cb\\u003e"'), config);
  assertEquals(JSON.parse(config), {
    name: "app",
    home: "https://example.com",
    sources: ["https://example.com/source", "https://example.com/other"],
    version: "1.2.3+build.4",
    description: 'An "app" <b>',
    keywords: ["one", "two"],
    maintainers: [{ name: "Jane", email: "j@example.com" }, { name: "Joe" }],
    icon: "https://example.com/icon.png",
    apiVersion: "v2",
    appVersion: "1.10",
    deprecated: true,
    annotations: {
      "org.example.note": "kept",
      "org.opencontainers.image.title": "not over the name",
      "org.opencontainers.image.url": "over the home",
    },
    kubeVersion: ">=1.20.0",
    dependencies: [{
      name: "redis",
      version: "9.x",
      repository: "https://example.com/charts",
      enabled: true,
      "import-values": ["data"],
    }],
    type: "application",
  });
  const { "org.opencontainers.image.created": _, ...annotations } = manifest.annotations!;
  assertEquals(annotations, {
    "org.example.note": "kept",
    "org.opencontainers.image.authors": "Jane (j@example.com), Joe",
    "org.opencontainers.image.description": 'An "app" <b>',
    "org.opencontainers.image.source": "https://example.com/source",
    "org.opencontainers.image.title": "app",
    "org.opencontainers.image.url": "over the home",
    "org.opencontainers.image.version": "1.2.3+build.4",
  });
  const description = describe(manifest);
  assert(description.kind === "helm-chart");
  assertEquals(await bytesOf(store, description.chart!), chart);
  assertEquals(await bytesOf(store, description.provenance!), provenance);
});

Deno.test("helm: a chart by its path", async () => {
  await withFolder(async (folder) => {
    const chart = await chartOf("name: app\nversion: 1.0.0\n");
    await Deno.writeFile(`${folder}/app-1.0.0.tgz`, chart);
    const store = new MemoryStore();
    const descriptor = await pack(store, await helm({ chart: `${folder}/app-1.0.0.tgz` }));
    const { layers } = await manifestOf(store, descriptor);
    assertEquals(await bytesOf(store, layers[0]!), chart);
  });
});

// deno-lint-ignore no-explicit-any
type Failure = new (...args: any[]) => Error;

const MAINTAINERS = "name: a\nversion: 1.0.0\nmaintainers:";
const redis = await gzipped(
  tarOf({ name: "app/charts/redis/Chart.yaml", content: "name: redis" }),
);

const refused: [title: string, chart: Bytes, error: Failure, message: string][] = [
  ["no gzip", encodeText("chart"), InvalidArchiveError, "gzip"],
  ["no name", await chartOf("version: 1.0.0"), InvalidContentError, "no name"],
  ["an empty version", await chartOf("name: a\nversion: ''"), InvalidContentError, "no version"],
  ["a list for a version", await chartOf("name: a\nversion: [1]"), InvalidContentError, "version"],
  ["a list", await chartOf("- a"), InvalidContentError, "no mapping"],
  ["YAML that charts do not have", await chartOf("name: &a b"), InvalidContentError, "line 1"],
  [
    "maintainers that are no list",
    await chartOf(`${MAINTAINERS} b`),
    InvalidContentError,
    "maintainers",
  ],
  [
    "a maintainer that is no mapping",
    await chartOf(`${MAINTAINERS} [b]`),
    InvalidContentError,
    "maintainers",
  ],
  ["no Chart.yaml but a dependency's", redis, InvalidContentError, "no Chart.yaml"],
];

for (const [title, chart, error, message] of refused) {
  Deno.test(`helm: ${title}: ${error.name}`, async () => {
    await assertRejects(() => helm({ chart }), error, message);
  });
}

Deno.test("helm: a version that is no tag: InvalidReferenceError", async () => {
  const chart = await chartOf("name: app\nversion: 1.0.0 beta\n");
  const options = await helm({ chart });
  await assertRejects(() => pack(new MemoryStore(), options), InvalidReferenceError);
});

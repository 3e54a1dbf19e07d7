/**
 * `task demo`: pushes, lists, pulls and verifies a multi-platform image on an embedded registry.
 * `task demo -- REFERENCE` pulls a real image instead.
 */
import {
  buildManifest,
  EMPTY_CONFIG_BYTES,
  familiarReference,
  parseReference,
  RegistryClientV2,
  RegistryStore,
} from "../mod.ts";
import { createRegistry, serve } from "../server/mod.ts";
import { LayoutStore } from "../stores/mod.ts";
import { makeImage, type MultiPlatformImage } from "./demo/image.ts";
import { bytes, ProgressLine, rate, short, step } from "./demo/progress.ts";
import { pullAll, verifyAll } from "./demo/pull.ts";
import { runProgram } from "./run_program.ts";
import { duration, say } from "./say.ts";
import { tempFolder } from "./temp_folder.ts";

const CHUNK_BYTES = 1024 * 1024;
const TAGS = 25;
const PAGE_SIZE = 10;

/**
 * Where a repository's image goes: no two repositories of any registries share a folder. Neither a
 * host nor a repository has a "+" in its name, and a colon is a drive's on Windows, a tag's elsewhere.
 */
export function outFolder(registry: string, repository: string): string {
  const safe = (name: string) => name.replaceAll(/[^A-Za-z0-9._-]/g, "+");
  return `out/${safe(registry)}/${safe(repository)}`;
}

async function pullReference(text: string): Promise<void> {
  const reference = parseReference(text, { defaultTag: "latest" });
  const { registry, repository, scheme, tag, digest } = reference;
  const line = new ProgressLine();
  const client = new RegistryClientV2({
    name: `${scheme === undefined ? "" : `${scheme}://`}${registry}/${repository}`,
    onEvent: line.onEvent,
  });
  say(`Pulling ${familiarReference(reference)} from ${client.origin}`);
  const store = new RegistryStore(client);
  const root = await store.resolve(digest ?? tag!);
  step("resolved", `${short(root.digest)}, ${bytes(root.size)}, ${root.mediaType}`);
  const folder = outFolder(registry, repository);
  const layout = new LayoutStore(folder);
  const contents = await pullAll(store, digest ?? tag!, layout, tag ?? "latest", line);
  await verifyAll(layout, contents);
  say(`\nThe image is an OCI layout now, in ${folder}. Other tools read it too:`);
  say(`  skopeo inspect oci:${folder}:${tag ?? "latest"}`);
}

async function push(client: RegistryClientV2, image: MultiPlatformImage): Promise<void> {
  say("\nPush");
  const { base, images } = image;
  const timed = async (how: string, size: number, run: () => Promise<unknown>) => {
    const start = performance.now();
    await run();
    step(how, `${bytes(size).padStart(9)}  ${rate(size, performance.now() - start)}`);
  };
  const library = client.withRepo("demo/base");
  await timed(
    "shared layer, in one request",
    base.bytes.byteLength,
    () => library.putBlob(base.bytes),
  );
  const start = performance.now();
  const { digest } = base.descriptor;
  const mount = await client.mountBlob({ digest, from: "demo/base" });
  if (!mount.mounted) throw new Error("the registry did not mount the shared layer");
  step("shared layer, mounted", `${bytes(0).padStart(9)}  ${duration(performance.now() - start)}`);
  for (const { platform, layers, config, manifest, descriptor } of images) {
    const own = layers[1]!;
    await timed(
      `${platform} layer, chunks of ${bytes(CHUNK_BYTES)}`,
      own.bytes.byteLength,
      () => client.putBlob(own.bytes, { chunkSize: CHUNK_BYTES }),
    );
    await client.putBlob(config);
    await client.putManifest({ manifestData: manifest, ref: descriptor.digest });
  }
  await client.putManifest({ manifestData: image.index, ref: "latest" });
  for (let tag = 1; tag < TAGS; tag++) {
    await client.putManifest({ manifestData: image.index, ref: `1.${tag}` });
  }
  step("index over two platforms", `${short(image.descriptor.digest)}, under ${TAGS} tags`);
}

async function list(client: RegistryClientV2, countPages: () => number): Promise<void> {
  say("\nList and resolve");
  const before = countPages();
  const tags: string[] = [];
  for await (const tag of client.tags({ pageSize: PAGE_SIZE })) tags.push(tag);
  step(
    "tags",
    `${tags.length}, in ${countPages() - before} pages: ${tags.slice(0, 4).join(", ")} …`,
  );
  const { digest, mediaType } = await client.headManifest({ ref: "latest" });
  step("latest", `${short(digest)}, ${mediaType}`);
  for (const platform of ["linux/amd64", "linux/arm64"]) {
    const image = await client.getManifest({ ref: "latest", platform });
    step(
      `latest for ${platform}`,
      `${short(image.digest)}, ${image.manifest.layers.length} layers`,
    );
  }
}

async function attach(client: RegistryClientV2, image: MultiPlatformImage): Promise<void> {
  say("\nAttach and delete");
  const note = await client.putBlob(new TextEncoder().encode("made by the demo\n"), {
    mediaType: "text/plain",
  });
  await client.putBlob(EMPTY_CONFIG_BYTES);
  const { mediaType, digest, size } = image.descriptor;
  const artifact = await buildManifest({
    artifactType: "application/vnd.example.note",
    layers: [note],
    subject: { mediaType, digest, size },
  });
  const ref = artifact.descriptor.digest;
  await client.putManifest({ manifestData: artifact.bytes, ref });
  step("attached a note to the index", short(ref));
  const found = await client.listReferrers({ digest });
  step(
    "referrers",
    found.manifests.map((each) => `${short(each.digest)} ${each.artifactType}`).join(", "),
  );
  await client.deleteManifest({ ref });
  const left = await client.listReferrers({ digest });
  step("deleted the note", `${left.manifests.length} referrers left`);
  await client.deleteManifest({ ref: "1.1" });
  step("deleted the tag 1.1", `${(await client.listTags()).tags.length} tags left`);
}

async function demo(): Promise<void> {
  const started = performance.now();
  const registry = createRegistry();
  await using server = Object.assign(await serve(registry), {
    async [Symbol.asyncDispose]() {
      await server.close();
    },
  });
  say(`A registry in this process serves ${server.url}`);
  const image = await makeImage();
  const size = image.base.bytes.byteLength +
    image.images.reduce((sum, { layers }) => sum + layers[1]!.bytes.byteLength, 0);
  step("made an image", `two platforms, three layers, ${bytes(size)} in gzipped tars`);

  const line = new ProgressLine();
  const client = new RegistryClientV2({
    name: `${server.url}/demo/app`,
    scopes: ["pull", "push"],
    onEvent: line.onEvent,
  });
  await push(client, image);
  await list(
    client,
    () => registry.requests.filter(({ path }) => path.includes("/tags/list")).length,
  );

  say("\nPull into an OCI layout folder");
  await using folder = await tempFolder();
  const layout = new LayoutStore(folder.path);
  const contents = await pullAll(new RegistryStore(client), "latest", layout, "latest", line);
  await verifyAll(layout, contents);
  await attach(client, image);
  say(`\nDone in ${duration(performance.now() - started)}. Next:`);
  say("  npx -y deno@2 task demo -- docker.io/library/alpine:3      pull a real image");
  say(
    "  npx -y deno@2 task davit copy alpine oci:alpine            the command: copy, ls, inspect",
  );
  say("  npx -y deno@2 task example list_tags alpine                one of examples/");
  say("  npx -y deno@2 task serve --port 5000                       a registry to play with");
  say("  npx -y deno@2 task test                                    the tests");
}

const HELP = `usage: task demo [-- REFERENCE]

Pushes a multi-platform image to a registry in this process, lists, pulls and verifies it. With a
reference, such as docker.io/library/alpine:3, it pulls that image into the folder out/ instead.`;

if (import.meta.main) {
  await runProgram(
    HELP,
    (reference?: string) => reference === undefined ? demo() : pullReference(reference),
  );
}

/**
 * Kills a registry on a folder again and again, in the middle of pushes, and looks each time whether
 * what it had answered is there, and nothing that is not whole. Set `DAVIT_INTERRUPTIONS` for more
 * kills: a tenth of those.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/from-file-url";
import { denoArguments, stdSource } from "../../scripts/deno.ts";
import { type Child, startChild } from "../peers/child.ts";
import { openClient } from "../peers/clients.ts";
import { requirePeers } from "../peers/locate.ts";
import {
  Answered,
  clientOf,
  Dice,
  digestOf,
  pushChunks,
  pushImage,
  send,
  sizeFrom,
} from "./traffic.ts";

const MAIN = fromFileUrl(new URL("../../testing/main.ts", import.meta.url));

/** Set it to see a failure again. */
const SEED = Number(Deno.env.get("DAVIT_SEED") ?? 20_261);

/** The kills take different moments of a push; a round lasts about a second. */
const ROUNDS = Math.ceil(Number(Deno.env.get("DAVIT_INTERRUPTIONS") ?? 50) / 10);

/** The most answers of a round, and the longest time between the last of them and the kill. */
const MOST_ANSWERS = 40;
const LONGEST_WAIT_MS = 20;

const START_LIMIT_MS = 120_000;

/** More tags than the longest index that is written whole for each change. */
const MANY_TAGS = 300;

const REPOSITORIES = ["app", "app/blobs", "other"];

async function start(folder: string): Promise<{ child: Child; origin: string }> {
  const { source } = await stdSource();
  const args = ["run", "--quiet", "--no-check", "-A", MAIN, "--store", folder];
  const child = startChild(Deno.execPath(), denoArguments(args, source));
  try {
    const [, origin] = await child.said(/^(http:\S+)$/m, START_LIMIT_MS);
    return { child, origin: origin! };
  } catch (error) {
    await child.kill();
    throw error;
  }
}

/** Lets clients work until the registry is dead. */
async function traffic(
  origin: string,
  child: Child,
  dice: Dice,
  answered: Answered,
): Promise<void> {
  let dead = false;
  const errors: unknown[] = [];
  const until = async (work: () => Promise<void>) => {
    while (!dead) {
      try {
        await work();
      } catch (error) {
        // What fails when the registry dies says nothing; before, it does.
        if (!dead) errors.push(error);
        return;
      }
    }
  };
  const clients = [
    until(() => pushImage(origin, "app", new Dice(dice.below(2 ** 31)), answered)),
    until(() => pushImage(origin, "app/blobs", new Dice(dice.below(2 ** 31)), answered)),
    until(() => pushChunks(origin, "other", new Dice(dice.below(2 ** 31)), answered)),
  ];
  const wait = (milliseconds: number) =>
    new Promise((resolve) => setTimeout(resolve, milliseconds));
  const last = answered.count + dice.below(MOST_ANSWERS);
  while (answered.count < last && errors.length === 0) await wait(1);
  await wait(dice.below(LONGEST_WAIT_MS));
  dead = true;
  await child.kill();
  await Promise.all(clients);
  if (errors.length > 0) throw errors[0];
}

/** Everything in a repository's folder: whole, under its own name, and what the index says. */
async function checkLayout(folder: string): Promise<void> {
  const files = new Set<string>();
  for await (const { name, isFile } of Deno.readDir(`${folder}/blobs/sha256`)) {
    assert(isFile && /^[0-9a-f]{64}$/.test(name), `${folder} has ${name}`);
    assertEquals(digestOf(await Deno.readFile(`${folder}/blobs/sha256/${name}`)), `sha256:${name}`);
    files.add(`sha256:${name}`);
  }
  const { imageLayoutVersion } = JSON.parse(await Deno.readTextFile(`${folder}/oci-layout`));
  assertEquals(imageLayoutVersion, "1.0.0");
  const index = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
  for (const { digest } of index.manifests) assert(files.has(digest), `${digest} is listed`);
}

/** What is served after a restart: the blobs that were not looked at before, and every tag. */
async function checkServed(
  origin: string,
  answered: Answered,
  seen = new Set<string>(),
): Promise<void> {
  for (const repository of REPOSITORIES) {
    for (const digest of answered.blobs.get(repository) ?? []) {
      if (seen.has(repository + digest)) continue;
      seen.add(repository + digest);
      const bytes = await clientOf(origin, repository).getBlob(digest).then((blob) => blob.bytes());
      assertEquals(digestOf(bytes), digest);
    }
    for (const digest of answered.manifests.get(repository) ?? []) {
      await checkManifest(origin, repository, digest, digest);
    }
    const listed = await send(origin, "HEAD", `/v2/${repository}/tags/list`);
    if (listed.status === 404) continue;
    const { tags } = await clientOf(origin, repository).listTags();
    const many = tags.filter((tag) => tag.startsWith("many"));
    assertEquals(many.length, repository === "app" ? MANY_TAGS : 0);
    for (const tag of tags) {
      if (tag === many[0] || !many.includes(tag)) await checkManifest(origin, repository, tag);
    }
    for (const [tag, digest] of answered.tags.get(repository) ?? []) {
      await checkManifest(origin, repository, tag, digest);
    }
  }
}

async function checkManifest(
  origin: string,
  repository: string,
  reference: string,
  expected?: string,
): Promise<void> {
  const response = await fetch(`${origin}/v2/${repository}/manifests/${reference}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  assertEquals(response.status, 200, `${repository}:${reference}`);
  const digest = digestOf(bytes);
  assertEquals(response.headers.get("docker-content-digest"), digest);
  if (expected !== undefined) assertEquals(digest, expected);
  const { layers } = JSON.parse(new TextDecoder().decode(bytes));
  for (const layer of layers) {
    const blob = await send(origin, "HEAD", `/v2/${repository}/blobs/${layer.digest}`);
    assertEquals(blob.status, 200, `${repository}:${reference} needs ${layer.digest}`);
    assertEquals(blob.headers.get("content-length"), String(layer.size));
  }
}

/** The upload that was interrupted is where it was said to be, or further. */
async function checkUpload(origin: string, answered: Answered): Promise<void> {
  const { upload } = answered;
  if (upload === undefined || upload.path === "") {
    answered.upload = undefined; // its address was never told
    return;
  }
  const status = await send(origin, "GET", upload.path);
  if (status.status === 404) {
    // It was closed, and only the answer is lost.
    const there = await send(origin, "HEAD", `/v2/${upload.repository}/blobs/${upload.digest}`);
    assertEquals([there.status, upload.acknowledged], [200, upload.content.byteLength]);
    answered.upload = undefined;
    return;
  }
  assertEquals(status.status, 204);
  const size = sizeFrom(status, upload.acknowledged);
  assert(size >= upload.acknowledged, `${size} bytes of the ${upload.acknowledged} told`);
  const early = await send(origin, "HEAD", `/v2/${upload.repository}/blobs/${upload.digest}`);
  assertEquals(early.status, 404, "what is not whole is not served");
}

async function pushManyTags(origin: string): Promise<void> {
  const client = clientOf(origin, "app");
  const config = await client.putBlob(new TextEncoder().encode("{}"));
  const manifest = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config,
    layers: [],
  }));
  for (let at = 0; at < MANY_TAGS; at += 50) {
    const tags = Array.from({ length: 50 }, (_, index) => `tag=many${at + index}`).join("&");
    const path = `/v2/app/manifests/${digestOf(manifest)}?${tags}`;
    const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
    assertEquals((await send(origin, "PUT", path, manifest, headers)).status, 201);
  }
}

function layoutsOf(folder: string): string[] {
  return [`${folder}/app`, `${folder}/app/_blobs`, `${folder}/other`];
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("a registry on a folder survives kill -9 at any moment", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "davit_kill_" });
  const dice = new Dice(SEED);
  const answered = new Answered();
  const seen = new Set<string>();
  let running: Child | undefined;
  try {
    let finished = 0;
    for (let round = 0; round <= ROUNDS; round++) {
      const { child, origin } = await start(folder);
      running = child;
      if (round === 0) await pushManyTags(origin);
      await checkServed(origin, answered, seen);
      const before = answered.upload;
      await checkUpload(origin, answered);
      if (before !== undefined && answered.upload === undefined) finished++;
      if (round === ROUNDS) break;
      await traffic(origin, child, dice, answered);
      // Before anybody tidies up.
      for (const layout of layoutsOf(folder)) {
        if (await isThere(`${layout}/oci-layout`)) await checkLayout(layout);
      }
    }
    const { origin } = { origin: running!.log().match(/^(http:\S+)$/m)![1]! };
    while (answered.upload !== undefined) {
      await pushChunks(origin, "other", dice, answered);
      finished++;
    }
    await checkServed(origin, answered);
    await running!.kill();
    assert(answered.count > 5 * ROUNDS, `only ${answered.count} answers in ${ROUNDS} rounds`);
    assert(finished > 0, "no upload went on over a restart");

    for (const layout of layoutsOf(folder)) await checkLayout(layout);
    const tags = [...answered.tags.get("app")!].slice(0, 3);
    for (const name of ["oras", "skopeo", "regctl"] as const) {
      await t.step({
        ...requirePeers(name),
        name: `${name} reads the layouts`,
        fn: async () => {
          const client = await openClient(name);
          try {
            for (const [tag, digest] of tags) {
              const read = {
                oras: ["manifest", "fetch", "--descriptor", "--oci-layout", `${folder}/app:${tag}`],
                skopeo: ["inspect", "--raw", `oci:${folder}/app:${tag}`],
                regctl: ["manifest", "head", `ocidir://${folder}/app:${tag}`],
              }[name];
              const { code, stdout, stderr } = await client.run(read);
              assertEquals(code, 0, stderr);
              const raw = digestOf(new TextEncoder().encode(stdout));
              assert(raw === digest || stdout.includes(digest), stdout);
            }
          } finally {
            await client.close();
          }
        },
      });
    }
  } catch (error) {
    throw new Error(`with DAVIT_SEED=${SEED}: ${(error as Error).message}`, { cause: error });
  } finally {
    await running?.kill();
    await Deno.remove(folder, { recursive: true });
  }
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { RegistryClientV2, RegistryStore } from "../mod.ts";
import { createRegistry, type Middleware, serve } from "../server/mod.ts";
import { pack } from "../artifact/mod.ts";
import { LayoutStore } from "../stores/mod.ts";
import { copyOptions } from "./copy_between.ts";
import { fakeIo, fakeRun, interrupter } from "./fake_io_test.ts";
import { parseLocation } from "./location.ts";
import { Progress } from "./progress.ts";
import { pushSample, pushSignature } from "./sample_test.ts";

/** A registry on loopback, and a folder with the sample in it under the tag v1. */
interface World {
  host: string;
  folder: string;
  digest: string;
}

async function withWorld(
  run: (world: World) => Promise<void>,
  middleware: Middleware[] = [],
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "davit_copy_" });
  const server = await serve(createRegistry({ middleware }));
  try {
    const { digest } = await pushSample(new LayoutStore(`${folder}/sample`), "v1");
    await run({ host: new URL(server.url).host, folder, digest });
  } finally {
    await server.close();
    await Deno.remove(folder, { recursive: true });
  }
}

function store(host: string, repository: string): RegistryStore {
  return new RegistryStore(new RegistryClientV2({ name: `${host}/${repository}` }));
}

async function tagsOf(place: string): Promise<string[]> {
  return (await fakeRun(["ls", place])).stdout.trim().split("\n");
}

/** What is printed is the bytes of a tar. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

Deno.test("davit copy: from every kind of place to every other, and the result is the same", async (t) => {
  await withWorld(async ({ host, folder, digest }) => {
    const archive = `${folder}/sample.tar`;
    const fill = [[`${host}/sample:v1`], [`oci-archive:${archive}`]].map(([place]) =>
      fakeRun(["copy", `oci:${folder}/sample`, place!])
    );
    assertEquals((await Promise.all(fill)).map(({ code }) => code), [0, 0]);
    const stdin = await Deno.readFile(archive);
    const sources = [`${host}/sample:v1`, `oci:${folder}/sample:v1`, `oci-archive:${archive}`, "-"];
    for (const [at, source] of sources.entries()) {
      const targets: [target: string, stdout: string][] = [
        [`${host}/a${at}`, `${host}/a${at}:latest@${digest}\n`],
        [`${host}/b${at}:v2`, `${host}/b${at}:v2@${digest}\n`],
        [`oci:${folder}/c${at}`, `oci:${folder}/c${at}:v1@${digest}\n`],
        [`oci:${folder}/c${at}:v3`, `oci:${folder}/c${at}:v3@${digest}\n`],
        [`oci-archive:${folder}/d${at}.tar`, `oci-archive:${folder}/d${at}.tar:v1@${digest}\n`],
      ];
      for (const [target, stdout] of targets) {
        await t.step(
          `${source} → ${target}`.replaceAll(folder, "").replaceAll(host, ""),
          async () => {
            const ran = await fakeRun(["copy", source, target], { stdin });
            assertEquals([ran.code, ran.stdout], [0, stdout], ran.stderr);
            assertMatch(ran.stderr, /\nwith 1 attached artifact\n$/);
            // What was printed names it.
            const [name] = stdout.split("\n");
            assertEquals((await fakeRun(["digest", name!])).stdout, `${digest}\n`);
          },
        );
      }
      await t.step(`${source} → -`.replaceAll(folder, "").replaceAll(host, ""), async () => {
        const ran = await fakeRun(["copy", source, "-"], { stdin });
        assertMatch(ran.stderr, /attached artifact\n-@sha256:\w{64}\n$/);
        const read = await fakeRun(["digest", "-"], { stdin: bytesOf(ran.stdout) });
        assertEquals(read.stdout, `${digest}\n`);
        const quiet = await fakeRun(["copy", source, "oci-archive:-", "-q"], { stdin });
        assertEquals([quiet.stdout.length, quiet.stderr], [ran.stdout.length, ""]);
      });
    }
  });
});

Deno.test("davit copy: to and from what docker saves", () =>
  withWorld(async ({ host, folder }) => {
    await fakeRun(["copy", `oci:${folder}/sample`, `${host}/app:v1`]);
    const target = `docker-archive:${folder}/docker.tar`;
    const app = store(host, "app");
    const arm = (await fakeRun(["digest", `${host}/app:v1`, "--platform", "linux/arm64"])).stdout;
    await pushSignature(app, await app.resolve(arm.trim())); // it does not come along
    const refused = await fakeRun(["copy", `${host}/app:v1`, target]);
    assertEquals(refused.code, 2);
    assertMatch(
      refused.stderr,
      /^davit: .*give one --platform; it has linux\/amd64, linux\/arm64, linux\/s390x\n$/,
    );
    for (
      const more of [["--platform", "linux/amd64,linux/arm64"], ["--all-tags"]]
    ) {
      const source = more.length > 1 ? `${host}/app:v1` : `${host}/app`;
      const { code, stderr, stdout } = await fakeRun(["copy", source, target, ...more]);
      assertEquals([code, stdout, stderr.split("\n").length], [2, "", 2], stderr);
    }
    assertEquals(await Deno.stat(`${folder}/docker.tar`).catch(() => undefined), undefined);

    const args = ["copy", `${host}/app:v1`, target, "--platform", "linux/arm64"];
    assertEquals((await fakeRun(args)).stdout, `${target}:${host}/app:v1\n`);
    assertEquals(await tagsOf(target), [`${host}/app:v1`]);
    const back = await fakeRun(["copy", `${target}:${host}/app:v1`, `oci:${folder}/back`]);
    assertEquals(back.code, 0);
    assertMatch(back.stderr, /the tar has no manifest: one was made/);
    assertEquals(await tagsOf(`oci:${folder}/back`), ["v1"]);
    // A tag alone is no image's name there.
    const unnamed = `docker-archive:${folder}/unnamed.tar`;
    const bare = ["copy", `oci:${folder}/back:v1`, unnamed, "--quiet"];
    assertEquals((await fakeRun(bare)).stdout, `${unnamed}\n`);
    assertEquals((await fakeRun(["ls", unnamed])).stdout, "");
    assertEquals((await fakeRun(["digest", unnamed])).code, 0);
    const named = ["copy", `oci:${folder}/back:v1`, `${unnamed}:app`, "--quiet"];
    assertEquals((await fakeRun(named)).stdout, `${unnamed}:app:latest\n`);
    assertEquals(await tagsOf(unnamed), ["app:latest"]);
    // It has a digest's grammar, and is a name.
    for (const place of [`docker-archive:${folder}/short.tar`, `oci-archive:${folder}/oci.tar`]) {
      const short = `${place}:app:v1`;
      const there = await fakeRun(["copy", `${host}/app:v1`, short, "--platform", "linux/arm64"]);
      assertEquals([there.code, there.stdout.startsWith(short)], [0, true], there.stderr);
      assertEquals((await tagsOf(place))[0], "app:v1");
      const again = await fakeRun(["copy", short, `oci:${folder}/again:v1`]);
      assertEquals(again.code, 0, again.stderr);
    }
  }));

Deno.test("davit copy: what its flags do", async (t) => {
  await withWorld(async ({ host, folder, digest }) => {
    const source = `oci:${folder}/sample:v1`;
    const copied = async (repository: string, ...flags: string[]) => {
      const ran = await fakeRun(["copy", source, `${host}/${repository}`, ...flags]);
      assertEquals(ran.code, 0, ran.stderr);
      return ran;
    };
    const attachedTo = async (repository: string) => {
      const args = ["inspect", `${host}/${repository}`, "--json"];
      return JSON.parse((await fakeRun(args)).stdout).attached?.length ?? 0;
    };
    await t.step("--tag: in place of latest, and beside a tag", async () => {
      const only = await copied("tags", "--tag", "v1", "--tag", "stable");
      assertEquals(
        only.stdout,
        ["v1", "stable"].map((tag) => `${host}/tags:${tag}@${digest}\n`).join(""),
      );
      await copied("tags:one", "--tag", "two,three");
      assertEquals(await tagsOf(`${host}/tags`), ["one", "stable", "three", "two", "v1"]);
    });
    await t.step("a target by digest has no tag, and must have it", async () => {
      const ran = await copied(`untagged@${digest}`);
      assertEquals(ran.stdout, `${host}/untagged@${digest}\n`);
      const other = `sha256:${"0".repeat(64)}`;
      assertEquals((await fakeRun(["copy", source, `${host}/untagged@${other}`])).code, 2);
    });
    await t.step("--no-attached", async () => {
      await copied("bare", "--no-attached");
      assertEquals([await attachedTo("bare"), await attachedTo("tags:v1")], [0, 1]);
    });
    await t.step("--dry-run says what it would do, and does nothing", async () => {
      const { stderr } = await copied("dry", "--dry-run");
      assertMatch(stderr, /^would copy {2}sha256:\w{12} {2}\w+[^]*\nwould copy 12: \d/);
      assertEquals((await fakeRun(["ls", `${host}/dry`])).code, 3);
      const tar = `${folder}/dry.tar`;
      assertEquals((await fakeRun(["copy", source, `oci-archive:${tar}`, "--dry-run"])).code, 0);
      assertEquals(await Deno.stat(tar).catch(() => undefined), undefined);
    });
    await t.step(
      "--platform: one is the image, several are a new index, and it is said",
      async () => {
        const one = await copied("one", "--platform", "linux/amd64");
        assertEquals(one.stdout.includes(digest), false);
        assertEquals(one.stderr.includes("new index"), false);
        const several = await copied(
          "several",
          "--platform=linux/amd64",
          "--platform=linux/arm64",
        );
        assertMatch(
          several.stderr,
          /a new index was made, sha256:\w{12}: signatures of sha256:\w{12} do/,
        );
      },
    );
    await t.step("--json: the whole result", async () => {
      const { stdout } = await copied("json", "--json", "--hash", "here", "--concurrency", "1");
      const result = JSON.parse(stdout);
      assertEquals(Object.keys(result).sort(), [
        ...["attached", "bytes", "copied", "dryRun", "leftOut", "mounted", "references"],
        ...["signaturesApply", "skipped", "source", "target"],
      ]);
      assertEquals([result.target.digest, result.references], [digest, ["latest"]]);
    });
    await t.step("--quiet: nothing but the result", async () => {
      assertEquals((await copied("json", "--quiet", "--trust-existing")).stderr, "");
    });
    await t.step("--all-tags, by pattern and up to a limit", async () => {
      const from = `${host}/tags`;
      const all = await fakeRun(["copy", "--all-tags", from, `oci:${folder}/all`]);
      assertEquals(all.stdout.trim().split("\n").length, 5);
      assertEquals(await tagsOf(`oci:${folder}/all`), ["one", "stable", "three", "two", "v1"]);
      const some = await fakeRun(["copy", from, `${host}/some`, "--all-tags=t*", "--json"]);
      assertEquals(
        JSON.parse(some.stdout).tags.map(({ tag }: { tag: string }) => tag),
        ["three", "two"],
      );
      const none = await fakeRun(["copy", from, `oci-archive:${folder}/none.tar`, "--all-tags=x*"]);
      assertEquals([none.code, none.stdout], [3, ""], none.stderr);
      assertMatch(none.stderr, /^davit: Cannot find a tag like "x\*" in the source: [^\n]+\n$/);
      const many = await fakeRun(["copy", from, `${host}/many`, "--all-tags", "--limit", "4"]);
      assertEquals(many.code, 1);
      assertMatch(many.stderr, /^davit: Cannot copy 5 tags: that is more than 'limit', 4\n$/);
      for (
        const wrong of [
          ["copy", `${from}:v1`, `${host}/x`, "--all-tags"],
          ["copy", from, `${host}/x:v1`, "--all-tags"],
          ["copy", from, `${host}/x`, "--all-tags", "--tag", "v1"],
          ["copy", from, `${host}/x`, "--limit", "3"],
        ]
      ) assertEquals((await fakeRun(wrong)).code, 2, wrong.join(" "));
    });
    await t.step(
      "a terminal shows bars on standard error, and the result alone on the other",
      async () => {
        const ran = await fakeRun(["copy", source, `${host}/bars`], { columns: 80 });
        assertEquals(ran.stdout, `${host}/bars:latest@${digest}\n`);
        assertStringIncludes(ran.stderr, "\x1b[K\n");
        assert(ran.stderr.trimEnd().endsWith("attached artifact\x1b[K\n\x1b[J"), ran.stderr);
        // One on which nothing can move gets plain lines.
        const env = { TERM: "dumb" };
        const dumb = await fakeRun(["copy", source, `${host}/dumb`], { columns: 80, env });
        assertEquals([dumb.code, dumb.stderr.includes("\x1b")], [0, false], dumb.stderr);
      },
    );
  });
});

Deno.test("davit copy: each flag is the option of its name", () => {
  const { io } = fakeIo();
  const flags = {
    ...{ attached: true, sparse: true, trustExisting: true, dryRun: true, concurrency: 3 },
    ...{ hash: "here" as const, platform: ["linux/amd64", "linux/arm64"] },
  };
  const progress = new Progress(io.stderr);
  const { signal, ...options } = copyOptions(parseLocation("oci:dir"), flags, io, progress);
  progress.end();
  assertEquals(signal, io.signal);
  assertEquals(options, {
    ...{ attached: true, sparse: true, trustExisting: true, dryRun: true, concurrency: 3 },
    ...{ verify: "here", platforms: ["linux/amd64", "linux/arm64"] },
  });
});

Deno.test("davit copy: what fails names the side, and has its exit code", async (t) => {
  await withWorld(async ({ host, folder }) => {
    await fakeRun(["copy", `oci:${folder}/sample`, `${host}/app:v1`]);
    const { manifests } = JSON.parse(
      await new Response(
        await store(host, "app").open(await store(host, "app").resolve("v1")),
      ).text(),
    );
    const blob = `${folder}/sample/blobs/sha256/${manifests[0].digest.slice("sha256:".length)}`;
    await Deno.writeTextFile(blob, (await Deno.readTextFile(blob)).replace("2", "3"));
    const cases: [name: string, args: string[], code: number, stderr: RegExp][] = [
      [
        "no such tag",
        [`${host}/app:none`, `oci:${folder}/x`],
        3,
        /^davit: Cannot find none in [^ ]+\/app: .*404/,
      ],
      ["content that was changed", [`oci:${folder}/sample`, `oci:${folder}/x`], 6, /in the source/],
      [
        "a tar that is not there",
        [`oci-archive:${folder}/none.tar`, `oci:${folder}/x`],
        3,
        /none\.tar/,
      ],
      ["a tar that is none", ["-", `oci:${folder}/x`], 1, /^davit: Cannot /],
    ];
    for (const [name, args, code, stderr] of cases) {
      await t.step(name, async () => {
        const ran = await fakeRun(["copy", ...args, "-q"], { stdin: "this is no tar" });
        assertEquals([ran.code, ran.stdout], [code, ""], ran.stderr);
        assertMatch(ran.stderr, stderr);
        assertEquals(ran.stderr.split("\n").length, 2, ran.stderr);
      });
    }
  });
});

Deno.test("davit copy: interrupted, it stops cleanly and says so; the next run goes on", async () => {
  const { signal, interrupt } = interrupter();
  let blobs = 0;
  const interrupting: Middleware = (next) => (context) => {
    const { request } = context;
    if (request.method === "GET" && request.url.includes("/blobs/") && ++blobs === 3) interrupt();
    return next(context);
  };
  await withWorld(async ({ host, folder, digest }) => {
    await fakeRun(["copy", `oci:${folder}/sample`, `${host}/app:v1`]);
    const args = ["copy", `${host}/app:v1`, `oci:${folder}/there`, "--concurrency", "1"];
    const stopped = await fakeRun(args, { signal });
    assertEquals([stopped.code, stopped.stdout], [130, ""]);
    assertMatch(
      stopped.stderr,
      /davit: interrupted; the next run goes on where this one stopped\n$/,
    );
    const again = await fakeRun(args);
    assertEquals([again.code, again.stdout], [0, `oci:${folder}/there:v1@${digest}\n`]);

    const tar = await fakeRun(["copy", `${host}/app:v1`, `oci-archive:${folder}/a.tar`], {
      signal,
    });
    assertEquals(tar.code, 130);
    assertMatch(tar.stderr, /interrupted; nothing was left behind\n$/);
    const stream = await fakeRun(["copy", `${host}/app:v1`, "-"], { signal });
    assertMatch(stream.stderr, /interrupted; what went to standard output is no whole tar\n$/);
    const left: string[] = [];
    for await (const { name } of Deno.readDir(folder)) left.push(name);
    assertEquals(left.sort(), ["sample", "there"]);
  }, [interrupting]);
});

Deno.test("davit copy: the next run asks for the push that was interrupted", async () => {
  const { signal, interrupt } = interrupter();
  const asked: string[] = [];
  const watching: Middleware = (next) => (context) => {
    const { method, url } = context.request;
    if (url.includes("/uploads/")) asked.push(method);
    if (signal.aborted || method !== "PUT" || !url.includes("/uploads/")) return next(context);
    interrupt();
    return Promise.resolve(new Response(null, { status: 500 }));
  };
  await withWorld(async ({ host, folder }) => {
    const body = new Uint8Array(300_000).map((_, at) => at * 31);
    const artifactType = "application/vnd.example.large";
    await pack(new LayoutStore(`${folder}/large`), { artifactType, tag: "v1", layers: [{ body }] });
    const args = ["copy", `oci:${folder}/large:v1`, `${host}/large:v1`];
    const env = { HOME: folder };
    assertEquals((await fakeRun(args, { signal, env })).code, 130);
    asked.length = 0;
    assertEquals((await fakeRun(args, { env })).code, 0);
    assertEquals(asked[0], "GET");
    const left = await Array.fromAsync(Deno.readDir(`${folder}/.cache/davit/uploads`));
    assertEquals(left, []);
  }, [watching]);
});

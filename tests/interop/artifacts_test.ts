/**
 * Artifacts that davit packs and attaches, pulled by oras, regctl and helm, and the reverse: over a
 * registry with the referrers API, over one without, and over the embedded one.
 */
import { assert, assertEquals } from "@std/assert";
import { type Descriptor, RegistryClientV2, RegistryStore } from "../../mod.ts";
import { attach, attached, describe, detach, helm, pack, unpackFiles } from "../../artifact/mod.ts";
import { inFolder } from "../../scripts/temp_folder.ts";
import { createRegistry, serve } from "../../server/mod.ts";
import { denoCommand } from "../../scripts/deno.ts";
import { memoryFolder } from "../endpoints/memory_folder.ts";
import { withClient } from "../peers/clients.ts";
import { neededPeer, requirePeers } from "../peers/locate.ts";
import { startRegistry } from "../peers/registries.ts";

const TYPE = "application/vnd.example.thing.v1";
const NOTE = "application/vnd.example.note.v1";

/** A registry of a kind, and the peer that it needs. */
interface Place {
  name: string;
  test: { ignore?: boolean };
  start(): Promise<{ host: string; stop(): Promise<void> }>;
}

const places: Place[] = [
  ...(["olareg", "distribution"] as const).map((kind) => ({
    name: kind,
    test: requirePeers(kind, "oras", "regctl"),
    start: () => startRegistry(kind, memoryFolder()),
  })),
  {
    name: "the embedded registry",
    test: requirePeers("oras", "regctl"),
    start: async () => {
      const server = await serve(createRegistry());
      return { host: new URL(server.url).host, stop: () => server.close() };
    },
  },
];

/** What makes helm quote, fold and escape, as it writes a chart's metadata anew when it packs it. */
const CHART = `apiVersion: v2
name: mychart
version: 0.1.0
description: "A long text: with a colon, \\"quotes\\", é ü 漢字 #hash, <b>&amp;</b> and so many words
  that it is folded, as lines have eighty characters at most"
appVersion: "1.10"
home: https://example.com/a?b=c&d=<e>
sources: [https://example.com/source]
keywords: ["- dash", "yes", "null", "~", "1", "a: b", " lead", "trail ", "'q'", "\\"dq\\"", "#c",
  "@at", "\`bt", "%p", "*s", "&a", "!t", "[x", "{y", "0x10", "", "a #b", "2024-01-01", "😀", "x: ",
  ":x", "-", "?", "? x", "a,b"]
maintainers:
  - name: "Jane: Doe"
    email: j@example.com
  - name: Joe
annotations:
  long: "word word word word word word word word word word word word word word word word word word"
  multi: |
    - kind: added
      description: "x: y"

      more
    # not a comment
  keep: "trailing lines\\n\\n\\n"
  lead: "\\n  leading line and blanks\\n"
  control: "a\\u0007b\\u2028c"
  "quoted: key": v
  q: 'it''s long, has ''single'' and: colon quotes, and then it goes on and on beyond any line'
dependencies: []
deprecated: true
kubeVersion: ">= 1.20.0 < 99"
type: application
`;

/** A folder with files of several modes, links, an empty folder, and names that are not ASCII. */
async function makeFolder(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/sub/empty`, { recursive: true });
  await Deno.writeTextFile(`${folder}/one.txt`, "one\n");
  await Deno.writeTextFile(`${folder}/run.sh`, "#!/bin/sh\n");
  await Deno.writeTextFile(`${folder}/sub/ü.txt`, "two\n");
  await Deno.writeTextFile(`${folder}/${"n".repeat(120)}`, "a long name");
  await Deno.writeTextFile(`${folder}/large`, "0123456789abcdef\n".repeat(20_000));
  await Deno.symlink("../one.txt", `${folder}/sub/up`);
  await Deno.symlink("sub", `${folder}/link`);
  await Deno.chmod(`${folder}/one.txt`, 0o640);
  await Deno.chmod(`${folder}/run.sh`, 0o755);
  await Deno.chmod(`${folder}/sub/ü.txt`, 0o600);
  await Deno.utime(`${folder}/run.sh`, 1_600_000_000.7, 1_600_000_000.7);
}

/** Everything in a folder, in lines: names, modes, times, content, and where links lead. */
async function listing(folder: string, prefix = ""): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const { mode, mtime } = await Deno.lstat(path);
    if (isSymlink) lines.push(`${prefix}${name} → ${await Deno.readLink(path)}`);
    else if (isDirectory) {
      lines.push(`${prefix}${name}/`, ...await listing(path, `${prefix}${name}/`));
    } else {
      const seconds = Math.round(mtime!.getTime() / 1000);
      const text = await Deno.readTextFile(path);
      lines.push(`${prefix}${name} ${(mode! & 0o7777).toString(8)} ${seconds} ${text}`);
    }
  }
  return lines.sort();
}

interface StoredManifest {
  layers: Descriptor[];
  config: Descriptor;
}

for (const { name, test, start } of places) {
  Deno.test({
    ...test,
    name: `artifacts over ${name}: davit, oras and regctl pull what the others pushed`,
    sanitizeOps: false,
    fn: () =>
      inFolder(async (work) => {
        const registry = await start();
        const { host } = registry;
        const storeOf = (repository: string) =>
          new RegistryStore(new RegistryClientV2({ name: `http://${host}/${repository}` }));
        const manifestAt = async (repository: string, ref: string) => {
          const { client } = storeOf(repository);
          return (await client.getManifest({ ref })).manifest as StoredManifest;
        };
        try {
          await makeFolder(`${work}/dir`);
          await Deno.writeTextFile(`${work}/note.txt`, "a note\n");
          const source = await listing(`${work}/dir`);
          await withClient("oras", registry, async (oras) => {
            const files = [{ path: `${work}/dir`, title: "dir" }, `${work}/note.txt`];
            await pack(storeOf("by/davit"), { artifactType: TYPE, files, tag: "v1" });
            const push = ["push", "--plain-http", "--artifact-type", TYPE];
            await oras.succeed([...push, `${host}/by/oras:v1`, "dir", "note.txt:text/plain"], {
              cwd: work,
            });

            // oras pulls the folder that pack pushed, with all modes, times and links.
            const pull = ["pull", "--plain-http", "-o", `${work}/oras`];
            await oras.succeed([...pull, `${host}/by/davit:v1`]);
            assertEquals(await listing(`${work}/oras/dir`), source);
            assertEquals(await Deno.readTextFile(`${work}/oras/note.txt`), "a note\n");

            // unpackFiles unpacks the folder that oras pushed.
            await unpackFiles(storeOf("by/oras"), "v1", `${work}/davit`);
            assertEquals(await listing(`${work}/davit/dir`), source);
            assertEquals(await Deno.readTextFile(`${work}/davit/note.txt`), "a note\n");

            // Both make the same tar of the same folder: it is the compression that differs.
            const [own, theirs] = await Promise.all([
              manifestAt("by/davit", "v1"),
              manifestAt("by/oras", "v1"),
            ]);
            const described = ({ layers, config }: StoredManifest) => ({
              config: config.digest,
              layers: layers.map(({ annotations }) => annotations),
            });
            assertEquals(described(own), described(theirs));

            // A folder's content alone, under the title ".".
            const whole = { artifactType: TYPE, files: [{ path: `${work}/dir`, title: "." }] };
            await pack(storeOf("by/davit"), { ...whole, tag: "dot" });
            await oras.succeed([
              "pull",
              "--plain-http",
              "-o",
              `${work}/oras-dot`,
              `${host}/by/davit:dot`,
            ]);
            assertEquals(await listing(`${work}/oras-dot`), source);
            await oras.succeed([...push, `${host}/by/oras:dot`, "."], { cwd: `${work}/dir` });
            await unpackFiles(storeOf("by/oras"), "dot", `${work}/davit-dot`);
            assertEquals(await listing(`${work}/davit-dot`), source);

            // What davit attached, oras lists and pulls; and the reverse.
            const store = storeOf("by/davit");
            const note = await attach(store, "v1", {
              artifactType: NOTE,
              files: [{ title: "attached.txt", body: "by davit", mediaType: "text/plain" }],
              annotations: { by: "davit" },
            });
            const discover = [
              "discover",
              "--plain-http",
              "--format",
              "json",
              `${host}/by/davit:v1`,
            ];
            const { referrers } = JSON.parse(await oras.succeed(discover));
            assertEquals(
              referrers.map(({ digest, artifactType }: Descriptor) => [digest, artifactType]),
              [[note.digest, NOTE]],
            );
            await oras.succeed([...pull, `${host}/by/davit@${note.digest}`]);
            assertEquals(await Deno.readTextFile(`${work}/oras/attached.txt`), "by davit");
            const subject = `${host}/by/davit@${note.digest}`;
            const args = ["attach", "--plain-http", "--artifact-type", NOTE, subject];
            await oras.succeed([...args, "note.txt:text/plain"], { cwd: work });
            const found = [];
            for await (const each of attached(store, "v1", { depth: Infinity })) {
              found.push([each.depth, new TextDecoder().decode(await each.bytes())]);
            }
            assertEquals(found, [[1, "by davit"], [2, "a note\n"]]);
          });
          await withClient("regctl", registry, async (regctl) => {
            const here = ["--host", `reg=${host},tls=disabled`, "artifact"];
            const { stdout: got } = await regctl.run([
              ...here,
              "get",
              "--file",
              "note.txt",
              `${host}/by/davit:v1`,
            ]);
            assertEquals(got, "a note\n");
            const put = [...here, "put", "--artifact-type", TYPE, "--file-title"];
            await regctl.succeed([...put, "--file", "note.txt", `${host}/by/regctl:v1`], {
              cwd: work,
            });
            await unpackFiles(storeOf("by/regctl"), "v1", `${work}/regctl`);
            assertEquals(await Deno.readTextFile(`${work}/regctl/note.txt`), "a note\n");
          });
        } finally {
          await registry.stop();
        }
      }),
  });

  Deno.test({
    ignore: test.ignore || requirePeers("helm").ignore,
    name: `artifacts over ${name}: helm pulls and shows a chart that davit packed, and the reverse`,
    sanitizeOps: false,
    fn: () =>
      inFolder(async (home) => {
        const registry = await start();
        const { host } = registry;
        const run = async (...args: string[]) => {
          const { success, stdout, stderr } = await new Deno.Command(neededPeer("helm"), {
            args,
            cwd: home,
            clearEnv: true,
            env: { HOME: home, PATH: Deno.env.get("PATH")! },
          }).output();
          const text = new TextDecoder();
          assert(success, `helm ${args.join(" ")}: ${text.decode(stderr)}`);
          return text.decode(stdout);
        };
        const store = (repository: string) =>
          new RegistryStore(new RegistryClientV2({ name: `http://${host}/${repository}` }));
        try {
          await run("create", "mychart");
          await Deno.writeTextFile(`${home}/mychart/Chart.yaml`, CHART);
          await run("package", "mychart", "--version", "1.2.3+build.4");
          const chart = `${home}/mychart-1.2.3+build.4.tgz`;
          const provenance = `${chart}.prov`;
          await Deno.writeTextFile(provenance, "-----BEGIN PGP SIGNED MESSAGE-----\n");
          await pack(store("davit/signed/mychart"), await helm({ chart, provenance }));
          const pushed = await pack(store("davit/mychart"), await helm({ chart }));

          const reference = ["oci://" + `${host}/davit/mychart`, "--plain-http"];
          const version = ["--version", "1.2.3+build.4"];
          const shown = await run("show", "chart", ...reference, ...version);
          assert(
            shown.includes("name: mychart") && shown.includes("version: 1.2.3+build.4"),
            shown,
          );
          await Deno.mkdir(`${home}/pulled`);
          await run("pull", ...reference, ...version, "--destination", "pulled");
          assertEquals(
            await Deno.readFile(`${home}/pulled/mychart-1.2.3+build.4.tgz`),
            await Deno.readFile(chart),
          );

          const signed = [`oci://${host}/davit/signed/mychart`, "--plain-http", "--prov"];
          await run("pull", ...signed, ...version, "--destination", "pulled");
          assertEquals(
            await Deno.readFile(`${home}/pulled/mychart-1.2.3+build.4.tgz.prov`),
            await Deno.readFile(provenance),
          );
          await Deno.remove(provenance); // helm would push it too

          // helm's own push makes the same config, layers and annotations.
          await run("push", chart, `oci://${host}/helm`, "--plain-http");
          const { client } = store("helm/mychart");
          const theirs = (await client.getManifest({ ref: "1.2.3_build.4" })).manifest;
          const own =
            (await store("davit/mychart").client.getManifest({ ref: pushed.digest })).manifest;
          const comparable = (manifest: typeof own) => {
            const { config, layers, annotations } = manifest as StoredManifest & {
              annotations: Record<string, string>;
            };
            const { "org.opencontainers.image.created": _, ...said } = annotations;
            return { config, layers, said };
          };
          assertEquals(comparable(own), comparable(theirs));
          assertEquals(describe(theirs).kind, "helm-chart");
        } finally {
          await registry.stop();
        }
      }),
  });
}

/** As many as a busy build attaches at once. */
const MANY = 50;

for (const kind of ["distribution", "olareg"] as const) {
  Deno.test({
    ...requirePeers(kind),
    name: `${MANY} attaches at once to one subject, and detaches, over ${kind}: the list is right`,
    sanitizeOps: false,
    fn: async () => {
      const registry = await startRegistry(kind, memoryFolder());
      try {
        const name = `${registry.origin}/many/attached`;
        const store = new RegistryStore(new RegistryClientV2({ name }));
        const listed = async (subject: Descriptor) =>
          (await Array.fromAsync(attached(store, subject)))
            .map(({ descriptor }) => descriptor.digest).sort();
        const subject = await pack(store, { artifactType: TYPE });
        const made = await Promise.all(
          Array.from(
            { length: MANY },
            (_, at) =>
              attach(store, subject, { artifactType: NOTE, layers: [{ body: `note ${at}` }] }),
          ),
        );
        assertEquals(await listed(subject), made.map(({ digest }) => digest).sort());
        await Promise.all(made.slice(1).map((each) => detach(store, each)));
        assertEquals(await listed(subject), [made[0]!.digest]);
      } finally {
        await registry.stop();
      }
    },
  });
}

/**
 * Processes that attach to one subject at the same time, and how many each. A tag cannot be written on
 * a condition: each looks again and merges, and all 48 are listed as a rule, but what a process wrote
 * last may be overwritten by one that read before it.
 */
const PROCESSES = 4;
const EACH = 12;

Deno.test({
  ...requirePeers("distribution"),
  name:
    `${EACH} attaches at once from each of ${PROCESSES} processes, over a registry without the ` +
    "referrers API: at most one of each process is lost",
  sanitizeOps: false,
  fn: async () => {
    const registry = await startRegistry("distribution", memoryFolder());
    try {
      const name = `${registry.origin}/many/processes`;
      const store = new RegistryStore(new RegistryClientV2({ name }));
      const subject = await pack(store, { artifactType: TYPE });
      const script = decodeURIComponent(new URL("./attach_notes.ts", import.meta.url).pathname);
      const made = await Promise.all(Array.from({ length: PROCESSES }, async (_, at) => {
        const args = ["run", "-A", script, name, JSON.stringify(subject), String(at), String(EACH)];
        const { success, stdout, stderr } = await (await denoCommand(args)).output();
        assert(success, new TextDecoder().decode(stderr));
        return JSON.parse(new TextDecoder().decode(stdout)) as string[];
      }));
      const listed = (await Array.fromAsync(attached(store, subject)))
        .map(({ descriptor }) => descriptor.digest);
      const attachedThere = made.flat();
      assertEquals(listed.filter((digest) => !attachedThere.includes(digest)), []);
      const lost = attachedThere.filter((digest) => !listed.includes(digest));
      assert(lost.length <= PROCESSES, `${lost.length} of ${attachedThere.length} are not listed`);
      assert(
        attachedThere.length >= PROCESSES * EACH - PROCESSES,
        `${attachedThere.length} attached`,
      );
      for (const digest of attachedThere) await store.resolve(digest);
    } finally {
      await registry.stop();
    }
  },
});

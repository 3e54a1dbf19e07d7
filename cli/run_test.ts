import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Descriptor, RegistryClientV2, RegistryStore } from "../mod.ts";
import { inFolder, tempFolder } from "../scripts/temp_folder.ts";
import { createRegistry, serve } from "../server/mod.ts";
import { LayoutStore } from "../stores/mod.ts";
import { createTestRegistry } from "../testing/mod.ts";
import { selfSigned } from "../tests/peers/certificate.ts";
import { Connections } from "./connections.ts";
import { fakeIo, fakeRun } from "./fake_io_test.ts";
import type { InspectedManifest } from "./inspect.ts";
import { OutputClosedError } from "./io.ts";
import { parseLocation, type RegistryLocation } from "./location.ts";
import { pushSample, pushSignature } from "./sample_test.ts";
import { withRegistry } from "./served_test.ts";

/** A file that is there, and its folder. */
const FILE = new URL(import.meta.url).pathname;
const FOLDER = new URL(".", import.meta.url).pathname;

type UsageCase = [name: string, args: string[], code: number, stdout: RegExp, stderr: RegExp];

const usage: UsageCase[] = [
  ["--version", ["--version"], 0, /^\d+\.\d+\.\d+\n$/, /^$/],
  ["--help lists every verb", ["--help"], 0, /copy [^]*ls [^]*digest [^]*inspect [^]*serve /, /^$/],
  ["the help of a verb", ["ls", "--help"], 0, /--ca-file <file>/, /^$/],
  ["help VERB", ["help", "digest"], 0, /--platform <platform>/, /^$/],
  ["help alone", ["help"], 0, /copy [^]*serve /, /^$/],
  [
    "help of a verb that is none",
    ["help", "cpoy"],
    2,
    /^$/,
    /^davit: unknown command 'cpoy' \(did you mean copy\?\)\. Hint: davit --help\n$/,
  ],
  ["-- before the verb, as npx leaves it", ["--", "--version"], 0, /^\d/, /^$/],
  ["nothing", [], 2, /^$/, /^Usage: davit/],
  [
    "a verb that there is not",
    ["cpoy", "a", "b"],
    2,
    /^$/,
    /^davit: unknown command 'cpoy' \(did you mean copy\?\)\. Hint: davit --help\n$/,
  ],
  [
    "a flag that there is not",
    ["ls", "a", "--jsn"],
    2,
    /^$/,
    /^davit: unknown option '--jsn' \(did you mean --json\?\)\. Hint: davit ls --help\n$/,
  ],
  ["an argument too few", ["copy", "a"], 2, /^$/, /^davit: missing required argument 'target'/],
  ["an argument too many", ["ls", "a", "b"], 2, /^$/, /^davit: too many arguments for 'ls'/],
  ["a value that is none of those", ["copy", "a", "b", "--hash", "x"], 2, /^$/, /here, target/],
  ["a value that is no count", ["copy", "a", "b", "--concurrency", "0"], 2, /^$/, /a count from 1/],
  ["a port that is none", ["serve", "--port", "70000"], 2, /^$/, /from 0 to 65535/],
  ["a user without a password", ["serve", "--user", "me"], 2, /^$/, /^davit: .*NAME:PASSWORD/],
  ["a way to log in without users", ["serve", "--auth", "bearer"], 2, /^$/, /--htpasswd/],
  ["a certificate without its key", ["serve", "--tls-cert", "x"], 2, /^$/, /go together/],
  [
    "users in a file that is not there",
    ["serve", "--htpasswd", "/none"],
    2,
    /^$/,
    /--htpasswd \/none/,
  ],
  [
    "users in a file of something else",
    ["serve", "--htpasswd", FILE],
    2,
    /^$/,
    /^davit: Cannot read line 1 of htpasswd: /,
  ],
  ...["./app", "/app", "../app:v1", "~/app", "C:\\images\\app", "C:/images"].map((
    path,
  ): UsageCase => [
    `the path ${path} without what it is of`,
    ["ls", path],
    2,
    /^$/,
    /it looks like a path; is it oci:DIR, oci-archive:FILE or docker-archive:FILE\?/,
  ]),
  [
    "a folder that is not there",
    ["digest", "oci:/none:v1"],
    3,
    /^$/,
    /\/none: there is no such folder/,
  ],
  ["a folder below a file", ["ls", `oci:${FILE}/x`], 3, /^$/, /there is no such folder/],
  ["a file for a folder", ["inspect", `oci:${FILE}`], 3, /^$/, /it is not a folder/],
  ["a folder of something else", ["ls", `oci:${FOLDER}`], 3, /^$/, /is no OCI layout: it has no/],
  [
    "a source that is not there",
    ["copy", "oci:/none", "oci:/nowhere"],
    3,
    /^$/,
    /^davit: Cannot open \/none/,
  ],
  [
    "no certificate",
    ["ls", "example.test/a", "--ca-file", FILE],
    2,
    /^$/,
    /^davit: Cannot use --ca-file "[^"]+": it has no certificate in PEM\n/,
  ],
  ["what is no reference", ["digest", "low/UPPER"], 2, /^$/, /^davit: Cannot parse "low\/UPPER"/],
  ["a place of another tool", ["digest", "dir:/x"], 2, /^$/, /is it oci:DIR/],
  [
    "what is no platform",
    ["digest", "oci:none:v1", "--platform", "x"],
    3,
    /^$/,
    /^davit: Cannot open none: there is no such folder/,
  ],
  [
    "a certificate file that is not there",
    ["ls", "example.test/a", "--ca-file", "none.pem"],
    2,
    /^$/,
    /^davit: Cannot read --ca-file "none\.pem"/,
  ],
];

for (const [name, args, code, stdout, stderr] of usage) {
  Deno.test(`davit: ${name}`, async () => {
    const ran = await fakeRun(args);
    assertEquals(ran.code, code, ran.stderr);
    assertMatch(ran.stdout, stdout);
    assertMatch(ran.stderr, stderr);
    if (code !== 0 && args.length > 0) assertEquals(ran.stderr.split("\n").length, 2, ran.stderr);
  });
}

Deno.test("README and docs: each davit command is a verb, with flags that it has", async () => {
  const texts = await Promise.all(
    ["../README.md", "../docs/davit.md"].map((file) =>
      Deno.readTextFile(new URL(file, import.meta.url))
    ),
  );
  const commands = [...texts.join("\n").matchAll(/deno@2 task davit ([a-z]+)(.*)$/gm)];
  assertEquals(commands.length > 8, true);
  for (const [command, verb, rest] of commands) {
    const { code, stdout } = await fakeRun([verb!, "--help"]);
    assertEquals(code, 0, command);
    for (const [flag] of rest!.matchAll(/--[a-z-]+/g)) assertStringIncludes(stdout, `${flag} `);
  }
});

Deno.test("davit --version loads nothing of the package: it starts at once", async () => {
  const loaded = new Set(["main.ts"]);
  for (const file of loaded) {
    if (file.endsWith(".json")) continue;
    const text = await Deno.readTextFile(new URL(file, import.meta.url));
    for (const [, specifier] of text.matchAll(/^import (?!type)[^]*? from "(\.[^"]+)"/gm)) {
      loaded.add(specifier!.replace(/^\.\//, ""));
    }
  }
  assertEquals([...loaded].sort(), [
    "../deno.json",
    "io.ts",
    "machine_io.ts",
    "main.ts",
    "run.ts",
    "verbs.ts",
  ]);
});

Deno.test("davit ls: a name is one line, and writes nothing else to a terminal", () =>
  inFolder(async (folder) => {
    const name = "a\x1b[2J\nb";
    const digest = `sha256:${"0".repeat(64)}`;
    const annotations = { "org.opencontainers.image.ref.name": name };
    await Deno.writeTextFile(
      `${folder}/index.json`,
      JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: "a/b", digest, size: 1, annotations }],
      }),
    );
    assertEquals((await fakeRun(["ls", `oci:${folder}`])).stdout, "a [2J b\n");
    const { stdout } = await fakeRun(["ls", `oci:${folder}`, "--json"]);
    assertEquals(JSON.parse(stdout), { tags: [name] });
  }));

Deno.test("davit ls, digest and inspect: of a registry", async (t) => {
  await withRegistry(createRegistry(), async (host, index) => {
    const client = new RegistryClientV2({ name: `${host}/app` });
    const { manifest } = await client.getManifest({ ref: "v1" });
    const children = (manifest as { manifests: Descriptor[] }).manifests;
    const cases: [name: string, args: string[], stdout: string][] = [
      ["ls: tags", ["ls", `${host}/app`], "v1\n"],
      ["ls: a tag does not matter", ["ls", `${host}/app:v1`], "v1\n"],
      ["ls: repositories", ["ls", host], "app\n"],
      ["ls: repositories, with a scheme", ["ls", `oci://http://${host}/`], "app\n"],
      ["ls --json", ["ls", host, "--json"], '{\n  "repositories": [\n    "app"\n  ]\n}\n'],
      ["digest", ["digest", `docker://${host}/app:v1`], `${index.digest}\n`],
      ["digest of a digest", ["digest", `${host}/app@${index.digest}`], `${index.digest}\n`],
      [
        "digest --platform",
        ["digest", `${host}/app:v1`, "--platform", "linux/arm64"],
        `${children[1]!.digest}\n`,
      ],
      [
        "digest --json",
        ["digest", `${host}/app:v1`, "--json"],
        `${
          JSON.stringify(
            {
              reference: `${host}/app:v1`,
              mediaType: index.mediaType,
              digest: index.digest,
              size: index.size,
            },
            undefined,
            2,
          )
        }\n`,
      ],
    ];
    for (const [name, args, stdout] of cases) {
      await t.step(name, async () => {
        assertEquals(await fakeRun(args), { code: 0, stdout, stderr: "" });
      });
    }
    const failures: [name: string, args: string[], code: number, stderr: RegExp][] = [
      [
        "no such tag",
        ["digest", `${host}/app:v2`],
        3,
        /404.*Hint: davit ls \S+\/app lists the tags\n$/,
      ],
      ["no such repository", ["ls", `${host}/none`], 3, /^davit: Cannot list .*NAME_UNKNOWN/],
      [
        "no such platform",
        ["digest", `${host}/app:v1`, "--platform", "linux/ppc64le"],
        3,
        /linux\/arm64/,
      ],
    ];
    for (const [name, args, code, stderr] of failures) {
      await t.step(name, async () => {
        const ran = await fakeRun(args);
        assertEquals([ran.code, ran.stdout], [code, ""]);
        assertMatch(ran.stderr, stderr);
        assertEquals(ran.stderr.split("\n").length, 2, ran.stderr);
      });
    }

    await t.step("inspect: the tree at 80 columns", async () => {
      const { stdout } = await fakeRun(["inspect", `${host}/app:v1`], { columns: 80 });
      const shown = stdout.split("\n").map((line) => line.replace(/sha256:\w{12} /, "D "));
      assertEquals(shown.slice(1, 4).map((line) => line.slice(0, 37)), [
        "index                    D      693 B",
        "├── linux/amd64          D      400 B",
        "│   ├── config           D      151 B",
      ]);
      for (const line of stdout.split("\n")) assertEquals(line.length <= 80, true, line);
      assertStringIncludes(stdout, "└── attached: cyclonedx  sha256:");
      // What names content is never cut off.
      const narrow = await fakeRun(["inspect", `${host}/app:v1`], { columns: 30 });
      assertMatch(narrow.stdout, /^index  +sha256:\w{12}  +693 B$/m);
    });
    await t.step("inspect --json: what is attached under tags too, each content once", async () => {
      const signature = await pushSignature(new RegistryStore(client), index);
      const { stdout } = await fakeRun(["inspect", `${host}/app:v1`, "--json"]);
      const tree = JSON.parse(stdout);
      assertEquals(tree.kind, "index");
      assertEquals(tree.manifests.map(({ platform }: { platform: string }) => platform), [
        "linux/amd64",
        "linux/arm64",
        "linux/s390x",
      ]);
      assertEquals(tree.manifests[0].layers[0].size, "the layer for amd64".length);
      assertEquals(tree.attached.length, 2);
      const types = tree.attached.map(({ artifactType }: InspectedManifest) => artifactType).sort();
      assertEquals(types, [
        "application/vnd.cyclonedx+json",
        "application/vnd.example.signature",
      ]);
      const signed = tree.attached.find(({ tag }: InspectedManifest) => tag !== undefined);
      assertEquals([signed.digest, signed.tag], [
        signature.digest,
        `${index.digest.replace(":", "-")}.sig`,
      ]);
      const bare = await fakeRun(["inspect", `${host}/app:v1`, "--json", "--no-attached"]);
      assertEquals("attached" in JSON.parse(bare.stdout), false);
    });
    await t.step("inspect --platform: the image alone", async () => {
      const args = ["inspect", `${host}/app:v1`, "--platform", "linux/amd64", "--json"];
      const { digest, kind } = JSON.parse((await fakeRun(args)).stdout);
      assertEquals([digest, kind], [children[0]!.digest, "image"]);
    });
    await t.step(
      "a reader of standard output that has gone: 141, and nothing is said",
      async () => {
        await using folder = await tempFolder();
        const stdout = {
          ...{ isTerminal: false, columns: () => 80, rows: () => 24 },
          write: (): Promise<void> => Promise.reject(new OutputClosedError("gone")),
        };
        const image = `${host}/app@${children[0]!.digest}`;
        const verbs = [
          ["ls", host],
          ["ls", `${host}/app`],
          ["digest", image],
          ["inspect", image],
          ["copy", image, `oci:${folder.path}/x`, "--quiet"],
          ["copy", image, "-", "--quiet"],
          ["copy", image, "docker-archive:-", "--quiet", "--no-attached"],
        ];
        for (const verb of [...verbs, ...verbs.map((each) => [...each, "--json"]), ["--help"]]) {
          const { code, stderr } = await fakeRun(verb, { stdout });
          assertEquals([code, stderr], [141, ""], verb.join(" "));
        }
      },
    );
  });
});

Deno.test("davit ls, digest and inspect: of a folder", () =>
  inFolder(async (folder) => {
    const index = await pushSample(new LayoutStore(folder), "v1");
    assertEquals((await fakeRun(["ls", `oci:${folder}`])).stdout, "v1\n");
    assertEquals((await fakeRun(["digest", `oci:${folder}:v1`])).stdout, `${index.digest}\n`);
    const { stdout } = await fakeRun(["inspect", `oci:${folder}@${index.digest}`]);
    assertStringIncludes(stdout, `attached: cyclonedx  sha256:`);
    assertEquals((await fakeRun(["digest", `oci:${folder}:v2`])).code, 3);
    for (
      const [path, state] of [["none", "there is no such folder"], ["index.json", "it is not"]]
    ) {
      const source = `oci:${folder}/${path}`;
      const { code, stderr } = await fakeRun(["ls", source]);
      assertEquals(code, 3, stderr);
      assertStringIncludes(stderr, `Cannot open ${folder}/${path}: ${state}`);
    }
    const target = `${folder}/none/x.tar`;
    const unwritable = await fakeRun(["copy", `oci:${folder}:v1`, `oci-archive:${target}`]);
    assertStringIncludes(
      unwritable.stderr,
      `davit: Cannot write ${target}: there is no folder ${folder}/none\n`,
    );
    const served = await fakeRun(["serve", "--dir", `${folder}/index.json`]);
    assertEquals(served.code, 2);
    assertStringIncludes(served.stderr, `Cannot serve: --dir ${folder}/index.json is no folder`);
    const port = await fakeRun(["serve", "--port", "x"]);
    assertStringIncludes(port.stderr, "It must be a number from 0 to 65535. Hint: davit serve");
  }));

Deno.test("davit: 429 that lasts is exit code 5, and says when to try again", async () => {
  const registry = createTestRegistry({
    faults: { status: 429, retryAfter: 3_600, on: { endpoint: "tags" } },
  });
  await withRegistry(registry, async (host) => {
    const ran = await fakeRun(["ls", `${host}/app`]);
    assertEquals(ran.code, 5);
    assertMatch(ran.stderr, /Hint: try again in 1 h 00 min; logged in, the limit may be higher/);
  });
});

Deno.test("davit: a certificate that nobody signed, --ca-file and --insecure", () =>
  inFolder(async (folder) => {
    const { pem: cert, keyPem: key } = await selfSigned();
    const registry = createRegistry();
    const server = await serve(registry, { tls: { cert, key } });
    try {
      const client = new RegistryClientV2({ name: `${server.url}/app`, insecure: true });
      await pushSample(new RegistryStore(client), "v1");
      client.close();
      const args = ["ls", `${server.url}/app`];
      const refused = await fakeRun(args);
      assertEquals(refused.code, 7);
      assertMatch(refused.stderr, /^davit: .*certificate.*Hint: --ca-file FILE trusts/);
      await Deno.writeTextFile(`${folder}/ca.pem`, cert);
      assertEquals((await fakeRun([...args, "--ca-file", `${folder}/ca.pem`])).stdout, "v1\n");
      assertEquals((await fakeRun([...args, "--insecure"])).stdout, "v1\n");
      // The scheme that is given goes before what is guessed of this machine, and before the flag.
      assertEquals((await fakeRun([...args, "--insecure", "--plain-http"])).stdout, "v1\n");
    } finally {
      await server.close();
    }
  }));

Deno.test("--plain-http is for registries whose name gives no scheme", async () => {
  const { io } = fakeIo();
  const connections = new Connections({ plainHttp: true, quiet: true }, io);
  for (
    const [place, origin] of [
      ["registry.test/app", "http://registry.test"],
      ["https://registry.test/app", "https://registry.test"],
    ]
  ) {
    const location = parseLocation(place!) as RegistryLocation;
    assertEquals((await connections.store(location)).client.origin, origin);
  }
  connections.close();
});

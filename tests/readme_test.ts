/**
 * The README and what is in docs/: their programs run, their commands, links, figures and names are
 * there. Programs that need a registry run on every runtime in tests/oci/.
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  buildImageConfig,
  buildIndex,
  buildManifest,
  type Bytes,
  MEDIA_TYPES,
  type RegistryClientOpts,
  RegistryClientV2,
} from "../mod.ts";
import { createRegistry } from "../server/mod.ts";
import { exampleNames } from "../scripts/example.ts";
import { importMap } from "./import_map.ts";
import { tempFolder } from "../scripts/temp_folder.ts";

const ROOT = new URL("../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));
/** Every page for users, by its path. */
const PAGES: Record<string, string> = { "README.md": README };
for await (const { name } of Deno.readDir(new URL("docs/", ROOT))) {
  PAGES[`docs/${name}`] = await Deno.readTextFile(new URL(`docs/${name}`, ROOT));
}
const CONFIG: {
  exports: Record<string, string>;
  imports: Record<string, string>;
  name: string;
  tasks: Record<string, unknown>;
} = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

/** The text between a heading and the next one. */
function section(heading: string, page = README): string {
  const start = page.indexOf(`\n## ${heading}\n`);
  assert(start >= 0, `there is no section "${heading}"`);
  const end = page.indexOf("\n## ", start + 1);
  return page.slice(start, end < 0 ? undefined : end);
}

/** The code blocks of a text whose language is this one. */
function blocks(text: string, language: string): string[] {
  const pattern = new RegExp("^```" + language + "\\n([^]*?)^```$", "gm");
  return [...text.matchAll(pattern)].map((match) => match[1]!);
}

/**
 * Runs before the README's program: Docker Hub, with one image for two platforms, behind a `fetch`
 * that stands in for the network. It says where the requests went.
 */
function prelude(layer: string): string {
  return `
import { createRegistry } from "${CONFIG.name}/server";
import { Hub } from "./hub.ts";
export const hub = await Hub.create(createRegistry, ${JSON.stringify(layer)});
globalThis.fetch = hub.fetch;
addEventListener("unload", () => console.log("asked: " + [...hub.asked].join(" ")));
`;
}

const HUB = `
import { ${
  [buildImageConfig, buildIndex, buildManifest, RegistryClientV2].map(({ name }) => name).join(", ")
} } from "${CONFIG.name}";

export class Hub {
  readonly asked = new Set<string>();
  constructor(readonly registry: { fetch(request: Request): Promise<Response> }) {}

  readonly fetch = async (input: Request | URL | string, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const { host } = new URL(request.url);
    if (!["registry-1.docker.io", "auth.docker.io"].includes(host)) throw new TypeError("offline");
    this.asked.add(host);
    return await this.registry.fetch(request);
  };

  // deno-lint-ignore no-explicit-any
  static async create(createRegistry: (options: any) => any, layer: string): Promise<Hub> {
    const hub = new Hub(createRegistry({
      auth: {
        bearer: {
          realm: "https://auth.docker.io/token",
          service: "registry.docker.io",
          users: { docker: "a password" },
          anonymous: ["pull"],
        },
      },
    }));
    const { fetch } = hub;
    const credentials = { username: "docker", password: "a password" };
    for (const name of ["alpine", "node"]) {
      await hub.push(new RegistryClientV2({ name, fetch, credentials }), layer);
    }
    hub.asked.clear();
    return hub;
  }

  async push(pusher: RegistryClientV2, layer: string): Promise<void> {
    const manifests = [];
    for (const architecture of ["amd64", "arm64"]) {
      const bytes = new TextEncoder().encode(layer.replace("{}", architecture));
      const blob = await pusher.putBlob(bytes, { mediaType: "${MEDIA_TYPES.ociLayerGzip}" });
      const rootfs = { type: "layers" as const, diff_ids: [] };
      const config = await buildImageConfig({ architecture, os: "linux", rootfs });
      await pusher.putBlob(config.bytes);
      const image = await buildManifest({ config: config.descriptor, layers: [blob] });
      await pusher.putManifest({ manifestData: image.bytes, ref: image.descriptor.digest });
      manifests.push({ ...image.descriptor, platform: { os: "linux", architecture } });
    }
    const index = await buildIndex({ manifests });
    for (const ref of ["3.22", "latest"]) {
      await pusher.putManifest({ manifestData: index.bytes, ref });
    }
  }
}
`;

/**
 * Runs a program of `folder` as it stands, without a network, with the package from this clone; answers
 * what it printed.
 */
async function runProgram(folder: string): Promise<string> {
  const flags = ["--no-prompt", "--no-check", "--allow-read=.", "--allow-write=."];
  await Deno.writeTextFile(`${folder}/map.json`, await importMap());
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-config", "--no-lock", "--import-map", "map.json"],
      ...[...flags, "program.ts"],
    ],
    cwd: folder,
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout);
}

const ASKED = "asked: registry-1.docker.io auth.docker.io\n";

// Their types are checked in oci/programs_test.ts, by one check for all programs.
Deno.test("programs run as they stand, without a network", async (t) => {
  const [first] = blocks(README, "js ignore");
  const [moved, ...others] = blocks(
    section("Coming from lesomnus' OCI client", PAGES["docs/migrating.md"]),
    "ts ignore",
  );
  assertEquals(first!.split("\n").filter((line) => line !== "").length, 7);
  assertEquals(others, []);
  const layer = "the layer for {}, which no gzip ever saw";
  await using temporary = await tempFolder();
  const cwd = temporary.path;
  const folders = { first: `${cwd}/first`, moved: `${cwd}/moved` };
  for (const [folder, program] of [[folders.first, first!], [folders.moved, moved!]] as const) {
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/hub.ts`, HUB);
    await Deno.writeTextFile(`${folder}/prelude.ts`, prelude(layer));
    await Deno.writeTextFile(`${folder}/program.ts`, `import "./prelude.ts";\n${program}`);
  }
  await t.step("the first of the README", async () => {
    assertEquals(await runProgram(folders.first), `[ "3.22", "latest" ]\n${ASKED}`);
    const pulled: Bytes = await Deno.readFile(`${folders.first}/layer.tar.gz`);
    assertEquals(new TextDecoder().decode(pulled), layer.replace("{}", "arm64"));
  });
  await t.step("Coming from lesomnus' OCI client", async () => {
    assertEquals(await runProgram(folders.moved), `[ "3.22", "latest" ]\nlinux\n${ASKED}`);
  });
});

Deno.test("the ORAS project's checklist: its nine features, and an answer to each", () => {
  const rows = section("The ORAS project's checklist").split("\n")
    .filter((line) => /^\| [A-Z]/.test(line)).map((row) =>
      row.split("|").map((cell) => cell.trim())
    );
  const [, ...features] = rows; // without the table's head
  assertEquals(features.length, 9);
  for (const [, feature, answer, how] of features) {
    assert(["Yes", "Not yet"].includes(answer!), feature);
    assert(how !== "", feature);
  }
});

Deno.test("Pull and push files: what is required pushes what it says", async () => {
  const [program, ...others] = blocks(section("Pull and push files"), "js ignore")
    .filter((block) => block.includes("require("));
  assertEquals(others, []);
  const users = { you: "a token" };
  const { fetch } = createRegistry({ auth: { bearer: { users } } });
  class Offline extends RegistryClientV2 {
    constructor(options: RegistryClientOpts) {
      super({ ...options, fetch });
    }
  }
  const required: string[] = [];
  // Not an async function: what is pasted into a CommonJS file has no `await` at its top.
  const run = new Function("require", "process", "Buffer", "console", program!);
  const digest = await new Promise((resolve) =>
    run(
      (name: string) => {
        required.push(name);
        return { RegistryClientV2: Offline };
      },
      { env: { GITHUB_TOKEN: "a token" } },
      { from: (text: string) => new TextEncoder().encode(text) },
      { log: resolve },
    )
  );
  assertEquals(required, [CONFIG.name]);
  // echo -n hello | sha256sum
  assertEquals(digest, "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
});

Deno.test("every block of code is one that a test runs", () => {
  const languages = Object.entries(PAGES).flatMap(([path, page]) =>
    [...page.matchAll(/^```(\S.*)$/gm)].map((match) => `${path}: ${match[1]}`)
  );
  assertGreater(languages.length, 15);
  // `deno test --doc` runs the blocks of TypeScript and JavaScript, but for those to ignore: they
  // are run above, and in tests/oci/.
  const ignored = languages.filter((language) => language.endsWith(" ignore")).sort();
  assertEquals(ignored, [
    ...Array(6).fill("README.md: js ignore"),
    "docs/migrating.md: ts ignore",
  ]);
  for (const language of languages) assertMatch(language, /: (sh|ts|js|json|(ts|js) ignore)$/);
});

Deno.test("no program needs what Node does not have", () => {
  for (const [path, page] of Object.entries(PAGES)) {
    for (const block of blocks(page, "(?:ts|js)(?: ignore)?")) {
      assert(!/@std|Deno\./.test(block), `${path}:\n${block}`);
    }
  }
});

Deno.test("the first 60 lines: runtimes, a program, figures, how to install, where to go on", () => {
  const start = README.split("\n").slice(0, 60).join("\n");
  for (
    const words of [
      ...["Deno", "Node", "Bun", "workers", "browsers", "RegistryClientV2", "bench/README.md"],
      ...["npm install", "bun add", "deno add", "task demo", "task test", "docs/authentication.md"],
    ]
  ) assertStringIncludes(start, words);
});

Deno.test("the figures are those of bench/README.md", async () => {
  const bench = await Deno.readTextFile(new URL("bench/README.md", ROOT));
  const cells = (row: string) => row.split("|").slice(1, -1).map((cell) => cell.trim());
  /** The seconds of a program, in the table under a title. */
  const seconds = (title: string, program: string) => {
    const start = bench.indexOf(`### ${title}\n`);
    assert(start >= 0, `bench/README.md has no ${title}`);
    const table = bench.slice(start).split("\n\n")[1]!.split("\n").map(cells);
    const found = table.find(([name]) => name === program);
    return found === undefined ? "–" : `${found[1]} s`;
  };
  const rows = README.split("\n").filter((line) => line.startsWith("|")).map(cells);
  for (
    const [name, title] of [
      ["Pull of 1 GiB to a file", "Pull a blob of 1024 MiB to a file"],
      ["Push of a file of 1 GiB", "Push a file of 1024 MiB"],
    ] as const
  ) {
    const expected = ["davit", "crane", "oras"].map((program) => seconds(title, program));
    assertEquals(rows.find(([first]) => first === name), [name, ...expected]);
  }
});

/** The commands of the shell blocks, and those inside sentences. */
function commands(): string[] {
  const pages = Object.values(PAGES).join("\n");
  const shell = blocks(pages, "sh").flatMap((block) => block.split("\n"));
  const inline = [...pages.matchAll(/`((?:npx -y deno@2|deno) task [^`…]+)`/g)]
    .map((match) => match[1]!);
  return [...shell, ...inline].map((line) => line.trim()).filter((line) => line !== "");
}

Deno.test("every command is a task of deno.json", () => {
  const all = commands();
  assertGreater(all.length, 6);
  for (const command of all) {
    const task = /^(?:npx -y deno@2|deno) task (\S+)/.exec(command)?.[1];
    assert(task !== undefined && task in CONFIG.tasks, `there is no such task: ${command}`);
  }
  assert(all.includes("npx -y deno@2 task demo"), "the first command");
  assert(all.includes("npx -y deno@2 task test"), "the second one");
});

Deno.test("every example that is named exists, and every one that exists is named", async () => {
  const names = await exampleNames();
  for (const command of commands()) {
    const example = /task example (\S+)/.exec(command)?.[1];
    if (example !== undefined) assert(names.includes(example), command);
  }
  const text = section("Examples");
  for (const name of names) assertStringIncludes(text, name);
});

Deno.test("every link to a file leads to one", async () => {
  let count = 0;
  for (const [path, page] of Object.entries(PAGES)) {
    for (const [, target = ""] of page.matchAll(/\]\(([^)]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      count++;
      const [file, heading] = target.split("#");
      const found = new URL(file === "" ? path : file!, new URL(file === "" ? "" : path, ROOT));
      await Deno.stat(found);
      if (heading === undefined) continue;
      const text = await Deno.readTextFile(found);
      const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
        title.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")
      );
      assert(headings.includes(heading), `${path} leads to ${target}`);
    }
  }
  assertGreater(count, 15);
});

Deno.test("every page of docs/ is one that the README leads to", () => {
  for (const path of Object.keys(PAGES).filter((path) => path !== "README.md")) {
    assertStringIncludes(README.split("\n").slice(0, 60).join("\n"), `](${path})`);
  }
});

Deno.test("the endpoint table: every method is one of RegistryClientV2's, every answer is Yes", () => {
  const rows = section("Endpoints").split("\n").filter((line) => /^\| `/.test(line));
  assertGreater(rows.length, 15);
  const named: string[] = [];
  for (const row of rows) {
    const [, name, implemented] = row.split("|").map((cell) => cell.trim());
    assertEquals(implemented, "Yes", row);
    const methods = name!.split("<br>")[0]!.match(/`\w+`/g)!.map((each) => each.slice(1, -1));
    named.push(...methods);
    for (const method of methods) {
      assertEquals(
        typeof RegistryClientV2.prototype[method as keyof RegistryClientV2],
        "function",
        `RegistryClientV2 has no ${method}`,
      );
    }
  }
  const notEndpoints = ["constructor", "close", "login", "performLogin", "supportsV2", "withRepo"];
  const own = Object.getOwnPropertyDescriptors(RegistryClientV2.prototype);
  const methods = Object.keys(own).filter((name) =>
    own[name as keyof typeof own]!.get === undefined && !notEndpoints.includes(name)
  );
  assertEquals(methods.filter((name) => !named.includes(name)), [], "the table leaves some out");
});

Deno.test("the endpoint table has each endpoint of the specification", () => {
  const text = section("Endpoints");
  for (
    const endpoint of [
      "GET /v2/`",
      "GET /v2/<name>/blobs/<digest>`",
      "HEAD /v2/<name>/blobs/<digest>`",
      "GET /v2/<name>/manifests/<reference>`",
      "HEAD /v2/<name>/manifests/<reference>`",
      "POST /v2/<name>/blobs/uploads/`",
      "PATCH /v2/<name>/blobs/uploads/<uuid>`",
      "PUT /v2/<name>/blobs/uploads/<uuid>`",
      "PUT /v2/<name>/manifests/<reference>`",
      "GET /v2/<name>/tags/list`",
      "DELETE /v2/<name>/manifests/<reference>`",
      "DELETE /v2/<name>/blobs/<digest>`",
      "POST /v2/<name>/blobs/uploads/?mount=&from=`",
      "GET /v2/<name>/referrers/<digest>`",
      "GET /v2/<name>/blobs/uploads/<uuid>`",
      "DELETE /v2/<name>/blobs/uploads/<uuid>`",
    ]
  ) {
    assertStringIncludes(text, endpoint);
  }
});

Deno.test("the JSON block maps the name to the package's entry point", () => {
  const [json] = blocks(README, "json");
  const { imports } = JSON.parse(json!);
  assertEquals(Object.keys(imports), [CONFIG.name]);
  assert(imports[CONFIG.name].endsWith(CONFIG.exports["."]!.slice(1)));
});

Deno.test("What is where: every entry point, and no others", () => {
  const table = section("What is where");
  const named = [...table.matchAll(/`(\/[a-z0-9/-]+)`/g)].map(([, path]) => `.${path}`);
  const exported = Object.keys(CONFIG.exports).filter((path) => path !== ".");
  assertEquals([...new Set(named)].sort(), exported.sort());
});

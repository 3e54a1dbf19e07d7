/**
 * Programs that ask Docker Hub, on every runtime and in a real browser: those in the documentation of
 * lesomnus' OCI client as they stand there, all its endpoints, what takes a `fetch`, and the README's.
 */
import { assert, assertEquals } from "@std/assert";
import { RUNTIMES } from "../hosts/runtimes.ts";
import { importMap } from "../import_map.ts";
import { requirePeers } from "../peers/locate.ts";
import { runInChromium } from "./chromium.ts";
import { type DockerHub, OTHER_LOGIN, startDockerHub } from "./docker_hub.ts";

/** The documentation's programs, and what is imported in place of the names there. */
const LIST_TAGS = `
import { ClientV2 } from '@lesomns/oci-client'

const client = new ClientV2('index.docker.io')
await client.ping()

const v = await client.repo('library/node').tags.list().unwrap()
console.log(v)
`;
const GET_MANIFEST = `
import { ClientV2 } from '@lesomns/oci-client'
import { oci } from '@lesomnus/oci-client/media-types'

const client = new ClientV2('index.docker.io')
await client.ping()

const opaque = await client.repo('library/node').manifests.get('latest').unwrap()
const index = opaque.as(oci.image.indexV1)
console.log(index?.manifests[0].platform.os)
`;

/** Prints objects in the same way everywhere. */
const PRELUDE = `
const print = console.log;
console.log = (...values: unknown[]) =>
  print(values.map((value) => typeof value === "object" ? JSON.stringify(value) : value).join(" "));
`;

const ENDPOINTS = `end-1 200
end-4a 202
end-5 202
end-13 204 0-1
end-6 201
end-4b 201
end-2 HEAD 200
end-2 GET 200 hello
end-11 201
end-4a, 5, 6 200
end-7 201
end-3 HEAD 200
end-3 GET 200 5
end-8a 200 v1,v2
end-8b 200 v2
end-12a 200 1
end-12b 200 0
catalog 200 true
end-9 202
end-10 202
404 404 BLOB_UNKNOWN
`;

const FETCH = `answer 42
206 bytes 0-3/39 %00asm
200 application/wasm
404
`;

const read = (file: string) => Deno.readTextFile(new URL(file, import.meta.url));

/** Calls what a Worker exports. */
const CALL_WORKER = `
const env = { GITHUB_TOKEN: process.env.GITHUB_TOKEN };
const response = await worker.fetch(new Request("https://worker.example"), env);
console.log(response.status, response.headers.get("content-length"), await response.text());
`;

/** A program, and what it prints. Those with files have no business in a browser, nor a Worker. */
const PROGRAMS: [
  name: string,
  text: () => Promise<string>,
  printed: string,
  notForBrowsers?: true,
][] = [
  ["list tags", () => inOurName(LIST_TAGS), '{"name":"library/node","tags":["22","latest"]}\n'],
  ["get manifest", () => inOurName(GET_MANIFEST), "linux\n"],
  ["every endpoint", () => read("endpoints_program.ts"), ENDPOINTS],
  ["ociFetch", () => read("fetch_program.ts"), FETCH],
  ["README, the first", () => ofReadme("An OCI registry client"), '["22","latest"]\n', true],
  ["README, files", () => ofReadme("## Pull and push files"), "true\n", true],
  ["README, copy and resume", () => ofReadme("## Copy, and resume"), "true\n", true],
  ["README, in a browser", () => ofReadme("## In a browser"), "5 amd64\n"],
  [
    "README, in a Worker",
    async () =>
      (await ofReadme("## In a Worker")).replace("export default", "const worker =") + CALL_WORKER,
    "200 5 amd64\n",
    true,
  ],
];

/** The first program behind these words, of the README or another page. */
async function ofReadme(words: string, page = "README.md"): Promise<string> {
  const text = await read(`../../${page}`);
  const [, program] = /^```[jt]s.*\n([^]*?)^```$/m.exec(text.slice(text.indexOf(words))) ?? [];
  assert(program !== undefined, words);
  return program;
}

function inOurName(text: string): Promise<string> {
  return Promise.resolve(
    text.replaceAll(/@lesomn?u?s\/oci-client/g, "@davit/registry-client/oci-client"),
  );
}

async function run(
  [command, ...args]: string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<string> {
  const signal = AbortSignal.timeout(300_000);
  const { success, stdout, stderr } = await new Deno.Command(command!, {
    args,
    signal,
    ...options,
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, `${command} ${args.join(" ")}:\n${said}${complained}`);
  // A runtime's warning is a fault of the program's, or of davit's.
  if (options.env !== undefined) assertEquals(complained, "");
  return said!;
}

/** No configuration but the import map: the defaults of TypeScript, `strict` among them. */
const PLAIN = ["--no-config", "--no-lock", "--import-map", "map.json"];

/** A folder with the programs, each type-checked, and bundled for other runtimes and for browsers. */
async function prepare(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/map.json`, await importMap());
  await Deno.writeTextFile(`${folder}/prelude.ts`, PRELUDE);
  await Deno.writeTextFile(`${folder}/package.json`, '{"type":"module"}'); // Node 20 does not guess
  const files = await Promise.all(PROGRAMS.map(async ([, text], at) => {
    const source = await text();
    // What stands there as JavaScript may lack types.
    const file = `program${at}.${source.includes("process.env") ? "js" : "ts"}`;
    await Deno.writeTextFile(`${folder}/${file}`, `import "./prelude.ts";\n${source}`);
    return file;
  }));
  // With the page's own program of that client, which readme_test.ts runs: what takes long is the package.
  const moved = await ofReadme("## Coming from lesomnus' OCI client", "docs/migrating.md");
  await Deno.writeTextFile(`${folder}/moved.ts`, moved);
  await run([Deno.execPath(), "check", ...PLAIN, "moved.ts", ...files], { cwd: folder });
  for (const platform of ["deno", "browser"]) {
    const bundle = ["bundle", "--quiet", `--platform=${platform}`, ...PLAIN, "--outdir"];
    await run([Deno.execPath(), ...bundle, platform, ...files], { cwd: folder });
  }
}

Deno.test("programs that ask Docker Hub run on every runtime", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "davit_oci_" });
  let hub: DockerHub | undefined;
  try {
    await prepare(folder);
    hub = await startDockerHub();
    const { proxy, ca } = hub;
    await Deno.writeTextFile(`${folder}/ca.pem`, ca);
    const certificates = { DENO_CERT: "ca.pem", NODE_EXTRA_CA_CERTS: `${folder}/ca.pem` };
    const env = {
      GITHUB_TOKEN: OTHER_LOGIN.password,
      ...certificates,
      HTTPS_PROXY: proxy,
      https_proxy: proxy,
      NO_PROXY: "",
      no_proxy: "",
    };
    for (const [at, [name, , printed, notForBrowsers]] of PROGRAMS.entries()) {
      for (const { name: runtime, ignore, command } of RUNTIMES) {
        await t.step({
          name: `${runtime}: ${name}`,
          ignore,
          fn: async () => {
            const [program, ...args] = command();
            const writes = runtime === "deno" ? [args.shift()!, "--allow-write"] : [];
            const line = [program!, ...writes, ...args, `deno/program${at}.js`];
            assertEquals(await run(line, { cwd: folder, env }), printed);
          },
        });
      }
      if (notForBrowsers) continue;
      await t.step({
        ...requirePeers("chromium"),
        name: `chromium: ${name}`,
        fn: async () => {
          const program = await Deno.readTextFile(`${folder}/browser/program${at}.js`);
          assertEquals(await runInChromium(program, proxy), printed);
        },
      });
    }
    assert(
      hub.asked().some((line) => line.startsWith("OPTIONS ")) === !requirePeers("chromium").ignore,
    );
  } finally {
    await hub?.close();
    await Deno.remove(folder, { recursive: true });
  }
});

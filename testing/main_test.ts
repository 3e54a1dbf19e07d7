import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path/from-file-url";
import { hash } from "bcryptjs";
import { denoCommand } from "../scripts/deno.ts";
import { tempFolder } from "../scripts/temp_folder.ts";
import { createTokenKey } from "../server/access/token_keys.ts";
import { selfSigned } from "../tests/peers/certificate.ts";
import { UsageError } from "./flags.ts";
import { parseArguments, saying } from "./main.ts";
import { createTestRegistry } from "./test_registry.ts";

const MAIN = fromFileUrl(new URL("./main.ts", import.meta.url));

for (
  const [args, expected] of [
    [[], ["127.0.0.1", 0]],
    [["--port", "5000"], ["127.0.0.1", 5000]],
    [["--port=5000"], ["127.0.0.1", 5000]],
    [["--hostname", "0.0.0.0", "--port", "1"], ["0.0.0.0", 1]],
    [["--help"], undefined],
    [["--port", "1", "-h"], undefined],
  ] as [string[], [string, number] | undefined][]
) {
  Deno.test(`serve's arguments: ${args.join(" ") || "none"}`, async () => {
    const command = await parseArguments(args);
    assertEquals(command && [command.serve.hostname, command.serve.port], expected);
  });
}

for (
  const [args, message] of [
    [["--port"], "--port needs a value"],
    [["--port", "x"], "--port must be a number from 0 to 65535: current value is x"],
    [["--port", "65536"], "current value is 65536"],
    [["--port=-1"], "current value is -1"],
    [["--nothing", "x"], "there is no option --nothing"],
    [["--no-deletes=x"], "--no-deletes takes no value"],
    [["5000"], "there is no option 5000"],
    [["--preset", "nexus"], "--preset must be one of acr, distribution3, dockerHub, "],
    [["--provoke", "cut-blob"], "--provoke must be of corrupt-blobs, corrupt-manifests, "],
    [["--provoke", "warnings,x"], "current value is x"],
    [["--cors-credentials"], "--cors-credentials goes with --cors-origin"],
    [["--cors-credentials", "--cors"], "--cors-credentials goes with --cors-origin"],
  ] as [string[], string][]
) {
  Deno.test(`serve's arguments: ${args.join(" ")} is refused`, async () => {
    await assertRejects(() => parseArguments(args), UsageError, message);
  });
}

for (
  const [args, registry, cors] of [
    [[], {}],
    [["--no-deletes", "--no-referrers"], { deletes: false, referrersApi: false }],
    [["--preset", "ghcr"], { preset: "ghcr" }],
    [
      ["--preset", "ghcr", "--user", "me:x"],
      { preset: "ghcr", auth: { bearer: { users: { me: "x" } } } },
    ],
    [
      ["--user", "AWS:x", "--preset=ecr"],
      { preset: "ecr", auth: { basic: { users: { AWS: "x" } } } },
    ],
    [
      ["--preset=ghcr", "--auth=basic", "--user=me:x"],
      { preset: "ghcr", auth: { basic: { users: { me: "x" } } } },
    ],
    [["--cors"], {}, true],
    [
      ["--cors-origin", "https://a.test", "--cors-origin=https://b.test"],
      {},
      { origins: ["https://a.test", "https://b.test"] },
    ],
    [["--cors-origin=https://a.test", "--cors"], {}, true],
    [
      ["--cors-credentials", "--cors-origin=https://a.test"],
      {},
      { origins: ["https://a.test"], credentials: true },
    ],
    [
      ["--external-url", "https://r.test", "--sparse", "--quiet"],
      { externalUrl: "https://r.test", sparse: true },
    ],
    [["--user", "me:a:b=c"], { auth: { basic: { users: { me: "a:b=c" } } } }],
    [
      ["--user=me:=x", "--auth", "bearer", "--user", "you:", "--anonymous", "pull,push"],
      { auth: { bearer: { users: { me: "=x", you: "" }, anonymous: ["pull", "push"] } } },
    ],
  ] as [args: string[], registry: unknown, cors?: unknown][]
) {
  Deno.test(`serve's options: ${args.join(" ") || "none"}`, async () => {
    const command = await parseArguments(args);
    assertEquals(command?.registry as unknown, registry);
    assertEquals(command?.serve.cors as unknown, cors);
  });
}

for (
  const [args, message] of [
    [["--auth", "digest"], "--auth must be basic or bearer"],
    [["--auth", "basic"], "there must be users: give --user or --htpasswd"],
    [["--anonymous", "pull"], "there must be users"],
    [["--anonymous", "pull, push", "--user", "a:b"], "--anonymous must be of pull, push, delete"],
    [["--user", "topsecret"], "--user must be NAME:PASSWORD"],
    [["--user", ":topsecret"], "--user must be NAME:PASSWORD"],
    [["--token-key", MAIN, "--user", "a:topsecret"], "--token-key goes with --auth bearer"],
    [["--tls-cert", MAIN], "--tls-cert and --tls-key go together"],
    [["--tls-key", MAIN], "--tls-cert and --tls-key go together"],
  ] as [string[], string][]
) {
  Deno.test(`serve's options: ${args.join(" ").replace(MAIN, "FILE")} is refused`, async () => {
    const error = await assertRejects(() => parseArguments(args), UsageError, message);
    assertEquals(error.message.includes("topsecret"), false);
  });
}

interface Running extends AsyncDisposable {
  url: string;
  /** Stops it, and looks whether it ended as it should. */
  stop(signal?: Deno.Signal): Promise<void>;
}

async function command(args: string[], stderr: "piped" | "inherit"): Promise<Deno.Command> {
  const allow = ["--allow-net", "--allow-env", "--allow-sys", "--allow-read", "--allow-write"];
  return await denoCommand(["run", "--quiet", ...allow, MAIN, ...args], {
    stdout: "piped",
    stderr,
  });
}

/** Starts it, and waits for its URL. */
async function start(...args: string[]): Promise<Running> {
  const child = (await command(args, "inherit")).spawn();
  const rest = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await rest.read();
  assertMatch(value, /^https?:\/\/127\.0\.0\.1:[0-9]+\n$/);
  const stop = async (signal: Deno.Signal = "SIGTERM") => {
    child.kill(signal);
    const { code } = await child.status;
    assertEquals(code, 0);
    await rest.cancel();
  };
  return { url: value.trim(), stop, [Symbol.asyncDispose]: stop };
}

async function statusOf(url: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}

function basic(text: string): RequestInit {
  return { headers: { authorization: `Basic ${btoa(text)}` } };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`serve prints its URL, answers, and stops at ${signal}`, async () => {
    const running = await start();
    const response = await fetch(`${running.url}/v2/`);
    assertEquals(await response.text(), "{}");
    await running.stop(signal);
  });
}

Deno.test("serve --user --htpasswd: Basic, and the file is read again", async () => {
  await using folder = await tempFolder();
  const file = `${folder.path}/htpasswd`;
  await Deno.writeTextFile(file, "");
  await using running = await start("--user", "me:a:b", "--htpasswd", file, "--anonymous", "pull");
  const ping = `${running.url}/v2/`;
  assertEquals(await statusOf(ping), 401);
  assertEquals(await statusOf(`${running.url}/v2/app/tags/list`), 404);
  assertEquals(await statusOf(ping, basic("me:a:b")), 200);
  assertEquals(await statusOf(ping, basic("filed:pass")), 401);
  await Deno.writeTextFile(file, `filed:${await hash("pass", 4)}\n`);
  assertEquals(await statusOf(ping, basic("filed:pass")), 200);
});

Deno.test("serve --auth bearer --token-key: tokens outlive it", async () => {
  await using folder = await tempFolder();
  const file = `${folder.path}/key.json`;
  await Deno.writeTextFile(file, JSON.stringify(await createTokenKey()));
  const args = ["--auth", "bearer", "--user", "me:secret", "--token-key", file];
  let token = "";
  for (const title of ["first", "second"]) {
    await using running = await start(...args);
    if (token === "") {
      const answer = await fetch(`${running.url}/token`, basic("me:secret"));
      token = (await answer.json()).token;
    }
    const headers = { authorization: `Bearer ${token}` };
    assertEquals(await statusOf(`${running.url}/v2/`, { headers }), 200, title);
    assertEquals(await statusOf(`${running.url}/v2/`), 401);
  }
});

Deno.test("serve --tls-cert --tls-key --cors --no-deletes", async () => {
  await using folder = await tempFolder();
  const [cert, key] = [`${folder.path}/cert.pem`, `${folder.path}/key.pem`];
  const { pem, keyPem } = await selfSigned();
  await Deno.writeTextFile(cert, pem);
  await Deno.writeTextFile(key, keyPem);
  await using running = await start(
    ...["--tls-cert", cert, "--tls-key", key],
    ...["--cors", "--no-deletes"],
  );
  using client = Deno.createHttpClient({ caCerts: [pem] });
  assertMatch(running.url, /^https:/);
  const init = { method: "DELETE", headers: { origin: "https://page.test" }, client };
  const response = await fetch(`${running.url}/v2/app/manifests/v1`, init as RequestInit);
  await response.body?.cancel();
  assertEquals([response.status, response.headers.get("access-control-allow-origin")], [
    405,
    "*",
  ]);
});

Deno.test("serve --help: every option", async () => {
  const { code, stdout } = await (await command(["--port", "0", "--help"], "piped")).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0);
  assertMatch(text, /^usage: deno task serve/);
  for (
    const name of [
      ...["--port N", "--hostname ADDRESS", "--auth basic|bearer", "--user NAME:PASSWORD"],
      ...["--htpasswd FILE", "--anonymous ACTIONS", "--token-key FILE", "--tls-cert FILE"],
      ...["--tls-key FILE", "--cors", "--cors-origin ORIGIN", "--no-deletes", "--no-referrers"],
      "--help",
    ]
  ) assertEquals(text.includes(`\n  ${name}`), true, name);
  for (const line of text.split("\n")) assertEquals(line.length <= 100, true, line);
});

Deno.test("serve says in a line what is wrong, and ends with 1", async () => {
  const cases: [args: string[], said: RegExp][] = [
    [["--nothing"], /^Cannot serve: there is no option --nothing\n$/],
    [["--htpasswd", "/no/such/file"], /^.*\/no\/such\/file.*\n$/],
    [["--hostname", "203.0.113.1"], /^[^\n]+\n$/],
  ];
  for (const [args, said] of cases) {
    const { code, stdout, stderr } = await (await command(args, "piped")).output();
    assertMatch(new TextDecoder().decode(stderr), said);
    assertEquals([code, new TextDecoder().decode(stdout)], [1, ""]);
  }
});

Deno.test("serve --store: what was pushed outlives it", async () => {
  await using folder = await tempFolder();
  const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  const first = await start("--store", `${folder.path}/new`);
  const path = `v2/app/blobs/uploads/?digest=${digest}`;
  const init = { method: "POST", body: "hello" };
  assertEquals(await statusOf(`${first.url}/${path}`, init), 201);
  await first.stop();
  assertEquals(
    await Deno.readTextFile(`${folder.path}/new/app/oci-layout`),
    '{"imageLayoutVersion":"1.0.0"}',
  );
  const second = await start("--store", `${folder.path}/new`);
  const response = await fetch(`${second.url}/v2/app/blobs/${digest}`);
  assertEquals(await response.text(), "hello");
  await second.stop();
});

Deno.test("serve: each request in a line, also one whose connection breaks", async () => {
  const registry = createTestRegistry({
    faults: { fail: "before", on: { endpoint: "catalog" } },
  });
  const lines: string[] = [];
  const { fetch } = saying(registry, (line) => lines.push(line));
  const ask = (path: string, method = "GET") =>
    fetch(new Request(`http://registry.test${path}`, { method }));
  await (await ask("/v2/app/tags/list?n=1")).body?.cancel();
  await ask("/v2/", "HEAD");
  await assertRejects(() => ask("/v2/_catalog"), TypeError);
  assertEquals(lines, [
    "GET 404 /v2/app/tags/list?n=1\n",
    "HEAD 200 /v2/\n",
    "GET --- /v2/_catalog\n",
  ]);
});

Deno.test("serve: a port that is taken is named", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { code, stderr } = await (await command(["--port", String(port)], "piped")).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    1,
    `Cannot serve as 'port' ${port} of 127.0.0.1 is taken by another program\n`,
  ]);
});

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}

const STORES: [
  title: string,
  make: (folder: string) => Promise<unknown>,
  refusal: RegExp | undefined,
][] = [
  ["an empty folder", () => Promise.resolve(), undefined],
  ["no folder", (folder) => Deno.remove(folder), undefined],
  ["a new disk", (folder) => Deno.mkdir(`${folder}/lost+found`), undefined],
  ["files that are hidden", (folder) => Deno.writeTextFile(`${folder}/.gitignore`, "*"), undefined],
  ["a registry", (folder) => Deno.mkdir(`${folder}/.uploads`), undefined],
  ["layouts of another program", async (folder) => {
    await Deno.mkdir(`${folder}/library/app`, { recursive: true });
    await Deno.writeTextFile(`${folder}/library/app/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
    await Deno.writeTextFile(
      `${folder}/library/app/index.json`,
      '{"schemaVersion":2,"manifests":[]}',
    );
  }, undefined],
  ["a layout", (folder) => Deno.writeTextFile(`${folder}/oci-layout`, "{}"), /it is an OCI layout/],
  ["a project", async (folder) => {
    await Deno.mkdir(`${folder}/src/inner`, { recursive: true });
    await Deno.writeTextFile(`${folder}/package.json`, "{}");
  }, /it holds something else/],
  ["folders alone", (folder) => Deno.mkdir(`${folder}/docs`), /it holds something else \(docs\)/],
];

for (const [title, make, refusal] of STORES) {
  Deno.test(`serve --store: ${title} is ${refusal === undefined ? "taken" : "refused"}`, async () => {
    await using temporary = await tempFolder();
    const folder = temporary.path;
    await make(folder);
    const before = refusal && await namesIn(folder);
    const parsed = parseArguments(["--store", folder]);
    if (refusal === undefined) {
      await (await parsed)!.atStop[0]!();
      return;
    }
    const error = await assertRejects(() => parsed);
    assertMatch((error as Error).message, refusal);
    assertEquals(await namesIn(folder), before);
  });
}

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { startChild } from "./child.ts";
import { requirePeers } from "./locate.ts";
import {
  CREDENTIALS,
  type Credentials,
  eachRegistry,
  type Registry,
  REGISTRY_AUTHS,
  registryCases,
  startRegistry,
} from "./registries.ts";

function basic({ username, password }: Credentials): string {
  return `Basic ${encodeBase64(new TextEncoder().encode(`${username}:${password}`))}`;
}

async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response;
}

function challengeOf(response: Response): Record<string, string> {
  const header = response.headers.get("www-authenticate") ?? "";
  const pairs = [...header.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1], match[2]]);
  return Object.fromEntries(pairs);
}

async function tokenFor(registry: Registry, scope: string, who?: Credentials): Promise<string> {
  const { realm, service } = challengeOf(await ask(`${registry.origin}/v2/`));
  const url = new URL(realm!);
  url.searchParams.set("service", service!);
  url.searchParams.set("scope", scope);
  const headers = new Headers(who === undefined ? {} : { authorization: basic(who) });
  const body = await (await fetch(url, { headers })).json();
  return body.token;
}

Deno.test("registries open: /v2/ answers 200, and a blob can be pushed", (t) =>
  eachRegistry(t, ["none"], async ({ origin }) => {
    assertEquals((await ask(`${origin}/v2/`)).status, 200);
    const session = await ask(`${origin}/v2/a/b/blobs/uploads/`, { method: "POST" });
    assertEquals(session.status, 202);
    const location = new URL(session.headers.get("location")!, origin);
    const hex = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"; // "hello"
    location.searchParams.set("digest", `sha256:${hex}`);
    assertEquals((await ask(`${location}`, { method: "PUT", body: "hello" })).status, 201);
    const blob = await fetch(`${origin}/v2/a/b/blobs/sha256:${hex}`);
    assertEquals(await blob.text(), "hello");
  }));

Deno.test("registries with Basic: 401 without, 200 with, 401 with wrong credentials", (t) =>
  eachRegistry(t, ["basic"], async ({ origin, credentials }) => {
    assertEquals(credentials, CREDENTIALS);
    const refused = await ask(`${origin}/v2/`);
    assertEquals(refused.status, 401);
    assert(refused.headers.get("www-authenticate")?.startsWith("Basic realm="));
    const known = { headers: { authorization: basic(CREDENTIALS) } };
    assertEquals((await ask(`${origin}/v2/`, known)).status, 200);
    const start = { ...known, method: "POST" };
    assertEquals((await ask(`${origin}/v2/a/b/blobs/uploads/`, start)).status, 202);
    const wrong = { headers: { authorization: basic({ ...CREDENTIALS, password: "no" }) } };
    assertEquals((await ask(`${origin}/v2/`, wrong)).status, 401);
  }));

Deno.test("registries with Bearer: a token makes the round trip", (t) =>
  eachRegistry(t, ["bearer"], async (registry) => {
    const { origin, tokens } = registry;
    const refused = await ask(`${origin}/v2/a/b/blobs/uploads/`, { method: "POST" });
    assertEquals(refused.status, 401);
    assertStringIncludes(challengeOf(refused).scope!, "repository:a/b:");
    const scope = "repository:a/b:pull,push";
    const token = await tokenFor(registry, scope, CREDENTIALS);
    const headers = { authorization: `Bearer ${token}` };
    const start = { method: "POST", headers };
    assertEquals((await ask(`${origin}/v2/a/b/blobs/uploads/`, start)).status, 202);
    const anonymous = { headers: { authorization: `Bearer ${await tokenFor(registry, scope)}` } };
    assertEquals((await ask(`${origin}/v2/a/b/tags/list`, anonymous)).status, 401);
    if (tokens === undefined) return;
    assertEquals(
      tokens.requests.map(({ grant, user, scopes, status }) => ({ grant, user, scopes, status })),
      [
        { grant: "basic", user: CREDENTIALS.username, scopes: [scope], status: 200 },
        { grant: "anonymous", user: undefined, scopes: [scope], status: 200 },
      ],
    );
    // Another repository is not covered: the registry's own check of `access`.
    const elsewhere = await ask(`${origin}/v2/c/d/blobs/uploads/`, start);
    assertEquals(elsewhere.status, 401);
    assertEquals(challengeOf(elsewhere).error, "insufficient_scope");
  }));

Deno.test({
  ...requirePeers("distribution"),
  name: "registry: stopping it frees the port and removes its data",
  fn: async () => {
    const registry = await startRegistry("distribution");
    await registry.stop();
    await assertRejects(() => fetch(`${registry.origin}/v2/`));
    await assertRejects(() => Deno.stat(registry.folder));
  },
});

Deno.test({
  ...requirePeers("docker-registry"),
  name: "registry: one that does not start says why, with its log",
  fn: async () => {
    await assertRejects(
      () => startRegistry("docker-registry", { config: { storage: { nothing: {} } } }),
      Error,
      "StorageDriver not registered: nothing",
    );
  },
});

Deno.test({
  ...requirePeers("olareg"),
  name: "registry: arguments reach it",
  fn: async () => {
    const registry = await startRegistry("olareg", { args: ["--warning", "mind the gap"] });
    try {
      const response = await ask(`${registry.origin}/v2/`);
      assertEquals(response.headers.get("warning"), '299 - "mind the gap"');
    } finally {
      await registry.stop();
    }
  },
});

Deno.test("registry: crane's can only be open", async () => {
  await assertRejects(
    () => startRegistry("crane", { auth: "basic" }),
    Error,
    "Cannot start crane with basic",
  );
});

Deno.test("registryCases: every pair once, or those of the ways named", () => {
  const pairs = Object.values(REGISTRY_AUTHS).flat().length;
  assertEquals(registryCases().length, pairs);
  assertEquals(registryCases(["bearer"]).map(({ name }) => name), [
    "docker-registry, bearer",
    "distribution, bearer",
    "olareg, bearer",
  ]);
});

Deno.test("child: is killed when the process that started it is killed", async () => {
  const folder = await Deno.makeTempDir();
  const url = new URL("./child.ts", import.meta.url).href;
  const script = `import { startChild } from "${url}";
    startChild("sh", ["-c", "echo $$ > ${folder}/pid; exec sleep 60"]);
    setTimeout(() => {}, 60_000);`;
  await Deno.writeTextFile(`${folder}/main.ts`, script);
  const parent = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-lock", "-A", `${folder}/main.ts`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const pid = await until(async () =>
    Number(await Deno.readTextFile(`${folder}/pid`)) || undefined
  );
  assertEquals(await runs(pid), true);
  parent.kill("SIGKILL");
  await parent.status;
  await until(async () => (await runs(pid)) ? undefined : true);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("child: its end is seen, with everything it said", async () => {
  const child = startChild("sh", ["-c", "echo out; echo err >&2; exit 3"]);
  await assertRejects(() => child.said(/never/, 10_000), Error, "it ended");
  await child.kill();
  assertEquals(child.ended(), true);
  assertEquals(child.log().split("\n").sort(), ["", "err", "out"]);
});

Deno.test("child: what is not said in time is an error", async () => {
  const child = startChild("sleep", ["60"]);
  await assertRejects(() => child.said(/never/, 10), Error, "not within 10 ms");
  await child.kill();
});

/** Whether a process runs; one that has ended but was not waited for does not. */
async function runs(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=", "-p", `${pid}`] })
    .output();
  const state = new TextDecoder().decode(stdout).trim();
  return state !== "" && !state.startsWith("Z");
}

async function until<T>(find: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 6_000; attempt++) {
    const found = await find().catch(() => undefined);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("not within two minutes");
}

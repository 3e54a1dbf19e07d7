/** Each file of examples/, run with the permissions of its header against a served registry. */
import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { dockerCredentials, login } from "../auth/mod.ts";
import { buildImageConfig, buildIndex, buildManifest, RegistryClientV2 } from "../mod.ts";
import { tempFolder } from "../scripts/temp_folder.ts";
import { createRegistry, type Registry, type RegistryAuth, serve } from "../server/mod.ts";
import { denoCommand } from "../scripts/deno.ts";
import { exampleNames, examplePermissions } from "../scripts/example.ts";

const EXAMPLES = new URL("../examples/", import.meta.url);

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs an example in a folder, with its own permissions and nobody's credentials. */
async function run(
  name: string,
  args: string[],
  { cwd, env = {}, permissions }: {
    cwd?: string;
    env?: Record<string, string>;
    /** @default {what the header says} */
    permissions?: string[];
  } = {},
): Promise<Outcome> {
  const file = new URL(`${name}.ts`, EXAMPLES).href;
  permissions ??= await examplePermissions(name);
  const command = await denoCommand([
    "run",
    "--quiet",
    "--no-prompt",
    ...permissions,
    file,
    ...args,
  ], {
    ...(cwd !== undefined && { cwd }),
    env: { NO_COLOR: "1", REGISTRY_USER: "", REGISTRY_PASSWORD: "", ...env },
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

interface Place {
  registry: Registry;
  /** The served registry, as it stands in a reference: `127.0.0.1:40123`. */
  host: string;
  /** A folder that the example runs in. */
  cwd: string;
  client: RegistryClientV2;
}

const USER = { REGISTRY_USER: "me", REGISTRY_PASSWORD: "a password" };

/** A registry where everybody pulls and one user does everything, and a folder; both are gone after. */
async function inPlace(
  use: (place: Place) => Promise<void>,
  options: Parameters<typeof createRegistry>[0] = {},
): Promise<void> {
  const auth = { bearer: { users: { me: "a password" }, anonymous: ["pull"] as const } };
  const registry = createRegistry({ auth, ...options });
  const server = await serve(registry);
  const cwd = await Deno.makeTempDir();
  const host = new URL(server.url).host;
  const client = new RegistryClientV2({
    name: `${host}/app`,
    username: "me",
    password: "a password",
    scopes: ["pull", "push"],
  });
  try {
    await use({ registry, host, cwd, client });
  } finally {
    await server.close();
    await Deno.remove(cwd, { recursive: true });
  }
}

/** Pushes an index over two platforms; answers the digests of the two manifests. */
async function pushIndex(client: RegistryClientV2, ref: string): Promise<string[]> {
  const manifests = [];
  for (const architecture of ["amd64", "arm64"]) {
    const rootfs = { type: "layers" as const, diff_ids: [] };
    const config = await buildImageConfig({ architecture, os: "linux", rootfs });
    await client.putBlob(config.bytes);
    const { bytes, descriptor } = await buildManifest({ config: config.descriptor, layers: [] });
    await client.putManifest({ manifestData: bytes, ref: descriptor.digest });
    manifests.push({ ...descriptor, platform: { os: "linux", architecture } });
  }
  const { bytes } = await buildIndex({ manifests });
  await client.putManifest({ manifestData: bytes, ref });
  return manifests.map(({ digest }) => digest);
}

Deno.test("examples: push_blob, then pull_blob", async () => {
  await inPlace(async ({ host, cwd }) => {
    const content = crypto.getRandomValues(new Uint8Array(60_000));
    await Deno.writeFile(`${cwd}/layer.bin`, content);
    const refused = await run("push_blob", [`${host}/app`, "layer.bin"], { cwd });
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "UnauthorizedError");

    const pushed = await run("push_blob", [`${host}/app`, "layer.bin"], { cwd, env: USER });
    assertEquals([pushed.code, pushed.stderr], [0, ""]);
    const descriptor = JSON.parse(pushed.stdout);
    assertEquals(descriptor.size, content.byteLength);

    const args = [`${host}/app`, descriptor.digest, "pulled.bin"];
    const pulled = await run("pull_blob", args, { cwd });
    assertEquals(pulled.code, 0, pulled.stderr);
    assertEquals(pulled.stdout, "pulled.bin: 60000 bytes, verified\n");
    assertStringIncludes(pulled.stderr, "60000 of 60000 bytes");
    assertEquals(await Deno.readFile(`${cwd}/pulled.bin`), content);
  });
});

Deno.test("examples: pull_blob of what is not there leaves no file", async () => {
  await inPlace(async ({ host, cwd, client }) => {
    await client.putBlob(new Uint8Array(1));
    const digest = `sha256:${"0".repeat(64)}`;
    const { code, stdout, stderr } = await run("pull_blob", [`${host}/app`, digest, "x"], { cwd });
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "NotFoundError");
    assertEquals(await Array.fromAsync(Deno.readDir(cwd)), []);
  });
});

Deno.test("examples: list_tags", async () => {
  await inPlace(async ({ host, client, registry }) => {
    for (const ref of ["1.0", "1.1", "latest"]) await pushIndex(client, ref);
    registry.requests.length = 0;
    const { code, stdout, stderr } = await run("list_tags", [`${host}/app`]);
    assertEquals([code, stdout, stderr], [0, "1.0\n1.1\nlatest\n", ""]);
    assertEquals(registry.requests.filter(({ path }) => path.includes("tags/list")).length, 3);
  }, { tagPageSize: 2 });
});

Deno.test("examples: ping, of a registry without a repository", async () => {
  await inPlace(async ({ host, registry }) => {
    const { code, stdout, stderr } = await run("ping", [host]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, new RegExp(`^http://${host} answers 401\\n[^]*www-authenticate: Bearer `));
    assertEquals(registry.requests.map(({ path }) => path), ["/v2/"]);
  });
});

Deno.test("examples: head_blob", async () => {
  await inPlace(async ({ host, client }) => {
    const { digest } = await client.putBlob(new Uint8Array(7));
    const { code, stdout, stderr } = await run("head_blob", [`${host}/app`, digest]);
    assertEquals([code, stdout, stderr], [0, "200, 7 bytes\n", ""]);
  });
});

Deno.test("examples: put_manifest, to the byte", async () => {
  await inPlace(async ({ host, cwd, client }) => {
    await pushIndex(client, "latest");
    const { bytes, digest } = await client.getManifest({ ref: "latest" });
    await Deno.writeFile(`${cwd}/manifest.json`, bytes);
    const args = [`${host}/app:v2`, "manifest.json"];
    const refused = await run("put_manifest", args, { cwd });
    assertEquals(refused.code, 1);
    const put = await run("put_manifest", args, { cwd, env: USER });
    assertEquals([put.code, put.stdout, put.stderr], [0, `${digest}\n`, ""]);
    assertEquals((await client.headManifest({ ref: "v2" })).digest, digest);
  });
});

Deno.test("examples: download_image, then again", async () => {
  await inPlace(async ({ host, cwd, client, registry }) => {
    const [, arm64] = await pushIndex(client, "v1");
    const args = [`${host}/app:v1`, "linux/arm64", "image"];
    const first = await run("download_image", args, { cwd });
    assertEquals([first.code, first.stderr], [0, ""]);
    assertStringIncludes(first.stdout, `image holds ${host}/app:v1\n`);
    const index = JSON.parse(await Deno.readTextFile(`${cwd}/image/index.json`));
    assertEquals(index.manifests[0].digest, arm64);
    registry.requests.length = 0;
    const again = await run("download_image", args, { cwd });
    assertStringIncludes(again.stdout, "already here");
    assertEquals(registry.requests.filter(({ path }) => path.includes("/blobs/")), []);
  });
});

const parsed: [name: string, text: string, part: string, expected: string | null][] = [
  ["parse_index", "https://index.docker.io/v1/", "name", "docker.io"],
  ["parse_repo", "busybox", "remoteName", "library/busybox"],
  ["parse_repo_and_ref", "ghcr.io/you/app:v1", "tag", "v1"],
  ["parse_repo_and_tag", "busybox", "canonicalRef", "docker.io/busybox:latest"],
];

for (const [name, text, part, expected] of parsed) {
  Deno.test(`examples: ${name}`, async () => {
    const { code, stdout, stderr } = await run(name, [text]);
    assertEquals([code, JSON.parse(stdout)[part], stderr], [0, expected, ""]);
    assertMatch((await run(name, ["http://"])).stderr, /InvalidReferenceError: invalid /);
  });
}

Deno.test("examples: get_manifest, of an index and of one platform", async () => {
  await inPlace(async ({ host, client }) => {
    const [, arm64] = await pushIndex(client, "latest");
    const index = await run("get_manifest", [`${host}/app`]);
    assertEquals(index.code, 0, index.stderr);
    assertMatch(
      index.stderr,
      /^sha256:[0-9a-f]{64} application\/vnd\.oci\.image\.index\.v1\+json\n$/,
    );
    assertEquals(JSON.parse(index.stdout).manifests.length, 2);

    const image = await run("get_manifest", [`${host}/app:latest`, "linux/arm64"]);
    assertEquals(image.code, 0, image.stderr);
    assertStringIncludes(image.stderr, arm64!);
    assertEquals(JSON.parse(image.stdout).layers, []);

    const missing = await run("get_manifest", [`${host}/app:latest`, "plan9/mips"]);
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.stderr, "linux/amd64");
  });
});

Deno.test("examples: retag, then delete", async () => {
  await inPlace(async ({ host, client }) => {
    await pushIndex(client, "latest");
    const { digest } = await client.headManifest({ ref: "latest" });
    const retagged = await run("retag", [`${host}/app:latest`, "stable"], { env: USER });
    assertEquals(retagged.code, 0, retagged.stderr);
    assertEquals(retagged.stdout, `${host}/app:stable is ${digest}\n`);
    assertEquals((await client.headManifest({ ref: "stable" })).digest, digest);

    const deleted = await run("delete", [`${host}/app:stable`], { env: USER });
    assertEquals([deleted.code, deleted.stdout], [0, `deleted ${host}/app:stable\n`]);
    assertEquals((await client.listTags()).tags, ["latest"]);
  });
});

Deno.test("examples: delete, where the registry does not", async () => {
  await inPlace(async ({ host, client }) => {
    await pushIndex(client, "latest");
    const { code, stdout, stderr } = await run("delete", [`${host}/app:latest`], { env: USER });
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, `${host} does not delete: Cannot delete the manifest`);
    assertEquals(stderr.trim().split("\n").length, 1);
  }, { deletes: false });
});

for (const kind of ["basic", "bearer"] as const) {
  const auth: RegistryAuth = kind === "basic"
    ? { basic: { users: { me: "a password" } } }
    : { bearer: { users: { me: "a password" } } };
  Deno.test(`examples: login, by ${kind}; what is wrong is not kept`, async () => {
    await inPlace(async ({ host, cwd }) => {
      const env = { ...USER, DOCKER_CONFIG: cwd };
      const wrong = { ...env, REGISTRY_PASSWORD: "another password" };
      const refused = await run("login", [`${host}/app`], { env: wrong });
      assertEquals([refused.code, refused.stdout], [1, ""]);
      assertMatch(refused.stderr, /UnauthorizedError|AuthenticationError/);
      assertEquals(await Array.fromAsync(Deno.readDir(cwd)), []);

      const { code, stdout, stderr } = await run("login", [`${host}/app`], { env });
      assertEquals([code, stdout], [0, `logged in to ${host} as me\n`], stderr);
      const credentials = dockerCredentials({ config: `${cwd}/config.json` });
      const name = `${host}/app`;
      const client = new RegistryClientV2({ name, credentials, scopes: ["pull", "push"] });
      assertEquals((await client.putBlob(new Uint8Array(1))).size, 1);
    }, { auth });
  });
}

Deno.test("examples: sigstore_attest, with what a login left", async () => {
  await inPlace(async ({ host, cwd, client }) => {
    await pushIndex(client, "latest");
    const { digest: subject } = await client.headManifest({ ref: "latest" });
    const statement = { predicateType: "https://slsa.dev/provenance/v1" };
    const bundle = {
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      dsseEnvelope: { payload: btoa(JSON.stringify(statement)) },
    };
    await Deno.writeTextFile(`${cwd}/bundle.json`, JSON.stringify(bundle));
    const args = [`${host}/app`, subject, "bundle.json"];
    const env = { DOCKER_CONFIG: cwd };
    const refused = await run("sigstore_attest", args, { cwd, env });
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertStringIncludes(refused.stderr, "No credential file found at");

    await login(host, { username: "me", password: "a password" }, {
      config: `${cwd}/config.json`,
    });
    const { code, stdout, stderr } = await run("sigstore_attest", args, { cwd, env });
    assertEquals([code, stderr], [0, ""]);
    const { manifests: [attached] } = await client.listReferrers({ digest: subject });
    assertEquals([stdout, attached?.artifactType], [`${attached?.digest}\n`, bundle.mediaType]);
    const { annotations } = attached!;
    assertEquals(annotations?.["dev.sigstore.bundle.predicateType"], statement.predicateType);
  });
});

Deno.test("examples: called without arguments, each says how, and exits with 2", async () => {
  const names = await exampleNames();
  assertEquals(names, [
    ...["chainloop", "delete", "download_image", "get_manifest", "head_blob", "list_tags", "login"],
    ...["parse_index", "parse_repo", "parse_repo_and_ref", "parse_repo_and_tag", "ping"],
    ...["pull_blob", "push_blob", "put_manifest", "retag", "sigstore_attest"],
  ]);
  const outcomes = await Promise.all(names.map((name) => run(name, [])));
  for (const [at, { code, stdout, stderr }] of outcomes.entries()) {
    const name = names[at]!;
    assertEquals([code, stdout], [2, ""], `${name}: ${stderr}`);
    assertMatch(stderr, new RegExp(`^usage: (REGISTRY_\\w+=… )*${name} [A-Z]`));
  }
});

Deno.test("examples: --help says what each does", async () => {
  const names = await exampleNames();
  const outcomes = await Promise.all(names.map((name) => run(name, ["--help"])));
  for (const [at, { code, stdout, stderr }] of outcomes.entries()) {
    const name = names[at]!;
    assertEquals([code, stderr], [0, ""], name);
    assertMatch(stdout, new RegExp(`^usage: (REGISTRY_\\w+=… )*${name} [A-Z][^]*\n\n[^]+\n$`));
  }
});

const DIGEST = `sha256:${"0".repeat(64)}`;

/** What each example is called with, for a registry and a folder. */
const CALLS: Record<string, (host: string) => string[]> = {
  chainloop: (host) => [
    ...["integration", "registered", "add", "oci-registry"],
    ...["--opt", `repository=${host}/app`, "--opt", "username=me", "--opt", "password=a password"],
  ],
  delete: (host) => [`${host}/app:v1`],
  download_image: (host) => [`${host}/app:v1`, "linux/amd64", "image"],
  get_manifest: (host) => [`${host}/app:v1`],
  head_blob: (host) => [`${host}/app`, DIGEST],
  list_tags: (host) => [`${host}/app`],
  login: (host) => [`${host}/app`],
  ping: (host) => [host],
  pull_blob: (host) => [`${host}/app`, DIGEST, "blob"],
  push_blob: (host) => [`${host}/app`, "file.json"],
  put_manifest: (host) => [`${host}/app:v1`, "file.json"],
  retag: (host) => [`${host}/app:v1`, "v2"],
  sigstore_attest: (host) => [`${host}/app`, DIGEST, "file.json"],
};

/** Calls every example that needs a registry, side by side, in a folder of its own. */
async function callAll(
  host: string,
  check: (name: string, outcome: Outcome) => void,
  options: { permissions?: string[]; env?: Record<string, string>; without?: string[] } = {},
): Promise<void> {
  const names = (await exampleNames()).filter((name) => !name.startsWith("parse_"));
  assertEquals(names, Object.keys(CALLS));
  const called = names.filter((name) => !options.without?.includes(name));
  await Promise.all(called.map(async (name) => {
    await using temp = await tempFolder();
    const cwd = temp.path;
    const file = { mediaType: "application/x", dsseEnvelope: { payload: btoa("{}") } };
    await Deno.writeTextFile(`${cwd}/file.json`, JSON.stringify(file));
    const login = { auths: { [host]: { auth: btoa("me:a password") } } };
    await Deno.writeTextFile(`${cwd}/config.json`, JSON.stringify(login));
    const env = { ...USER, DOCKER_CONFIG: cwd, ...options.env };
    check(name, await run(name, CALLS[name]!(host), { ...options, cwd, env }));
  }));
}

/** One or two lines, the exit code 1, and no stack trace. */
function assertPlain(name: string, { code, stderr }: Outcome): void {
  assertEquals(code, 1, name);
  assertMatch(stderr, /^[^\n]+\n([^\n]+\n)?$/, name);
  assertNotMatch(stderr, /Uncaught|^ +at /m, name);
}

Deno.test("examples: where nobody answers, each says so in a line", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${free.addr.port}`;
  free.close();
  await callAll(host, (name, outcome) => {
    assertPlain(name, outcome);
    assertStringIncludes(outcome.stderr, host, name);
  });
});

Deno.test("examples: without permissions, each names the flag that is missing", async () => {
  await callAll("127.0.0.1:5999", (name, outcome) => {
    assertPlain(name, outcome);
    assertMatch(outcome.stderr, /--allow-(net|read|env|write)/, name);
  }, { permissions: [] });
});

Deno.test("examples: what is not there is named, a tag, a blob and a repository", async () => {
  await inPlace(async ({ host }) => {
    // A ping names nothing, and what is pushed makes its repository.
    const without = ["ping", "push_blob", "put_manifest", "login", "chainloop"];
    await callAll(host, (name, outcome) => {
      assertPlain(name, outcome);
      assertMatch(outcome.stderr, /Cannot .*(app|v1|sha256:0)/, name);
    }, { without });
  });
});

for (const name of ["push_blob", "put_manifest", "sigstore_attest", "chainloop"]) {
  Deno.test(`examples: ${name}: a file that is missing is named`, async () => {
    await inPlace(async ({ host, cwd, client }) => {
      await pushIndex(client, "v1");
      let args = CALLS[name]!(host).map((arg) => arg === "file.json" ? "no such.json" : arg);
      if (name === "chainloop") {
        const add = await run(name, [...args, "-q"], { cwd });
        const id = add.stdout.trim();
        const attach = ["integration", "attached", "add", "--workflow", "w", "--integration", id];
        const attached = await run(name, [...attach, "-q"], { cwd });
        args = ["attestation", "push", "--attachment", attached.stdout.trim(), "no such.json"];
      }
      const outcome = await run(name, args, { cwd, env: USER });
      assertPlain(name, outcome);
      assertStringIncludes(outcome.stderr, "no such.json");
    });
  });
}

for (const name of ["list_tags", "get_manifest", "pull_blob", "put_manifest", "ping"]) {
  Deno.test(`examples: ${name}: a wrong reference is said in a line`, async () => {
    await using temp = await tempFolder();
    const cwd = temp.path;
    const outcome = await run(name, CALLS[name]!("low//UPPER"), { cwd });
    assertPlain(name, outcome);
    assertStringIncludes(outcome.stderr, "InvalidReferenceError");
  });
}

Deno.test("examples: none asks for more than it needs", async () => {
  for (const name of await exampleNames()) {
    // What docker login left is wherever the environment says; a helper is a program.
    if (["login", "sigstore_attest"].includes(name)) continue;
    const permissions = await examplePermissions(name);
    assertEquals(permissions.includes("--allow-net"), !name.startsWith("parse_"), name);
    for (const permission of permissions) {
      assertMatch(
        permission,
        /^--allow-(net|read=\.|write=\.|env=REGISTRY_USER,REGISTRY_PASSWORD|env=AWS_[A-Z_,]+)$/,
      );
    }
  }
});

Deno.test("task example: passes arguments on, and says which examples there are", async () => {
  const script = new URL("../scripts/example.ts", import.meta.url).href;
  const start = async (args: string[]): Promise<Outcome> => {
    const command = await denoCommand(["run", "-A", script, ...args], { env: { NO_COLOR: "1" } });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  await inPlace(async ({ host, client }) => {
    await pushIndex(client, "v1");
    const { code, stdout, stderr } = await start(["list_tags", `${host}/app`]);
    assertEquals([code, stdout], [0, "v1\n"], stderr);
  });
  const unknown = await start(["nothing"]);
  assertEquals(unknown.code, 2);
  for (const name of await exampleNames()) assertStringIncludes(unknown.stderr, name);
});

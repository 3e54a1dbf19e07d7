import { assertEquals, assertNotMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type ApiError, InvalidOptionError, InvalidReferenceError } from "../../errors.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import type { Credential } from "../credential.ts";
import type { CredentialHelper } from "./credential_helper.ts";
import { dockerCredentials } from "./docker_credentials.ts";
import { listLogins, login, logout } from "./login.ts";

const YOU = { username: "you", password: "hunter2" };
const AUTH = btoa("you:hunter2");

async function inFolder(run: (folder: string, config: string) => Promise<void>): Promise<void> {
  await using folder = await tempFolder();
  await run(folder.path, `${folder.path}/config.json`);
}

/** A helper that keeps what it is given, and writes down what it was asked. */
function keeper(): { helper: CredentialHelper; kept: Map<string, string[]>; asked: string[] } {
  const kept = new Map<string, string[]>();
  const asked: string[] = [];
  const none = { code: 1, stdout: "credentials not found in native keychain" };
  const helper: CredentialHelper = (name, verb, input) => {
    asked.push(`${name} ${verb}`);
    if (verb === "store") {
      const { ServerURL, Username, Secret } = JSON.parse(input);
      kept.set(ServerURL, [Username, Secret]);
      return { code: 0, stdout: "" };
    }
    if (verb === "list") {
      const users = [...kept].map(([server, [user]]) => [server, user]);
      return { code: 0, stdout: JSON.stringify(Object.fromEntries(users)) };
    }
    const found = kept.get(input);
    if (found === undefined) return none;
    if (verb === "erase") kept.delete(input);
    const [Username, Secret] = found;
    return { code: 0, stdout: verb === "get" ? JSON.stringify({ Username, Secret }) : "" };
  };
  return { helper, kept, asked };
}

const WRITTEN: [
  name: string,
  before: string | undefined,
  registry: string,
  credential: Credential,
  after: string,
][] = [
  [
    "a new file, as Docker writes it",
    undefined,
    "ghcr.io",
    YOU,
    `{\n\t"auths": {\n\t\t"ghcr.io": {\n\t\t\t"auth": "${AUTH}"\n\t\t}\n\t}\n}\n`,
  ],
  ["one line stays one", "{}", "GHCR.io", YOU, `{"auths":{"ghcr.io":{"auth":"${AUTH}"}}}`],
  [
    "unknown fields, their order and two spaces",
    '{\n  "z": [1, {"b": null}],\n  "auths": {"b.io": {"x": 1}},\n  "a": "ü"\n}',
    "a.io:5000",
    YOU,
    JSON.stringify(
      {
        z: [1, { b: null }],
        auths: { "b.io": { x: 1 }, "a.io:5000": { auth: AUTH } },
        a: "ü",
      },
      undefined,
      2,
    ),
  ],
  [
    "lines of Windows, and its byte order mark",
    '\uFEFF{\r\n  "a": 1\r\n}\r\n',
    "a.io",
    { accessToken: "t" },
    '{\r\n  "a": 1,\r\n  "auths": {\r\n    "a.io": {\r\n      "registrytoken": "t"\r\n    }\r\n  }\r\n}\r\n',
  ],
  [
    "Docker Hub's key, in place of its other names",
    '{"auths":{"docker.io":{"auth":"b2xkOm9sZA=="},"docker.io/org":{"auth":"b2xkOm9sZA=="}}}',
    "docker.io",
    YOU,
    `{"auths":{"docker.io/org":{"auth":"b2xkOm9sZA=="},"https://index.docker.io/v1/":{"auth":"${AUTH}"}}}`,
  ],
  [
    "the entry in its place",
    '{"auths":{"a.io":{"auth":"b2xkOm9sZA=="},"b.io":{}}}',
    "https://a.io/",
    YOU,
    `{"auths":{"a.io":{"auth":"${AUTH}"},"b.io":{}}}`,
  ],
  [
    "an identity token beside the user name",
    "{}",
    "a.io",
    { username: "you", password: "gone", refreshToken: "t" },
    `{"auths":{"a.io":{"auth":"${btoa("you:")}","identitytoken":"t"}}}`,
  ],
];

for (const [name, before, registry, credential, after] of WRITTEN) {
  Deno.test(`login: ${name}`, () =>
    inFolder(async (_, config) => {
      if (before !== undefined) await Deno.writeTextFile(config, before);
      await login(registry, credential, { config });
      assertEquals(await Deno.readTextFile(config), after);
      await logout(registry, { config });
      assertEquals((await Deno.readTextFile(config)).includes(AUTH), false);
    }));
}

Deno.test("login: a file, old or new, and a new folder are their owner's alone; a link stays", () =>
  inFolder(async (folder) => {
    const environment = { DOCKER_CONFIG: `${folder}/new/docker` };
    const mode = async (path: string) => (await Deno.stat(path)).mode! & 0o777;
    await login("a.io", YOU, { environment });
    assertEquals(await mode(`${folder}/new/docker`), 0o700);
    assertEquals(await mode(`${folder}/new/docker/config.json`), 0o600);
    await Deno.mkdir(`${folder}/far`);
    await Deno.writeTextFile(`${folder}/far/real.json`, "{}");
    await Deno.chmod(`${folder}/far/real.json`, 0o664);
    await Deno.symlink("far/real.json", `${folder}/link.json`);
    await login("a.io", YOU, { config: `${folder}/link.json` });
    assertEquals((await Deno.lstat(`${folder}/link.json`)).isSymlink, true);
    assertEquals(await mode(`${folder}/far/real.json`), 0o600);
    assertStringIncludes(await Deno.readTextFile(`${folder}/far/real.json`), AUTH);
    await Deno.symlink("far/later.json", `${folder}/dangling.json`);
    await login("a.io", YOU, { config: `${folder}/dangling.json` });
    assertEquals((await Deno.lstat(`${folder}/dangling.json`)).isSymlink, true);
    const names = (await Array.fromAsync(Deno.readDir(`${folder}/far`))).map(({ name }) => name)
      .sort();
    assertEquals(names, ["later.json", "real.json"], "neither locks nor temporary files");
  }));

Deno.test("login: twenty at once all stay", () =>
  inFolder(async (_, config) => {
    const registries = Array.from({ length: 20 }, (_, index) => `r${index}.io`);
    await Promise.all(registries.map((registry) => login(registry, YOU, { config })));
    const found = (await listLogins({ config })).map((login) => login.registry).sort();
    assertEquals(found, registries.sort());
  }));

Deno.test("login: many programs may have the lock in turn, as long as they take altogether", () =>
  inFolder(async (_, config) => {
    const lock = `${config}.davit-lock`;
    await Deno.writeTextFile(lock, "");
    const { now } = Date;
    let time = now();
    let looks = 0;
    Date.now = () => (looks++, time);
    try {
      const waiting = login("a.io", YOU, { config });
      for (let turn = 0; turn < 15; turn++) {
        time += 1_000;
        await Deno.utime(lock, time / 1_000, time / 1_000);
        // A round of waiting asks for the time three times at most.
        for (looks = 0; looks < 4;) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await Deno.remove(lock);
      await waiting;
    } finally {
      Date.now = now;
    }
    assertEquals((await listLogins({ config })).map((login) => login.registry), ["a.io"]);
  }));

Deno.test("login: the lock of a program that died is no lock, to twenty at once", () =>
  inFolder(async (folder, config) => {
    await Deno.writeTextFile(`${config}.davit-lock`, "");
    await Deno.writeTextFile(`${config}.davit-lock~`, "");
    await Deno.utime(`${config}.davit-lock`, 0, 0);
    await Deno.utime(`${config}.davit-lock~`, 0, 0);
    const registries = Array.from({ length: 20 }, (_, index) => `r${index}.io`);
    await Promise.all(registries.map((registry) => login(registry, YOU, { config })));
    const found = (await listLogins({ config })).map((login) => login.registry).sort();
    assertEquals(found, registries.sort());
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    assertEquals(names, ["config.json"]);
  }));

for (const broken of ["", "{", "[]", '{"auths": []}', '{"credsStore": "a b"}', '"hunter2"']) {
  Deno.test(`login, logout, listLogins: a broken config stays as it is: ${broken}`, () =>
    inFolder(async (_, config) => {
      await Deno.writeTextFile(config, broken);
      for (const call of [login.bind(null, "a.io", YOU), logout.bind(null, "a.io"), listLogins]) {
        const error = await assertRejects(async () => void await call({ config })) as ApiError;
        assertEquals(error.code, "CREDENTIALS");
        assertStringIncludes(error.message, config);
        assertNotMatch(Deno.inspect(error, { showHidden: true }), /hunter2/);
      }
      assertEquals(await Deno.readTextFile(config), broken);
    }));
}

Deno.test("login, logout: the helper keeps it, and the config holds no secret", () =>
  inFolder(async (_, config) => {
    const { helper, kept, asked } = keeper();
    const old = { auths: { "docker.io": { auth: AUTH } }, credsStore: "s" };
    await Deno.writeTextFile(config, JSON.stringify({ ...old, credHelpers: { "a.io": "h" } }));
    await login("docker.io", YOU, { config, helper });
    await login("a.io", { refreshToken: "t" }, { config, helper });
    assertEquals(asked, ["s store", "h store"]);
    assertEquals([...kept], [
      ["https://index.docker.io/v1/", ["you", "hunter2"]],
      ["a.io", ["<token>", "t"]],
    ]);
    const { auths } = JSON.parse(await Deno.readTextFile(config));
    assertEquals(auths, { "https://index.docker.io/v1/": {}, "a.io": {} });
    const source = dockerCredentials({ config, helper });
    assertEquals(await source({ host: "registry-1.docker.io" }), YOU);
    assertEquals(await source({ host: "a.io" }), { refreshToken: "t" });
    assertEquals(await listLogins({ config, helper }), [
      { registry: "a.io", username: "<token>", source: "docker-credential-h" },
      { registry: "docker.io", username: "you", source: "docker-credential-s" },
    ]);
    for (let twice = 0; twice < 2; twice++) {
      await logout("docker.io", { config, helper });
      await logout("a.io", { config, helper });
    }
    assertEquals(kept.size, 0);
    assertEquals(JSON.parse(await Deno.readTextFile(config)).auths, {});
    await assertRejects(
      () => login("a.io", { accessToken: "t" }, { config, helper }),
      InvalidOptionError,
      "a credential helper keeps no accessToken",
    );
  }));

Deno.test("login, logout: a helper that fails: CREDENTIALS, and the config stays", () =>
  inFolder(async (_, config) => {
    const text = '{"auths":{"a.io":{}},"credsStore":"s"}';
    await Deno.writeTextFile(config, text);
    const helper: CredentialHelper = (_name, _verb, input) => ({ code: 1, stdout: input });
    for (const call of [login.bind(null, "a.io", YOU), logout.bind(null, "a.io")]) {
      const error = await assertRejects(() => call({ config, helper })) as ApiError;
      assertEquals(error.code, "CREDENTIALS");
      assertStringIncludes(error.message, "docker-credential-s failed: exit code 1");
      assertNotMatch(Deno.inspect(error, { showHidden: true }), /hunter2/);
    }
    assertEquals(await Deno.readTextFile(config), text);
    assertEquals(await listLogins({ config, helper }), [
      { registry: "a.io", source: "docker-credential-s" },
    ]);
  }));

Deno.test("listLogins: user names and parts of registries, never a secret", () =>
  inFolder(async (_, config) => {
    const auths = {
      "https://index.docker.io/v1/": { auth: AUTH },
      "quay.io/org": { auth: AUTH, identitytoken: "hunter2" },
      "a.io": { registrytoken: "hunter2" },
      "empty.io": {},
    };
    await Deno.writeTextFile(config, JSON.stringify({ auths }));
    assertEquals(await listLogins({ config }), [
      { registry: "docker.io", username: "you", source: config },
      { registry: "quay.io/org", username: "you", source: config },
      { registry: "a.io", source: config },
    ]);
    assertEquals(await listLogins({ config: `${config}.none` }), []);
    await logout("a.io", { config: `${config}.none` });
  }));

Deno.test("login: a place that the system refuses: CREDENTIALS", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    for (const config of [`${folder}/file/config.json`, `${folder}/${"x".repeat(300)}`]) {
      const error = await assertRejects(() => login("a.io", YOU, { config })) as ApiError;
      assertEquals(error.code, "CREDENTIALS");
      assertStringIncludes(error.message, `Cannot write ${config}: the system refuses it`);
    }
  }));

Deno.test({
  name: "login: without the permission to write: CREDENTIALS",
  permissions: { read: true, env: true },
  async fn() {
    const config = "/none/config.json";
    const error = await assertRejects(() => login("a.io", YOU, { config })) as ApiError;
    assertEquals(error.code, "CREDENTIALS");
    assertStringIncludes(error.message, `Cannot write ${config}: the system refuses it`);
  },
});

Deno.test("login: what cannot be kept", () =>
  inFolder(async (_, config) => {
    const cases: [
      registry: string,
      credential: Credential,
      kind: new (message: string) => ApiError,
    ][] = [
      ["a.io", {}, InvalidOptionError],
      ["a.io", { username: "u", password: "hunter2\n" }, InvalidOptionError],
      ["a.io", { username: "u:v", password: "hunter2" }, InvalidOptionError],
      ["a.io", { password: "hunter2" }, InvalidOptionError],
      ["a.io/org", YOU, InvalidReferenceError],
      ["not a host", YOU, InvalidReferenceError],
      ["__proto__", YOU, InvalidReferenceError],
    ];
    for (const [registry, credential, kind] of cases) {
      const error = await assertRejects(() => login(registry, credential, { config }), kind);
      assertNotMatch(error.message, /hunter2/);
    }
    await assertRejects(() => login("a.io", YOU, { environment: {} }), InvalidOptionError, "HOME");
    await assertRejects(() => Deno.stat(config), Deno.errors.NotFound);
  }));

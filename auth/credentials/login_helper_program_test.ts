/** login, logout and listLogins with helpers as people have them: programs on the PATH. */
import { assertEquals, assertNotMatch, assertRejects, assertStringIncludes } from "@std/assert";
import type { ApiError } from "../../errors.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { dockerCredentials } from "./docker_credentials.ts";
import { listLogins, login, type LoginOptions, logout } from "./login.ts";

/** Keeps each login as a file with what it was given; a server that is not there is not found. */
const KEEPER = `
cd "$(dirname "$0")/kept" || exit 2
field() { sed 's/.*"'"$1"'":"\\([^"]*\\)".*/\\1/' "$2"; }
name() { printf %s "$1" | tr '/:' '__'; }
none() { echo "credentials not found in native keychain"; exit 1; }
case "$1" in
store)
  cat >new
  mv new "$(name "$(field ServerURL new)")" ;;
get)
  cat "$(name "$(cat)")" 2>/dev/null || none ;;
erase)
  rm "$(name "$(cat)")" 2>/dev/null || none ;;
list)
  printf '{'
  for file in *; do
    [ -e "$file" ] || continue
    printf '%s"%s":"%s"' "$comma" "$(field ServerURL "$file")" "$(field Username "$file")"
    comma=,
  done
  echo '}' ;;
esac`;

/** Helpers that do not list, each in its way; all of them have whatever is asked for. */
const MUTE: Record<string, string> = {
  refuses: "cat >/dev/null; echo 'Unknown credential action \`list\`' >&2; exit 1",
  explains: "cat >/dev/null; echo 'Usage: docker-credential-x <store|get|erase>'",
};

interface World {
  folder: string;
  config: string;
  options: LoginOptions;
  /** The files of the helper that keeps, with what is in them. */
  kept(): Promise<Record<string, unknown>>;
}

async function withHelpers(config: object, run: (world: World) => Promise<void>): Promise<void> {
  await using temporary = await tempFolder();
  const folder = temporary.path;
  for (const name of ["kept", "vault"]) await Deno.mkdir(`${folder}/${name}`);
  const vault = KEEPER.replace("/kept", "/vault");
  const helpers = { keeper: KEEPER, vault, null: "cat >/dev/null; echo null", ...MUTE };
  for (const [name, script] of Object.entries(helpers)) {
    const path = `${folder}/docker-credential-${name}`;
    await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const path = `${folder}/config.json`;
  await Deno.writeTextFile(path, JSON.stringify(config));
  await run({
    folder,
    config: path,
    options: { config: path, environment: { PATH: `${folder}:${Deno.env.get("PATH")}` } },
    async kept() {
      const files = await Array.fromAsync(Deno.readDir(`${folder}/kept`));
      const entries = files.map(({ name }) => name).sort().map(async (name) => {
        return [name, JSON.parse(await Deno.readTextFile(`${folder}/kept/${name}`))];
      });
      return Object.fromEntries(await Promise.all(entries));
    },
  });
}

const YOU = { username: "you", password: "hunter2 pä:ss" };

Deno.test("login, listLogins, logout: a program keeps it, and the config holds no secret", () =>
  withHelpers({ credsStore: "keeper" }, async ({ config, options, kept }) => {
    await login("docker.io", YOU, options);
    await login("a.io:5000", { refreshToken: "hunter2" }, options);
    const hub = "https://index.docker.io/v1/";
    assertEquals(await kept(), {
      "a.io_5000": { ServerURL: "a.io:5000", Username: "<token>", Secret: "hunter2" },
      "https___index.docker.io_v1_": {
        ServerURL: hub,
        Username: YOU.username,
        Secret: YOU.password,
      },
    });
    assertEquals(JSON.parse(await Deno.readTextFile(config)), {
      credsStore: "keeper",
      auths: { [hub]: {}, "a.io:5000": {} },
    });
    const source = "docker-credential-keeper";
    assertEquals(await listLogins(options), [
      { registry: "a.io:5000", username: "<token>", source },
      { registry: "docker.io", username: "you", source },
    ]);
    const credentials = dockerCredentials(options);
    assertEquals(await credentials({ host: "registry-1.docker.io" }), YOU);
    for (let twice = 0; twice < 2; twice++) {
      await logout("docker.io", options);
      await logout("a.io:5000", options);
    }
    assertEquals(await kept(), {});
    assertEquals(await listLogins(options), []);
    assertEquals(await credentials({ host: "registry-1.docker.io" }), undefined);
    assertEquals(JSON.parse(await Deno.readTextFile(config)).auths, {});
  }));

for (const name of Object.keys(MUTE)) {
  Deno.test(`listLogins: a program that ${name} where it should list: what the config tells`, () => {
    const auths = { "a.io": {}, "b.io": { auth: btoa("you:hunter2") }, "q.io/org": {} };
    return withHelpers({ auths, credsStore: name }, async ({ config, options }) => {
      const source = `docker-credential-${name}`;
      assertEquals(await listLogins(options), [
        { registry: "a.io", source },
        { registry: "q.io/org", source },
        { registry: "b.io", username: "you", source: config },
      ]);
    });
  });
}

Deno.test("listLogins: the null of a program that has none is none", () =>
  withHelpers({ auths: { "a.io": {} }, credsStore: "null" }, async ({ options }) => {
    assertEquals(await listLogins(options), []);
  }));

Deno.test("login, logout, listLogins: a program that is not there says which, and that alone", () =>
  withHelpers({ auths: { "a.io": {} }, credsStore: "nowhere" }, async ({ config, options }) => {
    const before = await Deno.readTextFile(config);
    for (const call of [login.bind(null, "a.io", YOU), logout.bind(null, "a.io"), listLogins]) {
      const error = await assertRejects(async () => void await call(options)) as ApiError;
      assertEquals(error.code, "CREDENTIALS");
      assertStringIncludes(error.message, "docker-credential-nowhere: it is not on the PATH");
      assertNotMatch(Deno.inspect(error, { showHidden: true }), /hunter2/);
    }
    assertEquals(await Deno.readTextFile(config), before);
  }));

Deno.test("logout: nothing is left that dockerCredentials would find, whatever it is kept under", () => {
  const old = {
    auths: { "http://a.io": {} },
    credHelpers: { "https://a.io": "keeper" },
    credsStore: "vault",
  };
  return withHelpers(old, async ({ folder, options, kept }) => {
    for (const ServerURL of ["https://a.io", "http://a.io", "a.io", "b.io"]) {
      const name = ServerURL.replaceAll(/[/:]/g, "_");
      const entry = JSON.stringify({ ServerURL, Username: "you", Secret: "hunter2" });
      await Deno.writeTextFile(`${folder}/kept/${name}`, entry);
      await Deno.writeTextFile(`${folder}/vault/${name}`, entry);
    }
    await logout("a.io", options);
    assertEquals(Object.keys(await kept()), ["b.io"]);
    const left = await Array.fromAsync(Deno.readDir(`${folder}/vault`));
    assertEquals(left.map(({ name }) => name), ["b.io"]);
    assertEquals(await dockerCredentials(options)({ host: "a.io" }), undefined);
  });
});

Deno.test("logout: the tokens of docker's login by a browser go with Docker Hub's login", () => {
  const hub = "https://index.docker.io/v1/";
  const tokens = [`${hub}access-token`, `${hub}refresh-token`];
  const entry = { auth: btoa("you:hunter2") };
  const auths = { [hub]: entry, [tokens[0]!]: entry, [tokens[1]!]: entry, "b.io": entry };
  return withHelpers({ auths, credsStore: "keeper" }, async (world) => {
    const { folder, config, options, kept } = world;
    for (const ServerURL of [hub, ...tokens]) {
      const name = ServerURL.replaceAll(/[/:]/g, "_");
      const kept = { ServerURL, Username: "you", Secret: "hunter2" };
      await Deno.writeTextFile(`${folder}/kept/${name}`, JSON.stringify(kept));
    }
    assertEquals((await listLogins(options)).map(({ registry }) => registry), [
      "docker.io",
      "b.io",
    ]);
    await logout("b.io", options);
    assertEquals(Object.keys(await kept()).length, 3, "not with another registry's");
    await logout("docker.io", options);
    assertEquals(await kept(), {});
    assertEquals(JSON.parse(await Deno.readTextFile(config)).auths, {});
  });
});

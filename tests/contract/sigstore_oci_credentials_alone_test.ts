/**
 * @sigstore/oci's own cases 12 to 24: what `docker login` left, and image names. Alone, as the
 * environment says where the config is.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { CredentialError, InvalidReferenceError } from "@davit/registry-client";
import { type Credentials, getRegistryCredentials } from "@davit/registry-client/sigstore-oci";
import { World } from "./sigstore_oci_world.ts";

/** Runs with a home folder, and variables that are put back. */
function atHome(
  files: Record<string, string>,
  fn: (home: string) => void,
  variables: Record<string, string> = {},
): void {
  const home = Deno.makeTempDirSync({ prefix: "davit_home_" });
  const wanted: Record<string, string | undefined> = {
    ...{ HOME: home, DOCKER_CONFIG: undefined, DOCKER_AUTH_CONFIG: undefined },
    ...variables,
  };
  const before = Object.keys(wanted).map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value.replace("HOME", home));
  try {
    for (const [path, text] of Object.entries(files)) {
      Deno.mkdirSync(`${home}/${path}`.replace(/\/[^/]+$/, ""), { recursive: true });
      Deno.writeTextFileSync(`${home}/${path}`, text, { mode: 0o755 });
    }
    for (const [name, value] of Object.entries(wanted)) set(name, value);
    fn(home);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    Deno.removeSync(home, { recursive: true });
  }
}

function withConfig(config: unknown, fn: (home: string) => void): void {
  atHome({ ".docker/config.json": JSON.stringify(config) }, fn);
}

function auth(pair: string): { auth: string } {
  return { auth: encodeBase64(pair) };
}

Deno.test("sigstore-oci 12: no config", () => {
  atHome({}, (home) => {
    const error = assertThrows(() => getRegistryCredentials("ghcr.io/a/b"), CredentialError);
    assertEquals(error.message, `No credential file found at ${home}/.docker/config.json`);
  });
});

const UP = auth("u:p");
const PORT = "127.0.0.1:5000";
const NOT_FOUND: [name: string, config: unknown, image: string, host: string][] = [
  ["13: nothing", {}, "ghcr.io/a/b", "ghcr.io"],
  ["14: no auths", { auths: {} }, "ghcr.io/a/b", "ghcr.io"],
  ["18: a part of another host", { auths: { "ghcr.io": UP } }, "cr.io/attacker/repo", "cr.io"],
  ["19: a host within another", { auths: { [PORT]: UP } }, `victim.${PORT}/a`, `victim.${PORT}`],
];

for (const [name, config, image, host] of NOT_FOUND) {
  Deno.test(`sigstore-oci ${name}`, () => {
    withConfig(config, () => {
      const error = assertThrows(() => getRegistryCredentials(image), CredentialError);
      assertEquals(error.message, `No credentials found for registry ${host}`);
    });
  });
}

const FOUND: [name: string, config: unknown, image: string, expected: Credentials][] = [
  [
    "15: auth and HttpHeaders",
    { auths: { "ghcr.io": auth("u:p") }, HttpHeaders: { "X-Meta": "x" } },
    "ghcr.io/a/b",
    { username: "u", password: "p", headers: { "X-Meta": "x" } },
  ],
  [
    "16: an identity token beside the user name",
    { auths: { "ghcr.io": { ...auth("u:"), identitytoken: "t" } } },
    "ghcr.io/a/b",
    { username: "u", password: "t" },
  ],
  [
    "17: an old key",
    { auths: { "https://my-registry/v1": auth("u:p") } },
    "my-registry/my-image",
    { username: "u", password: "p" },
  ],
  [
    "20: a port",
    { auths: { "localhost:5000": auth("u:p") } },
    "localhost:5000/my-image",
    { username: "u", password: "p" },
  ],
  [
    "21: Docker Hub's key",
    { auths: { "https://index.docker.io/v1/": auth("u:p") } },
    "docker.io/library/my-image",
    { username: "u", password: "p" },
  ],
  [
    "22: a password with a colon, in UTF-8",
    { auths: { "ghcr.io": auth("user:pä:ss:") } },
    "ghcr.io/a/b",
    { username: "user", password: "pä:ss:" },
  ],
];

for (const [name, config, image, expected] of FOUND) {
  Deno.test(`sigstore-oci ${name}`, () => {
    withConfig(config, () => assertEquals(getRegistryCredentials(image), expected));
  });
}

Deno.test("sigstore-oci 22: what is sent as Basic is base64 of user:pass", async () => {
  const world = new World(({ headers }) =>
    headers.has("authorization")
      ? undefined
      : new Response("", { status: 401, headers: { "www-authenticate": "Basic" } })
  );
  await world.attach({ credentials: { username: "user", password: "pass" } });
  assertEquals(world.seen[1]!.headers.get("authorization"), "Basic dXNlcjpwYXNz");
});

const NAMES: [image: string, host: string][] = [
  ["ghcr.io/owner/repo", "ghcr.io"],
  ["ghcr.io/repo", "ghcr.io"],
  ["localhost:8080/repo", "localhost:8080"],
  ["a/b/c/d", "a"],
  ["GHCR.IO/owner/repo", "ghcr.io"],
];

for (const [image, host] of NAMES) {
  Deno.test(`sigstore-oci 23: ${image} is of ${host}`, () => {
    withConfig({ auths: { [host]: auth("u:p"), "other.io": auth("x:y") } }, () => {
      assertEquals(getRegistryCredentials(image).username, "u");
    });
  });
}

for (const image of ["repo", "", "/repo", "ghcr.io/", "ghcr.io/Repo", "ghcr.io/a:v1", "a b/c"]) {
  Deno.test(`sigstore-oci 24: ${JSON.stringify(image)} is no image`, () => {
    atHome({}, () => {
      const error = assertThrows(() => getRegistryCredentials(image), InvalidReferenceError);
      assertEquals(error.message, `Invalid image name: ${image}`);
    });
  });
}

Deno.test("sigstore-oci: DOCKER_CONFIG names the folder", () => {
  const config = JSON.stringify({ auths: { "ghcr.io": auth("u:p") } });
  atHome({ "elsewhere/config.json": config }, () => {
    assertEquals(getRegistryCredentials("ghcr.io/a").username, "u");
  }, { DOCKER_CONFIG: "HOME/elsewhere" });
});

Deno.test("sigstore-oci: an entry without auth is no TypeError", () => {
  withConfig({ auths: { "ghcr.io": {} } }, () => {
    assertThrows(
      () => getRegistryCredentials("ghcr.io/a"),
      CredentialError,
      "No credentials found",
    );
  });
  withConfig({ auths: { "ghcr.io": { username: "u", password: "p" } } }, () => {
    assertEquals(getRegistryCredentials("ghcr.io/a"), { username: "u", password: "p" });
  });
});

/** A credential helper that answers for any registry. */
function helper(username: string, secret: string): string {
  return `#!/bin/sh\ncat > /dev/null\necho '{"Username":"${username}","Secret":"${secret}"}'\n`;
}

const PATH = `HOME/bin:${Deno.env.get("PATH")}`;
const ignore = Deno.build.os === "windows";

Deno.test({
  name: "sigstore-oci: credential helpers, after auths",
  ignore,
  fn() {
    const files = {
      "bin/docker-credential-one": helper("by one", "1"),
      "bin/docker-credential-two": helper("<token>", "2"),
      ".docker/config.json": JSON.stringify({
        auths: { "ghcr.io": auth("u:p"), "two.io": {} },
        credHelpers: { "ghcr.io": "one", "one.io": "one" },
        credsStore: "two",
      }),
    };
    atHome(files, () => {
      const of = (host: string) => getRegistryCredentials(`${host}/a`);
      assertEquals(of("ghcr.io"), { username: "u", password: "p" });
      assertEquals(of("one.io"), { username: "by one", password: "1" });
      assertEquals(of("two.io"), { username: "<token>", password: "2" });
    }, { PATH });
  },
});

Deno.test("sigstore-oci: a config that is broken says so, without its text", () => {
  atHome({ ".docker/config.json": '{"auths": "hunter2' }, () => {
    const error = assertThrows(() => getRegistryCredentials("ghcr.io/a"), CredentialError);
    assertEquals(error.message.includes("hunter2"), false);
  });
});

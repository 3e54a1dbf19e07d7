/** dockerCredentials and dockerCredentialsSync: where they look, in which order, and how far. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { CredentialError } from "../../errors.ts";
import { dockerCredentials, dockerCredentialsSync } from "./docker_credentials.ts";
import {
  auth,
  auths,
  DOCKER,
  docker,
  HOME,
  HUB,
  optionsOf,
  pair,
  PODMAN,
  RUNTIME,
  secret,
  targetOf,
  type World,
} from "./fake_machine_test.ts";

const NO_RUNTIME = `/run/containers/${Deno.uid()}/auth.json`;
const OWN = ["/h/.docker/config.json", NO_RUNTIME, "/h/.config/containers/auth.json"];
const WINDOWS = ["/u/.docker/config.json", RUNTIME, "/u/.config/containers/auth.json"];
const EMPTY = { ...HOME, DOCKER_CONFIG: "", DOCKER_AUTH_CONFIG: "" };

const PLACES: [name: string, environment: Record<string, string>, paths: string[]][] = [
  ["a home folder", HOME, [DOCKER, RUNTIME, PODMAN]],
  ["Windows' home folder", { USERPROFILE: "/u", XDG_RUNTIME_DIR: "/run/you" }, WINDOWS],
  ["DOCKER_CONFIG", { ...HOME, DOCKER_CONFIG: "/d" }, ["/d/config.json", RUNTIME, PODMAN]],
  ["REGISTRY_AUTH_FILE", { ...HOME, REGISTRY_AUTH_FILE: "/a.json" }, [DOCKER, "/a.json"]],
  [
    "XDG_CONFIG_HOME",
    { ...HOME, XDG_CONFIG_HOME: "/c" },
    [DOCKER, RUNTIME, "/c/containers/auth.json"],
  ],
  ["empty variables", EMPTY, [DOCKER, RUNTIME, PODMAN]],
  ["no XDG_RUNTIME_DIR", { HOME: "/h" }, OWN],
];

for (const [name, environment, paths] of PLACES) {
  Deno.test(`dockerCredentials: where it looks: ${name}`, () => {
    const done: string[] = [];
    dockerCredentialsSync(optionsOf({ environment }, done))({ host: "a.io" });
    assertEquals(done, paths);
  });
}

Deno.test("dockerCredentials: nothing is read before it is asked, and all again each time", async () => {
  const done: string[] = [];
  const world = docker({ credsStore: "s" }, { "s get a.io": secret("u", "p") });
  const source = dockerCredentials(optionsOf(world, done));
  assertEquals(done, []);
  await source({ host: "a.io" });
  assertEquals(done, [DOCKER, "s get a.io"]);
  world.files![DOCKER] = auths({ "a.io": auth("new:p") });
  assertEquals(await source({ host: "a.io" }), pair("new", "p"));
});

Deno.test("dockerCredentials: a store that two configs name is asked once", () => {
  const done: string[] = [];
  const files = { [DOCKER]: { credsStore: "s" }, [PODMAN]: { credHelpers: { "a.io": "s" } } };
  dockerCredentialsSync(optionsOf({ files }, done))({ host: "a.io" });
  assertEquals(done.filter((step) => step.startsWith("s ")), ["s get a.io"]);
});

const A_IO = '{"auths":{"a.io":{"auth":"dTpw"}}}';
const own = { "a.io": auth("u:p") };
const ownPath = auths({ "a.io/org": auth("u:p") }, { credsStore: "s" });
const twoHelpers = auths({ "a.io": 42 }, { credHelpers: { "a.io": "one" }, credsStore: "two" });

const LAZY: [name: string, world: World, done: string[]][] = [
  [
    "a path's entry: no helper, no later file",
    { files: { [DOCKER]: ownPath, [RUNTIME]: "broken" } },
    [DOCKER],
  ],
  [
    "the first helper: no second one, no broken entry, no later file",
    docker(twoHelpers, { "one get a.io": secret("u", "p") }),
    [DOCKER, "one get a.io"],
  ],
  [
    "an entry for the host, after the helpers",
    docker(auths(own, { credsStore: "s" })),
    [DOCKER, "s get a.io"],
  ],
  ["the option configText: no file", { configText: A_IO, config: "/x" }, []],
];

for (const [name, world, expected] of LAZY) {
  Deno.test(`dockerCredentials: what answers ends the search: ${name}`, async () => {
    for (const make of [dockerCredentials, dockerCredentialsSync]) {
      const done: string[] = [];
      assertEquals(
        await make(optionsOf(world, done))(targetOf("a.io/org/app")) !== undefined,
        true,
      );
      assertEquals(done, expected);
    }
  });
}

Deno.test("dockerCredentials: DOCKER_AUTH_CONFIG answers: no other variable is read", async () => {
  const variables: string[] = [];
  const environment = new Proxy<Record<string, string>>({ DOCKER_AUTH_CONFIG: A_IO }, {
    get(target, name) {
      variables.push(String(name));
      return Reflect.get(target, name);
    },
  });
  assertEquals(await dockerCredentials({ environment })({ host: "a.io" }), pair("u", "p"));
  assertEquals(dockerCredentialsSync({ environment })({ host: "a.io" }), pair("u", "p"));
  assertEquals(variables, ["DOCKER_AUTH_CONFIG", "DOCKER_AUTH_CONFIG"]);
});

Deno.test("dockerCredentials: what is given may answer later", async () => {
  const { read, helper } = optionsOf(
    docker({ credsStore: "s" }, { "s get a.io": secret("u", "p") }),
  );
  const source = dockerCredentials({
    environment: HOME,
    read: (path) => Promise.resolve(read!(path)),
    helper: (name, verb, input) => Promise.resolve(helper!(name, verb, input)),
  });
  assertEquals(await source({ host: "a.io" }), pair("u", "p"));
});

/** Each with a last file that answers, where the world has none of its own there. */
const FAILING: [name: string, world: World, failures: string[]][] = [
  ["an empty config", docker(""), ["it is empty"]],
  [
    "two broken ones",
    { files: { [DOCKER]: "{", [RUNTIME]: "[]" } },
    ["it is not JSON", "it is not a JSON object"],
  ],
  [
    "a variable that is broken",
    { environment: { ...HOME, DOCKER_AUTH_CONFIG: "{" } },
    ["DOCKER_AUTH_CONFIG"],
  ],
  [
    "a helper that fails: asked once, and the config's own entry",
    docker(auths({ "https://a.io": {}, ...own }, { credsStore: "s" }), {
      "s get a.io": { code: 1, stdout: "the keychain is locked" },
      "s get https://a.io": secret("late", "p"),
    }),
    ["docker-credential-s failed: exit code 1"],
  ],
  [
    "the first of two helpers",
    docker({ credHelpers: { "a.io": "one" }, credsStore: "two" }, {
      "one get a.io": { code: 0, stdout: "garbage" },
      "two get a.io": secret("u", "p"),
    }),
    ["its answer is not JSON"],
  ],
  ["a broken entry", docker(auths({ "a.io/org": 42, ...own })), ['auths["a.io/org"]']],
  ["a helper's bad name", docker({ credHelpers: { "a.io": "../x" } }), ["must be a name"]],
];

for (const [name, world, failures] of FAILING) {
  Deno.test(`dockerCredentials: what fails does not end the search, and is reported: ${name}`, async () => {
    for (const make of [dockerCredentials, dockerCredentialsSync]) {
      const reported: unknown[] = [];
      const source = make(optionsOf({ ...world, files: { [PODMAN]: auths(own), ...world.files } }));
      const target = { host: "a.io", repository: "org/app" };
      assertEquals(await source(target, (failure) => reported.push(failure)), pair("u", "p"));
      assertEquals(reported.length, failures.length);
      failures.forEach((part, index) => assertStringIncludes(String(reported[index]), part));
    }
  });
}

Deno.test("dockerCredentials: where nothing is found the first failure is thrown, the rest reported", async () => {
  const world = { files: { [DOCKER]: "{", [RUNTIME]: "[]" } };
  for (const make of [dockerCredentials, dockerCredentialsSync]) {
    const reported: unknown[] = [];
    const source = make(optionsOf(world));
    await assertRejects(
      () => Promise.resolve().then(() => source({ host: "a.io" }, (one) => reported.push(one))),
      CredentialError,
      "it is not JSON",
    );
    assertEquals(reported.length, 1);
    assertStringIncludes(String(reported[0]), "it is not a JSON object");
  }
});

Deno.test("dockerCredentials: what is given throws: all places are tried, and that is thrown", async () => {
  const fail = () => {
    throw new RangeError("broken");
  };
  const config = docker({ credsStore: "s" });
  for (const given of [{ read: fail }, { helper: fail }]) {
    const done: string[] = [];
    const options = { ...optionsOf(config, done), ...given };
    await assertRejects(async () => await dockerCredentials(options)({ host: "a.io" }), RangeError);
    assertThrows(() => dockerCredentialsSync(options)({ host: "a.io" }), RangeError, "broken");
    const places = [DOCKER, RUNTIME, PODMAN];
    assertEquals(done, "read" in given ? [] : [...places, ...places]);
  }
});

type Http = [name: string, key: string, host: string, given: boolean, plainHttp?: boolean];

const PLAIN: Http[] = [
  ["a bare key to this machine", "localhost:5000", "localhost:5000", true],
  ["a bare key to this machine's address", "127.0.0.1:5000", "127.0.0.1:5000", true],
  ["a URL of https to this machine", "https://localhost:5000", "localhost:5000", false],
  ["a URL of https where plainHttp is set", "https://a.io", "a.io", false, true],
  ["a bare key elsewhere", "a.io:5000", "a.io:5000", false],
  ["a bare key where plainHttp is set", "a.io:5000", "a.io:5000", true, true],
  ["a bare key with a path", "a.io:5000/org", "a.io:5000", false],
  ["a bare key with a path where plainHttp is set", "a.io:5000/org", "a.io:5000", true, true],
  ["a URL of http", "http://a.io/v2/", "a.io", true],
  ["another port: 443 is https's own", "a.io", "a.io:443", false, true],
  ["the same port: 80 is http's own", "a.io:80", "a.io", true, true],
  ["Docker Hub", "https://index.docker.io/v1/", HUB, false, true],
];

for (const [name, key, host, given, plainHttp] of PLAIN) {
  Deno.test(`dockerCredentials over plain http: ${name}: ${given ? "given" : "not given"}`, async () => {
    const target = {
      ...{ host, repository: "org/app", scheme: "http" as const },
      ...(plainHttp && { plainHttp }),
    };
    for (const kept of [auths({ [key]: auth("u:p") }), auths({ [key]: {} }, { credsStore: "s" })]) {
      const byHelper = "credsStore" in kept;
      if (byHelper && key.includes("/org")) continue; // helpers keep no parts of a registry
      const source = dockerCredentials(
        optionsOf(docker(kept, { [`s get ${key}`]: secret("u", "p") })),
      );
      const found = await Promise.resolve(source(target)).catch((error: CredentialError) => error);
      assertEquals(found !== undefined && !(found instanceof Error), given, String(found));
      if (found instanceof Error) {
        assertStringIncludes(found.message, `${JSON.stringify(host)}: {plainHttp: true}`);
      }
      const safe = await source({ host: host.replace(":443", ""), repository: "org/app" });
      if (!key.includes(":80")) assertEquals(safe, pair("u", "p"));
    }
  });
}

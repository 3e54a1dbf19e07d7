/** dockerCredentials and dockerCredentialsSync: where they look, in which order, and how far. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dockerCredentials, dockerCredentialsSync } from "./docker_credentials.ts";
import {
  auth,
  auths,
  DOCKER,
  docker,
  HOME,
  optionsOf,
  pair,
  PODMAN,
  RUNTIME,
  secret,
  targetOf,
  type World,
} from "./fake_machine_test.ts";

const PLACES: [name: string, environment: Record<string, string>, paths: string[]][] = [
  ["a home folder", HOME, [DOCKER, RUNTIME, PODMAN]],
  ["Windows' home folder", { USERPROFILE: "/u", XDG_RUNTIME_DIR: "/r" }, [
    "/u/.docker/config.json",
    "/r/containers/auth.json",
    "/u/.config/containers/auth.json",
  ]],
  ["DOCKER_CONFIG", { ...HOME, DOCKER_CONFIG: "/d" }, ["/d/config.json", RUNTIME, PODMAN]],
  ["REGISTRY_AUTH_FILE", { ...HOME, REGISTRY_AUTH_FILE: "/a.json" }, [DOCKER, "/a.json"]],
  ["XDG_CONFIG_HOME", { ...HOME, XDG_CONFIG_HOME: "/c" }, [
    DOCKER,
    RUNTIME,
    "/c/containers/auth.json",
  ]],
  ["empty variables", { ...HOME, DOCKER_CONFIG: "", DOCKER_AUTH_CONFIG: "" }, [
    DOCKER,
    RUNTIME,
    PODMAN,
  ]],
  ["no XDG_RUNTIME_DIR", { HOME: "/h" }, [
    "/h/.docker/config.json",
    `/run/containers/${Deno.uid()}/auth.json`,
    "/h/.config/containers/auth.json",
  ]],
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

const LAZY: [name: string, world: World, target: string, done: string[]][] = [
  [
    "a path's entry: no helper, no later file",
    {
      files: {
        [DOCKER]: auths({ "a.io/org": auth("u:p") }, { credsStore: "s" }),
        [RUNTIME]: "broken",
      },
    },
    "a.io/org/app",
    [DOCKER],
  ],
  [
    "the first helper: no second one, no broken entry, no later file",
    {
      ...docker(auths({ "a.io": 42 }, { credHelpers: { "a.io": "one" }, credsStore: "two" }), {
        "one get a.io": secret("u", "p"),
      }),
    },
    "a.io",
    [DOCKER, "one get a.io"],
  ],
  [
    "an entry for the host, after the helpers",
    docker(auths({ "a.io": auth("u:p") }, { credsStore: "s" })),
    "a.io",
    [DOCKER, "s get a.io"],
  ],
  [
    "the option configText: no file",
    { configText: '{"auths":{"a.io":{"auth":"dTpw"}}}', config: "/x" },
    "a.io",
    [],
  ],
];

for (const [name, world, target, expected] of LAZY) {
  Deno.test(`dockerCredentials: what answers ends the search: ${name}`, async () => {
    for (const make of [dockerCredentials, dockerCredentialsSync]) {
      const done: string[] = [];
      assertEquals(await make(optionsOf(world, done))(targetOf(target)) !== undefined, true);
      assertEquals(done, expected);
    }
  });
}

Deno.test("dockerCredentials: DOCKER_AUTH_CONFIG answers: no other variable is read", async () => {
  const variables: string[] = [];
  const environment = new Proxy<Record<string, string>>({
    DOCKER_AUTH_CONFIG: '{"auths":{"a.io":{"auth":"dTpw"}}}',
  }, {
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

Deno.test("dockerCredentials: what is given throws: that ends the search", async () => {
  const fail = () => {
    throw new RangeError("broken");
  };
  const config = docker({ credsStore: "s" });
  for (const given of [{ read: fail }, { helper: fail }]) {
    const done: string[] = [];
    const options = { ...optionsOf(config, done), ...given };
    await assertRejects(async () => await dockerCredentials(options)({ host: "a.io" }), RangeError);
    assertThrows(() => dockerCredentialsSync(options)({ host: "a.io" }), RangeError, "broken");
    assertEquals(done, "read" in given ? [] : [DOCKER, DOCKER]);
  }
});

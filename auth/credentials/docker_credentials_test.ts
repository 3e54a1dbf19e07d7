import { assertEquals, assertNotMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type ApiError, InvalidOptionError, UnsupportedRuntimeError } from "../../errors.ts";
import type { Credential } from "../credential.ts";
import {
  dockerCredentials,
  dockerCredentialsSync,
  type DockerCredentialsSyncOptions,
} from "./docker_credentials.ts";
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

const FOUND: [name: string, world: World, target: string, expected: Credential | undefined][] = [
  ["no file at all", {}, "ghcr.io", undefined],
  ["an empty object", docker({}), "ghcr.io", undefined],
  ["nulls", docker({ auths: null, credHelpers: null, credsStore: null }), "ghcr.io", undefined],
  ["a byte order mark", docker(`\uFEFF${JSON.stringify(auths({ "a.io": auth("u:p") }))}`), "a.io", {
    ...pair("u", "p"),
  }],
  ["auth", docker(auths({ "a.io": auth("you:pass") })), "a.io", pair("you", "pass")],
  ["a colon in the password", docker(auths({ "a.io": auth("u:p:q:") })), "a.io", pair("u", "p:q:")],
  ["letters beyond ASCII", docker(auths({ "a.io": { auth: "w7w6w7w=" } })), "a.io", pair("ü", "ü")],
  ["zeros at its end", docker(auths({ "a.io": auth("u:p\0\0") })), "a.io", pair("u", "p")],
  ["auth without padding", docker(auths({ "a.io": { auth: "dTpwcA" } })), "a.io", pair("u", "pp")],
  ["user name and password", docker(auths({ "a.io": pair("u", "p") })), "a.io", pair("u", "p")],
  [
    "auth beside them wins",
    docker(auths({ "a.io": { ...pair("x", "y"), ...auth("u:p") } })),
    "a.io",
    {
      ...pair("u", "p"),
    },
  ],
  ["an identity token", docker(auths({ "a.io": { ...auth("u:"), identitytoken: "t" } })), "a.io", {
    ...{ username: "u", refreshToken: "t" },
  }],
  ["a registry token", docker(auths({ "a.io": { registrytoken: "t" } })), "a.io", {
    accessToken: "t",
  }],
  ["another host", docker(auths({ "a.io": auth("u:p") })), "b.a.io", undefined],
  ["an old key", docker(auths({ "https://a.io/v1/": auth("u:p") })), "a.io", pair("u", "p")],
  [
    "two spellings of one host: an empty one is none",
    docker(auths({ "a.io": {}, "https://a.io/v1/": auth("b:b") })),
    "a.io",
    pair("b", "b"),
  ],
  [
    "the tokens of docker's login by a browser",
    docker(auths({
      "https://index.docker.io/v1/access-token": auth("a:a"),
      "https://index.docker.io/v1/refresh-token": auth("r:r"),
    })),
    HUB,
    undefined,
  ],
  [
    "an entry as Docker Desktop writes it",
    docker(auths({ "https://index.docker.io/v1/": {} }, { credsStore: "desktop" }), {
      "desktop get https://index.docker.io/v1/": secret("u", "p"),
    }),
    HUB,
    pair("u", "p"),
  ],
  ["an empty entry, and no helper", docker(auths({ "a.io": {} })), "a.io", undefined],
  [
    "an identity token beside a password",
    docker(auths({ "a.io": { ...auth("u:p"), identitytoken: "t" } })),
    "a.io",
    { ...pair("u", "p"), refreshToken: "t" },
  ],
  [
    "an identity token as Azure's command writes it",
    docker(
      auths({ "a.io": { ...auth("00000000-0000-0000-0000-000000000000:"), identitytoken: "t" } }),
    ),
    "a.io",
    { username: "00000000-0000-0000-0000-000000000000", refreshToken: "t" },
  ],
  ["a key called __proto__", docker('{"auths":{"__proto__":{"auth":"dTpw"}}}'), "a.io", undefined],
  ["a host called constructor", docker(auths({})), "constructor", undefined],
  ...["https://index.docker.io/v1/", "docker.io", "index.docker.io", HUB].map((
    key,
  ): [string, World, string, Credential] => [
    `Docker Hub as ${key}`,
    docker(auths({ [key]: auth("u:p") })),
    HUB,
    pair("u", "p"),
  ]),
  ...([
    ["q.io/org/app", pair("app", "3")],
    ["q.io/org/app/deep", pair("app", "3")],
    ["q.io/org/apple", pair("org", "2")],
    ["q.io/organisation/app", pair("all", "1")],
    ["q.io", pair("all", "1")],
  ] as const).map(([target, expected]): [string, World, string, Credential] => [
    `path prefixes: ${target}`,
    docker(auths({
      "q.io": auth("all:1"),
      "q.io/org": auth("org:2"),
      "q.io/org/app": auth("app:3"),
    })),
    target,
    expected,
  ]),
  [
    "a path alone is for nothing else",
    docker(auths({ "q.io/org": auth("u:p") })),
    "q.io/x",
    undefined,
  ],
  [
    "a path behind a scheme is none",
    docker(auths({ "https://q.io/org": auth("u:p") })),
    "q.io/other",
    pair("u", "p"),
  ],
  [
    "credHelpers before credsStore before auths",
    docker(auths({ "a.io": auth("c:c") }, { credHelpers: { "a.io": "one" }, credsStore: "two" }), {
      "one get a.io": secret("a", "a"),
      "two get a.io": secret("b", "b"),
    }),
    "a.io",
    pair("a", "a"),
  ],
  [
    "credsStore before auths",
    docker(auths({ "a.io": auth("c:c") }, { credsStore: "two" }), {
      "two get a.io": secret("b", "b"),
    }),
    "a.io",
    pair("b", "b"),
  ],
  [
    "auths where no helper has it",
    docker(auths({ "a.io": auth("c:c") }, { credHelpers: { "a.io": "one" }, credsStore: "two" })),
    "a.io",
    pair("c", "c"),
  ],
  [
    "an empty name takes a registry out of the store",
    docker(auths({ "a.io": auth("c:c") }, { credHelpers: { "a.io": "" }, credsStore: "two" }), {
      "two get a.io": secret("b", "b"),
    }),
    "a.io",
    pair("c", "c"),
  ],
  [
    "a path's entry before the store's for the host",
    docker(auths({ "a.io/org": auth("c:c") }, { credsStore: "two" }), {
      "two get a.io": secret("b", "b"),
    }),
    "a.io/org/app",
    pair("c", "c"),
  ],
  [
    "a helper's identity token",
    docker({ credsStore: "s" }, { "s get a.io": secret("<token>", "t") }),
    "a.io",
    { refreshToken: "t" },
  ],
  [
    "the store has Docker Hub by its key",
    docker({ credsStore: "s" }, {
      "s get https://index.docker.io/v1/": secret("u", "p", "https://index.docker.io/v1/"),
    }),
    HUB,
    pair("u", "p"),
  ],
  [
    "the store has it as the config spells it",
    docker(auths({ "https://a.io": {} }, { credsStore: "s" }), {
      "s get https://a.io": secret("u", "p"),
    }),
    "a.io",
    pair("u", "p"),
  ],
  [
    "not found, on standard error",
    docker({ credsStore: "s" }, {
      "s get a.io": { code: 1, stdout: "", stderr: "Credentials not found in native keychain" },
    }),
    "a.io",
    undefined,
  ],
  [
    "an empty secret",
    docker({ credsStore: "s" }, { "s get a.io": secret("", "") }),
    "a.io",
    undefined,
  ],
  [
    "DOCKER_AUTH_CONFIG before files",
    {
      ...docker(auths({ "a.io": auth("file:p") })),
      environment: { ...HOME, DOCKER_AUTH_CONFIG: '{"auths":{"a.io":{"auth":"dTpw"}}}' },
    },
    "a.io",
    pair("u", "p"),
  ],
  [
    "files after a DOCKER_AUTH_CONFIG without it",
    {
      ...docker(auths({ "a.io": auth("file:p") })),
      environment: { ...HOME, DOCKER_AUTH_CONFIG: '{"auths":{"b.io":{"auth":"dTpw"}}}' },
    },
    "a.io",
    pair("file", "p"),
  ],
  [
    "podman's after Docker's",
    { files: { [DOCKER]: {}, [RUNTIME]: {}, [PODMAN]: auths({ "a.io": auth("u:p") }) } },
    "a.io",
    pair("u", "p"),
  ],
  [
    "the option configText alone",
    { ...docker(auths({ "a.io": auth("u:p") })), configText: "{}" },
    "a.io",
    undefined,
  ],
  [
    "configText, then config",
    {
      files: { "/x": auths({ "a.io": auth("u:p") }) },
      configText: "{}",
      config: ["/none", "/x"],
    },
    "a.io",
    pair("u", "p"),
  ],
];

for (const [name, world, target, expected] of FOUND) {
  Deno.test(`dockerCredentials, dockerCredentialsSync: ${name}: ${target}`, async () => {
    const options = optionsOf(world);
    assertEquals(await dockerCredentials(options)(targetOf(target)), expected);
    assertEquals(dockerCredentialsSync(options)(targetOf(target)), expected);
  });
}

/** In every config and answer below, so that a message which quotes them is seen. */
const SECRET = "hunter2";

const BROKEN: [name: string, world: World, message: string, source: string][] = [
  ["an empty file", docker(""), "it is empty", DOCKER],
  ["a file of spaces", docker(" \n"), "it is empty", DOCKER],
  ["no JSON", docker(SECRET), "it is not JSON", DOCKER],
  ["half a JSON", docker(`{"auths":{"a.io":{"password":"${SECRET}`), "it is not JSON", DOCKER],
  ["NUL bytes", docker(`{"auths":{}}\0${SECRET}`), "it is not JSON", DOCKER],
  ["a list", docker(`["${SECRET}"]`), "it is not a JSON object", DOCKER],
  ["a text", docker(`"${SECRET}"`), "it is not a JSON object", DOCKER],
  ["auths as a text", docker({ auths: SECRET }), "its auths is not a JSON object", DOCKER],
  ["credHelpers as a list", docker({ credHelpers: [SECRET] }), "its credHelpers is not a", DOCKER],
  ["credsStore as a number", docker({ credsStore: 42 }), "the helper in credsStore must", DOCKER],
  ["a store that is a command", docker({ credsStore: "x; rm -rf" }), "must be a name", DOCKER],
  [
    "a helper that is a path",
    docker({ credHelpers: { "a.io": "../../x" } }),
    "must be a name",
    DOCKER,
  ],
  ["an entry that is a text", docker(auths({ "a.io": SECRET })), 'auths["a.io"] of', DOCKER],
  ["auth as a number", docker(auths({ "a.io": { auth: 42 } })), "its auth is not a text", DOCKER],
  ["no base64", docker(auths({ "a.io": { auth: `${SECRET}!` } })), "is not base64", DOCKER],
  ["base64 of no text", docker(auths({ "a.io": { auth: "/////w==" } })), "is not base64", DOCKER],
  ["auth without a colon", docker(auths({ "a.io": auth(SECRET) })), "holds no colon", DOCKER],
  ["a line break", docker(auths({ "a.io": auth(`u:${SECRET}\n`) })), "holds a line break", DOCKER],
  [
    "a line break in the name",
    docker(auths({ "a.io": auth(`u\n:${SECRET}`) })),
    "username",
    DOCKER,
  ],
  [
    "a line break in a token",
    docker(auths({ "a.io": { identitytoken: `${SECRET}\n` } })),
    "its identitytoken holds a line break",
    DOCKER,
  ],
  ["a NUL inside", docker(auths({ "a.io": auth(`u:\0${SECRET}`) })), "control character", DOCKER],
  ["no user name", docker(auths({ "a.io": auth(`:${SECRET}`) })), "no user name", DOCKER],
  [
    "DOCKER_AUTH_CONFIG",
    { environment: { ...HOME, DOCKER_AUTH_CONFIG: `{${SECRET}` } },
    "Cannot use DOCKER_AUTH_CONFIG: it is not JSON",
    "DOCKER_AUTH_CONFIG",
  ],
  ["the option configText", { configText: SECRET }, "it is not JSON", "the option 'configText'"],
  ...([
    ["an exit code", { code: 1, stdout: SECRET, stderr: SECRET }, "exit code 1"],
    ["garbage", { code: 0, stdout: SECRET }, "its answer is not JSON"],
    ["nothing", { code: 0, stdout: "" }, "its answer is not JSON"],
    ["a list", { code: 0, stdout: `["${SECRET}"]` }, "its answer is not a JSON object"],
    ["a number as secret", { Username: "u", Secret: 42 }, "its Secret is not a text"],
    ["no user name", { Secret: SECRET }, "a secret, and no user name"],
    ["another registry", secret("u", SECRET, "https://b.io"), "for another registry"],
  ] as const).map(([name, answer, message]): [string, World, string, string] => [
    `a helper that answers ${name}`,
    docker({ credsStore: "s" }, { "s get a.io": answer }),
    message,
    "docker-credential-s",
  ]),
];

for (const [name, world, message, source] of BROKEN) {
  Deno.test(`dockerCredentials: ${name}: CREDENTIALS, without quoting it`, async () => {
    const errors: ApiError[] = [
      await assertRejects(async () => await dockerCredentials(optionsOf(world))({ host: "a.io" })),
      await assertRejects(() =>
        Promise.resolve().then(() => dockerCredentialsSync(optionsOf(world))({ host: "a.io" }))
      ),
    ] as ApiError[];
    for (const error of errors) {
      assertEquals([error.code, Reflect.get(error, "source")], ["CREDENTIALS", source]);
      assertStringIncludes(error.message, message);
      assertNotMatch(Deno.inspect(error, { showHidden: true }), /hunter2|aHVudGVyM/);
    }
  });
}

Deno.test("dockerCredentials: an entry of another registry may be anything", () => {
  const source = dockerCredentialsSync(
    optionsOf(docker(auths({ "b.io": 42, "a.io": auth("u:p") }, { credHelpers: { "c.io": "/" } }))),
  );
  assertEquals(source({ host: "a.io" }), pair("u", "p"));
});

Deno.test("dockerCredentials: files of the machine: too large, a folder, unreadable", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const config = `${folder}/config.json`;
    const both = async (options: { configBytes?: number }, code: string, message: string) => {
      const thrown = [
        await assertRejects(async () =>
          await dockerCredentials({ config, ...options })({ host: "a.io" })
        ),
        await assertRejects(() =>
          Promise.resolve().then(() =>
            dockerCredentialsSync({ config, ...options })({ host: "a.io" })
          )
        ),
      ] as ApiError[];
      for (const error of thrown) {
        assertEquals(error.code, code);
        assertStringIncludes(error.message, `Cannot read ${config}: ${message}`);
      }
    };
    await Deno.writeFile(config, new Uint8Array(0));
    await Deno.truncate(config, 50_000_000);
    await both({}, "LIMIT_EXCEEDED", "it is larger than the limit configBytes of 4194304 bytes");
    await Deno.writeTextFile(config, '{"auths":{"a.io":{"auth":"dTpw"}}}');
    await both({ configBytes: 10 }, "LIMIT_EXCEEDED", "it is larger");
    assertEquals(await dockerCredentials({ config })({ host: "a.io" }), pair("u", "p"));
    assertEquals(dockerCredentialsSync({ config })({ host: "a.io" }), pair("u", "p"));
    await Deno.remove(config);
    assertEquals(await dockerCredentials({ config })({ host: "a.io" }), undefined);
    assertEquals(dockerCredentialsSync({ config })({ host: "a.io" }), undefined);
    await Deno.mkdir(config);
    await both({}, "CREDENTIALS", "it is not a file");
    await Deno.remove(config);
    await Deno.symlink(config, config); // the system's error, whoever runs this
    await both({}, "CREDENTIALS", "the system does not let this program");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("dockerCredentials: bad limits: INVALID_OPTION", async () => {
  for (const name of ["configBytes", "helperBytes", "helperTimeout"]) {
    for (const value of [0, -1, NaN, "9"]) {
      await assertRejects(
        () => Promise.resolve().then(() => dockerCredentials({ [name]: value })),
        InvalidOptionError,
        `Cannot look for credentials as '${name}' must be a positive number: current value is ${value}`,
      );
    }
  }
});

Deno.test("dockerCredentials: no machine: UNSUPPORTED_RUNTIME; what is given still serves", async () => {
  const process = Reflect.get(globalThis, "process");
  Reflect.set(globalThis, "process", undefined);
  try {
    const ask = async (options: DockerCredentialsSyncOptions) => {
      await assertRejects(
        async () => await dockerCredentials(options)({ host: "a.io" }),
        UnsupportedRuntimeError,
      );
      await assertRejects(
        () => Promise.resolve().then(() => dockerCredentialsSync(options)({ host: "a.io" })),
        UnsupportedRuntimeError,
      );
    };
    await ask({});
    await ask({ config: "/config.json" });
    await ask({ configText: '{"credsStore":"s"}' });
    const configText = '{"auths":{"a.io":{"auth":"dTpw"}}}';
    assertEquals(await dockerCredentials({ configText })({ host: "a.io" }), pair("u", "p"));
  } finally {
    Reflect.set(globalThis, "process", process);
  }
});

import {
  assertEquals,
  assertInstanceOf,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type ApiError, InvalidOptionError, UnsupportedRuntimeError } from "../../errors.ts";
import type { Credential } from "../credential.ts";
import { tempFolder } from "../../scripts/temp_folder.ts";
import {
  dockerCredentials,
  dockerCredentialsSync,
  type DockerCredentialsSyncOptions,
} from "./docker_credentials.ts";
import {
  type Answers,
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

function finds(name: string, world: World, target: string, expected?: Credential): void {
  Deno.test(`dockerCredentials, dockerCredentialsSync: ${name}: ${target}`, async () => {
    const options = optionsOf(world);
    assertEquals(await dockerCredentials(options)(targetOf(target)), expected);
    assertEquals(dockerCredentialsSync(options)(targetOf(target)), expected);
  });
}

const UP = pair("u", "p");
const A_IO = '{"auths":{"a.io":{"auth":"dTpw"}}}';
const HUB_KEY = "https://index.docker.io/v1/";
const AZURE = "00000000-0000-0000-0000-000000000000";

/** What `entry` for a.io says of a.io. */
const ENTRIES: [name: string, entry: object, expected: Credential | undefined][] = [
  ["auth", auth("you:pass"), pair("you", "pass")],
  ["a colon in the password", auth("u:p:q:"), pair("u", "p:q:")],
  ["letters beyond ASCII", { auth: "w7w6w7w=" }, pair("ü", "ü")],
  ["zeros at its end", auth("u:p\0\0"), UP],
  ["auth without padding", { auth: "dTpwcA" }, pair("u", "pp")],
  ["user name and password", UP, UP],
  ["auth beside them wins", { ...pair("x", "y"), ...auth("u:p") }, UP],
  [
    "an identity token",
    { ...auth("u:"), identitytoken: "t" },
    { username: "u", refreshToken: "t" },
  ],
  [
    "an identity token beside a password",
    { ...auth("u:p"), identitytoken: "t" },
    { ...UP, refreshToken: "t" },
  ],
  [
    "an identity token as Azure's command writes it",
    { ...auth(`${AZURE}:`), identitytoken: "t" },
    { username: AZURE, refreshToken: "t" },
  ],
  ["a registry token", { registrytoken: "t" }, { accessToken: "t" }],
  ["an empty entry, and no helper", {}, undefined],
];

for (const [name, entry, expected] of ENTRIES) {
  finds(name, docker(auths({ "a.io": entry })), "a.io", expected);
}

/** What a config with these `auths` says of `target`. */
const KEYS: [
  name: string,
  entries: Record<string, unknown>,
  target: string,
  expected?: Credential,
][] = [
  ["another host", { "a.io": auth("u:p") }, "b.a.io"],
  ["an old key", { "https://a.io/v1/": auth("u:p") }, "a.io", UP],
  [
    "two spellings of one host: an empty one is none",
    { "a.io": {}, "https://a.io/v1/": auth("u:p") },
    "a.io",
    UP,
  ],
  [
    "the tokens of docker's login by a browser",
    { [`${HUB_KEY}access-token`]: auth("a:a"), [`${HUB_KEY}refresh-token`]: auth("r:r") },
    HUB,
  ],
  ["a host called constructor", {}, "constructor"],
  ["Docker Hub as its key", { [HUB_KEY]: auth("u:p") }, HUB, UP],
  ["Docker Hub as docker.io", { "docker.io": auth("u:p") }, HUB, UP],
  ["Docker Hub as index.docker.io", { "index.docker.io": auth("u:p") }, HUB, UP],
  ["Docker Hub as its host", { [HUB]: auth("u:p") }, HUB, UP],
  ["a path alone is for nothing else", { "q.io/org": auth("u:p") }, "q.io/x"],
  ["a path behind a scheme is none", { "https://q.io/org": auth("u:p") }, "q.io/other", UP],
];

for (const [name, entries, target, expected] of KEYS) {
  finds(name, docker(auths(entries)), target, expected);
}

const PATHS = { "q.io": auth("all:1"), "q.io/org": auth("org:2"), "q.io/org/app": auth("app:3") };
const PREFIXES: [target: string, expected: Credential][] = [
  ["q.io/org/app", pair("app", "3")],
  ["q.io/org/app/deep", pair("app", "3")],
  ["q.io/org/apple", pair("org", "2")],
  ["q.io/organisation/app", pair("all", "1")],
  ["q.io", pair("all", "1")],
];

for (const [target, expected] of PREFIXES) {
  finds("path prefixes", docker(auths(PATHS)), target, expected);
}

/** What two helpers, an entry and one in the place of another say of a.io/org/app: the answer's user name. */
const TWO = { "one get a.io": secret("one", "p"), "two get a.io": secret("two", "p") };
const SOURCES: [name: string, config: object, helpers: Answers, username: string][] = [
  [
    "credHelpers before credsStore before auths",
    auths({ "a.io": auth("entry:p") }, { credHelpers: { "a.io": "one" }, credsStore: "two" }),
    TWO,
    "one",
  ],
  [
    "credsStore before auths",
    auths({ "a.io": auth("entry:p") }, { credsStore: "two" }),
    TWO,
    "two",
  ],
  [
    "auths where no helper has it",
    auths({ "a.io": auth("entry:p") }, { credHelpers: { "a.io": "one" }, credsStore: "two" }),
    {},
    "entry",
  ],
  [
    "an empty name takes a registry out of the store",
    auths({ "a.io": auth("entry:p") }, { credHelpers: { "a.io": "" }, credsStore: "two" }),
    TWO,
    "entry",
  ],
  [
    "a path's entry before the store's for the host",
    auths({ "a.io/org": auth("entry:p") }, { credsStore: "two" }),
    TWO,
    "entry",
  ],
  [
    "the store has it as the config spells it",
    auths({ "https://a.io": {} }, { credsStore: "two" }),
    { "two get https://a.io": secret("two", "p") },
    "two",
  ],
];

for (const [name, config, helpers, username] of SOURCES) {
  finds(name, docker(config, helpers), "a.io/org/app", pair(username, "p"));
}

/** What the answer of a store says of a.io. */
const ANSWERS: [name: string, answer: object, expected: Credential | undefined][] = [
  ["an identity token", secret("<token>", "t"), { refreshToken: "t" }],
  ["not found, on standard error", {
    code: 1,
    stdout: "",
    stderr: "Credentials not found in native keychain",
  }, undefined],
  ["an empty secret", secret("", ""), undefined],
];

for (const [name, answer, expected] of ANSWERS) {
  finds(
    `a helper's answer: ${name}`,
    docker({ credsStore: "s" }, { "s get a.io": answer }),
    "a.io",
    expected,
  );
}

finds("no file at all", {}, "a.io", undefined);
finds("an empty object", docker({}), "a.io", undefined);
finds("nulls", docker({ auths: null, credHelpers: null, credsStore: null }), "a.io", undefined);
finds("a byte order mark", docker(`\uFEFF${A_IO}`), "a.io", UP);
finds(
  "a key called __proto__",
  docker('{"auths":{"__proto__":{"auth":"dTpw"}}}'),
  "a.io",
  undefined,
);

const hubAnswer = { [`desktop get ${HUB_KEY}`]: secret("u", "p", HUB_KEY) };
finds("the store has Docker Hub by its key", docker({ credsStore: "desktop" }, hubAnswer), HUB, UP);
finds(
  "an entry as Docker Desktop writes it",
  docker(auths({ [HUB_KEY]: {} }, { credsStore: "desktop" }), hubAnswer),
  HUB,
  UP,
);

const here = docker(auths({ "a.io": auth("file:p") }));
const variable = (text: string) => ({
  ...here,
  environment: { ...HOME, DOCKER_AUTH_CONFIG: text },
});
const later = { [DOCKER]: {}, [RUNTIME]: {}, [PODMAN]: auths({ "a.io": auth("u:p") }) };
const given = { files: { "/x": auths({ "a.io": auth("u:p") }) }, config: ["/none", "/x"] };
finds("DOCKER_AUTH_CONFIG before files", variable(A_IO), "a.io", UP);
finds(
  "files after a DOCKER_AUTH_CONFIG without it",
  variable(A_IO.replace("a.io", "b.io")),
  "a.io",
  pair("file", "p"),
);
finds("podman's after Docker's", { files: later }, "a.io", UP);
finds("the option configText alone", { ...here, configText: "{}" }, "a.io", undefined);
finds("configText, then config", { ...given, configText: "{}" }, "a.io", UP);

/** The errors of both, asked for a.io. */
async function bothFail(options: DockerCredentialsSyncOptions): Promise<ApiError[]> {
  const target = { host: "a.io" };
  return [
    await assertRejects(async () => await dockerCredentials(options)(target)) as ApiError,
    assertThrows(() => dockerCredentialsSync(options)(target)) as ApiError,
  ];
}

/** In every config and answer below, so that a message which quotes them is seen. */
const SECRET = "hunter2";

const CONFIGS: [name: string, config: unknown, message: string][] = [
  ["an empty file", "", "it is empty"],
  ["a file of spaces", " \n", "it is empty"],
  ["no JSON", SECRET, "it is not JSON"],
  ["half a JSON", `{"auths":{"a.io":{"password":"${SECRET}`, "it is not JSON"],
  ["NUL bytes", `{"auths":{}}\0${SECRET}`, "it is not JSON"],
  ["a list", `["${SECRET}"]`, "it is not a JSON object"],
  ["a text", `"${SECRET}"`, "it is not a JSON object"],
  ["auths as a text", { auths: SECRET }, "its auths is not a JSON object"],
  ["credHelpers as a list", { credHelpers: [SECRET] }, "its credHelpers is not a"],
  ["credsStore as a number", { credsStore: 42 }, "the helper in credsStore must"],
  ["a store that is a command", { credsStore: "x; rm -rf" }, "must be a name"],
  ["a helper that is a path", { credHelpers: { "a.io": "../../x" } }, "must be a name"],
];

const BROKEN_ENTRIES: [name: string, entry: unknown, message: string][] = [
  ["an entry that is a text", SECRET, 'auths["a.io"] of'],
  ["auth as a number", { auth: 42 }, "its auth is not a text"],
  ["no base64", { auth: `${SECRET}!` }, "is not base64"],
  ["base64 of no text", { auth: "/////w==" }, "is not base64"],
  ["auth without a colon", auth(SECRET), "holds no colon"],
  ["a line break", auth(`u:${SECRET}\n`), "holds a line break"],
  ["a line break in the name", auth(`u\n:${SECRET}`), "username"],
  ["a line break in a token", { identitytoken: `${SECRET}\n` }, "its identitytoken holds a line"],
  ["a NUL inside", auth(`u:\0${SECRET}`), "control character"],
  ["no user name", auth(`:${SECRET}`), "no user name"],
];

const BROKEN_ANSWERS: [name: string, answer: object, message: string][] = [
  ["an exit code", { code: 1, stdout: SECRET, stderr: SECRET }, "exit code 1"],
  ["garbage", { code: 0, stdout: SECRET }, "its answer is not JSON"],
  ["nothing", { code: 0, stdout: "" }, "its answer is not JSON"],
  ["a list", { code: 0, stdout: `["${SECRET}"]` }, "its answer is not a JSON object"],
  ["a number as secret", { Username: "u", Secret: 42 }, "its Secret is not a text"],
  ["no user name", { Secret: SECRET }, "a secret, and no user name"],
  ["another registry", secret("u", SECRET, "https://b.io"), "for another registry"],
];

const brokenVariable = { environment: { ...HOME, DOCKER_AUTH_CONFIG: `{${SECRET}` } };
const BROKEN: [name: string, world: World, message: string, source: string][] = [
  ["DOCKER_AUTH_CONFIG", brokenVariable, "it is not JSON", "DOCKER_AUTH_CONFIG"],
  ["configText", { configText: SECRET }, "it is not JSON", "the option 'configText'"],
];
for (const [name, config, message] of CONFIGS) BROKEN.push([name, docker(config), message, DOCKER]);
for (const [name, entry, message] of BROKEN_ENTRIES) {
  BROKEN.push([name, docker(auths({ "a.io": entry })), message, DOCKER]);
}
for (const [name, answer, message] of BROKEN_ANSWERS) {
  const world = docker({ credsStore: "s" }, { "s get a.io": answer });
  BROKEN.push([`a helper that answers ${name}`, world, message, "docker-credential-s"]);
}

for (const [name, world, message, source] of BROKEN) {
  Deno.test(`dockerCredentials: ${name}: CREDENTIALS, without quoting it`, async () => {
    for (const error of await bothFail(optionsOf(world))) {
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
  await using folder = await tempFolder();
  const config = `${folder.path}/config.json`;
  const refused = async (options: { configBytes?: number }, code: string, message: string) => {
    for (const error of await bothFail({ config, ...options })) {
      assertEquals(error.code, code);
      assertStringIncludes(error.message, `Cannot read ${config}: ${message}`);
    }
  };
  const found = async (expected: Credential | undefined) => {
    assertEquals(await dockerCredentials({ config })({ host: "a.io" }), expected);
    assertEquals(dockerCredentialsSync({ config })({ host: "a.io" }), expected);
  };
  await Deno.writeFile(config, new Uint8Array(0));
  await Deno.truncate(config, 50_000_000);
  await refused({}, "LIMIT_EXCEEDED", "it is larger than the limit configBytes of 4194304 bytes");
  await Deno.writeTextFile(config, A_IO);
  await refused({ configBytes: 10 }, "LIMIT_EXCEEDED", "it is larger");
  await found(UP);
  await Deno.remove(config);
  await found(undefined);
  await Deno.mkdir(config);
  await refused({}, "CREDENTIALS", "it is not a file");
  await Deno.remove(config);
  await Deno.symlink(config, config); // the system's error, whoever runs this
  await refused({}, "CREDENTIALS", "the system does not let this program");
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
      for (const error of await bothFail(options)) assertInstanceOf(error, UnsupportedRuntimeError);
    };
    await ask({});
    await ask({ config: "/config.json" });
    await ask({ configText: '{"credsStore":"s"}' });
    assertEquals(await dockerCredentials({ configText: A_IO })({ host: "a.io" }), UP);
  } finally {
    Reflect.set(globalThis, "process", process);
  }
});

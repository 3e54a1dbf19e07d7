import { assertEquals } from "@std/assert";
import type { Credential, CredentialSource } from "../credential.ts";
import { assertFails } from "./fake_service_test.ts";
import { harborCredentials, quayCredentials } from "./robot_credentials.ts";

const SECRET = "hunter2";

const CASES: [name: string, source: CredentialSource, host: string, answer?: Credential][] = [
  ["Quay: a robot", quayCredentials({ robot: "you+ci_1", token: SECRET }), "quay.io", {
    username: "you+ci_1",
    password: SECRET,
  }],
  ["Quay: an application", quayCredentials({ token: SECRET }), "quay.io", {
    username: "$oauthtoken",
    password: SECRET,
  }],
  ["Quay: another host", quayCredentials({ token: SECRET }), "quay.io.example.com"],
  [
    "Quay: one of your own",
    quayCredentials({ robot: "my.org+ci", token: SECRET, host: "Quay.example.com:8443" }),
    "quay.example.com:8443",
    { username: "my.org+ci", password: SECRET },
  ],
  [
    "Quay: quay.io, where another is given",
    quayCredentials({ token: SECRET, host: "quay.example.com" }),
    "quay.io",
  ],
  [
    "Harbor: a project's robot",
    harborCredentials({ host: "harbor.example.com", robot: "robot$project+ci", secret: SECRET }),
    "harbor.example.com",
    { username: "robot$project+ci", password: SECRET },
  ],
  [
    "Harbor: a system's robot, with another prefix",
    harborCredentials({
      host: "harbor.example.com:443",
      robot: "bot-ci",
      secret: SECRET,
      prefix: "bot-",
    }),
    "harbor.example.com",
    { username: "bot-ci", password: SECRET },
  ],
  [
    "Harbor: another host",
    harborCredentials({ host: "harbor.example.com", robot: "robot$ci", secret: SECRET }),
    "harbor.example.org",
  ],
];

for (const [name, source, host, answer] of CASES) {
  Deno.test(name, async () => assertEquals(await source({ host }), answer));
}

const harbor = { host: "harbor.example.com", robot: "robot$ci", secret: SECRET };

const BAD: [name: string, make: () => unknown, message: string][] = [
  ["Quay: no token", () => quayCredentials({ robot: "you+ci", token: "" }), "token must not be"],
  ["Quay: half a name", () => quayCredentials({ robot: "ci", token: SECRET }), "organization+name"],
  ["Quay: no robot", () => quayCredentials({ robot: "you+", token: SECRET }), "organization+name"],
  ["Quay: capitals", () => quayCredentials({ robot: "You+ci", token: SECRET }), 'is "You+ci"'],
  [
    "Quay: a URL",
    () => quayCredentials({ token: SECRET, host: "https://quay.io" }),
    "host must be",
  ],
  ["Harbor: no secret", () => harborCredentials({ ...harbor, secret: "" }), "secret must not be"],
  [
    "Harbor: what a shell leaves of robot$ci",
    () => harborCredentials({ ...harbor, robot: "robot" }),
    'a shell replaces $ and what follows in double quotes: current value is "robot"',
  ],
  ["Harbor: no name", () => harborCredentials({ ...harbor, robot: "robot$" }), "begin with robot$"],
  ["Harbor: a colon", () => harborCredentials({ ...harbor, robot: "robot$a:b" }), "robot$a:b"],
  ["Harbor: no host", () => harborCredentials({ ...harbor, host: "" }), "host must be a host"],
];

for (const [name, make, message] of BAD) {
  Deno.test(`${name}: InvalidOptionError`, async () => {
    await assertFails(make, "INVALID_OPTION", message, [SECRET]);
  });
}

import { assertEquals } from "@std/assert";
import type { CredentialSource } from "../credential.ts";
import { assertFails } from "./fake_service_test.ts";
import {
  harborCredentials,
  type HarborCredentialsOptions,
  quayCredentials,
  type QuayCredentialsOptions,
} from "./robot_credentials.ts";

const SECRET = "hunter2";

const HARBOR = "harbor.example.com";
const harbor = { host: HARBOR, robot: "robot$ci", secret: SECRET };
const quay = (options: Partial<QuayCredentialsOptions> = {}) =>
  quayCredentials({ token: SECRET, ...options });
const harborBot = (options: Partial<HarborCredentialsOptions> = {}) =>
  harborCredentials({ ...harbor, ...options });

/** With the user name that is answered; none where it is for another host. */
const CASES: [name: string, source: CredentialSource, host: string, username?: string][] = [
  ["Quay: a robot", quay({ robot: "you+ci_1" }), "quay.io", "you+ci_1"],
  ["Quay: an application", quay(), "quay.io", "$oauthtoken"],
  ["Quay: another host", quay(), "quay.io.example.com"],
  [
    "Quay: one of your own",
    quay({ robot: "my.org+ci", host: "Quay.example.com:8443" }),
    "quay.example.com:8443",
    "my.org+ci",
  ],
  ["Quay: quay.io, where another is given", quay({ host: "quay.example.com" }), "quay.io"],
  ["Harbor: a project's robot", harborBot({ robot: "robot$a+ci" }), HARBOR, "robot$a+ci"],
  [
    "Harbor: a system's robot, with another prefix",
    harborBot({ host: `${HARBOR}:443`, robot: "bot-ci", prefix: "bot-" }),
    HARBOR,
    "bot-ci",
  ],
  ["Harbor: another host", harborBot(), "harbor.example.org"],
];

for (const [name, source, host, username] of CASES) {
  const answer = username === undefined ? undefined : { username, password: SECRET };
  Deno.test(name, async () => assertEquals(await source({ host }), answer));
}

const BAD: [name: string, make: () => unknown, message: string][] = [
  ["Quay: no token", () => quay({ token: "" }), "token must not be"],
  ["Quay: half a name", () => quay({ robot: "ci" }), "organization+name"],
  ["Quay: no robot", () => quay({ robot: "you+" }), "organization+name"],
  ["Quay: capitals", () => quay({ robot: "You+ci" }), 'is "You+ci"'],
  ["Quay: a URL", () => quay({ host: "https://quay.io" }), "host must be"],
  ["Harbor: no secret", () => harborBot({ secret: "" }), "secret must not be"],
  [
    "Harbor: what a shell leaves of robot$ci",
    () => harborBot({ robot: "robot" }),
    'a shell replaces $ and what follows in double quotes: current value is "robot"',
  ],
  ["Harbor: no name", () => harborBot({ robot: "robot$" }), "begin with robot$"],
  ["Harbor: a colon", () => harborBot({ robot: "robot$a:b" }), "robot$a:b"],
  ["Harbor: no host", () => harborBot({ host: "" }), "host must be a host"],
];

for (const [name, make, message] of BAD) {
  Deno.test(`${name}: InvalidOptionError`, async () => {
    await assertFails(make, "INVALID_OPTION", message, [SECRET]);
  });
}

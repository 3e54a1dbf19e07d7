import { assert, assertEquals } from "@std/assert";
import { decodeJwt, decodeProtectedHeader, exportPKCS8, generateKeyPair, jwtVerify } from "jose";
import { tempFolder } from "../../scripts/temp_folder.ts";
import { type Answer, assertFails, BAD_ANSWERS, echo, FakeService } from "./fake_service_test.ts";
import { googleCredentials, type GoogleCredentialsOptions } from "./google_credentials.ts";

const HOST = "europe-west3-docker.pkg.dev";
const EMAIL = "ci@project.iam.gserviceaccount.com";
const TOKEN_URI = "https://oauth2.googleapis.com/token";
const METADATA =
  "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";

const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
const PEM = await exportPKCS8(privateKey);
const KEY = {
  type: "service_account",
  project_id: "project",
  private_key_id: "0123abcd",
  private_key: PEM,
  client_email: EMAIL,
  token_uri: TOKEN_URI,
};
const JSON_KEY = JSON.stringify(KEY, undefined, 2);
/** A line of the key that nothing may show. */
const SECRETS = [PEM.split("\n")[3]!, JSON.stringify(PEM).slice(40, 90)];

const token: Answer = () =>
  Response.json({ access_token: "ya29.token", expires_in: 3599, token_type: "Bearer" });
const metadata = (body: unknown): Answer => () =>
  Response.json(body, { headers: { "metadata-flavor": "Google" } });

function world(options: GoogleCredentialsOptions, answer: Answer = token, environment = {}) {
  const service = new FakeService(answer, environment);
  const source = googleCredentials({ ...service.options, ...options });
  return { service, get: async (host = HOST) => await source({ host }) };
}

const HOSTS: [host: string, answers: boolean][] = [
  ["europe-west3-docker.pkg.dev", true],
  ["us-docker.pkg.dev", true],
  ["gcr.io", true],
  ["eu.gcr.io", true],
  ["europe-west3-npm.pkg.dev", false],
  ["docker.pkg.dev", false],
  ["evil-docker.pkg.dev.example.com", false],
  ["evil.example/-docker.pkg.dev", false],
  ["a.b-docker.pkg.dev", false],
  ["evilgcr.io", false],
  ["a.b.gcr.io", false],
  ["gcr.io:443", false],
  ["ghcr.io", false],
];

for (const [host, answers] of HOSTS) {
  Deno.test(`googleCredentials: ${host} is ${answers ? "" : "not "}Google's`, async () => {
    const { get } = world({ accessToken: "ya29.given" });
    const credential = { username: "oauth2accesstoken", password: "ya29.given" };
    assertEquals(await get(host), answers ? credential : undefined);
  });
}

const PASSWORDS: [name: string, options: GoogleCredentialsOptions, password: string][] = [
  ["_json_key", { key: JSON_KEY, keyAs: "_json_key" }, JSON_KEY],
  ["_json_key", { key: `\n${JSON_KEY}\n`, keyAs: "_json_key" }, JSON_KEY],
  ["_json_key", { key: KEY, keyAs: "_json_key" }, JSON.stringify(KEY)],
  ["_json_key", { key: btoa(JSON_KEY), keyAs: "_json_key" }, JSON_KEY],
  ["_json_key_base64", { key: JSON_KEY, keyAs: "_json_key_base64" }, btoa(JSON_KEY)],
  ["_json_key_base64", { key: btoa(JSON_KEY), keyAs: "_json_key_base64" }, btoa(JSON_KEY)],
];

for (const [username, options, password] of PASSWORDS) {
  const form = typeof options.key === "object" ? "an object" : options.key!.slice(0, 2).trim();
  Deno.test(`googleCredentials: ${username} from a key that is ${form}…`, async () => {
    const { get, service } = world(options);
    assertEquals(await get(), { username, password });
    assertEquals(service.seen, []);
  });
}

Deno.test("googleCredentials: a key is exchanged: what is signed, and by whom", async () => {
  const { get, service } = world({ key: JSON_KEY });
  assertEquals(await get(), { username: "oauth2accesstoken", password: "ya29.token" });
  const [{ method, url, form, headers, redirect }] = service.seen as [typeof service.seen[0]];
  assertEquals([method, url.href, redirect], ["POST", TOKEN_URI, "manual"]);
  assertEquals(headers.get("content-type"), "application/x-www-form-urlencoded");
  assertEquals([...form.keys()], ["grant_type", "assertion"]);
  assertEquals(form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
  const assertion = form.get("assertion")!;
  assertEquals(decodeProtectedHeader(assertion), { alg: "RS256", typ: "JWT", kid: "0123abcd" });
  const currentDate = new Date(service.clock.time);
  const { payload } = await jwtVerify(assertion, publicKey, { currentDate });
  const now = service.clock.time / 1_000;
  assertEquals(payload, {
    iss: EMAIL,
    scope: "https://www.googleapis.com/auth/cloud-platform",
    aud: TOKEN_URI,
    iat: now,
    exp: now + 3_600,
  });
});

const KEPT: [name: string, options: GoogleCredentialsOptions, answer: Answer][] = [
  ["a key's", { key: KEY }, token],
  [
    "the metadata server's",
    { metadataServer: true },
    metadata({ access_token: "ya29.token", expires_in: 3599, token_type: "Bearer" }),
  ],
];

for (const [name, options, answer] of KEPT) {
  Deno.test(`googleCredentials: ${name} token: 100 calls, one request; renewed in time`, async () => {
    const { get, service } = world(options, answer);
    const hosts = [HOST, "gcr.io"];
    await Promise.all(Array.from({ length: 100 }, (_, index) => get(hosts[index % 2])));
    assertEquals(service.seen.length, 1);
    service.clock.time += 3_599_000 - 60_001;
    await get();
    assertEquals(service.seen.length, 1);
    service.clock.time += 1;
    await get();
    assertEquals(service.seen.length, 2);
  });
}

Deno.test("googleCredentials: the metadata server is asked with its header", async () => {
  const { get, service } = world(
    { metadataServer: true },
    metadata({ access_token: "ya29.machine", expires_in: 100 }),
  );
  assertEquals(await get(), { username: "oauth2accesstoken", password: "ya29.machine" });
  const [{ method, url, headers }] = service.seen as [typeof service.seen[0]];
  assertEquals([method, url.href], ["GET", METADATA]);
  assertEquals(headers.get("metadata-flavor"), "Google");
});

Deno.test("googleCredentials: something else that answers in its place is not believed", async () => {
  const { get } = world({ metadataServer: true }, token);
  await assertFails(get, "AUTHENTICATION_FAILED", "is not Google's metadata server", ["ya29"]);
});

Deno.test("googleCredentials: a function answers a token each time", async () => {
  let calls = 0;
  const { get } = world({ accessToken: () => Promise.resolve(`ya29.${++calls}`) });
  assertEquals([(await get())?.password, (await get())?.password], ["ya29.1", "ya29.2"]);
});

for (const [name, answer, code, message] of BAD_ANSWERS) {
  for (const options of [{ key: KEY }, { metadataServer: true }] as GoogleCredentialsOptions[]) {
    const who = options.key ? "Google" : "the metadata server";
    Deno.test(`googleCredentials: ${who} answers ${name}: ${code}`, async () => {
      const flavored: Answer = async (seen) => {
        const response = await answer(seen);
        response.headers.set("metadata-flavor", "Google");
        return response;
      };
      const { get } = world(options, flavored);
      await assertFails(get, code, message, SECRETS);
    });
  }
}

Deno.test("googleCredentials: Google repeats the assertion: no message does", async () => {
  const { get, service } = world({ key: KEY }, echo);
  const error = await assertFails(get, "AUTHENTICATION_FAILED", "answers 400 Refused", SECRETS);
  const assertion = service.seen[0]!.form.get("assertion")!;
  assertEquals(decodeJwt(assertion).iss, EMAIL);
  for (const part of assertion.split(".")) assert(!Deno.inspect(error).includes(part));
});

const OPTIONS: [name: string, options: GoogleCredentialsOptions, message: string][] = [
  ["no way", {}, "one of accessToken, key, applicationCredentials, metadataServer: current value"],
  ["two ways", { key: KEY, metadataServer: true }, "current value is key and metadataServer"],
  ["an empty token", { accessToken: "" }, "current value is none"],
  ["a key that is a path", { key: "/home/you/key.json" }, "must be the key file's JSON"],
  [
    "a key of another kind",
    { key: '{"type":"authorized_user"}' },
    "current type is authorized_user",
  ],
  ["a key that is cut", { key: JSON_KEY.slice(0, 900) }, "must be the key file's JSON"],
  ["a key without an account", { key: { ...KEY, client_email: "" } }, "with client_email and"],
  ["a key that is a list", { key: "W10=" }, "current type is none"],
  [
    "a token_uri elsewhere",
    { key: { ...KEY, token_uri: "https://oauth2.googleapis.com.evil.example/token" } },
    "current host is oauth2.googleapis.com.evil.example",
  ],
  [
    "a token_uri over http",
    { key: { ...KEY, token_uri: "http://oauth2.googleapis.com/token" } },
    "is not one of Google's over https",
  ],
  [
    "a token_uri with a user",
    { key: { ...KEY, token_uri: "https://you@oauth2.googleapis.com/token" } },
    "is not one of Google's over https",
  ],
  ["a token_uri that is none", { key: { ...KEY, token_uri: "token" } }, "current host is none"],
];

for (const [name, options, message] of OPTIONS) {
  Deno.test(`googleCredentials: ${name}: InvalidOptionError`, async () => {
    await assertFails(() => googleCredentials(options), "INVALID_OPTION", message, SECRETS);
  });
}

Deno.test("googleCredentials: tokenHosts allows a cloud of somebody else", async () => {
  const key = { ...KEY, token_uri: "https://oauth2.s3nsapis.fr/token" };
  const { get, service } = world({ key, tokenHosts: ["oauth2.s3nsapis.fr"] });
  await get();
  assertEquals(service.seen[0]!.url.host, "oauth2.s3nsapis.fr");
});

Deno.test("googleCredentials: a private key that is none: a typed error without it", async () => {
  const pem = PEM.replace(/^(-+BEGIN.*\n)...../, "$1AAAAA");
  const { get, service } = world({ key: { ...KEY, private_key: pem } });
  await assertFails(get, "AUTHENTICATION_FAILED", `the private_key of ${EMAIL} must be`, SECRETS);
  assertEquals(service.seen, []);
});

async function withFile<T>(text: string, run: (path: string) => Promise<T>): Promise<T> {
  await using folder = await tempFolder();
  const path = `${folder.path}/key.json`;
  await Deno.writeTextFile(path, text);
  return await run(path);
}

Deno.test("googleCredentials: the file that GOOGLE_APPLICATION_CREDENTIALS names", async () => {
  await withFile(JSON_KEY, async (path) => {
    const environment = { GOOGLE_APPLICATION_CREDENTIALS: path };
    const { get } = world({ applicationCredentials: true }, token, environment);
    assertEquals((await get())?.password, "ya29.token");
    const password = world(
      { applicationCredentials: true, keyAs: "_json_key" },
      token,
      environment,
    );
    assertEquals((await password.get())?.password, JSON_KEY);
  });
});

const FILES: [name: string, text: string, message: string][] = [
  ["an empty one", "", "must be the key file's JSON"],
  ["a user's", '{"type":"authorized_user"}', "current type is authorized_user"],
  ["a large one", " ".repeat(65 * 1024), "is too large"],
];

for (const [name, text, message] of FILES) {
  Deno.test(`googleCredentials: a file that is ${name}: the error names it`, async () => {
    await withFile(text, async (path) => {
      const environment = { GOOGLE_APPLICATION_CREDENTIALS: path };
      const { get } = world({ applicationCredentials: true }, token, environment);
      const error = await assertFails(get, "AUTHENTICATION_FAILED", message);
      assert(error.message.includes(path));
    });
  });
}

Deno.test("googleCredentials: a file that never ends is none", async () => {
  for (const path of ["/dev/zero", "/"]) {
    const environment = { GOOGLE_APPLICATION_CREDENTIALS: path };
    const { get } = world({ applicationCredentials: true }, token, environment);
    await assertFails(get, "AUTHENTICATION_FAILED", "names is not a file");
  }
});

Deno.test("googleCredentials: no file, and no variable", async () => {
  const environment = { GOOGLE_APPLICATION_CREDENTIALS: "/nowhere/key.json" };
  const { get } = world({ applicationCredentials: true }, token, environment);
  await assertFails(get, "AUTHENTICATION_FAILED", "/nowhere/key.json that GOOGLE_APPLICATION");
  const without = world({ applicationCredentials: true });
  await assertFails(without.get, "AUTHENTICATION_FAILED", "GOOGLE_APPLICATION_CREDENTIALS is not");
});

import { assertEquals } from "@std/assert";
import { type Answer, assertFails, BAD_ANSWERS, echo, FakeService } from "./fake_service_test.ts";
import { acrCredentials, type AcrCredentialsOptions } from "./acr_credentials.ts";

const HOST = "you.azurecr.io";
const SCOPE = "https://containerregistry.azure.net/.default";
const ENTRA_TOKEN = "entra-token-of-you";
const CLIENT_SECRET = "~client+secret/of=you";
const SECRETS = [ENTRA_TOKEN, CLIENT_SECRET, encodeURIComponent(CLIENT_SECRET)];
const PRINCIPAL = { clientId: "app-id", clientSecret: CLIENT_SECRET };
const HOUR = 3_600_000;

/** A JWT that nobody has signed. */
function jwt(claims: Record<string, unknown>): string {
  const payload = btoa(JSON.stringify(claims)).replaceAll("+", "-").replaceAll("/", "_");
  return `e30.${payload.replace(/=+$/, "")}.c2ln`;
}

/** Entra's endpoint, and the registry's exchange. */
function azure(refreshToken: string | ((count: number) => string) = jwt({})): Answer {
  let exchanged = 0;
  return ({ url }) => {
    if (url.pathname === "/oauth2/exchange") {
      exchanged++;
      const value = typeof refreshToken === "string" ? refreshToken : refreshToken(exchanged);
      return Response.json({ refresh_token: value });
    }
    return Response.json({ token_type: "Bearer", expires_in: 3599, access_token: ENTRA_TOKEN });
  };
}

function world(options: AcrCredentialsOptions, answer: Answer = azure()) {
  const service = new FakeService(answer);
  const source = acrCredentials({ ...service.options, ...options });
  return { service, get: async (host = HOST) => await source({ host }) };
}

const HOSTS: [host: string, answers: boolean][] = [
  ["you.azurecr.io", true],
  ["you-abc123.azurecr.io", true],
  ["you.westeurope.azurecr.io", true],
  ["you.azurecr.cn", true],
  ["you.azurecr.us", true],
  ["you.azurecr.de", false],
  ["azurecr.io", false],
  ["evilazurecr.io", false],
  ["you.azurecr.io.example.com", false],
  ["you.azurecr.io:8443", false],
  ["a.b.c.azurecr.io", false],
  ["ghcr.io", false],
];

for (const [host, answers] of HOSTS) {
  Deno.test(`acrCredentials: ${host} is ${answers ? "" : "not "}Azure's`, async () => {
    const { get } = world({ servicePrincipal: PRINCIPAL });
    const credential = { username: "app-id", password: CLIENT_SECRET };
    assertEquals(await get(host), answers ? credential : undefined);
  });
}

Deno.test("acrCredentials: an Entra token is exchanged at the registry", async () => {
  const { get, service } = world({ entraToken: ENTRA_TOKEN, tenantId: "tenant" });
  assertEquals(await get(), { refreshToken: jwt({}) });
  const [{ method, url, form, headers, redirect }] = service.seen as [typeof service.seen[0]];
  assertEquals([method, url.href, redirect], ["POST", `https://${HOST}/oauth2/exchange`, "manual"]);
  assertEquals(headers.get("content-type"), "application/x-www-form-urlencoded");
  assertEquals(Object.fromEntries(form), {
    grant_type: "access_token",
    service: HOST,
    tenant: "tenant",
    access_token: ENTRA_TOKEN,
  });
});

Deno.test("acrCredentials: a function is asked for the Entra token; no tenant is sent unless given", async () => {
  const { get, service } = world({ entraToken: () => Promise.resolve(ENTRA_TOKEN) });
  await get();
  assertEquals(service.seen[0]!.form.get("access_token"), ENTRA_TOKEN);
  assertEquals(service.seen[0]!.form.has("tenant"), false);
});

Deno.test("acrCredentials: the refresh token as a password", async () => {
  const { get } = world({ entraToken: ENTRA_TOKEN, asPassword: true });
  assertEquals(await get(), {
    username: "00000000-0000-0000-0000-000000000000",
    password: jwt({}),
  });
});

Deno.test("acrCredentials: a service principal's password goes to the registry unless Entra is named", async () => {
  const { get, service } = world({ servicePrincipal: PRINCIPAL });
  assertEquals(await get(), { username: "app-id", password: CLIENT_SECRET });
  assertEquals(service.seen, []);
});

const CLOUDS: [host: string, authority: string][] = [
  ["you.azurecr.io", "https://login.microsoftonline.com"],
  ["you.azurecr.cn", "https://login.partner.microsoftonline.cn"],
  ["you.azurecr.us", "https://login.microsoftonline.us"],
];

for (const [host, authority] of CLOUDS) {
  Deno.test(`acrCredentials: a service principal of ${host} asks ${authority}`, async () => {
    const { get, service } = world({ servicePrincipal: PRINCIPAL, tenantId: "you.example" });
    assertEquals(await get(host), { refreshToken: jwt({}) });
    const [entra, registry] = service.seen as [typeof service.seen[0], typeof service.seen[0]];
    assertEquals(entra.url.href, `${authority}/you.example/oauth2/v2.0/token`);
    assertEquals(Object.fromEntries(entra.form), {
      grant_type: "client_credentials",
      client_id: "app-id",
      client_secret: CLIENT_SECRET,
      scope: SCOPE,
    });
    assertEquals(registry.url.href, `https://${host}/oauth2/exchange`);
    assertEquals(registry.form.get("access_token"), ENTRA_TOKEN);
    assertEquals(registry.form.get("client_secret"), null);
  });
}

Deno.test("acrCredentials: 100 calls ask once; each registry its own, with one token of Entra's", async () => {
  const { get, service } = world({ servicePrincipal: PRINCIPAL, tenantId: "tenant" });
  const hosts = [HOST, "other.azurecr.io"];
  await Promise.all(Array.from({ length: 100 }, (_, index) => get(hosts[index % 2])));
  assertEquals(service.seen.map(({ url }) => url.host).sort(), [
    "login.microsoftonline.com",
    "other.azurecr.io",
    HOST,
  ]);
});

const LIVES: [name: string, token: (end: number) => string, lifetime: number][] = [
  ["says three hours", (end) => jwt({ exp: end / 1_000 }), 3 * HOUR],
  ["says it in base64url", (end) => jwt({ exp: end / 1_000, name: "?>?>?>~~~~ÿÿÿ" }), 3 * HOUR],
  ["says nothing: an hour", () => jwt({}), HOUR],
  ["is no JWT: an hour", () => "opaque", HOUR],
];

for (const [name, token, lifetime] of LIVES) {
  Deno.test(`acrCredentials: a refresh token that ${name} is renewed a minute before`, async () => {
    const { get, service } = world(
      { entraToken: ENTRA_TOKEN },
      (seen) => azure(token(service.clock.time + 3 * HOUR))(seen),
    );
    await get();
    service.clock.time += lifetime - 61_000;
    await get();
    assertEquals(service.seen.length, 1);
    service.clock.time += 1_000;
    await get();
    assertEquals(service.seen.length, 2);
  });
}

const WAYS: [name: string, options: AcrCredentialsOptions][] = [
  ["the registry", { entraToken: ENTRA_TOKEN }],
  ["Entra", { servicePrincipal: PRINCIPAL, tenantId: "tenant" }],
];

for (const [who, options] of WAYS) {
  for (const [name, answer, code, message] of BAD_ANSWERS) {
    Deno.test(`acrCredentials: ${who} answers ${name}: ${code}`, async () => {
      await assertFails(world(options, answer).get, code, message, SECRETS);
    });
  }

  Deno.test(`acrCredentials: ${who} repeats what was sent: no message does`, async () => {
    await assertFails(world(options, echo).get, "AUTHENTICATION_FAILED", "answers 400", SECRETS);
  });
}

Deno.test("acrCredentials: Entra's own code and words are told", async () => {
  const words = "AADSTS7000215: Invalid client secret provided.";
  const { get } = world(
    { servicePrincipal: PRINCIPAL, tenantId: "tenant" },
    () => Response.json({ error: "invalid_client", error_description: words }, { status: 401 }),
  );
  await assertFails(
    get,
    "AUTHENTICATION_FAILED",
    `login.microsoftonline.com answers 401 invalid_client: ${words}`,
  );
});

const OPTIONS: [name: string, options: AcrCredentialsOptions, message: string][] = [
  ["nothing", {}, "one of entraToken and servicePrincipal: current value is none"],
  ["both", { entraToken: ENTRA_TOKEN, servicePrincipal: PRINCIPAL }, "current value is both"],
  [
    "half a service principal",
    { servicePrincipal: { clientId: "", clientSecret: CLIENT_SECRET } },
    "must have a clientId and a clientSecret",
  ],
  [
    "a tenant that leads elsewhere",
    { entraToken: ENTRA_TOKEN, tenantId: "../evil" },
    'tenantId must be an id or a domain: current value is "../evil"',
  ],
];

for (const [name, options, message] of OPTIONS) {
  Deno.test(`acrCredentials: ${name}: InvalidOptionError`, async () => {
    await assertFails(() => acrCredentials(options), "INVALID_OPTION", message, SECRETS);
  });
}

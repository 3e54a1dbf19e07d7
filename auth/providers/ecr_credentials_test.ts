import { assert, assertEquals } from "@std/assert";
import { type Answer, assertFails, BAD_ANSWERS, echo, FakeService } from "./fake_service_test.ts";
import { ecrCredentials, type EcrCredentialsOptions } from "./ecr_credentials.ts";

const HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const OTHER_REGION = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const PUBLIC = "public.ecr.aws";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const KEYS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: SECRET };
const HOUR = 3_600_000;

/** An answer as Amazon documents it; the private API has a list of one. */
function token(password: string, expires: number): Answer {
  return ({ url }) => {
    const data = {
      authorizationToken: btoa(`AWS:${password}`),
      expiresAt: expires / 1_000,
      proxyEndpoint: `https://${HOST}`,
    };
    return Response.json({ authorizationData: url.host.includes("public") ? data : [data] });
  };
}

function world(
  answer: Answer,
  environment: Record<string, string> = KEYS,
  options: EcrCredentialsOptions = {},
) {
  const service = new FakeService(answer, environment);
  const source = ecrCredentials({ ...service.options, ...options });
  return { service, source, get: async (host = HOST) => await source({ host }) };
}

Deno.test("ecrCredentials: nothing is asked for other hosts", async () => {
  const { get, service } = world(echo);
  assertEquals(await get("ghcr.io"), undefined);
  assertEquals(service.seen, []);
});

const SIGNED: [
  host: string,
  environment: Record<string, string>,
  url: string,
  target: string,
  authorization: string,
][] = [
  [
    HOST,
    KEYS,
    "https://api.ecr.eu-central-1.amazonaws.com/",
    "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-central-1/ecr/aws4_request, " +
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, " +
    "Signature=2829361e9db613452188567a4b93e109dcc7d396e980595f0d94ffe855ac6a8c",
  ],
  [
    PUBLIC,
    { ...KEYS, AWS_SESSION_TOKEN: "session" },
    "https://api.ecr-public.us-east-1.amazonaws.com/",
    "SpencerFrontendService.GetAuthorizationToken",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/ecr-public/aws4_request, " +
    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, " +
    "Signature=15ee06a98eb25f3ab2ef318fe023bc2b9bd43880735f747244cade7bcd00a214",
  ],
];

for (const [host, environment, url, target, authorization] of SIGNED) {
  // The signatures were computed by another program, from the text of Signature Version 4.
  Deno.test(`ecrCredentials: ${host}: the request and its signature`, async () => {
    const { get, service } = world(token("secret", Date.UTC(2026, 0, 1, 12)), environment);
    assertEquals(await get(host), { username: "AWS", password: "secret" });
    const [{ method, url: sent, headers, body, redirect }] = service.seen as [
      typeof service.seen[0],
    ];
    assertEquals([method, sent.href, body, redirect], ["POST", url, "{}", "manual"]);
    assertEquals(headers.get("content-type"), "application/x-amz-json-1.1");
    assertEquals(headers.get("x-amz-target"), target);
    assertEquals(headers.get("x-amz-date"), "20260101T000000Z");
    assertEquals(headers.get("x-amz-security-token"), environment["AWS_SESSION_TOKEN"] ?? null);
    assertEquals(headers.get("authorization"), authorization);
  });
}

Deno.test("ecrCredentials: 100 calls at once ask once, and each region has its token", async () => {
  const { get, service } = world((seen) => token(seen.url.host, Date.UTC(2026, 0, 2))(seen));
  const answers = await Promise.all(Array.from({ length: 100 }, () => get()));
  assertEquals(service.seen.length, 1);
  assertEquals(new Set(answers.map((answer) => answer?.password)).size, 1);
  assertEquals((await get(OTHER_REGION))?.password, "api.ecr.us-east-1.amazonaws.com");
  assertEquals(service.seen.length, 2);
});

const EXPIRES: [name: string, expiresAt: (end: number) => unknown, lifetime: number][] = [
  ["a number of seconds", (end) => end / 1_000, 12 * HOUR],
  ["a date", (end) => new Date(end).toISOString(), 12 * HOUR],
  ["nothing: an hour", () => undefined, HOUR],
  ["nonsense: an hour", () => "soon", HOUR],
];

for (const [name, expiresAt, lifetime] of EXPIRES) {
  Deno.test(`ecrCredentials: expiresAt is ${name}; the token is renewed a minute before`, async () => {
    let made = 0;
    const { get, service } = world(() =>
      Response.json({
        authorizationData: [{
          authorizationToken: btoa(`AWS:${++made}`),
          expiresAt: expiresAt(service.clock.time + 12 * HOUR),
        }],
      })
    );
    assertEquals((await get())?.password, "1");
    service.clock.time += lifetime - 61_000;
    assertEquals((await get())?.password, "1");
    service.clock.time += 1_000;
    assertEquals((await get())?.password, "2");
  });
}

Deno.test("ecrCredentials: a function answers the keys, each time; other keys, another token", async () => {
  let accessKeyId = "ONE";
  const credentials = () => Promise.resolve({ accessKeyId, secretAccessKey: SECRET });
  const { get, service } = world(
    ({ headers }) => {
      const id = headers.get("authorization")!.match(/Credential=(\w+)/)![1]!;
      return token(id, Date.UTC(2026, 0, 2))({ url: new URL("https://api.ecr") } as never);
    },
    {},
    { credentials },
  );
  assertEquals([(await get())?.password, (await get())?.password], ["ONE", "ONE"]);
  accessKeyId = "TWO";
  assertEquals((await get())?.password, "TWO");
  assertEquals(service.seen.length, 2);
});

Deno.test("ecrCredentials: without AWS credentials, public.ecr.aws is anonymous", async () => {
  const { get, service } = world(echo, {});
  assertEquals(await get(PUBLIC), undefined);
  assertEquals(service.seen, []);
});

const NO_KEYS: [
  name: string,
  environment: Record<string, string>,
  options: EcrCredentialsOptions,
  message: string,
][] = [
  ["there are none", {}, {}, "there are no AWS credentials. Set AWS_ACCESS_KEY_ID and"],
  ["the variables are empty", { AWS_ACCESS_KEY_ID: "" }, {}, "there are no AWS credentials"],
  ["half is missing", { AWS_ACCESS_KEY_ID: "A" }, {}, "AWS_SECRET_ACCESS_KEY is missing"],
  ["the id is missing", { AWS_SECRET_ACCESS_KEY: SECRET }, {}, "AWS_ACCESS_KEY_ID is missing"],
  ["a function has none", KEYS, { credentials: () => undefined }, "there are no AWS credentials"],
  [
    "a function has half",
    KEYS,
    { credentials: { accessKeyId: "", secretAccessKey: SECRET } },
    "accessKeyId is missing",
  ],
  [
    "a function fails",
    KEYS,
    { credentials: () => Promise.reject(new Error("no profile")) },
    "the function that should answer AWS credentials failed",
  ],
  [
    "they cannot be sent",
    { ...KEYS, AWS_SESSION_TOKEN: `${SECRET}\n` },
    {},
    "AWS_SESSION_TOKEN must be visible ASCII",
  ],
];

for (const [name, environment, options, message] of NO_KEYS) {
  Deno.test(`ecrCredentials: ${name}: a typed error, and no request`, async () => {
    const { get, service } = world(echo, environment, options);
    await assertFails(get, "AUTHENTICATION_FAILED", message, [SECRET]);
    assertEquals(service.seen, []);
  });
}

const NO_TOKENS: [name: string, data: unknown][] = [
  ["an empty list", []],
  ["a text", "token"],
  ["a token that is not base64", [{ authorizationToken: "***" }]],
  ["a token without a password", [{ authorizationToken: btoa("AWS:") }]],
  ["a token without a colon", [{ authorizationToken: btoa("AWS") }]],
  ["a token that is a number", [{ authorizationToken: 1 }]],
];

const BAD: [name: string, answer: Answer, code: string, message: string][] = [
  ...BAD_ANSWERS,
  ...NO_TOKENS.map(([name, authorizationData]): typeof BAD_ANSWERS[0] => [
    name,
    () => Response.json({ authorizationData }),
    "AUTHENTICATION_FAILED",
    "holds no usable authorizationToken",
  ]),
  ["what was sent, in its words", echo, "AUTHENTICATION_FAILED", "answers 400 Refused"],
];

for (const [name, answer, code, message] of BAD) {
  Deno.test(`ecrCredentials: Amazon answers ${name}: ${code}, without a secret`, async () => {
    const environment = { ...KEYS, AWS_SESSION_TOKEN: "session-token-of-you" };
    const { get, service } = world(answer, environment);
    const error = await assertFails(get, code, message, [SECRET, "session-token-of-you"]);
    const signature = service.seen[0]!.headers.get("authorization")!.slice(-64);
    assert(!error.message.includes(signature.slice(0, 20)), error.message);
    assert(error.message.includes("api.ecr.eu-central-1.amazonaws.com"), error.message);
    service.answer = token("later", Date.UTC(2026, 0, 2));
    assertEquals((await get())?.password, "later");
  });
}

/** Where a secret can stand in what is said, and that it stands nowhere on the tape. */
import { assert, assertEquals } from "@std/assert";
import { createTestRegistry } from "../test_registry.ts";
import { record } from "./record.ts";

const LONG = "s3cr3t-Value-0123456789";
const SHORT = "hx7q";
const HEX = "0123456789abcdef".repeat(4);
const WEB_TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2ln";

interface Said {
  url?: string;
  request?: RequestInit;
  status?: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
}

const TOKENS = "https://registry.test/token";
const TAGS = "https://registry.test/v2/app/tags/list";
const json = { "content-type": "application/json" };
const blob = `https://registry.test/v2/app/blobs/sha256:${HEX}`;
const bytes = new Uint8Array([0xff, ...new TextEncoder().encode(LONG)]);

function challenge(value: string): Said {
  return { status: 401, headers: { "www-authenticate": value } };
}

/** What a token service answers. */
function answer(value: unknown): Said {
  return { url: TOKENS, headers: json, body: JSON.stringify(value) };
}

function refusal(error: { code?: string; message: string }): Said {
  return { status: 403, headers: json, body: JSON.stringify({ errors: [error] }) };
}

function posted(type: string, body: string): Said {
  return { url: TOKENS, request: { method: "POST", headers: { "content-type": type }, body } };
}

function redirect(location: string): Said {
  return { status: 307, headers: { location } };
}

const PASSWORD = `grant_type=password&password=${SHORT}`;
const FORM = "Application/X-WWW-Form-URLencoded; charset=utf-8";
const SENT_BEARER = { code: "DENIED", message: `you sent Bearer ${LONG}` };
const LINK = `</v2/app/tags/list?n=1>; rel="next"; token="${SHORT}"`;

const CASES: [title: string, secret: string, said: Said][] = [
  ["a challenge: token68", LONG, challenge(`Negotiate ${LONG}==`)],
  ["a challenge: a short token68", SHORT, challenge(`Bearer ${SHORT}=`)],
  ["a challenge: token68 of a scheme that is not known", LONG, challenge(`Acme ${LONG}`)],
  ["a challenge: token68 before another one", LONG, challenge(`NTLM ${LONG}=, Basic realm="x"`)],
  ["a challenge: a parameter", SHORT, challenge(`Bearer realm="/token",nonce=${SHORT}`)],
  [
    "a challenge: a scope that is none",
    LONG,
    challenge(`Bearer realm="/token",scope="${LONG}"`),
  ],
  [
    "a challenge: the realm's password",
    SHORT,
    challenge(`Bearer realm="https://u:${SHORT}@a.test/token"`),
  ],
  [
    "a challenge: the realm's query",
    SHORT,
    challenge(`Bearer realm="https://a.test/token?key=${SHORT}"`),
  ],
  ["JSON: a member", SHORT, answer({ token: SHORT })],
  ["JSON: a number", "8471930265", answer({ password: 8471930265, expires_in: 60 })],
  ["JSON: in a list", SHORT, answer({ tokens: [{ a: [SHORT] }] })],
  ["JSON: a member's name", LONG, answer({ auths: { [LONG]: true } })],
  ["JSON: a code that is none of errors", SHORT, answer({ code: SHORT })],
  ["JSON: a string alone", SHORT, answer(SHORT)],
  ["JSON: a number alone", "8471930265", answer(8471930265)],
  [
    "JSON: named in a message",
    SHORT,
    refusal({ code: "DENIED", message: `password: ${SHORT}` }),
  ],
  ["JSON: a header in a message", LONG, refusal(SENT_BEARER)],
  ["JSON: a web token in a message", WEB_TOKEN, refusal({ message: `bad ${WEB_TOKEN}` })],
  [
    "text: of a token service",
    SHORT,
    { url: TOKENS, headers: { "content-type": "text/plain" }, body: SHORT },
  ],
  [
    "text: of a token service below /v2/",
    SHORT,
    { url: "https://registry.test/v2/token", body: `token=${SHORT}` },
  ],
  ["text: of an error, named", SHORT, { status: 500, body: `secret='${SHORT}' is wrong` }],
  ["text: a web token", WEB_TOKEN, { status: 500, body: `bad ${WEB_TOKEN}!` }],
  ["a form with a type in capitals", SHORT, posted(FORM, PASSWORD)],
  ["a form without a type", SHORT, posted("", PASSWORD)],
  [
    "JSON that is sent",
    SHORT,
    posted("application/json", JSON.stringify({ password: SHORT })),
  ],
  ["bytes of a token service", LONG, { url: TOKENS, body: bytes }],
  [
    "bytes of a blob with what was sent",
    LONG,
    { url: blob, request: { headers: { authorization: `Bearer ${LONG}` } }, body: bytes },
  ],
  ["a path", LONG, { url: `https://registry.test/oauth/${LONG}/token`, body: "" }],
  [
    "a path: as many digits as a digest",
    HEX,
    { url: `https://registry.test/token/${HEX}`, body: "" },
  ],
  [
    "a path: escaped",
    "s3cr3t/Value",
    { url: `https://registry.test/token/s3cr3t%2FValue`, body: "" },
  ],
  ["a Location: its path", LONG, redirect(`https://cdn.test/${LONG}/data`)],
  ["a Location: its password", SHORT, redirect(`https://u:${SHORT}@cdn.test/data`)],
  [
    "a Link without its signs",
    LONG,
    { headers: { link: `/v2/app/tags/list?c=${LONG}; rel=next` } },
  ],
  ["a Link: other parameters", SHORT, { headers: { link: LINK } }],
  [
    "text: a URL with a password",
    LONG,
    { status: 500, body: `cannot reach https://u:${LONG}@db.test/x` },
  ],
  ["text: a URL with a short password", SHORT, { status: 500, body: `at https://u:${SHORT}@db/` }],
  ["text: a URL's signature", SHORT, {
    status: 500,
    body: `GET https://a.test/x?sig=${SHORT}&n=1`,
  }],
  [
    "text: XML",
    SHORT,
    {
      status: 403,
      headers: { "content-type": "text/xml" },
      body: `<Error><Message>no</Message><SecretKey a="1">${SHORT}</SecretKey></Error>`,
    },
  ],
  [
    "text: a private key",
    LONG,
    {
      status: 500,
      body: `-----BEGIN RSA PRIVATE KEY-----\n${LONG}\n-----END RSA PRIVATE KEY-----`,
    },
  ],
  ["a query: the name of a parameter", LONG, { url: `${TAGS}?${LONG}=1` }],
  [
    "a Content-Type's parameter",
    SHORT,
    { headers: { "content-type": `text/x; token=${SHORT}` } },
  ],
  ["a User-Agent", LONG, { request: { headers: { "user-agent": `me Bearer ${LONG}` } } }],
  ["a Warning", SHORT, { headers: { warning: `299 - "token=${SHORT}"` } }],
];

for (const [title, secret, said] of CASES) {
  Deno.test(`tape: no secret in ${title}`, async () => {
    const { url = TAGS, request = {}, status = 200, headers = {}, body = "{}" } = said;
    const recording = record(() => Promise.resolve(new Response(body, { status, headers })));
    await (await recording.fetch(url, request)).arrayBuffer();
    const tape = await recording.tape();
    const text = JSON.stringify(tape);
    for (const form of [secret, encodeURIComponent(secret), btoa(secret)]) {
      assert(!text.includes(form), text);
    }
    for (const content of Object.values(tape.bodies)) {
      if ("base64" in content) assert(!atob(content.base64).includes(secret), text);
    }
  });
}

Deno.test("tape: what clients need of challenges, links and errors is kept", async () => {
  const headers = {
    "www-authenticate":
      'Bearer realm="https://a.test/token",service="r.test",scope="repository:a:pull", Basic realm="x", charset="UTF-8"',
    "link": "</v2/app/tags/list?n=1&last=a>; rel='next', </other>;rel=prev",
    "warning": '299 - "Bearer authentication will be needed"',
  };
  const body =
    '{"errors":[{"code":"UNAUTHORIZED","message":"Basic authentication is off","detail":[{"Type":"repository","Class":"","Name":"a","Action":"pull"}]}]}';
  const recording = record(() => Promise.resolve(new Response(body, { status: 401, headers })));
  await (await recording.fetch(TAGS)).text();
  const { exchanges: [exchange], bodies } = await recording.tape();
  assertEquals(exchange!.response!.headers, {
    "content-type": "text/plain;charset=UTF-8",
    ...headers,
  });
  assertEquals(Object.values(bodies), [{ text: body }]);
  const { fetch } = createTestRegistry({ tape: await recording.tape() });
  assertEquals((await fetch(TAGS)).headers.get("link"), headers.link);
});

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

for (
  const [title, secret, said] of [
    ["a challenge: token68", LONG, {
      status: 401,
      headers: { "www-authenticate": `Negotiate ${LONG}==` },
    }],
    ["a challenge: a short token68", SHORT, {
      status: 401,
      headers: { "www-authenticate": `Bearer ${SHORT}=` },
    }],
    ["a challenge: token68 of a scheme that is not known", LONG, {
      status: 401,
      headers: { "www-authenticate": `Acme ${LONG}` },
    }],
    ["a challenge: token68 before another one", LONG, {
      status: 401,
      headers: { "www-authenticate": `NTLM ${LONG}=, Basic realm="x"` },
    }],
    ["a challenge: a parameter", SHORT, {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="/token",nonce=${SHORT}` },
    }],
    ["a challenge: a scope that is none", LONG, {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="/token",scope="${LONG}"` },
    }],
    ["a challenge: the realm's password", SHORT, {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="https://u:${SHORT}@a.test/token"` },
    }],
    ["a challenge: the realm's query", SHORT, {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="https://a.test/token?key=${SHORT}"` },
    }],
    ["JSON: a member", SHORT, {
      url: TOKENS,
      headers: json,
      body: JSON.stringify({ token: SHORT }),
    }],
    ["JSON: a number", "8471930265", {
      url: TOKENS,
      headers: json,
      body: '{"password":8471930265,"expires_in":60}',
    }],
    ["JSON: in a list", SHORT, {
      url: TOKENS,
      headers: json,
      body: JSON.stringify({ tokens: [{ a: [SHORT] }] }),
    }],
    ["JSON: a member's name", LONG, {
      url: TOKENS,
      headers: json,
      body: JSON.stringify({ auths: { [LONG]: true } }),
    }],
    ["JSON: a code that is none of errors", SHORT, {
      url: TOKENS,
      headers: json,
      body: JSON.stringify({ code: SHORT }),
    }],
    ["JSON: a string alone", SHORT, { url: TOKENS, headers: json, body: JSON.stringify(SHORT) }],
    ["JSON: a number alone", "8471930265", { url: TOKENS, headers: json, body: "8471930265" }],
    ["JSON: named in a message", SHORT, {
      status: 403,
      headers: json,
      body: JSON.stringify({ errors: [{ code: "DENIED", message: `password: ${SHORT}` }] }),
    }],
    ["JSON: a header in a message", LONG, {
      status: 403,
      headers: json,
      body: JSON.stringify({ errors: [{ code: "DENIED", message: `you sent Bearer ${LONG}` }] }),
    }],
    ["JSON: a web token in a message", WEB_TOKEN, {
      status: 403,
      headers: json,
      body: JSON.stringify({ errors: [{ message: `bad ${WEB_TOKEN}` }] }),
    }],
    ["text: of a token service", SHORT, {
      url: TOKENS,
      headers: { "content-type": "text/plain" },
      body: SHORT,
    }],
    ["text: of a token service below /v2/", SHORT, {
      url: "https://registry.test/v2/token",
      body: `token=${SHORT}`,
    }],
    ["text: of an error, named", SHORT, { status: 500, body: `secret='${SHORT}' is wrong` }],
    ["text: a web token", WEB_TOKEN, { status: 500, body: `bad ${WEB_TOKEN}!` }],
    ["a form with a type in capitals", SHORT, {
      url: TOKENS,
      request: {
        method: "POST",
        headers: { "content-type": "Application/X-WWW-Form-URLencoded; charset=utf-8" },
        body: `grant_type=password&password=${SHORT}`,
      },
    }],
    ["a form without a type", SHORT, {
      url: TOKENS,
      request: {
        method: "POST",
        headers: { "content-type": "" },
        body: `grant_type=password&password=${SHORT}`,
      },
    }],
    ["JSON that is sent", SHORT, {
      url: TOKENS,
      request: { method: "POST", headers: json, body: JSON.stringify({ password: SHORT }) },
    }],
    ["bytes of a token service", LONG, {
      url: TOKENS,
      body: new Uint8Array([0xff, ...new TextEncoder().encode(LONG)]),
    }],
    ["bytes of a blob with what was sent", LONG, {
      url: `https://registry.test/v2/app/blobs/sha256:${HEX}`,
      request: { headers: { authorization: `Bearer ${LONG}` } },
      body: new Uint8Array([0xff, ...new TextEncoder().encode(LONG)]),
    }],
    ["a path", LONG, { url: `https://registry.test/oauth/${LONG}/token`, body: "" }],
    ["a path: as many digits as a digest", HEX, {
      url: `https://registry.test/token/${HEX}`,
      body: "",
    }],
    ["a path: escaped", "s3cr3t/Value", {
      url: `https://registry.test/token/s3cr3t%2FValue`,
      body: "",
    }],
    ["a Location: its path", LONG, {
      status: 307,
      headers: { location: `https://cdn.test/${LONG}/data` },
    }],
    ["a Location: its password", SHORT, {
      status: 307,
      headers: { location: `https://u:${SHORT}@cdn.test/data` },
    }],
    ["a Link without its signs", LONG, {
      headers: { link: `/v2/app/tags/list?c=${LONG}; rel=next` },
    }],
    ["a Link: other parameters", SHORT, {
      headers: { link: `</v2/app/tags/list?n=1>; rel="next"; token="${SHORT}"` },
    }],
    ["text: a URL with a password", LONG, {
      status: 500,
      body: `cannot reach https://u:${LONG}@db.test/x`,
    }],
    ["text: a URL with a short password", SHORT, {
      status: 500,
      body: `at https://u:${SHORT}@db/`,
    }],
    ["text: a URL's signature", SHORT, {
      status: 500,
      body: `GET https://a.test/x?sig=${SHORT}&n=1`,
    }],
    ["text: XML", SHORT, {
      status: 403,
      headers: { "content-type": "text/xml" },
      body: `<Error><Message>no</Message><SecretKey a="1">${SHORT}</SecretKey></Error>`,
    }],
    ["text: a private key", LONG, {
      status: 500,
      body: `-----BEGIN RSA PRIVATE KEY-----\n${LONG}\n-----END RSA PRIVATE KEY-----`,
    }],
    ["a query: the name of a parameter", LONG, { url: `${TAGS}?${LONG}=1` }],
    ["a Content-Type's parameter", SHORT, {
      headers: { "content-type": `text/x; token=${SHORT}` },
    }],
    ["a User-Agent", LONG, { request: { headers: { "user-agent": `me Bearer ${LONG}` } } }],
    ["a Warning", SHORT, { headers: { warning: `299 - "token=${SHORT}"` } }],
  ] as [string, string, Said][]
) {
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

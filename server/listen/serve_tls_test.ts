import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../../content/bytes.ts";
import { digestOf } from "../../content/digest_of.ts";
import { InvalidOptionError } from "../../errors.ts";
import { selfSigned } from "../../tests/peers/certificate.ts";
import { Wire } from "../fixture_test.ts";
import { createRegistry } from "../registry.ts";
import { listenDeno } from "./listen_deno.ts";
import { listenNode } from "./listen_node.ts";
import { serve } from "./serve.ts";

const { pem: cert, keyPem: key } = await selfSigned();

/** Both run here: Deno has `node:https` too. */
for (const [name, listen] of Object.entries({ listenDeno, listenNode })) {
  Deno.test(`${name}: HTTPS, by the certificate given`, async () => {
    const registry = createRegistry({ auth: { bearer: { users: {}, anonymous: ["pull"] } } });
    const open = createRegistry();
    const answer = (request: Request) =>
      new URL(request.url).pathname.startsWith("/v2/app/")
        ? open.fetch(request)
        : registry.fetch(request);
    const listener = await listen(answer, "127.0.0.1", 0, { cert, key });
    const client = Deno.createHttpClient({ caCerts: [cert] });
    const origin = `https://127.0.0.1:${listener.port}`;
    const wire = new Wire(
      open,
      origin,
      (url, init) => fetch(url, { ...init, client } as RequestInit),
    );
    try {
      const content = new Uint8Array(5_000_001).map((_, index) => index * 7 >>> 3) as Bytes;
      const digest = await wire.pushBlob("app", content);
      assertEquals(
        await digestOf((await wire.send("GET", `/v2/app/blobs/${digest}`)).bytes),
        digest,
      );
      const { headers } = await wire.send("GET", "/v2/");
      assertEquals(
        headers.get("www-authenticate"),
        `Bearer realm="${origin}/token",service="davit"`,
        "a request knows that it came by HTTPS",
      );
      await assertRejects(() => fetch(`${origin}/v2/`), TypeError, undefined, "it is not trusted");
      const plain = await fetch(`http://127.0.0.1:${listener.port}/v2/`).then(
        ({ status, body }) => body?.cancel().then(() => status) ?? status,
        () => "refused",
      );
      assert(plain === "refused" || plain === 400, `plain HTTP: ${plain}`);
    } finally {
      client.close();
      listener.abort();
      await listener.finished;
    }
  });
}

Deno.test("serve: HTTPS stands in its URL", async () => {
  const client = Deno.createHttpClient({ caCerts: [cert] });
  const server = await serve(createRegistry(), { tls: { cert, key }, hostname: "localhost" });
  assertEquals(server.url, `https://localhost:${server.port}`);
  const answer = await fetch(`${server.url}/v2/`, { client } as RequestInit);
  assertEquals(await answer.text(), "{}");
  client.close();
  await server.close();
});

for (
  const [title, tls] of [
    ["nothing", { cert: "", key: "" }],
    ["no PEM", { cert: "topsecret", key: "topsecret" }],
    ["the key alone", { cert: key, key }],
    ["the certificate alone", { cert, key: cert }],
  ] as [string, { cert: string; key: string }][]
) {
  Deno.test(`serve: ${title} for a certificate and its key: InvalidOptionError`, async () => {
    const error = await assertRejects(
      () => serve(createRegistry(), { tls }),
      InvalidOptionError,
      "'tls' must hold",
    );
    assertEquals(error.message.includes("topsecret"), false);
  });
}

Deno.test("serve: a certificate that is none fails, and nothing listens", async () => {
  const broken = cert.replace(/[A-Za-z0-9+/]{30}/, "A".repeat(30));
  await assertRejects(() => serve(createRegistry(), { tls: { cert: broken, key } }));
});

Deno.test("serve: pages of other origins, by the option cors", async () => {
  const origin = "https://app.example";
  const server = await serve(createRegistry(), { cors: { origins: [origin] } });
  const answer = await fetch(`${server.url}/v2/`, { headers: { origin } });
  assertEquals(answer.headers.get("access-control-allow-origin"), origin);
  assertEquals(await answer.text(), "{}");
  await server.close();
  await assertRejects(
    () => serve(createRegistry(), { cors: { origins: ["app.example"] } }),
    InvalidOptionError,
  );
});

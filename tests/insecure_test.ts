import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  CertificateError,
  connect,
  InvalidOptionError,
  type RegistryClientOpts,
  RegistryClientV2,
} from "../mod.ts";
import { createRegistry } from "../server/mod.ts";
import { selfSigned } from "./peers/certificate.ts";

/** Runs a registry behind a certificate that nobody signed. */
async function withTls(run: (host: string) => Promise<void>): Promise<void> {
  const { pem: cert, keyPem: key } = await selfSigned();
  const registry = createRegistry();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    (request) => registry.fetch(request),
  );
  try {
    await run(`127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

async function roundTrip(options: RegistryClientOpts): Promise<string> {
  const client = new RegistryClientV2(options);
  const body = new TextEncoder().encode("hello");
  const { digest } = await client.putBlob({ size: 5, open: () => new Blob([body]).stream() });
  return await (await client.getBlob(digest)).text();
}

Deno.test("insecure: a certificate that nobody signed is refused unless asked for", () =>
  withTls(async (host) => {
    const name = `https://${host}/app`;
    const retry = { maxAttempts: 1 };
    await assertRejects(() => roundTrip({ name, retry }), CertificateError, "certificate");
    assertEquals(await roundTrip({ name, insecure: true }), "hello");
    assertEquals(await roundTrip({ name, hosts: { [host]: { insecure: true } } }), "hello");
    await assertRejects(
      () => roundTrip({ name, retry, insecure: true, hosts: { [host]: { insecure: false } } }),
      CertificateError,
    );
    await assertRejects(
      () => roundTrip({ name, retry, hosts: { "other.test": { insecure: true } } }),
      CertificateError,
    );
  }));

Deno.test("hosts: plainHttp is for a name that gives no scheme", () => {
  const hosts = { "registry.test": { plainHttp: true } };
  const origin = (name: string) => new RegistryClientV2({ name, hosts }).origin;
  assertEquals(origin("registry.test/app"), "http://registry.test");
  assertEquals(origin("https://registry.test/app"), "https://registry.test");
  assertEquals(origin("other.test/app"), "https://other.test");
});

Deno.test("withRepo keeps the scheme, whoever said it, and takes no other", () => {
  const hosts = { "registry.test": { plainHttp: true } };
  type Row = [options: RegistryClientOpts, origin: string, other: string];
  const rows: Row[] = [
    [{ name: "registry.test/app", hosts }, "http://registry.test", "https"],
    [{ name: "http://registry.test/app" }, "http://registry.test", "https"],
    [{ name: "registry.test/app", scheme: "http" }, "http://registry.test", "https"],
    [{ name: "https://registry.test/app", hosts }, "https://registry.test", "http"],
    [{ name: "registry.test/app" }, "https://registry.test", "http"],
  ];
  for (const [options, origin, other] of rows) {
    const client = new RegistryClientV2(options);
    const own = new URL(origin).protocol;
    for (
      const name of ["other", "registry.test/other", `${own.toUpperCase()}//registry.test/other`]
    ) {
      const second = client.withRepo(name);
      assertEquals([second.origin, second.repo.remoteName], [origin, "other"]);
      assertEquals(second.withRepo("third").origin, origin);
    }
    assertThrows(
      () => client.withRepo(`${other}://registry.test/other`),
      InvalidOptionError,
      `by ${other}: this client speaks to its registry by ${own.slice(0, -1)}`,
    );
  }
});

for (
  const origin of ["r.test", "https://r.test/v2", "ftp://r.test", "", "https://", 42, undefined]
) {
  Deno.test(`connect refuses ${JSON.stringify(origin)}: INVALID_OPTION`, () => {
    assertThrows(
      () => connect(origin as string),
      InvalidOptionError,
      "Cannot connect: origin must be",
    );
  });
}

/**
 * Every reason for which a registry of a stranger's makes a program connect somewhere, on real
 * sockets: `allowHost` is asked for it first, and what it refuses sees no connection. What must stay
 * allowed is: a registry inside, its token service, its storage, when the caller says so.
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type HostPurpose,
  HostRefusedError,
  InvalidReferenceError,
  publicHostsOnly,
  RegistryClientV2,
} from "@davit/registry-client";
import { createRegistry, serve } from "@davit/registry-client/server";

type Handler = (request: Request, inside: string) => Response | undefined;

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const BODY = new Uint8Array(100_000);

interface Reason {
  purpose: HostPurpose;
  /** What the registry of the stranger's says that leads inside. */
  leads: Handler;
  call: (client: RegistryClientV2) => Promise<unknown>;
}

const REASONS: Reason[] = [
  {
    purpose: "realm",
    leads: (_request, inside) =>
      new Response("", {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${inside}/latest/meta-data"` },
      }),
    call: (client) => client.listTags(),
  },
  {
    purpose: "redirect",
    leads: ({ url }, inside) =>
      url.includes("/blobs/") ? Response.redirect(`${inside}/latest/meta-data`, 307) : undefined,
    call: async (client) => await (await client.getBlob(DIGEST)).bytes(),
  },
  {
    purpose: "upload",
    leads: ({ method }, inside) =>
      method === "POST"
        ? new Response("", { status: 202, headers: { location: `${inside}/upload` } })
        : undefined,
    call: (client) => client.putBlob(BODY),
  },
];

/** A stranger's registry, and a server inside that counts its connections. */
async function between(
  leads: Handler,
  test: (stranger: string, inside: URL, connections: () => number) => Promise<void>,
): Promise<void> {
  let connections = 0;
  const inner = await serve({
    fetch: (request) => {
      connections++;
      const made = request.method === "PUT" || request.method === "PATCH";
      return Promise.resolve(
        made
          ? new Response("", { status: 201, headers: { location: "/done" } })
          : Response.json({ token: "a token" }),
      );
    },
  });
  const registry = createRegistry();
  const outer = await serve({
    fetch: async (request) => {
      const authorized = request.headers.has("authorization");
      return (authorized ? undefined : leads(request, inner.url)) ?? await registry.fetch(request);
    },
  });
  try {
    await test(outer.url, new URL(inner.url), () => connections);
  } finally {
    await outer.close();
    await inner.close();
  }
}

/** Ways to write an address of this machine; a URL understands all of them. */
const SPELLINGS = [
  "127.0.0.1",
  "127.1",
  "0x7f000001",
  "017700000001",
  "2130706433",
  "[::ffff:127.0.0.1]",
  "[::]",
  "localhost",
  "localhost.",
  "registry.localhost",
];

for (const { purpose, leads, call } of REASONS) {
  for (const spelling of SPELLINGS) {
    const inSpelling: Handler = (request, inside) =>
      leads(request, inside.replace(/127\.0\.0\.1|localhost/, spelling));
    Deno.test(`a ${purpose} at ${spelling} is asked for and refused: no connection is made`, () =>
      between(inSpelling, async (stranger, inside, connections) => {
        const asked: string[] = [];
        const client = new RegistryClientV2({
          name: `${stranger}/app`,
          allowHost: (host, purpose, addresses) => {
            asked.push(`${purpose} ${host}`);
            return host === new URL(stranger).host || publicHostsOnly()(host, purpose, addresses);
          },
        });
        const error = await assertRejects(() => call(client), HostRefusedError, `(${purpose})`);
        assertEquals(error.host, new URL(`http://${spelling}:${inside.port}`).host);
        assertEquals(asked.at(-1), `${purpose} ${error.host}`);
        assertEquals(connections(), 0);
      }));
  }

  Deno.test(`a ${purpose} inside that allowHost allows is connected to`, () =>
    between(leads, async (stranger, _inside, connections) => {
      const client = new RegistryClientV2({ name: `${stranger}/app`, allowHost: () => true });
      await call(client).catch(() => {});
      assert(connections() > 0);
    }));

  Deno.test(`without allowHost a registry inside may name a ${purpose} inside: it is connected to`, () =>
    between(leads, async (stranger, _inside, connections) => {
      await call(new RegistryClientV2({ name: `${stranger}/app` })).catch(() => {});
      assert(connections() > 0);
    }));
}

Deno.test("a stranger's reference to a host inside is refused before any connection", () =>
  between(() => undefined, async (_stranger, inside, connections) => {
    for (const host of ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"]) {
      const client = new RegistryClientV2({
        name: `http://${host}:${inside.port}/app`,
        allowHost: publicHostsOnly(),
      });
      await assertRejects(() => client.listTags(), HostRefusedError, "(registry)");
    }
    for (const host of ["0x7f000001", "127.1", "2130706433"]) {
      assertThrows(
        () => new RegistryClientV2({ name: `http://${host}:${inside.port}/app` }),
        InvalidReferenceError,
      );
    }
    assertEquals(connections(), 0);
  }));

Deno.test("end-8 a link to the next page is asked for as a link, each of them", async () => {
  const registry = createRegistry();
  const server = await serve({ fetch: registry.fetch });
  try {
    const asked: string[] = [];
    const client = new RegistryClientV2({
      name: `${server.url}/app`,
      allowHost: (_host, purpose) => asked.push(purpose) > 0,
    });
    const manifestData = new TextEncoder().encode(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
    );
    const mediaType = "application/vnd.oci.image.index.v1+json";
    for (const ref of ["a", "b", "c"]) await client.putManifest({ ref, mediaType, manifestData });
    asked.length = 0;
    assertEquals((await client.listTags({ pageSize: 1 })).tags, ["a", "b", "c"]);
    assertEquals(asked.slice(0, 3), ["registry", "link", "link"]);
    const strict = new RegistryClientV2({
      name: `${server.url}/app`,
      allowHost: (_host, purpose) => purpose !== "link",
    });
    await assertRejects(() => strict.listTags({ pageSize: 1 }), HostRefusedError, "(link)");
  } finally {
    await server.close();
  }
});

const ALLOWED: [name: string, registry: string, realm: string, trusted?: Record<string, string>][] =
  [
    ["an internal registry's own service", "http://10.0.0.7:5000", "http://10.0.0.7:5000/token"],
    ["the same host by a relative realm", "https://r.corp.example", "/token"],
    ["Docker Hub's", "https://registry-1.docker.io", "https://auth.docker.io/token"],
    ["GitLab.com's", "https://registry.gitlab.com", "https://gitlab.com/jwt/auth"],
    ["another port of the same host by https", "https://r.example", "https://r.example:8443/t"],
    ["another port by option", "http://10.0.0.7:5000", "http://10.0.0.7:5001/token", {
      "10.0.0.7:5000": "10.0.0.7:5001",
    }],
  ];

for (const [name, registry, realm, trustedRealms] of ALLOWED) {
  Deno.test(`credentials still go to ${name}`, async () => {
    const got: (string | null)[] = [];
    const client = new RegistryClientV2({
      name: `${registry}/app`,
      username: "you",
      password: "it is 5ecret",
      ...(trustedRealms && { trustedRealms }),
      fetch: (input, init) => {
        const { url, headers } = new Request(input, init);
        if (new URL(url).pathname.startsWith("/v2/")) {
          return Promise.resolve(
            headers.get("authorization") === "Bearer good"
              ? Response.json({ name: "app", tags: ["a"] })
              : new Response("", {
                status: 401,
                headers: { "www-authenticate": `Bearer realm="${realm}",service="s"` },
              }),
          );
        }
        got.push(headers.get("authorization"));
        return Promise.resolve(Response.json({ token: "good" }));
      },
    });
    assertEquals((await client.listTags()).tags, ["a"]);
    assertEquals(got, [`Basic ${btoa("you:it is 5ecret")}`]);
  });
}

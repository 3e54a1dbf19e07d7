/** A registry on the internet that points inside: without `allowHost`, nothing there is asked. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HostRefusedError, RegistryClientV2 } from "@davit/registry-client";
import type { RegistryClientOpts } from "@davit/registry-client/types";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

type Purpose = "realm" | "redirect" | "redirect of the realm" | "upload";

const CALLS: Record<Purpose, (client: RegistryClientV2) => Promise<unknown>> = {
  realm: (client) => client.listTags(),
  redirect: async (client) => await (await client.getBlob(DIGEST)).bytes(),
  "redirect of the realm": (client) => client.listTags(),
  upload: (client) => client.putBlob(new Uint8Array(100_000)),
};

/** A registry that points to a place for one purpose, and every host that was asked. */
function pointing(
  registry: string,
  place: string,
  purpose: Purpose,
  options: Partial<RegistryClientOpts> = {},
): { call: () => Promise<unknown>; hosts: string[] } {
  const hosts: string[] = [];
  const own = new URL(registry).host;
  const realm = purpose === "realm" ? `${place}/token` : `${registry}/token`;
  const client = new RegistryClientV2({
    name: `${registry}/app`,
    retry: { maxAttempts: 1 },
    fetch: (input, init) => {
      const { url, headers, method } = new Request(input, init);
      const { host, pathname } = new URL(url);
      hosts.push(host);
      const to = (location: string, status: number) =>
        Promise.resolve(new Response(null, { status, headers: { location } }));
      if (host !== own) return Promise.resolve(Response.json({ token: "good" }));
      if (pathname === "/token") return to(`${place}/token`, 307);
      if (purpose === "redirect") return to(`${place}/blob`, 307);
      if (purpose === "upload" && method === "POST") return to(`${place}/upload`, 202);
      const good = headers.get("authorization") === "Bearer good";
      return Promise.resolve(
        good ? Response.json({ name: "app", tags: [] }) : new Response(null, {
          status: 401,
          headers: { "www-authenticate": `Bearer realm="${realm}"` },
        }),
      );
    },
    ...options,
  });
  return { call: () => CALLS[purpose](client), hosts };
}

const PURPOSES: Purpose[] = ["realm", "redirect", "redirect of the realm", "upload"];
const INSIDE = [
  "127.0.0.1",
  "10.1.2.3",
  "169.254.169.254",
  "0x7f.1",
  "[::]",
  "[fe80::1]",
  "localhost",
];

for (const purpose of PURPOSES) {
  for (const inside of INSIDE) {
    Deno.test(`a ${purpose} of a registry outside at ${inside} is refused, and not asked`, async () => {
      for (const place of [`https://${inside}`, `https://${inside}:8443`]) {
        const { call, hosts } = pointing("https://r.example", place, purpose);
        const error = await assertRejects(call, HostRefusedError, "which is inside this network");
        assertEquals(error.host, new URL(place).host);
        assertStringIncludes(
          error.message,
          `trustedRealms: {"r.example": "${new URL(place).origin}"}`,
        );
        assertEquals(hosts.filter((host) => host !== "r.example"), []);
      }
    });
  }

  type Allowed = [name: string, registry: string, place: string, Partial<RegistryClientOpts>?];
  const allowed: Allowed[] = [
    ["an address outside", "https://r.example", "https://203.0.113.7"],
    ["a name", "https://r.example", "https://token.internal"],
    ["from a registry on this machine", "http://localhost:5000", "http://127.0.0.1:5001"],
    ["from a registry inside", "http://10.0.0.7:5000", "http://192.168.0.1"],
    ["that trustedRealms names", "https://r.example", "https://10.0.0.7:8443", {
      trustedRealms: { "r.example": "https://10.0.0.7:8443" },
    }],
    ["that allowHost takes", "https://r.example", "https://10.0.0.7", { allowHost: () => true }],
  ];
  for (const [name, registry, place, options] of allowed) {
    Deno.test(`a ${purpose} ${name} is asked`, async () => {
      const { call, hosts } = pointing(registry, place, purpose, options);
      await call().catch(() => {});
      assertEquals(hosts.includes(new URL(place).host), true, hosts.join());
    });
  }
}

Deno.test("a mirror inside is asked, and may redirect inside; one outside may not", async () => {
  for (
    const [mirror, served] of [["http://10.0.0.7:5000", true], [
      "https://m.example",
      false,
    ]] as const
  ) {
    const hosts: string[] = [];
    const client = new RegistryClientV2({
      name: "r.example/app",
      hosts: { "r.example": { mirrors: [{ url: mirror }] } },
      fetch: (input, init) => {
        const { url } = new Request(input, init);
        const { host } = new URL(url);
        hosts.push(host);
        return Promise.resolve(
          host === new URL(mirror).host
            ? new Response(null, { status: 307, headers: { location: "https://10.0.0.8/blob" } })
            : new Response(null, { status: 404 }),
        );
      },
    });
    await client.getBlob(DIGEST).catch(() => {});
    assertEquals(hosts.includes("10.0.0.8"), served, hosts.join());
  }
});

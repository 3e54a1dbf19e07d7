/** Mirrors of a registry: what is asked of them, what is not, and what they may see. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { DavitEvent, MirrorEvent, MirrorOptions, RegistryClientOpts } from "../../mod.ts";
import { NotFoundError, RegistryClientV2 } from "../../mod.ts";
import { createRegistry, type Registry } from "../../server/mod.ts";

const USERS = { me: "pa55-mirror-secret" };
const LOGIN = { username: "me", password: USERS.me };

/** A registry and its mirrors behind one `fetch` that remembers. */
class World {
  readonly registry: Registry = createRegistry({ auth: { basic: { users: USERS } } });
  readonly mirror: Registry = createRegistry();
  readonly asked: string[] = [];
  readonly events: DavitEvent[] = [];
  readonly seen: Request[] = [];
  /** Answers in a mirror's place. */
  fault: ((request: Request) => Response | undefined) | undefined;

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input as string, init);
    const { host, pathname } = new URL(request.url);
    this.seen.push(request.clone());
    this.asked.push(`${request.method} ${host}${pathname.replace(/sha256:[a-f\d]+/, "DIGEST")}`);
    if (host === "registry.test") return await this.registry.fetch(request);
    const faulty = this.fault?.(request);
    if (faulty !== undefined) return faulty;
    if (host === "down.test") throw new TypeError("no route");
    return await this.mirror.fetch(request);
  };

  client(mirrors: MirrorOptions[], options: Partial<RegistryClientOpts> = {}): RegistryClientV2 {
    return new RegistryClientV2({
      name: "registry.test/app",
      scopes: ["pull", "push", "delete"],
      ...(options.credentials === undefined && LOGIN),
      retry: { minDelay: 1, maxDelay: 1 },
      fetch: this.fetch,
      hosts: { "registry.test": { mirrors } },
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  /** The same image at the registry and, under some name, at the mirror. */
  async push(mirrored?: string): Promise<{ blob: string; manifest: string }> {
    const targets = [
      new RegistryClientV2({
        name: "registry.test/app",
        ...LOGIN,
        fetch: this.fetch,
        scopes: ["pull", "push"],
      }),
    ];
    if (mirrored) {
      targets.push(new RegistryClientV2({ name: `mirror.test/${mirrored}`, fetch: this.fetch }));
    }
    let made = { blob: "", manifest: "" };
    for (const target of targets) {
      const config = await target.putBlob(new TextEncoder().encode("{}"));
      const { digest } = await target.putManifest({
        manifestData: new TextEncoder().encode(JSON.stringify({
          schemaVersion: 2,
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          config: { ...config, mediaType: "application/vnd.oci.image.config.v1+json" },
          layers: [],
        })),
        ref: "latest",
      });
      made = { blob: config.digest, manifest: digest };
    }
    this.asked.length = this.seen.length = 0;
    return made;
  }

  /** What the mirrors' events say, a line each. */
  told(): string[] {
    return this.events.filter((event): event is MirrorEvent => event.type === "mirror")
      .map(({ mirror, served, reason = "" }) => `${mirror} ${served ? "served" : reason}`);
  }

  hosts(): Set<string> {
    return new Set(this.asked.map((line) => line.split(" ")[1]!.split("/")[0]!));
  }
}

const MIRROR = [{ url: "https://mirror.test" }];

Deno.test("mirrors: manifests by tag and digest, and blobs, come from the mirror alone", async () => {
  const world = new World();
  const { blob, manifest } = await world.push("app");
  const client = world.client(MIRROR);
  assertEquals((await client.getManifest({ ref: "latest" })).digest, manifest);
  assertEquals((await client.getManifest({ ref: manifest })).digest, manifest);
  assertEquals((await client.headManifest({ ref: "latest" })).digest, manifest);
  assertEquals(await (await client.getBlob(blob)).text(), "{}");
  assertEquals(world.hosts(), new Set(["mirror.test"]));
  assertEquals(world.told(), Array(4).fill("mirror.test served"));
});

Deno.test("mirrors: a path stands before the repository's name", async () => {
  const world = new World();
  await world.push("cache/hub/app");
  await world.client([{ url: "https://mirror.test/cache/hub/" }]).getManifest({ ref: "latest" });
  assertEquals(world.asked, ["GET mirror.test/v2/cache/hub/app/manifests/latest"]);
});

/** What one repository is answered, at a mirror that has another one. */
const ONE_REFUSED: [name: string, refusal: (url: URL) => Response][] = [
  ["a token service that refuses", () => Response.json({ errors: [] }, { status: 403 })],
  ["a token service that answers nonsense", () => new Response("<html>")],
  [
    "a realm that is none",
    () => new Response(null, { status: 302, headers: { location: "ftp://x" } }),
  ],
];

for (const [name, refusal] of ONE_REFUSED) {
  Deno.test(`mirrors: ${name} for one repository does not silence the mirror for others`, async () => {
    const world = new World();
    const { manifest } = await world.push("app");
    world.fault = (request) => {
      const url = new URL(request.url);
      if (url.pathname === "/token") return refusal(url);
      return url.pathname.startsWith("/v2/secret/")
        ? new Response(null, {
          status: 401,
          headers: { "www-authenticate": 'Bearer realm="https://mirror.test/token"' },
        })
        : undefined;
    };
    const client = world.client(MIRROR);
    const secret = client.withRepo("secret").getManifest({ ref: "latest" });
    await assertRejects(() => secret, NotFoundError);
    world.asked.length = 0;
    assertEquals((await client.getManifest({ ref: "latest" })).digest, manifest);
    assertEquals(world.hosts(), new Set(["mirror.test"]));
  });
}

const FAILURES: [name: string, fault: () => Response, told: string, tries?: number][] = [
  ["404", () => new Response(null, { status: 404 }), "status 404"],
  ["500", () => new Response(null, { status: 500 }), "status 500"],
  // Without a challenge, end-1 is asked for one.
  ["401", () => new Response(null, { status: 401 }), "status 401", 4],
  ["429", () => new Response(null, { status: 429 }), "status 429"],
  [
    "Basic",
    () => new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="m"' } }),
    "status 401",
  ],
];

for (const [name, fault, told, tries = 2] of FAILURES) {
  Deno.test(`mirrors: ${name} falls to the next and at last to the registry, once`, async () => {
    const world = new World();
    const { manifest } = await world.push();
    world.fault = fault;
    const mirrors = [{ url: "https://mirror.test" }, { url: "https://second.test" }];
    const got = await world.client(mirrors).getManifest({ ref: "latest" });
    assertEquals(got.digest, manifest);
    assertEquals(world.told(), [`mirror.test ${told}`, `second.test ${told}`]);
    assertEquals(world.seen.filter(({ url }) => !url.includes("registry.test")).length, tries);
    assert(world.asked.at(-1)!.includes("registry.test"), world.asked.join());
    for (const { url, headers } of world.seen) {
      if (!url.includes("registry.test")) assertEquals(headers.get("authorization"), null);
    }
  });
}

Deno.test("mirrors: one that cannot be reached is asked once, and then passed over", async () => {
  const world = new World();
  await world.push("app");
  const client = world.client([{ url: "https://down.test" }, ...MIRROR]);
  for (let call = 0; call < 3; call++) await client.getManifest({ ref: "latest" });
  assertEquals(world.asked.filter((line) => line.includes("down.test")).length, 1);
  assertEquals(world.told().filter((line) => line === "mirror.test served").length, 3);
});

Deno.test("mirrors: one with ns is told whose mirror it is, and no other", async () => {
  const world = new World();
  const { blob } = await world.push("app");
  world.asked.length = 0;
  await (await world.client([{ url: "https://mirror.test", ns: true }]).getBlob(blob)).bytes();
  assertEquals(world.seen.at(-1)!.url, `https://mirror.test/v2/app/blobs/${blob}?ns=registry.test`);
});

Deno.test("mirrors: Docker Hub's ns is its own name", async () => {
  const asked: string[] = [];
  const client = new RegistryClientV2({
    name: "alpine",
    fetch: (input, init) => {
      asked.push(new Request(input, init).url);
      return Promise.resolve(Response.json({ schemaVersion: 2, manifests: [] }));
    },
    hosts: { "docker.io": { mirrors: [{ url: "https://mirror.test", ns: true }] } },
  });
  await client.getManifest({ ref: "latest" });
  assertEquals(asked, [
    "https://mirror.test/v2/library/alpine/manifests/latest?ns=docker.io",
  ]);
});

Deno.test("mirrors: digestsOnly leaves tags to the registry", async () => {
  const world = new World();
  const { manifest } = await world.push("app");
  const client = world.client([{ url: "https://mirror.test", digestsOnly: true }]);
  await client.getManifest({ ref: "latest" });
  assertEquals(world.hosts(), new Set(["registry.test"]));
  await client.getManifest({ ref: manifest });
  assertEquals(world.told(), ["mirror.test served"]);
});

const AT_THE_REGISTRY: [
  name: string,
  call: (client: RegistryClientV2, digest: string) => Promise<unknown>,
][] = [
  ["tags", (client) => client.listTags()],
  ["referrers", (client, digest) => Array.fromAsync(client.referrers(digest))],
  ["a HEAD by digest", (client, digest) => client.headManifest({ ref: digest })],
  ["an upload", (client) => client.putBlob(new TextEncoder().encode("new"))],
  [
    "a tag that clients change in place",
    (client, digest) =>
      assertRejects(() => client.getManifest({ ref: digest.replace(":", "-") }), NotFoundError),
  ],
  [
    "a pull from a repository that was written to",
    async (client, digest) => {
      const { digest: written } = await client.putBlob(new TextEncoder().encode("new"));
      await client.getBlob(written).then((blob) => blob.bytes());
      await client.getManifest({ ref: digest });
    },
  ],
];

for (const [name, call] of AT_THE_REGISTRY) {
  Deno.test(`mirrors are not asked for ${name}`, async () => {
    const world = new World();
    const { manifest } = await world.push("app");
    await call(world.client(MIRROR), manifest);
    assertEquals(world.hosts(), new Set(["registry.test"]));
    assertEquals(world.told(), []);
  });
}

Deno.test("mirrors: a delete goes to the registry; the manifest's bytes may come from a mirror", async () => {
  const world = new World();
  const { manifest } = await world.push("app");
  await world.client(MIRROR).deleteManifest({ ref: manifest });
  assertEquals(
    new Set(world.asked.filter((line) => line.startsWith("DELETE"))),
    new Set(["DELETE registry.test/v2/app/manifests/DIGEST"]),
  );
});

Deno.test("mirrors: a credential source is asked with the mirror's own host", async () => {
  const world = new World();
  await world.push();
  const asked: string[] = [];
  world.fault = ({ headers }) =>
    headers.get("authorization") === `Basic ${btoa("m:mirrors-own")}`
      ? undefined
      : new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="m"' } });
  const client = world.client(MIRROR, {
    credentials: ({ host }) => {
      asked.push(host);
      return host === "mirror.test" ? { username: "m", password: "mirrors-own" } : LOGIN;
    },
  });
  await client.getManifest({ ref: "latest" });
  assertEquals(asked, ["mirror.test", "registry.test"]);
  assertEquals(world.told(), ["mirror.test status 404"]);
  const leaked = world.seen.filter(({ url, headers }) =>
    url.includes("mirror.test") && headers.get("authorization")?.includes(btoa(`me:${USERS.me}`))
  );
  assertEquals(leaked, []);
});

Deno.test("mirrors: allowHost is asked with the purpose, and a refusal is a failure like any", async () => {
  const world = new World();
  await world.push("app");
  const purposes: string[] = [];
  const allowHost = (host: string, purpose: string) => {
    purposes.push(`${host} ${purpose}`);
    return purpose !== "mirror";
  };
  await world.client(MIRROR, { allowHost }).getManifest({ ref: "latest" });
  assertEquals(purposes[0], "mirror.test mirror");
  assertEquals(world.hosts(), new Set(["registry.test"]));
  assertEquals(world.told().length, 1);
});

Deno.test("mirrors: an aborted call does not go on to the next", async () => {
  const world = new World();
  await world.push("app");
  const ender = new AbortController();
  const reason = new Error("enough");
  world.fault = () => {
    ender.abort(reason);
    return new Response(null, { status: 500 });
  };
  const error = await assertRejects(() =>
    world.client(MIRROR).getManifest({ ref: "latest", signal: ender.signal })
  );
  assertEquals(error, reason);
  assertEquals(world.hosts(), new Set(["mirror.test"]));
});

Deno.test("mirrors: a blob that is not what was asked for is refused", async () => {
  const world = new World();
  const { blob } = await world.push("app");
  world.fault = ({ url }) => url.includes("/blobs/") ? new Response("[]") : undefined;
  await assertRejects(
    async () => await (await world.client(MIRROR).getBlob(blob)).bytes(),
    Error,
    "digest",
  );
});

Deno.test("mirrors: a redirect keeps its rules, as if the mirror were the registry", async () => {
  const world = new World();
  const { manifest } = await world.push();
  world.fault = () => new Response(null, { status: 307, headers: { location: "http://in.test/" } });
  assertEquals((await world.client(MIRROR).getManifest({ ref: "latest" })).digest, manifest);
  assertEquals(world.told()[0]!.includes("from https to http"), true);
  assertEquals(world.hosts(), new Set(["mirror.test", "registry.test"]));
});

/** A manifest's digest, and other bytes for it. */
const WRONG: [
  name: string,
  ref: (digest: string) => string,
  fault: (digest: string) => Response,
  told: string,
][] = [
  [
    "other bytes than the digest asked for",
    (digest) => digest,
    () => new Response('{"schemaVersion":2}'),
    "its bytes have the digest sha256:",
  ],
  [
    "other bytes than it says for a tag",
    () => "latest",
    (digest) =>
      new Response('{"schemaVersion":2}', { headers: { "docker-content-digest": digest } }),
    "its bytes have the digest sha256:",
  ],
  [
    "a page of its own for a tag",
    () => "latest",
    () => new Response("<html>Log in</html>", { headers: { "content-type": "text/html" } }),
    "what it has is no manifest",
  ],
  [
    "a manifest that breaks",
    (digest) => digest,
    () =>
      new Response(
        new ReadableStream({ pull: (controller) => controller.error(new TypeError("reset")) }),
      ),
    "broke in the middle",
  ],
];

for (const [name, ref, fault, told] of WRONG) {
  Deno.test(`mirrors: ${name} falls to the next, and at last to the registry`, async () => {
    const world = new World();
    const { manifest } = await world.push();
    world.fault = ({ url }) => url.includes("/manifests/") ? fault(manifest) : undefined;
    const mirrors = [{ url: "https://mirror.test" }, { url: "https://second.test" }];
    const got = await world.client(mirrors).getManifest({ ref: ref(manifest) });
    assertEquals(got.digest, manifest);
    assertEquals(world.told().length, 2);
    for (const line of world.told()) assert(line.includes(told), line);
  });
}

Deno.test("mirrors: one with other bytes for one manifest is asked for the next", async () => {
  const world = new World();
  const { manifest } = await world.push("app");
  const client = world.client(MIRROR);
  world.fault = () => new Response("{}");
  await client.getManifest({ ref: manifest });
  world.fault = undefined;
  assertEquals((await client.getManifest({ ref: manifest })).digest, manifest);
  assertEquals(world.told().at(-1), "mirror.test served");
});

for (const name of ["docker.io", "index.docker.io", "registry-1.docker.io"]) {
  Deno.test(`mirrors of Docker Hub stand under ${name}`, async () => {
    const world = new World();
    const { manifest } = await world.push("library/app");
    const client = new RegistryClientV2({
      name: "app",
      fetch: world.fetch,
      hosts: { [name]: { mirrors: MIRROR } },
    });
    assertEquals((await client.getManifest({ ref: "latest" })).digest, manifest);
    assertEquals(world.hosts(), new Set(["mirror.test"]));
  });
}

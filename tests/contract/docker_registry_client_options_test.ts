/** The contract of docker_registry_client: the constructor's options and the public fields. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  CertificateError,
  type DavitEvent,
  HostRefusedError,
  InvalidOptionError,
  InvalidReferenceError,
  LimitError,
  parseRepo,
  RegistryClientV2,
} from "@davit/registry-client";
import { createRegistry } from "@davit/registry-client/server";
import type { RegistryClientOpts, RegistryRepo } from "@davit/registry-client/types";
import { selfSigned } from "../peers/certificate.ts";
import { type ErrorClass, NAME, pair, pushImage, wire } from "./sample.ts";

const OPEN = () => new Response("{}", { headers: { "content-type": "application/json" } });
const TAGS = () => Response.json({ name: "app", tags: ["a"] });

const badNames: [options: RegistryClientOpts, type: ErrorClass][] = [
  [{}, InvalidOptionError],
  [{ name: NAME, repo: NAME }, InvalidOptionError],
  [{ name: "" }, InvalidReferenceError],
  [{ name: "Busybox" }, InvalidReferenceError],
  [{ name: "busybox:latest" }, InvalidReferenceError],
  [{ repo: "busybox@sha256:1" }, InvalidReferenceError],
  [{ name: "http://docker.io/library/busybox" }, InvalidReferenceError],
  [{ name: NAME, password: "alone" }, InvalidOptionError],
  [{ name: NAME, token: "one", username: "two", password: "three" }, InvalidOptionError],
];

for (const [options, type] of badNames) {
  Deno.test(`new RegistryClientV2(${JSON.stringify(options)}): ${type.name}`, () => {
    assertThrows(() => new RegistryClientV2(options), type);
  });
}

const given: [how: string, options: RegistryClientOpts][] = [
  ["name", { name: "busybox" }],
  ["repo as a text", { repo: "docker.io/library/busybox" }],
  ["repo as parseRepo gave it", { repo: parseRepo("busybox") }],
];

for (const [how, options] of given) {
  Deno.test(`${how}: names the repository`, () => {
    const { repo, origin } = new RegistryClientV2(options);
    const expected: RegistryRepo = {
      index: { name: "docker.io", official: true, scheme: "https" },
      official: true,
      remoteName: "library/busybox",
      localName: "busybox",
      canonicalName: "docker.io/busybox",
    };
    assertEquals(repo, expected);
    assertEquals(origin, "https://registry-1.docker.io");
  });
}

Deno.test("the fields and their defaults", () => {
  const client = new RegistryClientV2({ name: "busybox" });
  assertEquals(client.version, 2);
  assertEquals(client.insecure, false);
  assertEquals(client.acceptOCIManifests, true);
  assertEquals(client.acceptManifestLists, true);
  assertEquals(client.username, undefined);
  assertEquals(client.password, undefined);
  assertEquals(client.scopes, ["pull"]);
});

Deno.test("the fields are the options", () => {
  const scopes = ["pull", "push"];
  const client = new RegistryClientV2({
    name: "busybox",
    insecure: true,
    acceptOCIManifests: false,
    acceptManifestLists: false,
    username: "me",
    password: "a password",
    scopes,
  });
  assertEquals(client.insecure, true);
  assertEquals(client.acceptOCIManifests, false);
  assertEquals(client.acceptManifestLists, false);
  assertEquals(client.username, "me");
  assertEquals(client.password, "a password");
  assertEquals(client.scopes, ["pull", "push"]);
  client.scopes.push("delete");
  assertEquals(scopes, ["pull", "push"], "the caller's list is the caller's");
  assert(!Deno.inspect(client).includes("a password"));
});

Deno.test("the options are not written to", () => {
  const options = Object.freeze({
    name: NAME,
    scopes: Object.freeze(["pull"]) as string[],
    limits: Object.freeze({ maxPages: 3 }),
    retry: Object.freeze({ maxAttempts: 2 }),
  });
  assertEquals(new RegistryClientV2(options).repo.remoteName, "app");
});

const origins: [name: string, scheme: "http" | "https" | undefined, origin: string][] = [
  ["quay.io/a/b", undefined, "https://quay.io"],
  ["quay.io/a/b", "http", "http://quay.io"],
  ["localhost:5000/a", undefined, "http://localhost:5000"],
  ["localhost:5000/a", "https", "https://localhost:5000"],
  ["http://quay.io/a/b", "https", "https://quay.io"],
];

for (const [name, scheme, origin] of origins) {
  Deno.test(`scheme: ${name} with ${scheme} is ${origin}`, async () => {
    const { fetch, lines } = wire(TAGS);
    const client = new RegistryClientV2({ name, fetch, ...(scheme && { scheme }) });
    await client.listTags();
    assertEquals(client.origin, origin);
    assertEquals(lines(), [`GET ${origin}/v2/${client.repo.remoteName}/tags/list`]);
  });
}

Deno.test("username, password: go along as Basic, once the registry asks for it", async () => {
  const { client, registry } = pair({ auth: { basic: { users: { me: "a password" } } } }, {
    username: "me",
    password: "a password",
  });
  await client.putBlob(new Uint8Array(1));
  assertEquals(registry.requests[0]?.headers.authorization, undefined);
  assertEquals(registry.requests.at(-1)?.headers.authorization, "present");
});

Deno.test("userAgent: goes with every request, and davit/version without it", async () => {
  for (const userAgent of [undefined, "my-app/1.2"]) {
    const { fetch, seen } = wire(TAGS);
    const client = new RegistryClientV2({ name: NAME, fetch, ...(userAgent && { userAgent }) });
    await client.listTags();
    await client.ping();
    for (const { headers } of seen) {
      const sent = headers.get("user-agent")!;
      if (userAgent === undefined) assert(/^davit\/\d/.test(sent), sent);
      else assertEquals(sent, userAgent);
    }
    assertEquals(seen.length, 2);
  }
});

const scopes: [given: string[] | undefined, asked: string][] = [
  [undefined, "repository:app:pull"],
  [["pull", "push"], "repository:app:pull,push"],
  [["push"], "repository:app:pull,push"],
];

for (const [given, asked] of scopes) {
  Deno.test(`scopes: ${given}: the token of a pull is for ${asked}`, async () => {
    const { client, registry } = pair({ auth: { bearer: { anonymous: ["pull", "push"] } } }, {
      ...(given && { scopes: given }),
    });
    await client.headBlob({ digest: `sha256:${"0".repeat(64)}` }).catch(() => {});
    const token = registry.requests.find(({ path }) => path.startsWith("/token"));
    const scope = new URL(token!.path, "http://x").searchParams.get("scope")!;
    assertEquals(scope, asked);
  });
}

const accepts: [options: Partial<RegistryClientOpts>, accept: string[]][] = [
  [{}, ["oci.image.manifest", "oci.image.index", "manifest.v2", "manifest.list.v2"]],
  [{ acceptOCIManifests: false }, ["manifest.v2", "manifest.list.v2"]],
  [{ acceptManifestLists: false }, ["oci.image.manifest", "manifest.v2"]],
  [{ acceptOCIManifests: false, acceptManifestLists: false }, ["manifest.v2"]],
];

for (const [options, accept] of accepts) {
  Deno.test(`${JSON.stringify(options)}: getManifest accepts ${accept}`, async () => {
    const { fetch, seen } = wire(() => new Response("", { status: 404 }));
    const client = new RegistryClientV2({ name: NAME, fetch, ...options });
    await client.getManifest({ ref: "latest" }).catch(() => {});
    const types = seen[0]!.headers.get("accept")!.split(", ");
    assertEquals(types.length, accept.length);
    for (const [at, name] of accept.entries()) assert(types[at]!.includes(name), types[at]);
  });
}

Deno.test("insecure, client: a certificate that nobody signed", async (t) => {
  const { pem, keyPem } = await selfSigned();
  const registry = createRegistry();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: pem, key: keyPem, onListen() {} },
    (request) => registry.fetch(request),
  );
  const name = `https://127.0.0.1:${server.addr.port}/app`;
  const retry = { maxAttempts: 1 };
  await t.step("is refused", async () => {
    const client = new RegistryClientV2({ name, retry });
    await assertRejects(() => client.ping(), CertificateError);
  });
  await t.step("insecure: is taken", async () => {
    const client = new RegistryClientV2({ name, retry, insecure: true });
    const { digest } = await client.putBlob(new Uint8Array(3));
    assertEquals((await (await client.getBlob(digest)).bytes()).byteLength, 3);
  });
  await t.step("client: a Deno.HttpClient that trusts it carries every request", async () => {
    const http = Deno.createHttpClient({ caCerts: [pem] });
    const client = new RegistryClientV2({ name, retry, client: http });
    const { digest } = await client.putBlob(new Uint8Array(4));
    assertEquals((await (await client.getBlob(digest)).bytes()).byteLength, 4);
    client.close();
    await assertRejects(() => client.ping());
  });
  await server.shutdown();
});

Deno.test("credentials: a credential, or a function that is asked for one", async () => {
  const auth = { basic: { users: { me: "a password" } } };
  const credential = { username: "me", password: "a password" };
  const targets: unknown[] = [];
  for (
    const credentials of [
      credential,
      (target: { host: string; repository?: string }) => {
        targets.push(target);
        return credential;
      },
      () => Promise.resolve(credential),
    ]
  ) {
    const { client } = pair({ auth }, { credentials });
    assertEquals((await client.putBlob(new Uint8Array(1))).size, 1);
  }
  assertEquals(targets, [{ host: "localhost:5000", scheme: "http", repository: "app" }]);
});

Deno.test("fetch: carries every byte", async () => {
  const { client, taken } = pair();
  await pushImage(client, "latest");
  await client.getManifest({ ref: "latest" });
  assertEquals(taken().length > 4, true);
});

Deno.test("allowHost: asked before the connection, with its purpose", async () => {
  const asked: string[] = [];
  const { fetch, seen } = wire(OPEN);
  const client = new RegistryClientV2({
    name: NAME,
    fetch,
    allowHost: (host, purpose) => {
      asked.push(`${host} ${purpose}`);
      return false;
    },
  });
  const error = await assertRejects(() => client.ping(), HostRefusedError);
  assertEquals(error.host, "localhost:5000");
  assertEquals([asked, seen], [["localhost:5000 registry"], []]);
});

Deno.test("retry: says how often a request is sent", async () => {
  for (const maxAttempts of [1, 3]) {
    const { fetch, seen } = wire(() => new Response("", { status: 503 }));
    const client = new RegistryClientV2({ name: NAME, fetch, retry: { maxAttempts, minDelay: 0 } });
    await assertRejects(() => client.listTags());
    assertEquals(seen.length, maxAttempts);
  }
});

Deno.test("limits: are kept", async () => {
  const { client } = pair({}, { limits: { manifestBytes: 10 } });
  await pushImage(client, "latest");
  const error = await assertRejects(() => client.getManifest({ ref: "latest" }), LimitError);
  assertEquals([error.limit, error.maximum], ["manifestBytes", 10]);
});

Deno.test("onEvent: is told every request; what it throws is ignored", async () => {
  const events: DavitEvent["type"][] = [];
  const { client } = pair({}, {
    onEvent: ({ type }) => {
      events.push(type);
      throw new Error("ignored");
    },
  });
  await client.ping();
  assertEquals(events, ["request", "response"]);
});

Deno.test("signal: ends every call of the client, with its reason", async () => {
  const controller = new AbortController();
  const { client } = pair({}, { signal: controller.signal });
  await client.ping();
  const reason = new Error("enough");
  controller.abort(reason);
  for (
    const call of [
      () => client.ping(),
      () => client.listTags(),
      () => client.putBlob(new Uint8Array(1)),
      () => client.getBlob(`sha256:${"0".repeat(64)}`, { signal: new AbortController().signal }),
    ]
  ) {
    assertStrictEquals(await assertRejects(call), reason);
  }
});

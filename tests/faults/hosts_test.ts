/**
 * What a reference, or a registry, of a stranger's can make a program connect to: `allowHost` is
 * asked before every connection, and what it refuses is not connected to.
 */
import { assert, assertEquals } from "@std/assert";
import { type HostPurpose, MEDIA_TYPES, publicHostsOnly } from "@davit/registry-client";
import { SECRETS } from "./secrets.ts";
import {
  challenged,
  type Fault,
  faultTest,
  ORIGIN,
  sha256,
  UNKNOWN,
  utf8,
  World,
} from "./world.ts";

const HELLO = utf8("hello");
const DIGEST = await sha256(HELLO);

/** Lets everything through but one purpose; notes what it was asked. */
function except(refused: HostPurpose): {
  allowHost: (host: string, purpose: HostPurpose) => boolean;
  asked: string[];
} {
  const asked: string[] = [];
  return {
    asked,
    allowHost: (host, purpose) => {
      asked.push(`${purpose} ${host}`);
      return purpose !== refused;
    },
  };
}

interface Way {
  purpose: HostPurpose;
  host: string;
  fault?: Fault;
  call: (world: World) => Promise<unknown>;
}

const INTERNAL = "169.254.169.254";

const ways: Way[] = [
  {
    purpose: "registry",
    host: "registry.test",
    call: ({ client }) => client.listTags(),
  },
  {
    purpose: "realm",
    host: INTERNAL,
    fault: (_request, url) =>
      url.pathname.startsWith("/v2/")
        ? challenged(`Bearer realm="https://${INTERNAL}/latest/meta-data"`)
        : undefined,
    call: ({ client }) => client.listTags(),
  },
  {
    purpose: "redirect",
    host: INTERNAL,
    fault: (request, url) =>
      url.pathname.includes("/blobs/") && request.headers.has("authorization")
        ? Response.redirect(`https://${INTERNAL}/latest/meta-data`, 307)
        : undefined,
    call: ({ client }) => client.getBlob(DIGEST),
  },
  {
    purpose: "upload",
    host: INTERNAL,
    fault: ({ method, headers }) =>
      method === "POST" && headers.has("authorization")
        ? new Response("", {
          status: 202,
          headers: { location: `https://${INTERNAL}/latest/api/token` },
        })
        : undefined,
    call: ({ client }) => client.putBlob(new Blob(["x".repeat(100_000)])),
  },
];

for (const { purpose, host, fault, call } of ways) {
  const { allowHost, asked } = except(purpose);
  faultTest(`allowHost refuses a ${purpose}`, {
    ...(fault && { fault }),
    client: { allowHost },
    call,
    code: "HOST_REFUSED",
    is: { host, retryable: false },
    after: (world) => {
      assert(asked.includes(`${purpose} ${host}`), asked.join());
      assertEquals(world.to(host), [], "it was connected to");
    },
  });

  faultTest(`allowHost that promises false refuses a ${purpose}`, {
    ...(fault && { fault }),
    client: { allowHost: (_host, asked) => Promise.resolve(asked !== purpose) },
    call,
    code: "HOST_REFUSED",
    after: (world) => assertEquals(world.to(host), []),
  });
}

for (const { purpose, fault, call } of ways.slice(1)) {
  faultTest(`publicHostsOnly refuses a ${purpose} at the cloud's metadata service`, {
    ...(fault && { fault }),
    client: {
      allowHost: (host, asked) => host === "registry.test" || publicHostsOnly()(host, asked),
    },
    call,
    code: "HOST_REFUSED",
    after: (world) => assertEquals(world.to(INTERNAL), []),
  });
}

const internal = [
  "localhost:5000/a",
  "127.0.0.1:5000/a",
  "[::1]:5000/a",
  "10.0.0.1:5000/a",
  "169.254.169.254/a/b",
  "192.168.1.1:80/a",
  "registry.internal/a/b",
  "registry.local:5000/a",
];

for (const name of internal) {
  faultTest(`publicHostsOnly refuses a stranger's reference to ${name}`, {
    auth: false,
    client: { name, allowHost: publicHostsOnly() },
    call: ({ client }) => client.getManifest({ ref: "latest" }),
    code: "HOST_REFUSED",
    after: ({ seen }) => assertEquals(seen, []),
  });
}

Deno.test("allowHost is asked again for every connection, not once for a host", async () => {
  const { allowHost, asked } = except("foreign");
  const world = new World({ client: { allowHost } });
  await world.client.putBlob(HELLO);
  assertEquals(asked.length, world.seen.length);
  assertEquals(new Set(asked), new Set(["registry registry.test", "realm registry.test"]));
});

Deno.test("allowHost that throws ends the call with what it threw", async () => {
  const reason = new Error("no opinion");
  const world = new World({
    client: {
      allowHost: () => {
        throw reason;
      },
    },
  });
  assertEquals(await world.caught(() => world.client.listTags()), reason);
  assertEquals(world.seen, []);
});

Deno.test("a layer's urls are not looked at: the blob comes from the registry or not at all", async () => {
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest: UNKNOWN, size: 2 },
    layers: [{
      mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      digest: DIGEST,
      size: 5,
      urls: [`https://foreign.test/layer?sig=${SECRETS.signature}`, `http://${INTERNAL}/`],
    }],
  });
  const world = new World({
    fault: (request, url) =>
      url.pathname.includes("/manifests/") && request.headers.has("authorization")
        ? new Response(manifest)
        : undefined,
  });
  const { manifest: image } = await world.client.getManifest({
    ref: "latest",
    acceptManifestLists: false,
  });
  await world.caught(() => world.client.getBlob(image.layers[0]!.digest));
  assertEquals((world.errors[0] as { code?: string }).code, "NOT_FOUND");
  assertEquals(new Set(world.seen.map(({ url }) => url.origin)), new Set([ORIGIN]));
  world.assertSecretsKept();
});

Deno.test("credentials of one registry are not offered to another one", async () => {
  const hosts: string[] = [];
  const world = new World({
    client: {
      username: undefined,
      password: undefined,
      credentials: ({ host }: { host: string }) => {
        hosts.push(host);
        return { username: "me", password: SECRETS.password };
      },
    } as never,
    fault: (request, url) => {
      if (url.host === "other.test") {
        return challenged('Basic realm="other"');
      }
      return url.pathname.includes("/blobs/") && request.headers.has("authorization")
        ? Response.redirect("https://other.test/blob", 307)
        : undefined;
    },
  });
  await world.caught(() => world.client.getBlob(DIGEST));
  assertEquals(new Set(hosts), new Set(["registry.test"]));
  world.assertCredentialsStayed();
});

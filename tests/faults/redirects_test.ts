/** Redirects, upload locations and links: loops end, and no credentials leave the registry. */
import { assert, assertEquals } from "@std/assert";
import type { ErrorCode, HttpError } from "@davit/registry-client";
import { SECRETS } from "./secrets.ts";
import {
  challenged,
  type Fault,
  faultTest,
  ORIGIN,
  runFault,
  sha256,
  UNKNOWN,
  utf8,
  World,
} from "./world.ts";

const HELLO = utf8("hello");
const DIGEST = await sha256(HELLO);

function redirect(location: string, status = 307): Response {
  return new Response("", { status, headers: { location } });
}

const calls: [name: string, path: RegExp, call: (world: World) => Promise<unknown>][] = [
  ["end-2 getBlob", /\/blobs\//, ({ client }) => client.getBlob(DIGEST)],
  ["end-2 headBlob", /\/blobs\//, ({ client }) => client.headBlob({ digest: DIGEST })],
  ["end-3 getManifest", /\/manifests\//, ({ client }) => client.getManifest({ ref: "latest" })],
  ["end-3 headManifest", /\/manifests\//, ({ client }) => client.headManifest({ ref: "latest" })],
  ["end-8 listTags", /\/tags\//, ({ client }) => client.listTags()],
  [
    "end-12 listReferrers",
    /\/referrers\//,
    ({ client }) => client.listReferrers({ digest: UNKNOWN }),
  ],
];

/** A registry whose answers under a path, and all of another host's, are these. */
function under(path: RegExp, answer: (url: URL, nth: number) => Response): Fault {
  let count = 0;
  return (request, url) =>
    url.origin !== ORIGIN || (request.headers.has("authorization") && path.test(url.pathname))
      ? answer(url, count++)
      : undefined;
}

/** The requests but those of the fallback tag, which is asked for beside the referrers API. */
const counted = ({ seen }: World) =>
  seen.filter(({ url }) => !url.pathname.includes("/manifests/sha256-")).length;

for (const [name, path, call] of calls) {
  faultTest(`${name}: a redirect to itself`, {
    fault: under(path, (url) => redirect(url.href)),
    call,
    code: "TOO_MANY_REDIRECTS",
    after: (world) => assertEquals(counted(world), 3), // refused, token, redirected
  });

  faultTest(`${name}: two places that redirect to each other`, {
    fault: under(
      path,
      (url) => redirect(url.host === "a.test" ? "https://b.test/x" : "https://a.test/x"),
    ),
    call,
    code: "TOO_MANY_REDIRECTS",
    after: (world) => assertEquals(counted(world), 5),
  });

  faultTest(`${name}: redirects without an end`, {
    fault: under(path, (_url, nth) => redirect(`https://storage.test/${nth}`)),
    client: { limits: { maxRedirects: 5 } },
    call,
    code: "TOO_MANY_REDIRECTS",
    says: "maxRedirects, 5",
    after: (world) => assertEquals(world.to("storage.test").length, 5),
  });

  for (
    const [where, location] of [
      ["http", `http://storage.test/x?sig=${SECRETS.signature}`],
      ["a file", "file:///etc/passwd"],
      ["data", "data:text/plain,x"],
      ["javascript", "javascript:alert(1)"],
      ["what is no URL", "https://"],
    ] as const
  ) {
    faultTest(`${name}: a redirect from https to ${where}`, {
      fault: under(path, () => redirect(location)),
      call,
      code: "HOST_REFUSED",
      after: ({ seen }) => assertEquals(seen.filter(({ url }) => url.origin !== ORIGIN), []),
    });
  }

  Deno.test(`${name}: no credentials follow a redirect, there or back`, async () => {
    const hosts: string[] = [];
    const world = new World({
      fault: (request, url) => {
        if (!path.test(url.pathname)) return undefined;
        if (url.origin === ORIGIN && url.searchParams.has("back")) {
          return new Response("", { status: 404 });
        }
        if (url.host === "b.test") return redirect(`${ORIGIN}${url.pathname}?back=1`);
        if (url.host === "a.test") return redirect(`https://b.test${url.pathname}`);
        return request.headers.has("authorization")
          ? redirect(`https://a.test${url.pathname}?sig=${SECRETS.signature}`)
          : undefined;
      },
    });
    await world.caught(() => call(world));
    for (const { url, authorization } of world.seen) {
      hosts.push(url.host);
      const own = url.origin === ORIGIN && !url.searchParams.has("back");
      if (!own) assertEquals(authorization, null, url.href);
    }
    assert(hosts.includes("a.test") && hosts.includes("b.test"), hosts.join());
    world.assertSecretsKept();
    world.assertCredentialsStayed();
  });

  faultTest(`${name}: a place that answers 401 with a challenge collects nothing`, {
    fault: (request, url) => {
      if (url.host === "thief.test") {
        return challenged('Basic realm="x", Bearer realm="https://thief.test/t"');
      }
      return path.test(url.pathname) && request.headers.has("authorization")
        ? redirect(`https://thief.test${url.pathname}`)
        : undefined;
    },
    call,
    code: "UNAUTHORIZED",
    // A registry that this one redirects to may give an anonymous token, and sees nothing else.
    after: (world) => assertEquals(world.to("thief.test").slice(1), ["GET /t"]),
  });
}

Deno.test("end-2 getBlob: the signature of the storage that refuses is not told", async () => {
  const signed = `https://storage.test/blob?X-Amz-Signature=${SECRETS.signature}`;
  await runFault({
    fault: (request, url) => {
      if (url.host === "storage.test") return new Response("<Error/>", { status: 403 });
      return url.pathname.includes("/blobs/") && request.headers.has("authorization")
        ? redirect(signed)
        : undefined;
    },
    call: ({ client }) => client.getBlob(DIGEST),
    code: "FORBIDDEN",
    after: ({ events }) =>
      assert(events.some((event) => "url" in event && event.url.includes("X-Amz-Signature=…"))),
  });
});

Deno.test("end-3 getManifest: a redirect that is not followed does not show where it leads", async () => {
  await runFault({
    fault: (request, url) =>
      url.pathname.includes("/manifests/") && request.headers.has("authorization")
        ? redirect(`https://storage.test/x?sig=${SECRETS.signature}`)
        : undefined,
    call: ({ client }) => client.getManifest({ ref: "latest", followRedirects: false }),
    code: "REGISTRY_RESPONSE",
    is: { statusCode: 307 },
    after: (_world, error) => {
      const { resp } = error as HttpError;
      assert(
        resp.headers.get("location")!.includes(SECRETS.signature),
        "the response has it still",
      );
    },
  });
});

/** A registry whose uploads live on another host. */
function elsewhere(uploads: (request: Request) => Response | Promise<Response>): Fault {
  return (request, url) => {
    if (url.host === "uploads.test") return uploads(request);
    const location = `https://uploads.test/u?_state=${SECRETS.state}`;
    return request.method === "POST" && request.headers.has("authorization")
      ? new Response("", { status: 202, headers: { location } })
      : undefined;
  };
}

const uploads: [name: string, call: (world: World) => Promise<unknown>][] = [
  ["by PUT", ({ client }) => client.putBlob(new Blob(["x".repeat(100_000)]))],
  ["by PATCH", ({ client }) => client.putBlob(new Blob(["hello"]).stream(), { size: 5 })],
  ["in chunks", ({ client }) => client.putBlob(HELLO, { chunkSize: 2 })],
];

for (const [name, call] of uploads) {
  Deno.test(`an upload Location on another origin gets no credentials, ${name}`, async () => {
    const world = new World({
      fault: elsewhere(async (request) => {
        await request.arrayBuffer();
        const status = request.method === "PUT" ? 201 : 202;
        const location = `/u?_state=${SECRETS.state}`;
        return new Response("", { status, headers: { location } });
      }),
    });
    await call(world);
    assert(world.to("uploads.test").length > 0);
    world.assertSecretsKept();
    // The state in the location is the one secret that is meant for that place.
    for (const { url, authorization } of world.seen) {
      if (url.host === "uploads.test") assertEquals(authorization, null);
    }
  });

  faultTest(`an upload Location on another origin that asks for credentials, ${name}`, {
    fault: elsewhere(() => challenged('Basic realm="thief"')),
    call,
    code: "UNAUTHORIZED",
  });
}

faultTest("end-5 putBlob: a registry that takes a stream without reading it", {
  fault: elsewhere(() => new Response("", { status: 202 })),
  call: ({ client }) => client.putBlob(new Blob(["hello"]).stream(), { size: 5 }),
  code: "UPLOAD_FAILED",
  is: { retryable: false },
});

const locations: [name: string, location: string | undefined, code: ErrorCode][] = [
  ["none", undefined, "INVALID_CONTENT"],
  ["what is no URL", "https://", "INVALID_CONTENT"],
  ["a file", "file:///etc/passwd", "INVALID_CONTENT"],
  ["http on another host", "http://uploads.test/u", "HOST_REFUSED"],
];

for (const [name, location, code] of locations) {
  faultTest(`end-4 startBlobUpload: an upload Location that is ${name}`, {
    fault: (request) =>
      request.method === "POST" && request.headers.has("authorization")
        ? new Response("", { status: 202, headers: location === undefined ? {} : { location } })
        : undefined,
    call: ({ client }) => client.startBlobUpload(),
    code,
  });
}

Deno.test("end-4: an upload Location that says http on the registry's own host stays on https", async () => {
  const world = new World({
    fault: (request) =>
      request.method === "POST" && request.headers.has("authorization")
        ? new Response("", { status: 202, headers: { location: "http://registry.test/u" } })
        : undefined,
  });
  assertEquals((await world.client.startBlobUpload()).location, `${ORIGIN}/u`);
});

/** A list whose next page is there. */
function linked(link: (url: URL, nth: number) => string): Fault {
  let count = 0;
  return (request, url) =>
    /tags\/list|_catalog|referrers/.test(url.pathname) && request.headers.has("authorization")
      ? Response.json(
        { name: "app", schemaVersion: 2, tags: ["a"], repositories: ["a"], manifests: [] },
        {
          headers: {
            "content-type": url.pathname.includes("referrers")
              ? "application/vnd.oci.image.index.v1+json"
              : "application/json",
            link: `<${link(url, count++)}>; rel="next"`,
          },
        },
      )
      : undefined;
}

const lists: [name: string, call: (world: World) => Promise<unknown>][] = [
  ["end-8 listTags", ({ client }) => client.listTags()],
  ["end-12 listReferrers", ({ client }) => client.listReferrers({ digest: UNKNOWN })],
  ["listRepositories", ({ client }) => client.listRepositories()],
  ["tags()", async ({ client }) => {
    for await (const _tag of client.tags());
  }],
];

for (const [name, call] of lists) {
  faultTest(`${name}: a Link to another origin`, {
    fault: linked(() => `https://thief.test/v2/app/tags/list?sig=${SECRETS.signature}`),
    call,
    code: "HOST_REFUSED",
    is: { host: "thief.test" },
    after: (world) => assertEquals(world.to("thief.test"), [], "it is not even asked"),
  });

  faultTest(`${name}: a Link to the same host on another port`, {
    fault: linked(() => "https://registry.test:8443/v2/app/tags/list"),
    call,
    code: "HOST_REFUSED",
  });

  faultTest(`${name}: a Link to the page itself`, {
    fault: linked((url) => url.href),
    call,
    code: "INVALID_CONTENT",
    says: "back",
  });

  faultTest(`${name}: two pages that link to each other`, {
    fault: linked((url) => `${url.pathname}?page=${url.searchParams.get("page") === "1" ? 2 : 1}`),
    call,
    code: "INVALID_CONTENT",
  });

  faultTest(`${name}: links without an end`, {
    fault: linked((url, nth) => `${url.pathname}?page=${nth}`),
    client: { limits: { maxPages: 20 } },
    call,
    code: "LIMIT_EXCEEDED",
    is: { limit: "maxPages", maximum: 20 },
  });

  faultTest(`${name}: a Link that is no URL`, {
    fault: linked(() => "https://"),
    call,
    code: "INVALID_CONTENT",
  });
}

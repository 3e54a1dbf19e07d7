/** @sigstore/oci's own cases 38 to 66: blobs and manifests, and what follows redirects. */
import { assertEquals } from "@std/assert";
import {
  type Answer,
  BASIC,
  BLOB,
  challenged,
  CREDENTIALS,
  digestOf,
  LINES,
  MANIFEST,
  moved,
  noReferrers,
  ORIGIN,
  type Seen,
  World,
} from "./sigstore_oci_world.ts";

const asksBasic = challenged('Basic realm="r"', BASIC);

/** Answers by {@linkcode Seen.line}. */
function at(answers: Record<string, (seen: Seen) => Response>): Answer {
  return (seen) => answers[seen.line]?.(seen);
}

const here = () => new Response(null);
const created = () => new Response("", { status: 201 });
const missing = () => new Response("", { status: 404 });

/** What could be a secret in a request. */
function secrets({ headers }: Seen): (string | null)[] {
  return [headers.get("authorization"), headers.get("x-meta-team")];
}

const NONE = [null, null];
const ALL = [BASIC, "build"];

/** The one PUT of the artifact. */
function upload(world: World): Seen {
  const puts = world.seen.filter(({ method, body }) => method === "PUT" && body === "artifact");
  assertEquals(puts.length, 1);
  return puts[0]!;
}

const LOCATIONS: [number: string, location: string, first: string, put: string][] = [
  ["38: an absolute URL", `${ORIGIN}/upload/9`, "", `${ORIGIN}/upload/9`],
  ["39: /v2/…", "/v2/you/app/blobs/uploads/9", "", `${ORIGIN}/v2/you/app/blobs/uploads/9`],
  ["40: relative to the POST", "session-123", "", `${ORIGIN}/v2/you/app/blobs/uploads/session-123`],
  [
    "41: relative to where the POST ended",
    "session-456",
    "/uploads/redirected/",
    `${ORIGIN}/uploads/redirected/session-456`,
  ],
];

for (const [name, location, redirected, put] of LOCATIONS) {
  Deno.test(`sigstore-oci ${name}`, async () => {
    const start = () => moved(location, 202);
    const world = new World(
      at(
        redirected
          ? { [LINES.upload]: () => moved(redirected), [`POST ${redirected}`]: start }
          : { [LINES.upload]: start },
      ),
    );
    await world.attach();
    const { url, headers } = upload(world);
    assertEquals(url.origin + url.pathname, put);
    assertEquals(url.searchParams.get("digest"), BLOB);
    assertEquals(headers.get("content-type"), "application/octet-stream");
  });
}

Deno.test("sigstore-oci 42: a blob that is there is not sent", async () => {
  const world = new World(at({ [LINES.blob]: here }));
  await world.attach();
  assertEquals(world.lines.filter((line) => line.includes("upload")), []);
});

const HEADS: [name: string, status: number, location: string, method: string, there: boolean][] = [
  ["43: 307 on the same origin → 200", 307, "/moved", "HEAD /moved", true],
  ["44: 307 elsewhere → 200", 307, "https://else.test/x", "HEAD https://else.test/x", true],
  ["45: 303 stays HEAD", 303, "/moved", "HEAD /moved", true],
  ["46: 307 → 404: it is uploaded", 307, "/moved", "HEAD /moved", false],
];

for (const [name, status, location, line, there] of HEADS) {
  Deno.test(`sigstore-oci ${name}`, async () => {
    const world = new World(
      at({ [LINES.blob]: () => moved(location, status), [line]: there ? here : missing }),
    );
    await world.attach();
    assertEquals(world.lines.includes(line), true);
    assertEquals(world.lines.some((each) => each.includes("upload")), !there);
  });
}

Deno.test("sigstore-oci 47: a redirect elsewhere takes no credentials and no headers along", async () => {
  const world = new World(
    asksBasic,
    at({ [LINES.blob]: () => moved("https://else.test/x"), "HEAD https://else.test/x": here }),
  );
  await world.attach();
  assertEquals(world.to("else.test").map(secrets), [NONE]);
});

Deno.test("sigstore-oci 48: a redirect on the origin keeps both", async () => {
  const world = new World(
    asksBasic,
    at({ [LINES.blob]: () => moved("/moved"), "HEAD /moved": here }),
  );
  await world.attach();
  assertEquals(world.seen.filter(({ line }) => line === "HEAD /moved").map(secrets), [ALL]);
});

Deno.test("sigstore-oci 49: a POST's 307 on the same origin is followed", async () => {
  const world = new World(
    asksBasic,
    at({ [LINES.upload]: () => moved("/begin"), "POST /begin": () => moved("/upload/2", 202) }),
  );
  await world.attach();
  assertEquals(upload(world).url.pathname, "/upload/2");
  assertEquals(world.seen.filter(({ line }) => line === "POST /begin").map(secrets), [ALL]);
});

Deno.test("sigstore-oci 50: a POST's 307 elsewhere is followed without credentials, and goes on there", async () => {
  const world = new World(
    asksBasic,
    at({
      [LINES.upload]: () => moved("https://else.test/begin"),
      "POST https://else.test/begin": () => moved("/upload/2", 202),
      "PUT https://else.test/upload/2": created,
    }),
  );
  await world.attach();
  assertEquals(upload(world).url.host, "else.test");
  assertEquals(world.to("else.test").map(secrets), [NONE, NONE]);
});

Deno.test("sigstore-oci 51: a Location elsewhere: its query and Content-Type, no credentials", async () => {
  const world = new World(
    asksBasic,
    at({
      [LINES.upload]: () => moved("https://else.test/u?sig=a%2Fb", 202),
      "PUT https://else.test/u": created,
    }),
  );
  await world.attach();
  const put = upload(world);
  assertEquals(put.url.search, `?sig=a%2Fb&digest=${encodeURIComponent(BLOB)}`);
  assertEquals(put.headers.get("content-type"), "application/octet-stream");
  assertEquals(secrets(put), NONE);
});

Deno.test("sigstore-oci 52: a PUT's 307 elsewhere: the body again, Content-Type, no credentials", async () => {
  const world = new World(
    asksBasic,
    at({
      [LINES.upload]: () => moved("/upload/2", 202),
      "PUT /upload/2": () => moved("https://else.test/u"),
      "PUT https://else.test/u": created,
    }),
  );
  await world.attach();
  const [put] = world.to("else.test");
  assertEquals([put!.body, put!.headers.get("content-type")], [
    "artifact",
    "application/octet-stream",
  ]);
  assertEquals(secrets(put!), NONE);
});

Deno.test("sigstore-oci 53: a Bearer token stays, too", async () => {
  const world = new World(
    challenged(`Bearer realm="${ORIGIN}/token",service="s"`, "Bearer good"),
    at({
      "GET /token": () => Response.json({ token: "good" }),
      [LINES.blob]: () => moved("https://else.test/x"),
      "HEAD https://else.test/x": here,
    }),
  );
  await world.attach();
  assertEquals(world.to("else.test").map(secrets), [NONE]);
});

Deno.test("sigstore-oci 54: elsewhere and back: credentials do not come back", async () => {
  const world = new World(
    // The way back is let in without credentials, as a signed URL would be.
    (seen) => seen.url.pathname === "/back" ? here() : asksBasic(seen),
    at({
      [LINES.blob]: () => moved("https://else.test/x"),
      "HEAD https://else.test/x": () => moved(`${ORIGIN}/back`),
    }),
  );
  await world.attach();
  assertEquals(world.to("else.test").map(secrets), [NONE]);
  // The headers go with every request to the registry's own origin.
  assertEquals(world.seen.filter(({ line }) => line === "HEAD /back").map(secrets), [
    [null, "build"],
  ]);
});

Deno.test("sigstore-oci 55, stricter: from https to http no redirect is followed", async () => {
  const world = new World(
    asksBasic,
    at({ [LINES.blob]: () => moved("http://else.test/x"), "HEAD http://else.test/x": here }),
  );
  await world.refused(/redirected from https to http/);
  assertEquals(world.to("else.test"), []);
});

Deno.test("sigstore-oci 56: another port is elsewhere", async () => {
  const world = new World(
    asksBasic,
    at({ [LINES.blob]: () => moved(`${ORIGIN}:8443/x`), [`HEAD ${ORIGIN}:8443/x`]: here }),
  );
  await world.attach();
  assertEquals(world.to("registry.test:8443").map(secrets), [NONE]);
});

Deno.test("sigstore-oci 57: Authorization stays where the registry's realm redirects from", async () => {
  const world = new World(
    challenged(`Bearer realm="${ORIGIN}/token",service="s"`, "Bearer good"),
    at({
      "GET /token": () => moved("https://else.test/token"),
      "GET https://else.test/token": () => Response.json({ token: "good" }),
    }),
  );
  await world.attach();
  assertEquals(world.to("else.test").map(secrets), [NONE]);
});

Deno.test("sigstore-oci 58: 202 without a Location", async () => {
  const world = new World(at({ [LINES.upload]: () => new Response("", { status: 202 }) }));
  await world.refused(/missing location/i);
});

Deno.test("sigstore-oci 59: a PUT that answers 203", async () => {
  const world = new World(at({ "PUT /upload/1": () => new Response("", { status: 203 }) }));
  await world.refused(/expected 201, received 203/);
});

Deno.test("sigstore-oci 60: HEAD 500, then 200, with one retry: it is there", async () => {
  const statuses = [500, 200];
  const world = new World(
    at({ [LINES.blob]: () => new Response(null, { status: statuses.shift()! }) }),
  );
  await world.attach({ fetchOpts: { retry: { retries: 1, minTimeout: 0, factor: 0 } } });
  assertEquals(world.lines.filter((line) => line === LINES.blob).length, 2);
  assertEquals(world.lines.some((line) => line.includes("upload")), false);
});

Deno.test("sigstore-oci 61: HEAD's Accept, and what it answers is the subject", async () => {
  const world = new World();
  await world.attach();
  assertEquals(
    world.seen[0]!.headers.get("accept"),
    [
      MANIFEST,
      "application/vnd.oci.image.index.v1+json",
      "application/vnd.docker.distribution.manifest.v2+json",
      "application/vnd.docker.distribution.manifest.list.v2+json",
    ].sort().reverse().join(","),
  );
  const { subject } = JSON.parse(world.manifest.body);
  assertEquals([subject.mediaType, subject.size], [MANIFEST, 401]);
});

Deno.test("sigstore-oci 62: GET of the fallback tag: 200 by the body's own type, 404 for none", async () => {
  const index = JSON.stringify({ schemaVersion: 2, manifests: [] });
  const typed = { headers: { "content-type": "application/json" } };
  const strange = new World(noReferrers, at({ [LINES.readTag]: () => new Response(index, typed) }));
  await strange.attach();
  assertEquals(JSON.parse(strange.index!).manifests.length, 1);
  const none = new World(noReferrers);
  await none.attach();
  assertEquals(JSON.parse(none.index!).manifests.length, 1);
});

Deno.test("sigstore-oci 63: PUT by digest, as an OCI manifest", async () => {
  const world = new World();
  const { digest } = await world.attach();
  const { url, headers, body } = world.manifest;
  assertEquals(url.pathname, `/v2/you/app/manifests/${digest}`);
  assertEquals([headers.get("content-type"), digest], [MANIFEST, await digestOf(body)]);
});

Deno.test("sigstore-oci 64: PUT of the fallback tag has If-Match with the ETag of GET", async () => {
  const world = new World(noReferrers);
  await world.attach();
  await world.attach({ annotations: { again: "yes" } });
  const writes = world.seen.filter(({ line }) => line === LINES.writeTag);
  assertEquals(writes.map(({ headers }) => headers.get("if-match")), [null, '"index-1"']);
});

Deno.test("sigstore-oci 65: PUT of the manifest answers 203", async () => {
  const world = new World(({ method, url }) =>
    method === "PUT" && url.pathname.includes("/manifests/")
      ? new Response("", { status: 203 })
      : undefined
  );
  await world.refused(/expected 201, received 203/);
});

/** A HEAD of the subject that is redirected so many times. */
function hops(count: number): Answer {
  let left = count;
  return (seen) => {
    if (seen.line !== LINES.subject && !seen.line.startsWith("HEAD /hop/")) return undefined;
    if (left-- > 0) return moved(`/hop/${left}`);
    return new Response(null, { headers: { "content-type": MANIFEST, "content-length": "401" } });
  };
}

Deno.test("sigstore-oci 66: 20 redirects are followed, 21 are not", async () => {
  await new World(hops(20)).attach();
  await new World(hops(21)).refused(/maximum redirect reached/);
});

Deno.test("sigstore-oci 66: a redirect without a Location", async () => {
  const world = new World(at({ [LINES.subject]: () => new Response(null, { status: 307 }) }));
  await world.refused(/redirect location header missing/);
});

Deno.test("sigstore-oci 66: 303 makes a GET of a POST, without its headers; others stay", async () => {
  const world = new World(at({ [LINES.upload]: () => moved("/see", 303), "GET /see": missing }));
  await world.refused(/./, { credentials: CREDENTIALS });
  const got = world.seen.find(({ line }) => line === "GET /see")!;
  assertEquals([got.headers.get("content-type"), got.body], [null, ""]);
  assertEquals(got.headers.get("x-meta-team"), "build");
});

for (const status of [301, 302]) {
  Deno.test(`sigstore-oci 66, stricter: ${status} keeps an upload's POST, which a GET would lose`, async () => {
    const world = new World(
      at({
        [LINES.upload]: () => moved("/begin", status),
        "POST /begin": () => moved("/upload/2", 202),
      }),
    );
    await world.attach();
    assertEquals(upload(world).url.pathname, "/upload/2");
  });
}

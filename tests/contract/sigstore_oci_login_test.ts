/** @sigstore/oci's own cases 25 to 37: how it logs in, and where credentials go. */
import { assertEquals } from "@std/assert";
import type { Credentials } from "@davit/registry-client/sigstore-oci";
import {
  type Answer,
  BASIC,
  challenged,
  CREDENTIALS,
  LINES,
  moved,
  ORIGIN,
  type Seen,
  World,
} from "./sigstore_oci_world.ts";

const TOKEN = "Bearer good";
const GOOD = (field = "token") => Response.json({ [field]: "good" });

/** An identity token, as helpers keep it. */
const IDENTITY: Credentials = { ...CREDENTIALS, username: "<token>" };
const IDENTITY_BASIC = `Basic ${btoa("<token>:pass:word")}`;

function bearer(realm: string): Answer {
  return challenged(`Bearer realm="${realm}",service="service",scope="scope"`, TOKEN);
}

/** Answers what goes to a URL, by `METHOD URL` without the query. */
function at(answers: Record<string, () => Response>): Answer {
  return ({ method, url }) => answers[`${method} ${url.origin}${url.pathname}`]?.();
}

/** Everything in a request that could be a secret. */
function secrets({ headers }: Seen): (string | null)[] {
  return [headers.get("authorization"), headers.get("x-meta-team")];
}

const NOTHING = [null, null];

Deno.test("sigstore-oci 25: with and without Docker-Distribution-Api-Version", async () => {
  for (const version of ["registry/2.0", undefined]) {
    const world = new World(
      challenged('Basic realm="r"', BASIC),
      ({ line }) =>
        line === LINES.blob
          ? new Response(
            null,
            version ? { headers: { "docker-distribution-api-version": version } } : {},
          )
          : undefined,
    );
    assertEquals((await world.attach()).subjectDigest !== undefined, true);
  }
});

Deno.test("sigstore-oci 26: no challenge: no token is asked for, the first request has the headers", async () => {
  const world = new World();
  await world.attach();
  assertEquals(secrets(world.seen[0]!), [null, "build"]);
  assertEquals(world.lines.some((line) => line.includes("token")), false);
});

Deno.test("sigstore-oci 27: a challenge of no known kind", async () => {
  const world = new World(challenged('Foo realm="r"', BASIC));
  const error = await world.refused(/invalid challenge: Foo realm="r"/i);
  assertEquals(/error uploading artifact/i.test(error.message), true);
});

Deno.test("sigstore-oci 28: Basic goes with every request after the challenge", async () => {
  const world = new World(challenged('Basic realm="r"', BASIC));
  await world.attach();
  const [first, ...rest] = world.seen.filter(({ url }) => url.pathname.startsWith("/v2/you"));
  assertEquals(first!.headers.get("authorization"), null);
  assertEquals(rest.filter(({ headers }) => headers.get("authorization") !== BASIC).length, 0);
});

Deno.test("sigstore-oci 29: <token>: OAuth2 POST, by a challenge with semicolons", async () => {
  const challenge = `Bearer realm="${ORIGIN}/token";service="service";scope="scope"`;
  const world = new World(
    challenged(challenge, TOKEN),
    at({ [`POST ${ORIGIN}/token`]: () => GOOD("access_token") }),
  );
  await world.attach({ credentials: IDENTITY });
  const [asked, ...more] = world.seen.filter(({ url }) => url.pathname === "/token");
  const { scope, client_id, ...form } = Object.fromEntries(new URLSearchParams(asked!.body));
  assertEquals(form, {
    service: "service",
    grant_type: "password",
    username: "<token>",
    password: "pass:word",
  });
  // What attaching needs goes with what the challenge names; the specification wants a client_id.
  assertEquals(scope, "scope repository:you/app:pull,push");
  assertEquals([client_id, more.length], ["davit", 0]);
});

Deno.test("sigstore-oci 29: <token> that is no password there: as the refresh token it is", async () => {
  const world = new World(
    bearer(`${ORIGIN}/token`),
    ({ url, body }) => {
      if (url.pathname !== "/token") return undefined;
      const form = new URLSearchParams(body);
      return form.get("refresh_token") === "pass:word"
        ? GOOD("access_token")
        : Response.json({ error: "unsupported_grant_type" }, { status: 400 });
    },
  );
  await world.attach({ credentials: IDENTITY });
});

Deno.test("sigstore-oci 30: <token>, and no POST there: GET with Basic", async () => {
  const world = new World(bearer(`${ORIGIN}/token`), ({ method, url }) => {
    if (url.pathname !== "/token") return undefined;
    return method === "POST" ? new Response("", { status: 404 }) : GOOD();
  });
  await world.attach({ credentials: IDENTITY });
  const asked = world.seen.findLast(({ url }) => url.pathname === "/token")!;
  assertEquals([asked.method, asked.url.searchParams.get("service")], ["GET", "service"]);
  assertEquals(asked.headers.get("authorization"), IDENTITY_BASIC);
});

Deno.test("sigstore-oci 31: another user: GET with Basic", async () => {
  const world = new World(bearer(`${ORIGIN}/token`), at({ [`GET ${ORIGIN}/token`]: GOOD }));
  await world.attach();
  const [asked, ...more] = world.seen.filter(({ url }) => url.pathname === "/token");
  assertEquals([asked!.headers.get("authorization"), more.length], [BASIC, 0]);
  assertEquals(asked!.url.searchParams.getAll("scope"), [
    "scope",
    "repository:you/app:pull,push",
  ]);
});

Deno.test("sigstore-oci 32: /v2/ that is redirected elsewhere is not asked, and nothing goes there", async () => {
  const elsewhere = at({
    [`GET ${ORIGIN}/v2/`]: () => moved("https://else.test/v2/"),
    "GET https://else.test/v2/": () =>
      new Response("", {
        status: 401,
        headers: { "www-authenticate": 'Basic realm="r" service="s"' },
      }),
  });
  const world = new World(elsewhere, challenged('Basic realm="r" service="s"', BASIC));
  await world.attach();
  assertEquals(world.to("else.test"), []);
});

Deno.test("sigstore-oci 32, stricter: another origin's challenge is not the registry's", async () => {
  const world = new World(
    at({
      [`GET ${ORIGIN}/v2/`]: () => moved("https://else.test/v2/"),
      "GET https://else.test/v2/": () =>
        new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } }),
    }),
    ({ url }) => url.origin === ORIGIN ? new Response("", { status: 401 }) : undefined,
  );
  await world.refused(/invalid challenge/i);
  assertEquals(world.to("else.test").map(secrets), [NOTHING]);
  assertEquals(world.seen.filter(({ headers }) => headers.has("authorization")), []);
});

const REALM = "https://auth.test/token";
const trustedRealms = { "registry.test": "auth.test" };

Deno.test("sigstore-oci 33: a trusted realm elsewhere, by GET: Basic, and no headers", async () => {
  const world = new World(bearer(REALM), at({ [`GET ${REALM}`]: GOOD }));
  await world.attach({ trustedRealms });
  assertEquals(world.to("auth.test").map(secrets), [[BASIC, null]]);
});

Deno.test("sigstore-oci 34: a trusted realm elsewhere, by POST: no headers", async () => {
  const world = new World(bearer(REALM), at({ [`POST ${REALM}`]: () => GOOD("access_token") }));
  await world.attach({ credentials: IDENTITY, trustedRealms });
  assertEquals(world.to("auth.test").map(secrets), [NOTHING]);
  assertEquals(world.to("auth.test")[0]!.body.includes("pass"), true);
});

Deno.test("sigstore-oci 33 and 34, stricter: a realm elsewhere that is not trusted sees no credentials", async () => {
  for (const credentials of [CREDENTIALS, IDENTITY]) {
    const world = new World(bearer(REALM), at({ [`GET ${REALM}`]: GOOD }));
    await world.attach({ credentials });
    assertEquals(world.to("auth.test").map((seen) => [...secrets(seen), seen.body]), [
      [...NOTHING, ""],
    ]);
  }
});

Deno.test("sigstore-oci 35: a token service that redirects elsewhere: nothing goes along", async () => {
  const world = new World(
    bearer(REALM),
    at({
      [`GET ${REALM}`]: () => moved("https://third.test/token", 302),
      "GET https://third.test/token": GOOD,
    }),
  );
  await world.attach({ trustedRealms });
  assertEquals(world.to("auth.test").map(secrets), [[BASIC, null]]);
  assertEquals(world.to("third.test").map(secrets), [NOTHING]);
});

Deno.test("sigstore-oci 36: a token service that redirects on its origin keeps Basic", async () => {
  const world = new World(
    bearer(REALM),
    at({
      [`GET ${REALM}`]: () => moved("/token/two", 302),
      "GET https://auth.test/token/two": GOOD,
    }),
  );
  await world.attach({ trustedRealms });
  assertEquals(world.to("auth.test").map(secrets), [[BASIC, null], [BASIC, null]]);
});

/** A token service that redirects so many times, and then answers. */
function hops(count: number, status = 302): Answer {
  let left = count;
  return ({ url }) => {
    if (!url.pathname.startsWith("/token")) return undefined;
    return left-- > 0 ? moved(`/token/${left}`, status) : GOOD();
  };
}

Deno.test("sigstore-oci 37: 20 redirects of the token request are followed, 21 are not", async () => {
  await new World(bearer(`${ORIGIN}/token`), hops(20)).attach();
  await new World(bearer(`${ORIGIN}/token`), hops(21)).refused(/maximum redirect reached/);
});

Deno.test("sigstore-oci 37: a redirect of the token request without a Location", async () => {
  const nowhere: Answer = ({ url }) =>
    url.pathname === "/token" ? new Response("", { status: 302 }) : undefined;
  await new World(bearer(`${ORIGIN}/token`), nowhere).refused(/redirect location header missing/);
});

for (const status of [301, 302, 303]) {
  Deno.test(`sigstore-oci 37: ${status} makes a GET of the form, without its headers`, async () => {
    const world = new World(bearer(`${ORIGIN}/token`), hops(1, status));
    await world.attach({ credentials: IDENTITY });
    const [form, got] = world.seen.filter(({ url }) => url.pathname.startsWith("/token"));
    assertEquals([form!.method, got!.method, got!.body], ["POST", "GET", ""]);
    assertEquals(got!.headers.get("content-type"), null);
  });
}

Deno.test("sigstore-oci 37: 303 on a GET stays a GET", async () => {
  const world = new World(bearer(`${ORIGIN}/token`), hops(1, 303));
  await world.attach();
  const asked = world.seen.filter(({ url }) => url.pathname.startsWith("/token"));
  assertEquals(asked.map(({ method }) => method), ["GET", "GET"]);
});

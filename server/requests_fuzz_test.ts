/** What the server reads of paths, headers and token requests, whatever they hold. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { InvalidOptionError } from "../errors.ts";
import { isRepositoryName } from "../reference/repository_name.ts";
import {
  CHARACTER,
  fc,
  fuzz,
  nearlyDigest,
  nearlyName,
  nearlyTag,
  parts,
  text,
} from "../tests/fuzz/fuzz.ts";
import { isBcryptHash, parseHtpasswd } from "./access/htpasswd.ts";
import type { RegistryAction } from "./access/options.ts";
import {
  formatScopes,
  grantScopes,
  hasScope,
  parseScopes,
  scopesOfClaim,
} from "./access/scopes.ts";
import { TokenKeys } from "./access/token_keys.ts";
import { basicCredentials, namesNoUser } from "./access/users.ts";
import { byteRange } from "../content/byte_range.ts";
import { nextLink } from "./pages.ts";
import { Refusal } from "./refusal.ts";
import { type Route, routeOf } from "./route.ts";

/** The path of a route, written by hand. */
function pathOf(route: Route): string {
  switch (route.kind) {
    case "ping":
      return "/v2/";
    case "catalog":
      return "/v2/_catalog";
    case "manifest":
      return `/v2/${route.repository}/manifests/${encodeURIComponent(route.reference)}`;
    case "blob":
      return `/v2/${route.repository}/blobs/${encodeURIComponent(route.digest)}`;
    case "uploads":
      return `/v2/${route.repository}/blobs/uploads/`;
    case "upload":
      return `/v2/${route.repository}/blobs/uploads/${encodeURIComponent(route.id)}`;
    case "tags":
      return `/v2/${route.repository}/tags/list`;
    case "referrers":
      return `/v2/${route.repository}/referrers/${encodeURIComponent(route.digest)}`;
  }
}

const tail = fc.oneof(nearlyDigest(), nearlyTag(), text("ab%2f./:"));

fuzz(
  "routeOf: a route with a name that is checked, and whose path leads to it again; or 400, or 404",
  10_000,
  fc.oneof(
    fc.tuple(
      nearlyName(),
      fc.constantFrom(
        ...["/manifests/", "/blobs/", "/blobs/uploads/", "/blobs/uploads", "/tags/list"],
        ...["/referrers/", "/tags/", "/blobs//", "/_catalog", ""],
      ),
      tail,
    ).map(([name, middle, end]) => `/v2/${name}${middle}${end}`),
    parts(
      ...["/", "v2", "/v2/", "_catalog", "tags", "list", "blobs", "uploads", "manifests", "%2F"],
      ...["referrers", "..", ".", "//", "%00", "\0", "?", "#", "%", "%zz", "a", "app"],
      tail,
    ),
    text("/v2abmnifestlogu.%"),
  ),
  (pathname) => {
    let route: Route;
    try {
      route = routeOf(pathname);
    } catch (error) {
      assertInstanceOf(error, Refusal);
      const said = `${error.status} ${error.code}`;
      assert(said === "404 UNSUPPORTED" || said === "400 NAME_INVALID", said);
      assert(error.message.length < 1_000, "a message is for people");
      return;
    }
    if ("repository" in route) {
      assert(isRepositoryName(route.repository));
      assert(
        pathname.startsWith(`/v2/${route.repository}/`),
        "the name stands in the path as it is",
      );
    }
    const segment = [route].map((each) => JSON.stringify(each)).join();
    if (/\\ud[89a-f]/i.test(segment)) return; // half a character has no escape
    if (route.kind === "upload" && route.id === "") return;
    const again = pathOf(route);
    assertEquals(routeOf(again), route);
  },
);

fuzz(
  "byteRange: a part of the content, all of it, or none that can be given",
  6_000,
  fc.tuple(
    fc.oneof(
      parts("bytes", "=", "-", ",", " ", "0", "9", "BYTES", "items", fc.nat(50).map(String)),
      fc.tuple(fc.nat(30), fc.nat(30)).map(([first, last]) => `bytes=${first}-${last}`),
      fc.bigInt({ min: 0n, max: 10n ** 30n }).map((last) => `bytes=1-${last}`),
      fc.bigInt({ min: 0n, max: 10n ** 30n }).map((last) => `bytes=-${last}`),
      text("bytes=-, 0123456789"),
    ),
    fc.nat(25),
  ),
  ([header, size]) => {
    const range = byteRange(header, size);
    const plain = /^bytes=(\d+)-(\d+)$/.exec(header);
    if (plain !== null) {
      const [first, last] = [BigInt(plain[1]!), BigInt(plain[2]!)];
      assertEquals(range === "unsatisfiable", first > last || first >= BigInt(size));
    }
    if (range === undefined || range === "unsatisfiable") return;
    const { offset, length } = range;
    assert(Number.isSafeInteger(offset) && Number.isSafeInteger(length), header);
    assert(offset >= 0 && length >= 1 && offset + length <= size, `${header} of ${size}`);
  },
);

const scopeText = fc.oneof(
  fc.tuple(
    fc.constantFrom("repository", "registry", "repository(plugin)", "user", ""),
    fc.oneof(nearlyName(), fc.constantFrom("app", "catalog", "host:5000/app")),
    fc.array(fc.constantFrom("pull", "push", "delete", "*", "fly", ""), { maxLength: 5 })
      .map((actions) => actions.join(",")),
  ).map((all) => all.join(":")),
  parts("repository", ":", "app", "pull", ",", " ", "*", text("repositoyal:,* ()")),
);

fuzz(
  "scopes: what is granted was asked for, and may be had",
  8_000,
  fc.tuple(
    fc.array(scopeText, { maxLength: 5 }),
    fc.subarray<RegistryAction>(["pull", "push", "delete"]),
    fc.boolean(),
  ),
  ([parameters, allowed, lists]) => {
    const asked = parseScopes(parameters);
    assert(asked.length <= 100);
    const may = (repository: string, action: RegistryAction) =>
      repository.startsWith("app") && allowed.includes(action);
    const granted = grantScopes(asked, { may, lists });
    for (const { type, name, actions } of granted) {
      assert(actions.length > 0);
      for (const action of actions) {
        const wanted = asked.some((each) =>
          each.type === type && each.name === name &&
          (each.actions.includes(action) || each.actions.includes("*"))
        );
        assert(wanted, `no scope asked for ${type}:${name}:${action}`);
        const fine = type === "registry"
          ? lists && name === "catalog" && action === "*"
          : type === "repository" && may(name, action as RegistryAction);
        assert(fine, `${type}:${name}:${action} may not be had`);
        assert(hasScope(granted, type, name, action));
      }
    }
    assertEquals(parseScopes([formatScopes(granted)]).length <= 100, true);
    assertEquals(formatScopes(parseScopes([formatScopes(granted)])), formatScopes(granted));
    assertEquals(scopesOfClaim(JSON.parse(JSON.stringify(granted))), granted);
  },
);

fuzz(
  "scopesOfClaim: texts alone, whatever a token says",
  3_000,
  fc.oneof(
    fc.jsonValue(),
    fc.array(fc.record({
      type: fc.oneof(fc.constant("repository"), fc.jsonValue()),
      name: fc.oneof(fc.constant("app"), fc.jsonValue()),
      actions: fc.oneof(fc.array(fc.oneof(fc.constant("pull"), fc.jsonValue())), fc.jsonValue()),
    }, { requiredKeys: [] })),
  ),
  (claim) => {
    for (const { type, name, actions } of scopesOfClaim(claim)) {
      for (const each of [type, name, ...actions]) assertEquals(typeof each, "string");
    }
  },
);

fuzz(
  "basicCredentials: what a client writes comes out as it went in, and noise is no user",
  5_000,
  fc.tuple(
    fc.string({ unit: CHARACTER }).map((name) => name.replaceAll(":", "")),
    fc.string({ unit: CHARACTER }),
    parts("Basic", "basic ", " ", "Bearer ", "=", "YTpi", "%%%", ":", text("aYTpib= +/")),
  ),
  ([name, password, noise]) => {
    const bytes = new TextEncoder().encode(`${name}:${password}`);
    const header = `Basic ${btoa(String.fromCharCode(...bytes))}`;
    assertEquals(basicCredentials(header), { name, password });
    assertEquals(namesNoUser(header), name === "" && password === "");
    const credentials = basicCredentials(noise);
    if (credentials === undefined) assert(!namesNoUser(noise));
    else assert(!credentials.name.includes(":") && /^basic /i.test(noise));
  },
);

fuzz(
  "htpasswd: users with a bcrypt hash, or an error that says the line alone",
  3_000,
  parts(
    ...[
      "me",
      ":",
      "\n",
      "\r\n",
      "#",
      " ",
      "$2y$05$",
      `$2b$10$${"a".repeat(53)}`,
      "{SHA}",
      "topsecret",
    ],
    `me:$2y$04$${"./A0z".repeat(10)}abc\n`,
    text("$2y:#\n"),
  ),
  (file) => {
    try {
      for (const [name, hash] of parseHtpasswd(file)) {
        assert(name !== "" && !name.includes(":") && isBcryptHash(hash));
        assert(file.includes(`${name}:${hash}`));
      }
    } catch (error) {
      assertInstanceOf(error, InvalidOptionError);
      assert(/^Cannot read line \d+ of htpasswd: /.test(error.message));
      assert(!error.message.includes("topsecret"));
    }
  },
);

const keys = new TokenKeys({});
const expected = { issuer: "me", audience: "here", type: "JWT", now: Date.now() };
const claims = { iss: "me", aud: "here", exp: Math.floor(Date.now() / 1_000) + 3_600 };
const good = await keys.token("JWT", claims);

fuzz(
  "tokens: none but the one that was signed is taken, however it is changed",
  3_000,
  fc.oneof(
    fc.tuple(fc.nat(good.length - 1), fc.constantFrom(..."Aa0_-.=+/ "))
      .map(([at, character]) => good.slice(0, at) + character + good.slice(at + 1)),
    fc.nat(good.length).map((length) => good.slice(0, length)),
    fc.tuple(fc.nat(2), fc.base64String()).map(([at, part]) =>
      good.split(".").map((each, index) => index === at ? part : each).join(".")
    ),
    fc.tuple(
      fc.constantFrom("none", "HS256", "ES256", "RS256", ""),
      fc.jsonValue(),
      fc.constantFrom("", "AA", "AAAA"),
    ).map(([alg, body, tail]) =>
      [{ alg, typ: "JWT" }, body].map((each) =>
        btoa(unescape(encodeURIComponent(JSON.stringify(each)))).replace(/=+$/, "")
      ).concat(tail).join(".")
    ),
    text("eyJ.-_="),
  ),
  async (token) => {
    const verified = await keys.verify(token, expected);
    if (verified === undefined) return;
    // Base64 has spare bits at its end: the bytes are the ones that were signed.
    const bytes = (text: string) =>
      text.split(".").map((part) => atob(part.replaceAll("-", "+").replaceAll("_", "/")));
    assertEquals(bytes(token), bytes(good));
  },
);

fuzz(
  "a link to the next page leads to the same path, with what was asked for",
  2_000,
  fc.tuple(
    nearlyName().filter(isRepositoryName),
    fc.nat(),
    fc.oneof(nearlyTag(), fc.string({ unit: CHARACTER })),
  ),
  ([name, n, last]) => {
    const path = `/v2/${name}/tags/list`;
    const [, target] = /^<([^<>]*)>; rel="next"$/.exec(
      nextLink(new URL(path, "http://r.test"), { n: String(n), last }),
    )!;
    const url = new URL(target!, "http://r.test");
    assertEquals(url.pathname, path);
    assertEquals([url.searchParams.get("n"), url.searchParams.get("last")], [
      String(n),
      last.toWellFormed(),
    ]);
  },
);

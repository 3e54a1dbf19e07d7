import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { AuthenticationError, InvalidOptionError } from "../errors.ts";
import { isTrustedRealm, resolveRealm, withheldReason } from "./realm_policy.ts";
import { checkTrustedRealms, type TrustedRealms } from "./trusted_realms.ts";

const RESOLVED: [realm: string, origin: string, url: string][] = [
  ["https://auth.example/token", "https://r.example", "https://auth.example/token"],
  [
    "https://auth.example/token?x=%20y&z",
    "https://r.example",
    "https://auth.example/token?x=%20y&z",
  ],
  ["/token", "https://r.example:5000", "https://r.example:5000/token"],
  ["token", "http://localhost:5000", "http://localhost:5000/token"],
  ["//auth.example/t", "https://r.example", "https://auth.example/t"],
  ["http://localhost:5001/t", "http://localhost:5000", "http://localhost:5001/t"],
  ["https://auth.example/t", "http://localhost:5000", "https://auth.example/t"],
  ["http://r.example/token?x", "https://r.example", "https://r.example/token?x"],
  ["http://r.example:80/token", "https://r.example:8443", "https://r.example:8443/token"],
  ["http://r.example:5000/t", "https://r.example", "https://r.example/t"],
  ["http://r.example/t", "http://r.example", "http://r.example/t"],
  ["https://you:me@auth.example/t#x", "https://r.example", "https://auth.example/t"],
];

for (const [realm, origin, url] of RESOLVED) {
  Deno.test(`resolveRealm: ${realm} of ${origin}`, () => {
    assertEquals(resolveRealm(realm, origin).href, url);
  });
}

const REFUSED: [name: string, realm: string, message: string][] = [
  ["http for an https registry", "http://auth.example/token", "it is https, and its token service"],
  ["http on a host below it", "http://auth.r.example/token", "it is https"],
  ["a file", "file:///etc/passwd", "must be http or https: current value is file"],
  ["a script", "javascript:alert(1)", "must be http or https: current value is javascript"],
  ["data", "data:,x", "must be http or https: current value is data"],
  ["ftp", "ftp://auth.example/", "must be http or https: current value is ftp"],
  ["no URL", "https://", "is not a URL"],
  ["a bad port", "https://auth.example:99999/", "is not a URL"],
];

for (const [name, realm, message] of REFUSED) {
  Deno.test(`resolveRealm refuses ${name}: AUTHENTICATION_FAILED`, () => {
    const error = assertThrows(
      () => resolveRealm(realm, "https://r.example"),
      AuthenticationError,
      message,
    );
    assertStringIncludes(error.message, "Cannot authenticate to r.example");
  });
}

const PAIRS: TrustedRealms = {
  "r.example": "sso.example",
  "registry.corp:8443": ["https://sso.corp:9443", "sso2.corp:9443"],
  "localhost:5000": ["http://localhost:5001", "localhost:5002"],
  "https://origin.example": "auth.origin.example",
};

type Row = [name: string, origin: string, realm: string, trusted: boolean, pairs?: TrustedRealms];

const TRUST: Row[] = [
  ["the registry itself", "https://r.example", "https://r.example/token", true],
  ["an internal registry itself", "http://registry:5000", "http://registry:5000/token", true],
  ["a loopback registry itself", "http://127.0.0.1:5000", "http://127.0.0.1:5000/token", true],
  ["the same port, spelled out", "https://r.example", "https://r.example:443/token", true],
  ["the same host by https, other port", "https://r.example", "https://r.example:8443/t", true],
  ["the same host, http to https", "http://r.example:5000", "https://r.example/t", true],
  ["the same host by http, other port", "http://localhost:5000", "http://localhost:5001/t", false],
  ["another spelling of loopback", "http://localhost:5000", "http://127.0.0.1:5000/t", false],
  ["a subdomain", "https://r.example", "https://auth.r.example/token", false],
  ["the parent domain", "https://r.corp.example", "https://corp.example/token", false],
  ["a host that begins alike", "https://r.example", "https://r.example.evil.example/t", false],
  ["a stranger", "https://r.example", "https://evil.example/token", false],
  ["Docker Hub", "https://registry-1.docker.io", "https://auth.docker.io/token", true],
  [
    "Docker Hub's service, other registry",
    "https://evil.example",
    "https://auth.docker.io/t",
    false,
  ],
  [
    "Docker Hub, other port",
    "https://registry-1.docker.io",
    "https://auth.docker.io:8443/t",
    false,
  ],
  ["Docker Hub, http", "http://registry-1.docker.io", "http://auth.docker.io/token", false],
  ["Docker Hub, other service", "https://registry-1.docker.io", "https://auth.evil.io/t", false],
  ["GitLab.com", "https://registry.gitlab.com", "https://gitlab.com/jwt/auth", true],
  [
    "GitLab.com's service, Docker Hub",
    "https://registry-1.docker.io",
    "https://gitlab.com/t",
    false,
  ],
  ["a pair", "https://r.example", "https://sso.example/token", true, PAIRS],
  ["a pair, other registry", "https://q.example", "https://sso.example/token", false, PAIRS],
  ["a pair, other port", "https://r.example", "https://sso.example:8443/t", false, PAIRS],
  ["a pair with ports", "https://registry.corp:8443", "https://sso.corp:9443/t", true, PAIRS],
  [
    "a pair's second service",
    "https://registry.corp:8443",
    "https://sso2.corp:9443/t",
    true,
    PAIRS,
  ],
  [
    "a pair, registry's other port",
    "https://registry.corp",
    "https://sso.corp:9443/t",
    false,
    PAIRS,
  ],
  ["a pair by http, as an origin", "http://localhost:5000", "http://localhost:5001/t", true, PAIRS],
  ["a pair by http, as a host", "http://localhost:5000", "http://localhost:5002/t", true, PAIRS],
  ["an origin says the scheme", "https://localhost:5000", "http://localhost:5001/t", true, PAIRS],
  ["a host is https for https", "https://localhost:5000", "http://localhost:5002/t", false, PAIRS],
  ["a pair keyed by origin", "https://origin.example", "https://auth.origin.example/", true, PAIRS],
  [
    "keyed by another origin",
    "http://origin.example",
    "https://auth.origin.example/",
    false,
    PAIRS,
  ],
  [
    "built in beside pairs",
    "https://registry.gitlab.com",
    "https://gitlab.com/jwt/auth",
    true,
    PAIRS,
  ],
  ["upper case", "https://r.example", "https://sso.example/t", true, {
    "R.Example": "SSO.example",
  }],
  ["a key like Object's own", "https://r.example", "https://sso.example/t", false, {
    constructor: "sso.example",
  }],
];

for (const [name, origin, realm, trusted, pairs] of TRUST) {
  Deno.test(`isTrustedRealm: ${name}: ${trusted ? "yes" : "no"}`, () => {
    assertEquals(isTrustedRealm(new URL(realm), origin, pairs), trusted);
  });
}

Deno.test("withheldReason names an option that does allow it", () => {
  const rows: [origin: string, realm: string][] = [
    ["https://r.example:5000", "https://sso.example:8443/token"],
    ["http://localhost:5000", "http://localhost:5001/token"],
    ["http://localhost:5000", "https://sso.example/token"],
  ];
  for (const [origin, realm] of rows) {
    const reason = withheldReason(new URL(realm), origin);
    const pairs = JSON.parse(/trustedRealms: (\{.*\})/.exec(reason)![1]!);
    assertEquals(isTrustedRealm(new URL(realm), origin), false);
    assert(isTrustedRealm(new URL(realm), origin, pairs), reason);
  }
});

const BAD_PAIRS: [name: string, pairs: unknown][] = [
  ["a path", { "r.example": "https://sso.example/token" }],
  ["a query", { "r.example": "sso.example?x" }],
  ["a user", { "r.example": "you@sso.example" }],
  ["another scheme", { "r.example": "ftp://sso.example" }],
  ["an empty host", { "r.example": "" }],
  ["a wildcard with a space", { "r.example": "* .example" }],
  ["a number", { "r.example": 42 }],
  ["a bad registry", { "r.example/app": "sso.example" }],
  ["a bad host in a list", { "r.example": ["sso.example", "a b"] }],
];

for (const [name, pairs] of BAD_PAIRS) {
  Deno.test(`checkTrustedRealms refuses ${name}`, () => {
    assertThrows(
      () => checkTrustedRealms(pairs as TrustedRealms),
      InvalidOptionError,
      "Cannot use trustedRealms: an entry must be a host",
    );
  });
}

Deno.test("checkTrustedRealms takes hosts, origins, lists and nothing", () => {
  checkTrustedRealms(undefined);
  checkTrustedRealms({});
  checkTrustedRealms(PAIRS);
});

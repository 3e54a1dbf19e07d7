import { assertEquals, assertMatch } from "@std/assert";
import {
  AuthenticationError,
  BadDigestError,
  CertificateError,
  CopyError,
  ForbiddenError,
  NetworkError,
  NotFoundError,
  RateLimitedError,
  UnauthorizedError,
  UploadError,
  WrongSchemeError,
} from "../mod.ts";
import { complaint } from "./complaint.ts";
import { EXIT_CODES, EXIT_MEANINGS, type Outcome, outcomeOf } from "./exit_codes.ts";

function response(status: number): ConstructorParameters<typeof UnauthorizedError>[0] {
  return Response.json({}, { status }) as never;
}

const mismatch = new BadDigestError("Cannot read it: another digest", { expected: "", actual: "" });
const url = "https://registry-1.docker.io/v2/library/alpine/manifests/3";

const cases: [name: string, error: unknown, outcome: Outcome][] = [
  ["a network error", new NetworkError("no"), "network"],
  [
    "a copy's error, by its cause",
    new CopyError("no", { side: "source", cause: mismatch }),
    "mismatch",
  ],
  [
    "a cause's cause",
    new CopyError("no", {
      side: "target",
      cause: new UploadError("no", { cause: new NetworkError("no") }),
    }),
    "network",
  ],
  ...([[401, "denied"], [404, "denied"], [429, "rateLimited"], [503, "other"]] as const).map((
    [statusCode, outcome],
  ): [string, Error, Outcome] => [
    `a token service that answers ${statusCode}`,
    new AuthenticationError("no", { statusCode }),
    outcome,
  ]),
  ["a wrapper without a cause", new UploadError("no"), "other"],
  ["a file that is not there", Object.assign(new Error("no"), { code: "ENOENT" }), "notFound"],
  ["a full disk", Object.assign(new Error("no"), { code: "ENOSPC" }), "other"],
  ["a member that every object has", Object.assign(new Error("no"), { code: "toString" }), "other"],
  ["what is no error", "no", "other"],
];

for (const [name, error, outcome] of cases) {
  Deno.test(`outcomeOf: ${name}`, () => assertEquals(outcomeOf(error), outcome));
}

Deno.test("docs/davit.md has every exit code, with its meaning", async () => {
  const docs = await Deno.readTextFile(new URL("../docs/davit.md", import.meta.url));
  const rows = [...docs.matchAll(/^\| (\d+) +\| (.+?) +\|$/gm)].map((
    [, code, text],
  ) => [code, text]);
  const expected = Object.entries(EXIT_CODES)
    .map(([outcome, code]) => [String(code), EXIT_MEANINGS[outcome as Outcome]]);
  assertEquals(rows, expected);
});

const complaints: [name: string, error: unknown, line: RegExp][] = [
  [
    "one line, in plain characters",
    new Error("a\n\x1b[31mb\tc"),
    /^davit: a \[31mb c$/,
  ],
  [
    "401 of Docker Hub",
    new UnauthorizedError(response(401), [], "Cannot x: 401", { url }),
    /^davit: Cannot x: 401\. Hint: davit login docker\.io tries credentials, and keeps them$/,
  ],
  [
    "401 of a token service",
    new AuthenticationError("Cannot x: 401", {
      statusCode: 401,
      refused: true,
      registry: "https://registry-1.docker.io",
    }),
    /^davit: Cannot x: 401\. Hint: davit login docker\.io tries credentials, and keeps them$/,
  ],
  [
    "429 of a token service",
    new AuthenticationError("Cannot x: 429", { statusCode: 429, registry: "https://ghcr.io" }),
    /^davit: Cannot x: 429\. Hint: try again later; .*davit login ghcr\.io$/,
  ],
  [
    "a token service that fails: to log in does not help",
    new AuthenticationError("Cannot x: 503", { statusCode: 503, registry: "https://ghcr.io" }),
    /^davit: Cannot x: 503$/,
  ],
  [
    "429 in a copy",
    new CopyError("Cannot copy: 429.", {
      side: "source",
      cause: new RateLimitedError(response(429), [], "no", { url, retryAfter: 30_000 }),
    }),
    /^davit: Cannot copy: 429\. Hint: try again in 30\.0 s; .*davit login docker\.io$/,
  ],
  ...([
    ["source", '"a b"', "Cannot find a: 404", "Cannot find a: 404"],
    ["target", "sha256:1", "Cannot open a: no folder", "Cannot open a: no folder"],
    ["source", "the tags", "x", "Cannot read the tags in the source of a copy: x"],
    [
      "source",
      "sha256:1",
      "Cannot verify it",
      "Cannot read sha256:1 in the source of a copy: Cannot verify it",
    ],
    [
      "source",
      "sha256:1",
      "Cannot read the manifest: schema 1",
      "Cannot read sha256:1 in the source of a copy: Cannot read the manifest: schema 1",
    ],
  ] as const).map(([side, what, words, line]): [string, Error, RegExp] => [
    `a copy's error says once where it was: ${line}`,
    new CopyError(
      `Cannot ${side === "source" ? "read" : "write"} ${what} in the ${side} of a copy: ${words}`,
      { side },
    ),
    new RegExp(`^davit: ${line}$`),
  ]),
  [
    "403 of a redirect's host",
    new ForbiddenError(response(403), [], "Cannot x: 403 Expired (answered by cdn.test)", { url }),
    /\(answered by cdn\.test\)$/,
  ],
  [
    "403 of the registry",
    new ForbiddenError(response(403), [], "Cannot x: 403", { url }),
    /Hint: others may do this: davit login docker\.io$/,
  ],
  [
    "a registry that lists no repositories",
    new NotFoundError(response(404), [], "Cannot x: 404", {
      url: "http://a.test:5000/v2/_catalog?n=100",
    }),
    /Hint: not every registry lists its repositories; davit ls a\.test:5000\/NAME lists /,
  ],
  [
    "TLS to a server that has none",
    new WrongSchemeError("Cannot x: no TLS", { host: "a.test", scheme: "https" }),
    /Hint: a registry without TLS wants --plain-http, or http:\/\/ in place of https:\/\/$/,
  ],
  [
    "plain http to a server of TLS",
    new WrongSchemeError("Cannot x: TLS", { host: "a.test", scheme: "http" }),
    /Hint: leave --plain-http out, and write https:\/\/ in front of the registry$/,
  ],
  ...[
    [
      '10.0.0.1:5000 does not speak TLS (https): it is a server of plain http, as a rule. Set hosts["10.0.0.1:5000"].plainHttp, or write http:// in front of the registry\'s name',
      "10.0.0.1:5000 does not speak TLS (https): it is a server of plain http, as a rule",
    ],
    [
      'a.test:80 speaks TLS (https), and was asked by plain http. Write https:// in front of the registry\'s name, and leave hosts["a.test"].plainHttp out',
      "a.test:80 speaks TLS (https), and was asked by plain http",
    ],
    [
      'the certificate of [::1]:443 is not trusted: give the one that signed it as hosts["[::1]"].ca; hosts["[::1]"].insecure leaves it unchecked (fetch failed: self.signed)',
      "the certificate of [::1]:443 is not trusted (fetch failed: self.signed)",
    ],
    [
      'the certificate of a.test:443 has expired, or this machine\'s clock is wrong; hosts["a.test"].insecure leaves it unchecked',
      "the certificate of a.test:443 has expired, or this machine's clock is wrong",
    ],
  ].map(([message, said], at): [string, Error, RegExp] => [
    `no option of programs beside the command's: ${said}`,
    at < 2
      ? new WrongSchemeError(message!, { host: "a.test", scheme: at === 0 ? "https" : "http" })
      : new CertificateError(message!, { host: "a.test" }),
    new RegExp(`^davit: ${said!.replace(/[[\]().]/g, "\\$&")}\\. Hint: [^"]*$`),
  ]),
  [
    "429 with a time",
    new RateLimitedError(response(429), [], "Cannot x: 429. Try again in 60 s", {
      url,
      retryAfter: 60_000,
    }),
    /^davit: Cannot x: 429\. Hint: try again in 1 min 00 s; /,
  ],
  [
    "a web page in a manifest's place",
    new BadDigestError("Cannot x: … answered 200 with text/html, a web page: …", {
      expected: "",
      actual: "",
    }),
    /…$/,
  ],
  [
    "a certificate that no authority mends",
    new CertificateError(`Cannot x: it has expired; hosts["a.test"].insecure leaves it unchecked`, {
      host: "a.test",
    }),
    /^davit: Cannot x: it has expired\. Hint: --insecure checks nothing$/,
  ],
  [
    "a client certificate",
    new CertificateError(
      `Cannot x: a.test wants a certificate: give one as hosts["a.test"].cert and .key`,
      { host: "a.test" },
    ),
    /^davit: Cannot x: a\.test wants a certificate\. Hint: this command has no client certificate to give$/,
  ],
  [
    "a TLS handshake that ends",
    new NetworkError(
      `Cannot x: it was ended in the TLS handshake: plain http wants hosts["a.test:80"].plainHttp (eof)`,
    ),
    /^davit: Cannot x: it was ended in the TLS handshake \(eof\)\. Hint: a registry without TLS wants --plain-http, /,
  ],
  [
    "a list of what is attached that is refused",
    new CopyError("Cannot read x in the source of a copy: Cannot list the referrers of x: 403", {
      side: "source",
      cause: new ForbiddenError(response(403), [], "Cannot list the referrers of x: 403", { url }),
    }),
    /^davit: Cannot list the referrers of x: 403\. Hint: --no-attached copies without what is attached$/,
  ],
  ["nobody listens", new NetworkError("Cannot x: connection refused"), /refused$/],
];

for (const [name, error, line] of complaints) {
  Deno.test(`complaint: ${name}`, () => assertMatch(complaint(error), line));
}

Deno.test("complaint: who logs in is not told to log in", () => {
  const error = new UnauthorizedError(response(401), [], "Cannot log in: 401", { url });
  assertMatch(complaint(error, true), /401\. Hint: check the user name, and the password: /);
  const missing = new NotFoundError(response(404), [], "Cannot x: 404", { url });
  assertMatch(complaint(missing, true), /^davit: Cannot x: 404/);
});

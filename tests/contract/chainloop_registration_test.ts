/** Chainloop's contract: registering and attaching, and the schemas that say what may be asked. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ApiError, InvalidOptionError, NetworkError } from "@davit/registry-client";
import {
  attachmentSchema,
  ChainloopError,
  EXTENSION,
  openRegistration,
  register,
  type RegistrationRequest,
  registrationSchema,
} from "@davit/registry-client/chainloop";
import { offline, registered, registryOfYours, REQUEST } from "./chainloop_sample.ts";
import { wire } from "./sample.ts";

const ID =
  "https://github.com/chainloop-dev/chainloop/app/controlplane/plugins/core/oci-registry/v1";

function field(description: string) {
  return { type: "string", minLength: 1, description };
}

Deno.test("both JSON schemas are exported, deep-equal to Chainloop's, and frozen", () => {
  const $schema = "https://json-schema.org/draft/2020-12/schema";
  assertEquals(registrationSchema as unknown, {
    $schema,
    $id: `${ID}/registration-request`,
    properties: {
      repository: field("OCI repository uri and path"),
      username: field("OCI repository username"),
      password: field("OCI repository password"),
    },
    additionalProperties: false,
    type: "object",
    required: ["repository", "username", "password"],
  });
  assertEquals(attachmentSchema as unknown, {
    $schema,
    $id: `${ID}/attachment-request`,
    properties: { prefix: field("OCI images name prefix (default chainloop)") },
    additionalProperties: false,
    type: "object",
  });
  const frozen = (value: unknown): boolean =>
    typeof value !== "object" || value === null ||
    Object.isFrozen(value) && Object.values(value).every(frozen);
  assert(frozen(registrationSchema) && frozen(attachmentSchema) && frozen(EXTENSION));
  assertEquals([EXTENSION.id, EXTENSION.version], ["oci-registry", "0.1"]);
});

const refused: [title: string, request: unknown, message: string][] = [
  ["no repository", { ...REQUEST, repository: undefined }, '"repository"'],
  ["no username", { repository: "ghcr.io/you", password: "x" }, '"username"'],
  ["no password", { ...REQUEST, password: undefined }, '"password"'],
  ["an empty repository", { ...REQUEST, repository: "" }, "repository String is too short"],
  ["an empty password", { ...REQUEST, password: "" }, "password String is too short"],
  ["a number for a user", { ...REQUEST, username: 7 }, "username Instance type"],
  ["another field", { ...REQUEST, region: "eu" }, '"region"'],
  ["a function", { ...REQUEST, username: () => "you" }, "function"],
  ["a list", [], "array"],
  ["nothing", undefined, "undefined"],
];

for (const [title, request, message] of refused) {
  Deno.test(`register: all are strings, required, of 1 character at least; refused: ${title}`, async () => {
    const { fetch, seen } = wire(offline);
    const error = await assertRejects(
      () => register(request as RegistrationRequest, { fetch }),
      ChainloopError,
      "invalid registration request: ",
    );
    assertEquals(error.code, "INVALID_REQUEST");
    assertStringIncludes(error.message, message);
    assertNotMatch(error.message, /a token of yours/);
    assertEquals(seen, []);
  });
}

for (
  const repository of [
    "https://ghcr.io/you",
    "http://localhost:5000/you",
    "ghcr.io:port/you",
    "ghcr.io/You",
    "ghcr.io/you:v1",
    `ghcr.io/you@sha256:${"0".repeat(64)}`,
    "you:a@ghcr.io/you",
    "ghcr.io/../you",
  ]
) {
  Deno.test(`a scheme, a port that is no number and what is no repository are refused: ${repository}`, async () => {
    const { fetch, seen } = wire(offline);
    const error = await assertRejects(() => register({ ...REQUEST, repository }, { fetch }));
    assertInstanceOf(error, ChainloopError);
    assertEquals(error.message, "the provided credentials are invalid");
    assertEquals(error.code, "INVALID_CREDENTIALS");
    assertEquals(seen, []);
    assertThrows(() => openRegistration({ repository }, REQUEST), ChainloopError, error.message);
  });
}

const checked: [repository: string, url: string][] = [
  ["ghcr.io/you/attestations", "https://ghcr.io/v2/you/attestations/chainloop-test"],
  ["index.docker.io/you", "https://registry-1.docker.io/v2/you/chainloop-test"],
  ["index.docker.io", "https://registry-1.docker.io/v2/library/chainloop-test"],
  ["you", "https://registry-1.docker.io/v2/you/chainloop-test"],
  ["ghcr.io", "https://ghcr.io/v2/chainloop-test"],
  ["localhost:5000", "http://localhost:5000/v2/chainloop-test"],
];

for (const [repository, url] of checked) {
  Deno.test(`the write check of ${repository}: end-4a POST, then a DELETE of the Location`, async () => {
    const { fetch, lines } = wire(({ method }) =>
      new Response(null, {
        status: method === "POST" ? 202 : 204,
        headers: { location: "/v2/upload/1" },
      })
    );
    const { state } = await register({ ...REQUEST, repository }, { fetch });
    assertEquals(state, { repository });
    const { origin } = new URL(url);
    assertEquals(lines(), [`POST ${url}/blobs/uploads/`, `DELETE ${origin}/v2/upload/1`]);
  });
}

Deno.test("the write check asks for pull and push", async () => {
  const { registry } = await registered();
  const token = registry.requests.find(({ path }) => path.startsWith("/token"));
  const scope = "repository:you/attestations/chainloop-test:pull,push";
  assertEquals(new URL(token!.path, "http://x").searchParams.get("scope"), scope);
  const asked = registry.requests.filter(({ status, path }) =>
    status !== 401 && path.startsWith("/v2/")
  );
  assertEquals(asked.map(({ method, status }) => `${method} ${status}`), [
    "POST 202",
    "DELETE 204",
  ]);
});

for (
  const [title, status, headers, closed] of [
    ["201 passes", 201, { location: "/v2/upload/1" }, 404],
    ["202 without a Location passes, and nothing is deleted", 202, {}, 0],
    ["a DELETE that fails is no failure", 202, { location: "/v2/upload/1" }, 405],
  ] as const
) {
  Deno.test(`the write check: ${title}`, async () => {
    const { fetch, seen } = wire(({ method }) =>
      method === "POST"
        ? new Response(null, { status, headers })
        : new Response(null, { status: closed })
    );
    await register(REQUEST, { fetch });
    assertEquals(seen.length, closed === 0 ? 1 : 2);
  });
}

for (const status of [400, 401, 403, 404, 405, 429]) {
  Deno.test(`the write check: ${status} fails`, async () => {
    const { fetch } = wire(() => new Response(null, { status }));
    const retry = { maxAttempts: 1 };
    const error = await assertRejects(() => register(REQUEST, { fetch, retry }), ChainloopError);
    assertEquals(error.message, "the provided credentials don't have write permissions");
    assertEquals(error.code, "NO_WRITE_PERMISSION");
    assertInstanceOf(error.cause, ApiError);
    assertEquals((error.cause as { statusCode?: number }).statusCode, status);
  });
}

Deno.test("the write check: another password fails, and so does no network; the cause says which", async () => {
  const { fetch } = registryOfYours();
  const wrong = await assertRejects(() => register({ ...REQUEST, password: "x" }, { fetch }));
  assertEquals((wrong as ChainloopError).code, "NO_WRITE_PERMISSION");
  const retry = { maxAttempts: 1 };
  const error = await assertRejects(() => register(REQUEST, { fetch: offline, retry }));
  assertInstanceOf((error as Error).cause, NetworkError);
});

Deno.test("the signal ends register with its reason, and no later call", async () => {
  const stop = new AbortController();
  const { fetch } = registryOfYours();
  const registration = await register(REQUEST, { fetch, signal: stop.signal });
  stop.abort(new Error("enough"));
  assertEquals(await registration.attach().exists("0".repeat(64)), false);
  const again = () => register(REQUEST, { fetch, signal: stop.signal });
  await assertRejects(again, Error, "enough");
});

Deno.test("credentials go to the repository's own host only", async () => {
  const { fetch, seen } = wire(({ url, method }) => {
    if (new URL(url).host !== "ghcr.io") return new Response(null, { status: 201 });
    if (method === "HEAD") return new Response(null, { status: 404 });
    return new Response(null, {
      status: 202,
      headers: { location: "https://storage.example.com/upload/1" },
    });
  });
  await register(REQUEST, { fetch });
  const elsewhere = seen.filter(({ url }) => new URL(url).host !== "ghcr.io");
  assertEquals(elsewhere.length, 1);
  assertEquals(elsewhere.map(({ headers }) => headers.get("authorization")), [null]);

  const service = wire((_request, url) =>
    url.host === "ghcr.io"
      ? new Response(null, {
        status: 401,
        headers: { "www-authenticate": 'Bearer realm="https://evil.example.com/token"' },
      })
      : Response.json({ token: "x" })
  );
  await assertRejects(() => register(REQUEST, { fetch: service.fetch }), ChainloopError);
  const asked = service.seen.filter(({ url }) => url.startsWith("https://evil."));
  assertEquals(asked.map(({ headers }) => headers.get("authorization")), asked.map(() => null));
});

Deno.test("a kept registration opens without a request, and holds no secret", async () => {
  const { registry, registration } = await registered();
  registry.requests.length = 0;
  const { fetch } = registry;
  const { state } = registration;
  const kept = openRegistration(JSON.parse(JSON.stringify(state)), REQUEST, { fetch });
  assertEquals(registry.requests, []);
  const attachment = kept.attach({ prefix: "p" });
  await attachment.upload(new Uint8Array(1), { fileName: "f" });
  for (const shown of [kept, registration, attachment, state]) {
    assertNotMatch(Deno.inspect(shown, { depth: 20, showHidden: true }), /a token of yours/);
  }
});

for (const nothing of [undefined, null, {}] as unknown as RegistrationRequest[]) {
  Deno.test(`openRegistration of ${nothing && "{}"}: as of an invalid request`, () => {
    for (const [state, login] of [[nothing, REQUEST_LOGIN], [REQUEST_STATE, nothing]] as const) {
      const error = assertThrows(() => openRegistration(state!, login!), ChainloopError);
      assertEquals(error.code, "INVALID_REQUEST");
    }
  });
}

Deno.test("openRegistration's signal ends every call", async () => {
  const { fetch } = registryOfYours();
  const signal = AbortSignal.abort(new Error("enough"));
  const attachment = openRegistration(REQUEST_STATE, REQUEST_LOGIN, { fetch, signal }).attach();
  await assertRejects(() => attachment.exists("0".repeat(64)), Error, "enough");
});

const { repository, ...REQUEST_LOGIN } = REQUEST;
const REQUEST_STATE = { repository };

Deno.test("attach: prefix is a string of 1 character at least, default chainloop, no other field", async () => {
  const { registration } = await registered();
  assertEquals(registration.attach().state, { prefix: "chainloop" });
  assertEquals(registration.attach({}).state, { prefix: "chainloop" });
  assertEquals(registration.attach({ prefix: "custom-prefix" }).state, { prefix: "custom-prefix" });
  for (const request of [{ prefix: "" }, { prefix: 1 }, { other: "x" }, null, "prefix"]) {
    const error = assertThrows(
      () => registration.attach(request as { prefix: string }),
      ChainloopError,
      "invalid attachment request: ",
    );
    assertEquals(error.code, "INVALID_REQUEST");
  }
});

Deno.test("a layout that is neither, and a registry alone for tags, are refused", () => {
  const layout = "tags" as "tag";
  assertThrows(
    () => openRegistration(REQUEST_STATE, REQUEST_LOGIN, { layout }),
    InvalidOptionError,
  );
  assertThrows(
    () => openRegistration({ repository: "ghcr.io" }, REQUEST_LOGIN, { layout: "tag" }),
    ChainloopError,
    "the provided credentials are invalid",
  );
});

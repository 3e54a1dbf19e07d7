/** The contract of docker_registry_client: its responses and its errors. */
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as davit from "@davit/registry-client";
import {
  ApiError,
  BadDigestError,
  DownloadError,
  ForbiddenError,
  HttpError,
  InvalidContentError,
  InvalidManifestError,
  ManifestVerificationError,
  NotFoundError,
  RateLimitedError,
  RegistryApiError,
  RegistryClientV2,
  RegistryHttpError,
  RegistryResponseError,
  TooManyRedirectsError,
  UnauthorizedError,
  UnsupportedError,
  UploadError,
} from "@davit/registry-client";
import { DockerResponse } from "@davit/registry-client/docker-json-client";
import { type ErrorClass, NAME, pair, sha256, UNKNOWN, utf8, wire } from "./sample.ts";

function response(body: BodyInit | null, init: ResponseInit = {}): DockerResponse {
  return new DockerResponse(body, init);
}

Deno.test("DockerResponse: is a Response, made as one", () => {
  const resp = response("x", { status: 201, headers: { "x-a": "b" } });
  assertInstanceOf(resp, Response);
  assertEquals([resp.status, resp.headers.get("x-a")], [201, "b"]);
});

Deno.test("DockerResponse.dockerBody: a Uint8Array, read once and kept", async () => {
  const resp = response("hello");
  const [body, again] = await Promise.all([resp.dockerBody(), resp.dockerBody()]);
  assertInstanceOf(body, Uint8Array);
  assertEquals(new TextDecoder().decode(body), "hello");
  assertStrictEquals(again, body);
  assertEquals(resp.bodyUsed, true);
});

Deno.test("DockerResponse.dockerJson: the body's JSON; after it dockerBody still answers", async () => {
  const resp = response('{"a":[1]}');
  assertEquals(await resp.dockerJson(), { a: [1] });
  assertEquals((await resp.dockerBody()).byteLength, 9);
  await assertRejects(() => response("<html>").dockerJson(), InvalidContentError);
});

Deno.test("DockerResponse.decodedBody: the bytes, once they are read", async () => {
  const resp = response('{"a":1}');
  assertEquals(resp.decodedBody, undefined);
  await resp.dockerJson();
  assertStrictEquals(resp.decodedBody, await resp.dockerBody());
});

Deno.test("DockerResponse.dockerStream: the body as a stream", async () => {
  const stream = response("hello").dockerStream();
  assertInstanceOf(stream, ReadableStream);
  assertEquals(await new Response(stream).text(), "hello");
  assertThrows(() => response(null).dockerStream(), InvalidContentError);
});

const errorBodies: [body: string, errors: unknown[]][] = [
  ['{"errors":[{"code":"DENIED","message":"no","detail":{"a":1}}]}', [
    { code: "DENIED", message: "no", detail: { a: 1 } },
  ]],
  ['{"errors":[{"message":"no"},{"code":"X","message":"y"}]}', [
    { message: "no" },
    { code: "X", message: "y" },
  ]],
  ["", []],
];

for (const [body, errors] of errorBodies) {
  Deno.test(`DockerResponse.dockerErrors: ${body || "no body"}`, async () => {
    assertEquals(await response(body, { status: 403 }).dockerErrors(), errors as never);
  });
}

Deno.test("DockerResponse.dockerThrowable: an error with the message and the registry's words", async () => {
  const body = '{"errors":[{"code":"DENIED","message":"not for you"}]}';
  const resp = response(body, { status: 403 });
  const error = await resp.dockerThrowable("Cannot do it");
  assertInstanceOf(error, ForbiddenError);
  assertStringIncludes(error.message, "Cannot do it");
  assertStringIncludes(error.message, "not for you");
  assertStrictEquals(error.resp, resp);
});

Deno.test("HttpError: is made of a response, errors and a message", () => {
  const resp = response("", { status: 503 });
  const errors = [{ code: "UNAVAILABLE", message: "later" }];
  const error = new HttpError(resp, errors, "Cannot do it");
  assertInstanceOf(error, ApiError);
  assertEquals([error.name, error.message, error.statusCode], ["HttpError", "Cannot do it", 503]);
  assertStrictEquals(error.resp, resp);
  assertStrictEquals(error.errors, errors);
  assertEquals([error.codes, error.retryable], [["UNAVAILABLE"], true]);
});

Deno.test("HttpError.resp: a DockerResponse, whose body can be read", async () => {
  const body = { errors: [{ code: "DENIED", message: "no" }] };
  const { fetch } = wire(() => Response.json(body, { status: 403 }));
  const client = new RegistryClientV2({ name: NAME, fetch });
  const { resp, name } = await assertRejects(() => client.listTags(), HttpError);
  assertInstanceOf(resp, DockerResponse);
  assertEquals([await resp.dockerJson(), await resp.dockerErrors()], [body, body.errors]);
  assertEquals(name, "ForbiddenError");
});

const statuses: [status: number, type: ErrorClass, code: string][] = [
  [401, UnauthorizedError, "UNAUTHORIZED"],
  [403, ForbiddenError, "FORBIDDEN"],
  [404, NotFoundError, "NOT_FOUND"],
  [405, UnsupportedError, "UNSUPPORTED"],
  [429, RateLimitedError, "RATE_LIMITED"],
  [400, RegistryResponseError, "REGISTRY_RESPONSE"],
  [500, RegistryResponseError, "REGISTRY_RESPONSE"],
];

for (const [status, type, code] of statuses) {
  Deno.test(`end-8 listTags: ${status} is ${type.name}`, async () => {
    const body = { errors: [{ code: "SOME_CODE", message: "some words", detail: "more" }] };
    const { fetch } = wire(() => Response.json(body, { status, headers: { "x-id": "7" } }));
    const client = new RegistryClientV2({ name: NAME, fetch, retry: { maxAttempts: 1 } });
    const error = await assertRejects(() => client.listTags(), HttpError);
    assertInstanceOf(error, type);
    assertInstanceOf(error, RegistryHttpError);
    assertInstanceOf(error, RegistryApiError);
    assertInstanceOf(error, Error);
    assertEquals(error.statusCode, status);
    assertEquals(error.code, code);
    assertEquals(error.name, type.name);
    assertEquals(error.resp.status, status);
    assertEquals(error.resp.headers.get("x-id"), "7");
    assertEquals(error.errors, body.errors);
    assertEquals(error.codes, ["SOME_CODE"]);
    assertEquals([error.method, error.url], ["GET", "http://localhost:5000/v2/app/tags/list"]);
    for (const word of [String(status), "SOME_CODE", "some words"]) {
      assertStringIncludes(error.message, word);
    }
  });
}

const classes: [name: keyof typeof davit, code: string][] = [
  ["BadDigestError", "BAD_DIGEST"],
  ["InvalidContentError", "INVALID_CONTENT"],
  ["InternalError", "INTERNAL"],
  ["ManifestVerificationError", "MANIFEST_VERIFICATION"],
  ["InvalidManifestError", "INVALID_MANIFEST"],
  ["DownloadError", "DOWNLOAD_FAILED"],
  ["UploadError", "UPLOAD_FAILED"],
  ["TooManyRedirectsError", "TOO_MANY_REDIRECTS"],
];

for (const [name, code] of classes) {
  Deno.test(`${name}: an ApiError that is no HttpError`, () => {
    const made: ApiError = name === "BadDigestError"
      ? new BadDigestError("m", { expected: "a", actual: "b" })
      : new (davit[name] as new (message: string) => ApiError)("m");
    assertInstanceOf(made, ApiError);
    assertEquals(made instanceof HttpError, false);
    assertEquals([made.name, made.code, made.message], [name, code, "m"]);
  });
}

const thrown: [type: ErrorClass, call: () => Promise<unknown>][] = [
  [BadDigestError, async () => {
    const { fetch } = wire(() => new Response("other"));
    const blob = await new RegistryClientV2({ name: NAME, fetch }).getBlob(UNKNOWN);
    await blob.bytes();
  }],
  [InvalidContentError, async () => {
    const { fetch } = wire(() => new Response("<html>"));
    await new RegistryClientV2({ name: NAME, fetch }).listTags();
  }],
  [InvalidManifestError, async () => {
    const { fetch } = wire(() => new Response("<html>"));
    await new RegistryClientV2({ name: NAME, fetch }).getManifest({ ref: "latest" });
  }],
  [ManifestVerificationError, async () => {
    const manifestData = utf8('{"schemaVersion":2,"manifests":[]}');
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    await pair().client.putManifest({ manifestData, ref: "latest", mediaType });
  }],
  [DownloadError, async () => {
    const { fetch } = wire(() => new Response("hel", { headers: { "content-length": "5" } }));
    const client = new RegistryClientV2({
      name: NAME,
      fetch,
      retry: { maxAttempts: 2, minDelay: 0 },
    });
    await (await client.getBlob(await sha256(utf8("hello")))).bytes();
  }],
  [UploadError, async () => {
    const { fetch } = wire(({ method }) => {
      if (method === "PUT") throw new TypeError("reset");
      return new Response("", {
        status: method === "POST" ? 202 : 404,
        headers: { location: "/u" },
      });
    });
    const client = new RegistryClientV2({ name: NAME, fetch, retry: { minDelay: 0 } });
    const stream = new Blob(["hello"]).stream();
    await client.blobUpload({ digest: await sha256(utf8("hello")), stream, contentLength: 5 });
  }],
  [TooManyRedirectsError, async () => {
    const { fetch } = wire(({ url }) => Response.redirect(url));
    await new RegistryClientV2({ name: NAME, fetch }).headBlob({ digest: UNKNOWN });
  }],
];

for (const [type, call] of thrown) {
  Deno.test(`${type.name}: is thrown`, async () => {
    const error = await assertRejects(call, ApiError);
    assertInstanceOf(error, type);
  });
}

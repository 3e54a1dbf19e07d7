/** The contract of docker_registry_client: what its entry points export. */
import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import * as root from "@davit/registry-client";
import * as common from "@davit/registry-client/common";
import * as dockerJsonClient from "@davit/registry-client/docker-json-client";
import * as errors from "@davit/registry-client/errors";
import * as clientV2 from "@davit/registry-client/registry-client-v2";
import * as types from "@davit/registry-client/types";
import type * as rootTypes from "@davit/registry-client";
import type * as commonTypes from "@davit/registry-client/common";
import type * as typeTypes from "@davit/registry-client/types";

const constants = {
  MEDIATYPE_MANIFEST_V2: "application/vnd.docker.distribution.manifest.v2+json",
  MEDIATYPE_MANIFEST_LIST_V2: "application/vnd.docker.distribution.manifest.list.v2+json",
  MEDIATYPE_OCI_MANIFEST_V1: "application/vnd.oci.image.manifest.v1+json",
  MEDIATYPE_OCI_MANIFEST_INDEX_V1: "application/vnd.oci.image.index.v1+json",
  DEFAULT_INDEX_NAME: "docker.io",
  DEFAULT_TAG: "latest",
};

const functions = [
  "digestFromManifestStr",
  "parseRepo",
  "parseIndex",
  "parseRepoAndRef",
  "parseRepoAndTag",
];

for (const [name, value] of Object.entries(constants)) {
  Deno.test(`".", "./common": ${name} is ${value}`, () => {
    assertEquals(root[name as keyof typeof constants], value);
    assertEquals(common[name as keyof typeof constants], value);
  });
}

for (const name of functions) {
  Deno.test(`".", "./common": ${name} is one function`, () => {
    const found = root[name as keyof typeof root];
    assertEquals(typeof found, "function");
    assertStrictEquals(common[name as keyof typeof common], found);
  });
}

const commonOnly: [keyof typeof common, unknown][] = [
  ["DEFAULT_INDEX_URL", "https://registry-1.docker.io"],
  ["DEFAULT_LOGIN_SERVERNAME", "https://index.docker.io/v1/"],
];

for (const [name, value] of commonOnly) {
  Deno.test(`"./common": ${name} is ${value}`, () => assertEquals(common[name], value));
}

Deno.test('"./common": DEFAULT_USERAGENT names the package and its version', () => {
  assertEquals(/^davit\/\d+\.\d+\.\d+$/.test(common.DEFAULT_USERAGENT), true);
});

Deno.test('"./common": splitIntoTwo, urlFromIndex, isLocalhost', () => {
  assertEquals(common.splitIntoTwo("a/b/c", "/"), ["a", "b/c"]);
  const hub = { name: "docker.io", official: true, scheme: "https" } as const;
  assertEquals(common.urlFromIndex(hub), "https://registry-1.docker.io");
  assertEquals(common.urlFromIndex(common.parseIndex("quay.io"), "http"), "http://quay.io");
  assertEquals(["localhost:5000", "quay.io"].map(common.isLocalhost), [true, false]);
});

Deno.test('"./registry-client-v2": the client is the root\'s', () => {
  assertStrictEquals(clientV2.RegistryClientV2, root.RegistryClientV2);
  assertStrictEquals(clientV2.digestFromManifestStr, root.digestFromManifestStr);
});

Deno.test('".": RegistryApiError and RegistryHttpError are ApiError and HttpError', () => {
  assertStrictEquals(root.RegistryApiError, root.ApiError);
  assertStrictEquals(root.RegistryHttpError, errors.HttpError);
  assertInstanceOf(root.HttpError.prototype, root.ApiError);
  const resp = new dockerJsonClient.DockerResponse("", { status: 404 });
  for (const type of [root.HttpError, root.RegistryHttpError, root.NotFoundError]) {
    const error = new type(resp, [], "Cannot do it");
    assertInstanceOf(error, root.HttpError);
    assertInstanceOf(error, root.RegistryHttpError);
  }
  assertEquals(new root.InternalError("m") instanceof root.RegistryHttpError, false);
  class OwnError extends root.RegistryHttpError {}
  assertInstanceOf(new OwnError(resp, [], "m"), OwnError);
  assertEquals(new root.NotFoundError(resp, [], "m") instanceof OwnError, false);
});

const errorNames = [
  ...["ApiError", "BadDigestError", "InvalidContentError", "InternalError"],
  ...["ManifestVerificationError", "InvalidManifestError", "DownloadError", "UploadError"],
  ...["TooManyRedirectsError", "UnauthorizedError", "ForbiddenError", "NotFoundError"],
];

for (const name of errorNames) {
  Deno.test(`"./errors": ${name} is the root's`, () => {
    const found = errors[name as keyof typeof errors];
    assertStrictEquals(found, root[name as keyof typeof root] as never);
  });
}

Deno.test('"./errors": getHttpError is the class for a status', () => {
  const { ForbiddenError, HttpError, NotFoundError, UnauthorizedError } = errors;
  const classes = [401, 403, 404, 500].map(errors.getHttpError);
  assertEquals(classes, [UnauthorizedError, ForbiddenError, NotFoundError, HttpError]);
});

Deno.test('"./types": the media types are there too', () => {
  assertStrictEquals(types.MEDIATYPE_MANIFEST_V2, root.MEDIATYPE_MANIFEST_V2);
  assertStrictEquals(types.MEDIATYPE_MANIFEST_LIST_V2, root.MEDIATYPE_MANIFEST_LIST_V2);
  assertStrictEquals(types.MEDIATYPE_OCI_MANIFEST_V1, root.MEDIATYPE_OCI_MANIFEST_V1);
  assertStrictEquals(types.MEDIATYPE_OCI_MANIFEST_INDEX_V1, root.MEDIATYPE_OCI_MANIFEST_INDEX_V1);
});

Deno.test('"./docker-json-client": DockerResponse extends Response', () => {
  assertInstanceOf(dockerJsonClient.DockerResponse.prototype, Response);
});

Deno.test("digestFromManifestStr: a promise of the digest of the text's bytes", async () => {
  const text = '{"schemaVersion":2,"note":"ü"}';
  const promise: Promise<string> = root.digestFromManifestStr(text);
  assertInstanceOf(promise, Promise);
  const hash = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)),
  );
  assertEquals(
    await promise,
    `sha256:${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`,
  );
});

/** Each type of the contract, by its name, at the root. */
export type AtTheRoot = [
  rootTypes.RegistryIndex,
  rootTypes.RegistryRepo,
  rootTypes.RegistryImage,
  rootTypes.TagList,
  rootTypes.Manifest,
  rootTypes.ManifestV2,
  rootTypes.ManifestV2Descriptor,
  rootTypes.ManifestV2List,
  rootTypes.ManifestOCI,
  rootTypes.ManifestOCIDescriptor,
  rootTypes.ManifestOCIIndex,
  rootTypes.RegistryClientOpts,
  rootTypes.AuthInfo,
  rootTypes.DockerResponse,
  rootTypes.RegistryError,
];

/** The same in `./types`. */
export type InTypes = [
  typeTypes.RegistryIndex,
  typeTypes.RegistryRepo,
  typeTypes.RegistryImage,
  typeTypes.TagList,
  typeTypes.Manifest,
  typeTypes.ManifestV2,
  typeTypes.ManifestV2Descriptor,
  typeTypes.ManifestV2List,
  typeTypes.ManifestOCI,
  typeTypes.ManifestOCIDescriptor,
  typeTypes.ManifestOCIIndex,
  typeTypes.RegistryClientOpts,
  typeTypes.AuthInfo,
  typeTypes.DockerResponse,
  typeTypes.RegistryError,
];

/** The bytes that a response answers. */
export type BytesOfTypes = typeTypes.ByteArray;

Deno.test("the types are the same at the root, in ./types and in ./common", () => {
  const same = <A, B>(_yes: [A] extends [B] ? [B] extends [A] ? true : never : never) => {};
  same<AtTheRoot, InTypes>(true);
  same<rootTypes.RegistryRepo, commonTypes.RegistryRepo>(true);
  same<
    rootTypes.Manifest,
    | rootTypes.ManifestV2
    | rootTypes.ManifestV2List
    | rootTypes.ManifestOCI
    | rootTypes.ManifestOCIIndex
  >(true);
});

/** `fetchOpts.proxy` and `noProxy`, over sockets. Alone, as the environment names a proxy. */
import { assertEquals, assertRejects } from "@std/assert";
import type { ApiError } from "@davit/registry-client";
import { createRegistry, serve } from "@davit/registry-client/server";
import { type FetchOptions, getImageDigest, OCIError } from "@davit/registry-client/sigstore-oci";

/** Nothing listens there. */
const DEAD = "http://127.0.0.1:1";

/** The code of the reason why the digest of an image could not be had. */
async function failure(imageName: string, fetchOpts: FetchOptions): Promise<string> {
  const error = await assertRejects(
    () => getImageDigest({ imageName, imageTag: "v1", fetchOpts }),
    OCIError,
  );
  return (error.cause as ApiError).code;
}

Deno.test("sigstore-oci: fetchOpts.proxy is gone through, but to the hosts in noProxy", async () => {
  const server = await serve(createRegistry());
  const imageName = `${new URL(server.url).host}/app`;
  try {
    assertEquals(await failure(imageName, { proxy: DEAD }), "PROXY_FAILED");
    assertEquals(await failure(imageName, { proxy: DEAD, noProxy: ["127.0.0.1"] }), "NOT_FOUND");
    assertEquals(await failure(imageName, { proxy: DEAD, noProxy: "a.test" }), "PROXY_FAILED");
  } finally {
    await server.close();
  }
});

Deno.test("sigstore-oci: fetchOpts.noProxy goes before the environment's proxy", async () => {
  const before = Deno.env.get("https_proxy");
  Deno.env.set("https_proxy", DEAD);
  try {
    const imageName = "registry.invalid/app";
    assertEquals(await failure(imageName, {}), "PROXY_FAILED");
    assertEquals(await failure(imageName, { noProxy: "registry.invalid" }), "NETWORK");
  } finally {
    if (before === undefined) Deno.env.delete("https_proxy");
    else Deno.env.set("https_proxy", before);
  }
});

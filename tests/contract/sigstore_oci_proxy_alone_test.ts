/** `fetchOpts.proxy` and `noProxy`, over sockets. Alone, as the environment names a proxy. */
import { assertEquals, assertRejects } from "@std/assert";
import type { ApiError } from "@davit/registry-client";
import { createRegistry, serve } from "@davit/registry-client/server";
import { type FetchOptions, getImageDigest, OCIError } from "@davit/registry-client/sigstore-oci";
import { serveProxy, type TestProxy } from "../hosts/servers.ts";

/** A proxy that lets nobody through. */
async function closedProxy(): Promise<TestProxy & { url: string }> {
  const proxy = await serveProxy({ authorization: "Basic bm9ib2R5" });
  return Object.assign(proxy, { url: `http://${proxy.host}` });
}

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
  const proxy = await closedProxy();
  const imageName = `${new URL(server.url).host}/app`;
  const { url } = proxy;
  try {
    assertEquals(await failure(imageName, { proxy: url }), "PROXY_FAILED");
    assertEquals(proxy.asked.length, 1);
    assertEquals(await failure(imageName, { proxy: url, noProxy: ["127.0.0.1"] }), "NOT_FOUND");
    assertEquals(proxy.asked.length, 1);
    assertEquals(await failure(imageName, { proxy: url, noProxy: "a.test" }), "PROXY_FAILED");
    assertEquals(proxy.asked.length, 2);
  } finally {
    await proxy.close();
    await server.close();
  }
});

Deno.test("sigstore-oci: fetchOpts.noProxy goes before the environment's proxy", async () => {
  const before = Deno.env.get("https_proxy");
  const proxy = await closedProxy();
  Deno.env.set("https_proxy", proxy.url);
  try {
    const imageName = "registry.invalid/app";
    assertEquals(await failure(imageName, {}), "PROXY_FAILED");
    assertEquals(await failure(imageName, { noProxy: "registry.invalid" }), "NETWORK");
  } finally {
    if (before === undefined) Deno.env.delete("https_proxy");
    else Deno.env.set("https_proxy", before);
    await proxy.close();
  }
});

import { type Descriptor, RegistryClientV2, RegistryStore } from "../mod.ts";
import { type Registry, serve } from "../server/mod.ts";
import { pushSample } from "./sample_test.ts";

/** Serves a registry with the sample in it on loopback. */
export async function withRegistry(
  registry: Registry,
  run: (host: string, index: Descriptor) => Promise<void>,
): Promise<void> {
  const server = await serve(registry);
  const host = new URL(server.url).host;
  try {
    const client = new RegistryClientV2({
      name: `${host}/app`,
      username: "me",
      password: "a 5ecret",
    });
    const index = await pushSample(new RegistryStore(client), "v1");
    await run(host, index);
  } finally {
    await server.close();
  }
}

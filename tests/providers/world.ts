/** A registry of one user's, and the services that give that user a password, as one `fetch`. */
import { assertEquals } from "@std/assert";
import { MEDIA_TYPES, type RegistryClientV2 } from "../../mod.ts";
import type { Registry } from "../../server/mod.ts";
import { createTestRegistry, type PresetName } from "../../testing/mod.ts";
import { assertBytes, randomBytes, text } from "../endpoints/samples.ts";

/** As the global one. */
export type Fetch = typeof globalThis.fetch;

/** Answers a request. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** A registry that lets one user in. */
export interface Lonely {
  /** Which registry it is like. */
  preset: PresetName;
  /** Whom it lets in. */
  user: string;
  /** That user's password. */
  password: string;
  /** What is asked for the password, by host, or by host and path. */
  services?: Record<string, Handler>;
}

/** All that a client meets. */
interface ProviderWorld {
  /** The registry. */
  registry: Registry;
  /** What the services were asked: method, host and path. */
  asked: string[];
  /** Reaches them all. */
  fetch: Fetch;
}

/** A registry that one user may use, and the services beside it. */
export function worldOf({ preset, user, password, services = {} }: Lonely): ProviderWorld {
  const users = { [user]: password };
  const auth = preset === "ecr" ? { basic: { users } } : { bearer: { users } };
  const registry = createTestRegistry({
    preset,
    auth,
    onError: (error) => {
      throw error;
    },
  });
  const asked: string[] = [];
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input, init);
    const { host, pathname } = new URL(request.url);
    const service = services[host] ?? services[host + pathname];
    if (service === undefined) return await registry.fetch(request);
    asked.push(`${request.method} ${host}${pathname}`);
    return await service(request);
  };
  return { registry, asked, fetch };
}

/** Pushes an image with one client, and pulls it with another. */
export async function pushAndPull(client: () => RegistryClientV2): Promise<void> {
  const body = randomBytes(1_000);
  const pushing = client();
  const config = await pushing.putBlob(text("{}"), { mediaType: MEDIA_TYPES.ociConfig });
  const layer = await pushing.putBlob(body, { mediaType: MEDIA_TYPES.ociLayer });
  const mediaType = MEDIA_TYPES.ociManifest;
  const image = { schemaVersion: 2 as const, mediaType, config, layers: [layer] };
  await pushing.putManifest({ manifestData: text(JSON.stringify(image)), ref: "v1" });
  const pulling = client();
  assertEquals((await pulling.getManifest({ ref: "v1" })).manifest, image);
  assertBytes(await (await pulling.getBlob(layer.digest)).bytes(), body);
}

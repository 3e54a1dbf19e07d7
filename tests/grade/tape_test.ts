/** Tapes of real registries: no secrets, and what was recorded replays. */
import { assert, assertEquals } from "@std/assert";
import { RegistryClientV2 } from "@davit/registry-client";
import { createTestRegistry, record } from "@davit/registry-client/testing";
import { requirePeers } from "../peers/locate.ts";
import { type RegistryAuth, type RegistryKind, startRegistry } from "../peers/registries.ts";
import { digestOf } from "./by_hand.ts";

const TEXT = "0123456789".repeat(1_000);

/** Pushes a blob in chunks and pulls it; what a report would show. */
async function use(
  name: string,
  credentials: { username: string; password: string },
  trustedRealms: Record<string, string>,
  fetch: typeof globalThis.fetch,
): Promise<void> {
  const scopes = ["pull", "push"];
  const client = new RegistryClientV2({ name, credentials, scopes, trustedRealms, fetch });
  const bytes = new TextEncoder().encode(TEXT);
  const { digest } = await client.putBlob(bytes, { chunkSize: 4_000 });
  assertEquals(digest, digestOf(TEXT));
  assertEquals(await (await client.getBlob(digest)).text(), TEXT);
}

for (
  const [kind, auth] of [
    ["distribution", "basic"],
    ["distribution", "bearer"],
    ["docker-registry", "bearer"],
    ["olareg", "basic"],
  ] as [RegistryKind, RegistryAuth][]
) {
  Deno.test({
    ...requirePeers(kind),
    name: `tape: of ${kind} with ${auth}: no secrets, and it replays`,
    fn: async () => {
      const registry = await startRegistry(kind, { auth });
      const client = Deno.createHttpClient({});
      const secrets = new Set<string>();
      try {
        const recording = record(async (input, init) => {
          const authorization = new Headers(init?.headers).get("authorization");
          if (authorization !== null) secrets.add(authorization.split(" ")[1]!);
          const response = await fetch(input, { ...init, client } as RequestInit);
          const location = response.headers.get("location") ?? "";
          const session = /\/uploads\/([^?]+)(?:\?_state=(.+))?/.exec(location);
          for (const secret of session?.slice(1) ?? []) if (secret) secrets.add(secret);
          return response;
        });
        const { credentials } = registry;
        const name = `${registry.origin}/tape/app`;
        const realms = registry.tokens
          ? { [registry.host]: new URL(registry.tokens.realm).origin }
          : {};
        await use(name, credentials!, realms, recording.fetch as typeof fetch);
        const file = JSON.stringify(await recording.tape());
        secrets.add(credentials!.password);
        assert(secrets.size >= 3, "an upload's session, a token or a password is missing");
        for (const secret of secrets) {
          const forms = [
            ...[secret, encodeURIComponent(secret), decodeURIComponent(secret)],
            new URLSearchParams({ secret }).toString().slice("secret=".length),
          ];
          for (const form of forms) {
            assertEquals(file.includes(form), false, form);
          }
        }
        const replayed = createTestRegistry({ tape: JSON.parse(file) });
        const anybody = { username: "x", password: "y" };
        await use(name, anybody, realms, replayed.fetch as typeof fetch);
      } finally {
        client.close();
        await registry.stop();
      }
    },
  });
}
